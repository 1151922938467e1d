#include "sidecar/install.h"
#include "lib/buf.h"
#include "lib/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads until the space is full or the file ends; -1 and errno. */
static ssize_t read_full(int fd, char *space, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, space + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static bool same_bytes(int a, int b)
{
	char left[4096], right[sizeof(left)];
	ssize_t n;

	do {
		n = read_full(a, left, sizeof(left));
		if (n < 0 || read_full(b, right, sizeof(right)) != n ||
			memcmp(left, right, (size_t)n) != 0)
			return false;
	} while (n);
	return true;
}

static bool same(int from, const char *to)
{
	int fd = open(to, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat s;
	bool is;

	if (fd < 0)
		return false;
	is = fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & 0777) == 0755 &&
	     same_bytes(from, fd);
	close(fd);
	return is;
}

static int copy_bytes(int from, int to)
{
	char space[4096];
	ssize_t n;

	if (lseek(from, 0, SEEK_SET) < 0)
		return errno;
	while ((n = read_full(from, space, sizeof(space))) > 0)
		if (write(to, space, (size_t)n) != n)
			return errno ? errno : ENOSPC;
	if (n < 0 || fchmod(to, 0755) < 0)
		return errno;
	return 0;
}

static int replace(int from, const char *to)
{
	char temp[PATH_SIZE];
	struct buf b;
	int fd, error;

	buf_init(&b, temp, sizeof(temp));
	buf_str(&b, to);
	buf_str(&b, ".new");
	if (b.full)
		return ENAMETOOLONG;
	if (unlink(temp) < 0 && errno != ENOENT)
		return errno;
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
	if (fd < 0)
		return errno;
	errno = 0;
	error = copy_bytes(from, fd);
	if (close(fd) < 0 && !error)
		error = errno;
	if (!error && rename(temp, to) < 0)
		error = errno;
	if (error)
		unlink(temp);
	return error;
}

int install_file(const char *from, const char *to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	if (!same(fd, to))
		error = replace(fd, to);
	close(fd);
	return error;
}
