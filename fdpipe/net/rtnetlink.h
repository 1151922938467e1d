/*
 * rtnetlink: the links of this network namespace. Messages say that something changed and which
 * links went; what there is comes from a full dump each time.
 */
#ifndef FDPIPE_RTNETLINK_H
#define FDPIPE_RTNETLINK_H

#include "net/link.h"

#include <stdbool.h>
#include <stdint.h>

enum link_event {
	LINK_REMOVED,
	LINK_MOVED,   /* to another namespace: not revoked */
	LINK_LEAVING, /* down or without a master: a removal may have begun */
};

struct link_events {
	struct {
		int32_t index;
		enum link_event how;
	} v[MAX_LINK_EVENTS];
	unsigned count;
	bool any;     /* there were messages: dump */
	bool overrun; /* messages were lost: any link may have gone and come back */
};

/* Which links are kept beside those on the PCI bus. */
typedef bool link_filter(const struct link *l);

/* A socket that is readable when a link changes; -1 and errno. */
int rtnetlink_subscribe(void);

/* Reads all pending messages and adds the links that went. False: the socket is broken. */
bool rtnetlink_read(int fd, struct link_events *events);

/* A socket for dumps; -1 and errno. */
int rtnetlink_open(void);

/* False and errno: the dump failed, and `links` has no meaning. */
bool rtnetlink_dump(int fd, struct links *links, link_filter *wanted);

#endif
