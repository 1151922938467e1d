#include "pipe/fifo.h"
#include "lib/buf.h"
#include "lib/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIFO_MODE 0644 /* the application may run as another user; nobody else writes */
#define OPEN_FLAGS (O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)

static const char *refuse(const struct stat *s)
{
	errno = 0;
	if (S_ISLNK(s->st_mode))
		return "is a symbolic link, not a named pipe";
	if (!S_ISFIFO(s->st_mode))
		return "exists and is not a named pipe";
	if (s->st_uid != geteuid())
		return "is a named pipe of another user";
	return NULL;
}

static const char *make(const char *path)
{
	struct stat s;

	if (mkfifo(path, FIFO_MODE) < 0 && errno != EEXIST)
		return "cannot be created";
	if (lstat(path, &s) < 0)
		return "cannot be inspected";
	return refuse(&s);
}

/* Checks the open file: the path may have been replaced since. */
static const char *check(int fd)
{
	const char *wrong;
	struct stat s;

	if (fstat(fd, &s) < 0)
		return "cannot be inspected";
	wrong = refuse(&s);
	if (wrong)
		return wrong;
	return fchmod(fd, FIFO_MODE) < 0 ? "cannot be given mode 0644" : NULL;
}

static int open_self(const struct fifo *f, int flags)
{
	char path[32] = "/proc/self/fd/";
	struct buf b;

	buf_init(&b, path, sizeof(path));
	buf_str(&b, "/proc/self/fd/");
	buf_num(&b, (uint64_t)f->fd);
	return open(path, flags | O_NONBLOCK | O_CLOEXEC);
}

static const char *open_writer(struct fifo *f, int reader)
{
	const struct fifo via = {.fd = reader};
	const char *wrong = check(reader);
	enum fifo_cancelled result;

	if (wrong)
		return wrong;
	f->fd = open_self(&via, O_WRONLY);
	if (f->fd < 0)
		return "cannot be opened for writing through /proc/self/fd";
	result = fifo_cancel(f);
	f->was_empty = result == CANCELLED_LATE;
	return result == CANCEL_FAILED ? "cannot be emptied" : NULL;
}

const char *fifo_open(struct fifo *f, const char *path)
{
	const char *wrong = make(path);
	int reader, error;

	f->fd = -1;
	if (wrong)
		return wrong;
	reader = open(path, O_RDONLY | OPEN_FLAGS);
	if (reader < 0)
		return "cannot be opened";
	wrong = open_writer(f, reader);
	error = errno;
	close(reader);
	errno = error;
	return wrong;
}

bool fifo_empty(const struct fifo *f)
{
	int bytes;

	return ioctl(f->fd, FIONREAD, &bytes) == 0 && bytes == 0;
}

bool fifo_has_reader(const struct fifo *f)
{
	struct pollfd p = {.fd = f->fd};

	return poll(&p, 1, 0) == 0;
}

static bool put(const struct fifo *f, const char *s, size_t n)
{
	ssize_t done;

	do {
		done = write(f->fd, s, n);
	} while (done < 0 && errno == EINTR);
	return done == (ssize_t)n;
}

bool fifo_offer(const struct fifo *f, const char *line, size_t length)
{
	return put(f, line, length);
}

bool fifo_token(const struct fifo *f)
{
	int reader;
	bool done;

	if (put(f, "\n", 1))
		return true;
	reader = open_self(f, O_RDONLY);
	done = reader >= 0 && put(f, "\n", 1);
	if (reader >= 0)
		close(reader);
	return done;
}

/* Reads all but the last byte. If the reader is faster, nothing is left to read. */
static enum fifo_cancelled read_away(const struct fifo *f, int reader)
{
	char space[LINE_SIZE];
	int left;

	if (ioctl(f->fd, FIONREAD, &left) < 0)
		return CANCEL_FAILED;
	if (left == 1)
		return CANCELLED_LATE;
	while (left > 1) {
		size_t want = (size_t)left - 1;
		ssize_t n = read(reader, space, want < sizeof(space) ? want : sizeof(space));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return CANCEL_FAILED;
		if (n <= 0)
			break;
		left -= (int)n;
	}
	return CANCELLED;
}

/*
 * The newline first: from then on no reader can take what is before it. It stays as the token, so a
 * reader that is reading now gets it in any case. A pipe too full for
 * one more byte (somebody else wrote) is emptied first.
 */
enum fifo_cancelled fifo_cancel(const struct fifo *f)
{
	bool appended = put(f, "\n", 1);
	int reader = open_self(f, O_RDONLY);
	enum fifo_cancelled result;

	if (reader < 0)
		return appended ? CANCELLED : CANCEL_FAILED;
	if (!appended) /* there was no reader before us */
		appended = put(f, "\n", 1);
	if (!appended) {
		read_away(f, reader);
		appended = put(f, "\n", 1);
	}
	result = appended ? read_away(f, reader) : CANCEL_FAILED;
	close(reader);
	return result;
}
