/* The status of the pairs: a line with a JSON object for each. */
#ifndef FDPIPE_STATUS_JSON_H
#define FDPIPE_STATUS_JSON_H

#include "lib/buf.h"
#include "sidecar/pair.h"

/* A buffer for all pairs, shared by all callers. */
char *status_json_buffer(void);

void status_json_pair(struct buf *b, const struct pair *p, int64_t now);
void status_json_all(struct buf *b, const struct pair *pairs, unsigned count, int64_t now);

/* Changes with the status, its ages and `asks` excepted. */
uint64_t status_json_digest(const struct pair *p, int64_t now);

/* When it changes without an event; 0: never. */
int64_t status_json_deadline(const struct pair *p, int64_t now);

#endif
