/* The command line of `announce`. */
#ifndef FDPIPE_ANNOUNCE_OPTIONS_H
#define FDPIPE_ANNOUNCE_OPTIONS_H

#include "sidecar/pair.h"

struct announce_options {
	struct settings settings;
	struct pair_config pairs[MAX_PAIRS];
	unsigned count;
};

/* 0, or an exit code, with the error printed. */
int announce_options(struct announce_options *o, char **argv);

#endif
