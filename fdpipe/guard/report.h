/* What the guard says: to people on stderr, to the sidecar of this network namespace by its socket.
 */
#ifndef GUARD_REPORT_H
#define GUARD_REPORT_H

#include "guard/lcores.h"

#include <stddef.h>

/*
 * One line in one write, so that it stays whole beside the application's own output. Not said where
 * stderr would have us wait, or has no reader any more: the signal would end the application.
 */
void report_to_stderr(syscall_fn *call, const char *what, const char *name, const char *then);

/*
 * `guard NN <state>` for the fail-safe port `name`, whose last two characters are the number of its
 * pair (docs/fdpipe.md, Socket). Nobody waits for an answer, and a sidecar that is not there is
 * none: it will believe what the launcher said.
 */
void report_to_sidecar(syscall_fn *call, const char *name, const char *state);

#endif
