/* Finds values in JSON text (RFC 8259) without copying or changing it. Bounded in depth. */
#ifndef FDPIPE_JSON_SCAN_H
#define FDPIPE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_DEPTH 64

struct span {
	const char *p;
	size_t n;
};

/* Is the whole text one object and nothing else? */
bool json_is_object(struct span text);

/* The value of a member of an object that json_is_object(); of a repeated one, the last.
 * Keys are compared as they are written: one spelled with escapes is not found. */
bool json_member(struct span object, const char *key, struct span *value);

/* What stands between the quotes; false if it is not a string, or has escapes in it. */
bool json_plain(struct span value, struct span *text);

bool span_is(struct span s, const char *text);

#endif
