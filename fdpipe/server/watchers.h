/*
 * Those who watch: at once a line for each pair, then a new one whenever what it says has changed.
 * A burst is one line, the last word always comes, and who does not read is hung up on.
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
	int64_t quiet_until;      /* what changes before is told then */
	uint64_t sent[MAX_PAIRS]; /* digest of what was told last */
	struct watcher v[MAX_WATCHERS];
};

void watchers_init(struct watchers *w, const struct pair *pairs, unsigned count);

/* Serves one more, under a descriptor of its own; the longest served makes room. */
void watchers_add(struct watchers *w, int fd, int64_t now);

/* Fills in what to poll, returns how many. */
unsigned watchers_poll(const struct watchers *w, struct pollfd *fds);

/* Tells what has changed. Returns when to come again though nothing happens; 0: never. */
int64_t watchers_step(struct watchers *w, int64_t now);

#endif
