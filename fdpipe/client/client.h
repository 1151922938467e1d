/* A client of the sidecar of this network namespace. */
#ifndef FDPIPE_CLIENT_H
#define FDPIPE_CLIENT_H

#include <stddef.h>

#define CLIENT_WAIT_MS 1000 /* of each send and receive */

/* Sends one request line (newline included) and reads the answer to its end. Its length; -1 and
   errno. patience_ms: how long to try again while nobody listens. */
long client_ask(const char *request, char *answer, size_t size, int patience_ms);

/* The same for a command: prints the answer. Returns the exit code. */
int client_print(const char *request);

#endif
