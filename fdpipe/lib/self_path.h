/* Where the guard is looked for. */
#ifndef FDPIPE_SELF_PATH_H
#define FDPIPE_SELF_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* `name` in the folder of the running program. */
bool self_path(char *path, size_t size, const char *name);

#endif
