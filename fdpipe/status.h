/* The sidecar's answer to `status`: one JSON object per pair and line. */
#ifndef FDPIPE_STATUS_H
#define FDPIPE_STATUS_H

#include "buf.h"
#include "pair.h"

void status_write(struct buf *b, const struct pair *p, int64_t now);

#endif
