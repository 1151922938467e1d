/*
 * One named pipe, its writer's end.
 *
 * At rest we hold it open for writing only. So the kernel says whether there is a reader
 * (POLLERR: none; a reading end of our own would hide that), and refuses a line that nobody could
 * read (EPIPE). What is in the pipe stays while we hold it. A reading end is opened, through
 * /proc, only to put the token into a pipe without a reader and to take a line back.
 */
#ifndef FDPIPE_FIFO_H
#define FDPIPE_FIFO_H

#include <stdbool.h>
#include <stddef.h>

struct fifo {
	int fd;
	bool was_empty; /* at the open: what the previous writer wrote had been read */
};

/* Creates it if necessary and empties it down to the token. NULL, or what is wrong (and errno, or
 * 0). */
const char *fifo_open(struct fifo *f, const char *path);

bool fifo_empty(const struct fifo *f);
bool fifo_has_reader(const struct fifo *f);

/* One write(); false: no reader, or no room. */
bool fifo_offer(const struct fifo *f, const char *line, size_t length);
bool fifo_token(const struct fifo *f);

enum fifo_cancelled { CANCELLED, CANCELLED_LATE, CANCEL_FAILED };

/* Appends a newline and reads away what is before it. LATE: the line had been read already. */
enum fifo_cancelled fifo_cancel(const struct fifo *f);

#endif
