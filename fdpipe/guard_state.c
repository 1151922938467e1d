#include "guard_state.h"
#include "buf.h"
#include "limits.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const names[GUARD_STATES] = {
	"unknown",
	"active",
	"unproven",
	"static",
	"secure",
	"absent",
	"off",
};

const char *guard_name(enum guard_state state)
{
	return names[state];
}

enum guard_state guard_by_name(const char *name)
{
	unsigned i = 0;

	while (i < GUARD_STATES && strcmp(names[i], name) != 0)
		i++;
	return (enum guard_state)i;
}

static bool path_of(char *path, const char *dir, const char *pair)
{
	struct buf b;

	buf_init(&b, path, PATH_SIZE);
	buf_str(&b, dir);
	buf_str(&b, "/");
	buf_str(&b, pair);
	buf_str(&b, ".guard");
	return !b.full;
}

void guard_save(const char *dir, const char *pair, enum guard_state state)
{
	char path[PATH_SIZE];
	int fd;

	if (!path_of(path, dir, pair))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
	if (fd < 0 || write(fd, names[state], strlen(names[state])) < 0)
		log_errno(pair, "unsaved", path, errno);
	if (fd >= 0)
		close(fd);
}

enum guard_state guard_load(const char *dir, const char *pair)
{
	char path[PATH_SIZE], word[16] = "";
	enum guard_state state;
	int fd;

	if (!path_of(path, dir, pair))
		return GUARD_UNKNOWN;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return GUARD_UNKNOWN;
	if (read(fd, word, sizeof(word) - 1) <= 0)
		word[0] = '\0';
	close(fd);
	state = guard_by_name(word);
	return state == GUARD_STATES ? GUARD_UNKNOWN : state;
}
