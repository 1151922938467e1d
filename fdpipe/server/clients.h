/*
 * The sidecar's socket, abstract, one request line in, an answer out, closed. Whoever is slow, mute
 * or talks too much is cut off; nobody can make us wait.
 */
#ifndef FDPIPE_CLIENTS_H
#define FDPIPE_CLIENTS_H

#include "lib/limits.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client {
	int fd; /* -1: free */
	int64_t deadline;
	uint32_t length;
	char request[REQUEST_SIZE];
};

struct clients {
	int fd;
	int64_t accept_paused_until; /* accept() failed for want of something: do not spin on it */
	struct client v[MAX_CLIENTS];
};

/* A whole request: answer it into the client's socket by clients_answer(). */
typedef void clients_handler(int fd, char *request);

int clients_open(struct clients *c); /* 0, or errno */

/* Fills in what to poll, returns how many; *deadline becomes the earliest time-out if earlier. */
unsigned clients_poll(const struct clients *c, struct pollfd *fds, int64_t *deadline);

/* Carries on with whoever can; never blocks. */
void clients_step(struct clients *c, int64_t now, clients_handler *handle);

void clients_answer(int fd, const char *text, size_t length);

/* Is the peer root outside our pid namespace, i.e. the node's agent? */
bool clients_is_agent(int fd);

#endif
