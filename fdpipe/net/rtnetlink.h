/*
 * The links of this network namespace. Events say when to look and which links went; what there is
 * comes from a full dump each time.
 */
#ifndef FDPIPE_RTNETLINK_H
#define FDPIPE_RTNETLINK_H

#include "net/link.h"

#include <stdbool.h>
#include <stdint.h>

enum link_event {
	LINK_REMOVED, /* removed */
	LINK_MOVED,   /* to another namespace: it left us, but it was not revoked */
	LINK_LEAVING, /* it is down or without a master, as a removal begins */
};

struct link_events {
	struct {
		int32_t index;
		enum link_event how;
	} v[MAX_LINK_EVENTS];
	unsigned count;
	bool any;     /* something was told: dump */
	bool overrun; /* messages were lost: anything may have gone and come back */
};

/* Which links concern us beside those on the pci bus. */
typedef bool link_filter(const struct link *l);

/* A socket that is readable when a link changes; -1 and errno. */
int rtnetlink_subscribe(void);

/* Reads all messages there are and notes in `gone` which links went. False: the socket is broken.
 */
bool rtnetlink_read(int fd, struct link_events *events);

/* A socket for dumps; -1 and errno. */
int rtnetlink_open(void);

/* False and errno: nothing is known of the links now. */
bool rtnetlink_dump(int fd, struct links *links, link_filter *wanted);

#endif
