/* What wakes the sidecar: links, pipes, devices, signals. */
#ifndef FDPIPE_WAKEUPS_H
#define FDPIPE_WAKEUPS_H

#include "net/rtnetlink.h"
#include "pipe/fifo.h"

#include <poll.h>

#define WAKEUPS_MAX 4

struct wakeups {
	int events, dump; /* rtnetlink sockets: for changes; for dumps */
	int devices;      /* uevents, only while a VF is incomplete; else -1 */
	int pipes;        /* inotify: a pipe was opened or read */
	int signals;
	bool stop;
	const char *failed; /* what wakeups_open() could not open */
};

/* Blocks SIGTERM and SIGINT for the signalfd, and ignores SIGPIPE. */
int wakeups_block_signals(void);

int wakeups_open(struct wakeups *w);                        /* 0, or errno */
int wakeups_watch(struct wakeups *w, const struct fifo *f); /* 0, or errno */
void wakeups_reopen_dump(struct wakeups *w);

/* True: it has just begun to listen, and may have missed events. */
bool wakeups_listen_devices(struct wakeups *w, bool listen);

unsigned wakeups_poll(const struct wakeups *w, struct pollfd *fds);
int wakeups_wait(struct pollfd *fds, unsigned n, int64_t deadline);

/* Reads all pending events; removals of links are added to `events`. */
void wakeups_drain(struct wakeups *w, struct link_events *events);
bool wakeups_stopped(struct wakeups *w);

#endif
