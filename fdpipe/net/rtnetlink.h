/*
 * The links of this network namespace. Events say when to look and which links went; what there is
 * comes from a full dump each time.
 */
#ifndef FDPIPE_RTNETLINK_H
#define FDPIPE_RTNETLINK_H

#include "net/link.h"

#include <stdbool.h>
#include <stdint.h>

enum gone_how {
	GONE,       /* removed */
	GONE_MOVED, /* to another namespace: it left us, but it was not revoked */
	GONE_SHAKY, /* it is down or without a master, as a removal begins */
};

struct gone {
	struct {
		int32_t index;
		enum gone_how how;
	} v[MAX_GONE];
	unsigned count;
	bool any;     /* something was told: dump */
	bool overrun; /* messages were lost: anything may have gone and come back */
};

/* Which links concern us beside those on the pci bus. */
typedef bool links_wanted(const struct link *l);

/* A socket that is readable when a link changes; -1 and errno. */
int links_subscribe(void);

/* Reads all messages there are and notes in `gone` which links went. False: the socket is broken.
 */
bool links_events(int fd, struct gone *gone);

/* A socket for dumps; -1 and errno. */
int links_open(void);

/* False and errno: nothing is known of the links now. */
bool links_dump(int fd, struct links *links, links_wanted *wanted);

#endif
