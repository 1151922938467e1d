/* Short texts kept beside a pair's pipe (`<dir>/NN<kind>`), for the next sidecar to read. */
#ifndef FDPIPE_STATE_FILE_H
#define FDPIPE_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* A failure is logged and otherwise harmless: the next sidecar knows less. */
void state_file_save(
	const char *dir, const char *pair, const char *kind, const char *text, size_t length);

/* False: there is none, or it is empty. Text that does not fit is cut off; it ends with NUL. */
bool state_file_load(const char *dir, const char *pair, const char *kind, char *text, size_t size);

#endif
