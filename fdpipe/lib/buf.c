#include "lib/buf.h"

#include <string.h>

void buf_init(struct buf *b, char *space, size_t size)
{
	b->p = space;
	b->size = size;
	b->len = 0;
	b->full = false;
	b->p[0] = '\0';
}

void buf_bytes(struct buf *b, const char *s, size_t n)
{
	if (n > b->size - 1 - b->len) {
		n = b->size - 1 - b->len;
		b->full = true;
	}
	memcpy(b->p + b->len, s, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_bytes(b, s, strlen(s));
}

void buf_padded(struct buf *b, uint64_t n, unsigned digits)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (at && (n || sizeof(text) - at < digits));
	buf_bytes(b, text + at, sizeof(text) - at);
}

void buf_num(struct buf *b, uint64_t n)
{
	buf_padded(b, n, 1);
}

void buf_mac(struct buf *b, const uint8_t mac[6])
{
	static const char digit[] = "0123456789abcdef";

	for (int i = 0; i < 6; i++) {
		char two[3] = {':', digit[mac[i] >> 4], digit[mac[i] & 15]};

		buf_bytes(b, two + !i, 3 - (size_t)!i);
	}
}

bool copy_str(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n >= size)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

bool path_join(char *to, size_t size, const char *dir, const char *name)
{
	struct buf b;

	buf_init(&b, to, size);
	buf_str(&b, dir);
	buf_str(&b, "/");
	buf_str(&b, name);
	return !b.full;
}

bool parse_num(const char *s, uint64_t min, uint64_t max, uint64_t *n)
{
	uint64_t v = 0;

	if (!*s || strlen(s) > 18)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (v < min || v > max)
		return false;
	*n = v;
	return true;
}
