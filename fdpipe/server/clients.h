/*
 * The sidecar's socket, abstract: one request line in, an answer out, closed. A client that is
 * slow, silent or sends too much is closed; none can block the sidecar.
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
	int64_t accept_paused_until; /* after accept() failed for lack of resources: do not spin */
	struct client v[MAX_CLIENTS];
};

/* Called with a whole request; answers with clients_answer(). */
typedef void clients_handler(int fd, char *request);

int clients_open(struct clients *c); /* 0, or errno */

/* Fills in what to poll, returns how many; lowers *deadline to the earliest timeout. */
unsigned clients_poll(const struct clients *c, struct pollfd *fds, int64_t *deadline);

/* Serves the clients that are ready; never blocks. */
void clients_step(struct clients *c, int64_t now, clients_handler *handle);

void clients_answer(int fd, const char *text, size_t length);

/* Is the peer the node's agent: root, outside our PID namespace? */
bool clients_is_agent(int fd);

#endif
