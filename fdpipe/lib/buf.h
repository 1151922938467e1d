/* Text of bounded length. What does not fit is cut off, and `full` says so. */
#ifndef FDPIPE_BUF_H
#define FDPIPE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *p; /* always ends with a NUL */
	size_t size, len;
	bool full;
};

void buf_init(struct buf *b, char *space, size_t size);
void buf_bytes(struct buf *b, const char *s, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_num(struct buf *b, uint64_t n);
void buf_padded(struct buf *b, uint64_t n, unsigned digits);
void buf_mac(struct buf *b, const uint8_t mac[6]);

/* Copies a whole string, or says that it does not fit. */
bool copy_str(char *to, size_t size, const char *from);
bool path_join(char *to, size_t size, const char *dir, const char *name);

/* A whole number within bounds and nothing else. */
bool parse_num(const char *s, uint64_t min, uint64_t max, uint64_t *n);

#endif
