/* What the guard reports: on stderr, and to the sidecar of this network namespace. */
#ifndef GUARD_REPORT_H
#define GUARD_REPORT_H

#include "guard/lcores.h"

#include <stddef.h>

/*
 * One line in one write, so that it stays whole beside the application's own output. Dropped where
 * stderr would block, or has no reader any more: SIGPIPE would end the application.
 */
void report_to_stderr(syscall_fn *call, const char *what, const char *name, const char *then);

/*
 * `guard NN <state>` for the fail-safe port `name`, whose last two characters are the number of its
 * pair (docs/fdpipe.md, Socket). Does not wait for an answer. Without this a sidecar goes by
 * what the launcher said.
 */
void report_to_sidecar(syscall_fn *call, const char *name, const char *state);

#endif
