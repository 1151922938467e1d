#include "client/caller.h"
#include "lib/buf.h"
#include "lib/limits.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_GENERATIONS 3 /* us, popen()'s shell, the application */

static int open_of(uint64_t pid, const char *name)
{
	char path[48];
	struct buf b;

	buf_init(&b, path, sizeof(path));
	buf_str(&b, "/proc/");
	buf_num(&b, pid);
	buf_str(&b, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The fourth field of /proc/PID/stat, after the name in parentheses, which may contain anything. */
static uint64_t parent_of(uint64_t pid)
{
	char text[512], *at;
	int fd = open_of(pid, "/stat");
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	uint64_t parent = 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	if (!at || strlen(at) < 5)
		return 0;
	at += 4;
	at[strcspn(at, " ")] = '\0';
	return parse_num(at, 1, INT32_MAX, &parent) ? parent : 0;
}

struct loaded {
	bool guard, dpdk;
};

static void see_line(struct loaded *l, const char *line)
{
	const char *file = strrchr(line, '/');

	if (!file)
		return;
	/* a file replaced by rename since then is still mapped */
	l->guard |= !strcmp(file, "/guard.so") || !strcmp(file, "/guard.so (deleted)");
	l->dpdk |= !strncmp(file, "/librte_", 8);
}

/* Each line ends with a path. A line longer than the buffer is cut off; ours are shorter. */
static bool see_maps(struct loaded *l, int fd)
{
	char space[1024], line[PATH_SIZE];
	struct buf b;
	ssize_t n;
	bool any = false;

	buf_init(&b, line, sizeof(line));
	while ((n = read(fd, space, sizeof(space))) > 0) {
		any = true;
		for (ssize_t i = 0; i < n; i++) {
			if (space[i] != '\n') {
				buf_bytes(&b, &space[i], 1);
				continue;
			}
			see_line(l, line);
			buf_init(&b, line, sizeof(line));
		}
	}
	return any;
}

enum guard_state caller_guard(void)
{
	uint64_t pid = (uint64_t)getppid();
	struct loaded l = {.guard = false};
	bool seen = false, hidden = false;

	for (int i = 0; i < MAX_GENERATIONS && pid > 0 && !(l.guard && l.dpdk); i++) {
		int fd = open_of(pid, "/maps");

		l = (struct loaded){.guard = false};
		hidden |= fd < 0; /* an application that changed its uid, perhaps */
		if (fd >= 0) {
			seen |= see_maps(&l, fd);
			close(fd);
		}
		if (l.dpdk)
			break; /* this is the application, guarded or not */
		pid = parent_of(pid);
	}
	if (l.dpdk)
		return l.guard ? GUARD_LOADED : GUARD_OFF;
	return seen && !hidden ? GUARD_UNPROVEN : GUARD_UNKNOWN;
}
