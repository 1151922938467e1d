/* The log, one line per event on stderr: `<monotonic seconds> <pair> <event> <detail>`. */
#ifndef FDPIPE_LOG_H
#define FDPIPE_LOG_H

#include <stdint.h>

int64_t now_ns(void);

/* The earlier of two times where 0 means never. */
int64_t sooner(int64_t a, int64_t b);

/* Never blocks: while stderr is full, lines are dropped and counted. */
void log_event(const char *pair, const char *event, const char *detail);
void log_number(const char *pair, const char *event, const char *key, uint64_t number);
void log_errno(const char *pair, const char *event, const char *thing, int error);

/* Prints "fdpipe: <thing>: <what is wrong>; <remedy>" on stderr. Returns code. */
int complain(int code, const char *thing, const char *wrong, const char *remedy);
int complain_value(int code, const char *thing, const char *value, const char *remedy);
int complain_errno(int code, const char *thing, int error, const char *remedy);

#endif
