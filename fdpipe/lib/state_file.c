#include "lib/state_file.h"
#include "lib/buf.h"
#include "lib/limits.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FLAGS (O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

static bool path_of(char *path, const char *dir, const char *pair, const char *kind)
{
	struct buf b;

	buf_init(&b, path, PATH_SIZE);
	buf_str(&b, dir);
	buf_str(&b, "/");
	buf_str(&b, pair);
	buf_str(&b, kind);
	return !b.full;
}

void state_file_save(
	const char *dir, const char *pair, const char *kind, const char *text, size_t length)
{
	char path[PATH_SIZE];
	int fd;

	if (!path_of(path, dir, pair, kind))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | FLAGS, 0644);
	if (fd < 0 || write(fd, text, length) < 0)
		log_errno(pair, "unsaved", path, errno);
	if (fd >= 0)
		close(fd);
}

bool state_file_load(const char *dir, const char *pair, const char *kind, char *text, size_t size)
{
	char path[PATH_SIZE];
	ssize_t n;
	int fd;

	fd = path_of(path, dir, pair, kind) ? open(path, O_RDONLY | FLAGS) : -1;
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}
