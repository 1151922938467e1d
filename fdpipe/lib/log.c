#include "lib/log.h"
#include "lib/buf.h"
#include "lib/limits.h"

#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t dropped;

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail: the clock exists, the pointer is good */
	return t.tv_sec * SECOND + t.tv_nsec;
}

int64_t sooner(int64_t a, int64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

static void put(const char *s, size_t n)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT) || write(STDERR_FILENO, s, n) < 0)
		dropped++;
}

static void start(struct buf *b, const char *pair, const char *event)
{
	int64_t now = now_ns();

	buf_num(b, (uint64_t)(now / SECOND));
	buf_str(b, ".");
	buf_padded(b, (uint64_t)(now % SECOND), 9);
	buf_str(b, " ");
	buf_str(b, pair);
	buf_str(b, " ");
	buf_str(b, event);
}

static void finish(struct buf *b)
{
	if (dropped) {
		buf_str(b, " (lines dropped before: ");
		buf_num(b, dropped);
		buf_str(b, ")");
		dropped = 0;
	}
	buf_str(b, "\n");
	put(b->p, b->len);
}

void log_event(const char *pair, const char *event, const char *detail)
{
	char text[640];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	start(&b, pair, event);
	if (detail) {
		buf_str(&b, " ");
		buf_str(&b, detail);
	}
	finish(&b);
}

void log_number(const char *pair, const char *event, const char *key, uint64_t number)
{
	char text[96];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_str(&b, key);
	buf_str(&b, "=");
	buf_num(&b, number);
	log_event(pair, event, text);
}

void log_errno(const char *pair, const char *event, const char *thing, int error)
{
	char text[600];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_str(&b, thing);
	buf_str(&b, ": ");
	buf_str(&b, strerror(error));
	log_event(pair, event, text);
}

int complain(int code, const char *thing, const char *wrong, const char *remedy)
{
	char text[1024];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_str(&b, "fdpipe: ");
	buf_str(&b, thing);
	buf_str(&b, ": ");
	buf_str(&b, wrong);
	if (remedy) {
		buf_str(&b, "; ");
		buf_str(&b, remedy);
	}
	buf_str(&b, "\n");
	put(b.p, b.len);
	return code;
}

int complain_value(int code, const char *thing, const char *value, const char *remedy)
{
	char text[512];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_str(&b, "\"");
	buf_str(&b, value);
	buf_str(&b, "\" is not valid");
	return complain(code, thing, text, remedy);
}

int complain_errno(int code, const char *thing, int error, const char *remedy)
{
	return complain(code, thing, strerror(error), remedy);
}
