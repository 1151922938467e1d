/* The options of `announce` and `exec`. */
#ifndef FDPIPE_OPTION_VALUE_H
#define FDPIPE_OPTION_VALUE_H

/* The value of `--name=value` or `--name value` at argv[*at], which is stepped over; a missing one
 * is empty. NULL: argv[*at] is another option. */
const char *option_value(char **argv, int *at, const char *name);

#endif
