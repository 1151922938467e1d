/* Every size in the program, bounded at compile time. */
#ifndef FDPIPE_LIMITS_H
#define FDPIPE_LIMITS_H

#define MAX_PAIRS 8        /* an Azure VM has 8 NICs, one of them the node's own */
#define MAX_LINKS 64       /* relevant links of one netns; others are not kept */
#define MAX_LINK_EVENTS 64 /* removals read in one turn; more count as an overrun */
#define MAX_CLIENTS 8      /* of the socket; the oldest is dropped for a new one */
#define MAX_WATCHERS 2     /* the agent, and its successor during an upgrade */
#define REQUEST_SIZE 256   /* one request line */
#define NAME_SIZE 16       /* IFNAMSIZ */
#define PCI_SIZE 24        /* dddddddd:bb:dd.f */
#define ALIAS_SIZE 256     /* IFALIASZ */
#define DRIVER_SIZE 32     /* a PCI driver's name */
#define TEMPLATE_SIZE 192  /* a devargs template as given */
#define LINE_SIZE 256      /* a rendered line with its newline; far below PIPE_BUF */
#define PATH_SIZE 512      /* any path that is built */
#define MAX_VERBS 64       /* uverbs0 … uverbs63 */
#define STATUS_SIZE 16384  /* all pairs as JSON */
#define MAX_FDS 16         /* --fd options of one exec */

#define MS 1000000LL /* times are int64_t nanoseconds of CLOCK_MONOTONIC */
#define SECOND 1000000000LL

#endif
