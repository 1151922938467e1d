/* What the guard says: to people on stderr, to the sidecar of this network namespace by its socket.
 */
#ifndef GUARD_TELL_H
#define GUARD_TELL_H

#include "lcores.h"

#include <stddef.h>

typedef long write_fn(int fd, const void *bytes, size_t size);

/* One line in one write, so that it stays whole beside the application's own output. */
void tell_person(write_fn *write, const char *what, const char *name, const char *then);

/*
 * `guard NN <state>` for the fail-safe port `name`, whose last two characters are the number of its
 * pair (docs/fdpipe.md, Socket). Nobody waits for an answer, and a sidecar that is not there is
 * none: it will believe what the launcher said.
 */
void tell_sidecar(syscall_fn *call, const char *name, const char *state);

#endif
