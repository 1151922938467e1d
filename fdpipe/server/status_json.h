/* What the sidecar tells of its pairs: one JSON object per pair and line. */
#ifndef FDPIPE_STATUS_JSON_H
#define FDPIPE_STATUS_JSON_H

#include "lib/buf.h"
#include "sidecar/pair.h"

/* Room for all pairs; the next who asks for it gets the same. */
char *status_json_buffer(void);

void status_json_pair(struct buf *b, const struct pair *p, int64_t now);
void status_json_all(struct buf *b, const struct pair *pairs, unsigned count, int64_t now);

/* Changes when the status does, but for its ages and the count of questions. */
uint64_t status_json_digest(const struct pair *p, int64_t now);

/* When it changes though nothing happens; 0: never. */
int64_t status_json_deadline(const struct pair *p, int64_t now);

#endif
