/* Options as both commands that have any write them. */
#ifndef FDPIPE_OPTION_VALUE_H
#define FDPIPE_OPTION_VALUE_H

/* Splits `--name=value` or `--name value` at argv[*at] and steps over it; NULL: it is not `name`.
   A value that is not there is an empty one. */
const char *option_value(char **argv, int *at, const char *name);

#endif
