/* Files beside the running program, such as guard.so. */
#ifndef FDPIPE_SELF_PATH_H
#define FDPIPE_SELF_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* The path of `name` in the directory of the running program. False: it does not fit. */
bool self_path(char *path, size_t size, const char *name);

#endif
