/* What wakes the sidecar: links, pipes, devices, signals. */
#ifndef FDPIPE_WAKEUPS_H
#define FDPIPE_WAKEUPS_H

#include "net/rtnetlink.h"
#include "pipe/fifo.h"

#include <poll.h>

#define WAKES_MAX 4

struct wakes {
	int events, dump; /* rtnetlink: what changes; for asking what there is */
	int devices;      /* uevents, listened to only while a VF is half there; else -1 */
	int pipes;        /* inotify: a pipe was opened or read */
	int signals;
	bool stop;
	const char *failed; /* what wakes_open() could not open */
};

/* From then on SIGTERM and SIGINT wait for us, and a pipe without a reader is an error code. */
int wakes_block_signals(void);

int wakes_open(struct wakes *w);                        /* 0, or errno */
int wakes_watch(struct wakes *w, const struct fifo *f); /* 0, or errno */
void wakes_reopen_dump(struct wakes *w);

/* True: it has just begun to listen. */
bool wakes_listen_devices(struct wakes *w, bool listen);

unsigned wakes_poll(const struct wakes *w, struct pollfd *fds);
int wakes_wait(struct pollfd *fds, unsigned n, int64_t deadline);

/* Reads away all that woke us; removals of links are added to `gone`. */
void wakes_drain(struct wakes *w, struct gone *gone);
bool wakes_stopped(struct wakes *w);

#endif
