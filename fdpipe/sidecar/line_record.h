/*
 * What became of the last line, kept beside the pipe: a new sidecar of a running application cannot
 * see in the pipe whether that application has its VF or does not ask for one.
 */
#ifndef FDPIPE_LINE_RECORD_H
#define FDPIPE_LINE_RECORD_H

#include "lib/limits.h"

#include <stdint.h>

enum line_state {
	LINE_NONE,    /* nothing was offered, or it was taken back */
	LINE_OFFERED, /* written into the pipe */
	LINE_TAKEN,   /* it was read */
};

/* The VF is identified by its ifindex, which is not reused, and by its line. */
struct line_record {
	enum line_state state;
	int32_t vf;
	char line[LINE_SIZE]; /* newline included */
};

void line_record_save(const struct line_record *r, const char *dir, const char *pair);
void line_record_load(struct line_record *r, const char *dir, const char *pair);

#endif
