/* The command line of `announce`. */
#ifndef FDPIPE_OPTIONS_H
#define FDPIPE_OPTIONS_H

#include "sidecar/pair.h"

struct announce_options {
	struct settings settings;
	struct pair_config pairs[MAX_PAIRS];
	unsigned count;
};

/* Splits `--name=value` or `--name value` at argv[*at] and steps over it; NULL: it is not `name`.
   A value that is not there is an empty one. */
const char *option_value(char **argv, int *at, const char *name);

/* 0, or the exit code after it said what is wrong. */
int announce_options(struct announce_options *o, char **argv);

#endif
