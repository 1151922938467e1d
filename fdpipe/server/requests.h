/* The requests of the sidecar's socket, and their answers. */
#ifndef FDPIPE_REQUESTS_H
#define FDPIPE_REQUESTS_H

#include "server/watchers.h"
#include "sidecar/pair.h"

void requests_init(struct pair *pairs, unsigned count, struct watchers *watchers);

/* Answers one request line. */
void requests_handle(int fd, char *request);

#endif
