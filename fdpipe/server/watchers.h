/*
 * Watchers of the status: at once a line for each pair, then a new one whenever a pair's has
 * changed. Changes in a burst are merged, the last state always comes, and a watcher that does not
 * read is closed.
 */
#ifndef FDPIPE_WATCHERS_H
#define FDPIPE_WATCHERS_H

#include "sidecar/pair.h"

#include <poll.h>

struct watcher {
	int fd; /* -1: free */
	int64_t since;
};

struct watchers {
	const struct pair *pairs;
	unsigned count;
	int64_t quiet_until;      /* changes before are sent then */
	uint64_t sent[MAX_PAIRS]; /* digest of what was sent last */
	struct watcher v[MAX_WATCHERS];
};

void watchers_init(struct watchers *w, const struct pair *pairs, unsigned count);

/* Adds one, with a duplicate of fd; if there is no room, the oldest is closed. */
void watchers_add(struct watchers *w, int fd, int64_t now);

/* Fills in what to poll, returns how many. */
unsigned watchers_poll(const struct watchers *w, struct pollfd *fds);

/* Sends what has changed. Returns when to call again without an event; 0: never. */
int64_t watchers_step(struct watchers *w, int64_t now);

#endif
