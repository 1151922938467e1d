/* Where the guard is looked for. */
#ifndef FDPIPE_PLACE_H
#define FDPIPE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/* `name` in the folder of the running program. */
bool beside_self(char *path, size_t size, const char *name);

#endif
