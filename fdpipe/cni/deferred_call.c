#include "cni/deferred_call.h"
#include "lib/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "passed"

void cni_message_write(
	struct cni_message *message, const struct cni_call *call, const struct buf *env)
{
	struct buf b;

	buf_init(&b, message->header, sizeof(message->header));
	buf_str(&b, "netvsc-cni/1 ");
	buf_num(&b, env->len);
	buf_str(&b, " ");
	buf_num(&b, call->config.n);
	buf_str(&b, "\n");
	message->parts[0] = (struct span){message->header, b.len};
	message->parts[1] = (struct span){env->p, env->len};
	message->parts[2] = call->config;
}

bool cni_state_path(const struct cni_call *call, const char *folder, char *path, size_t size)
{
	char where[PATH_SIZE];

	return path_join(where, sizeof(where), call->state, folder) &&
	       path_join(path, size, where, call->container);
}

/* After a boot the runtime may call before the agent has created its directories. */
static bool make_folder(const struct cni_call *call)
{
	char folder[PATH_SIZE];

	if (!path_join(folder, sizeof(folder), call->state, FOLDER))
		return false;
	if (mkdir(call->state, 0755) && errno != EEXIST)
		return false;
	return mkdir(folder, 0700) == 0 || errno == EEXIST;
}

static bool write_parts(int fd, const struct cni_message *message)
{
	for (unsigned i = 0; i < 3; i++) {
		const char *p = message->parts[i].p;
		size_t left = message->parts[i].n;

		while (left) {
			ssize_t done = write(fd, p, left);

			if (done <= 0)
				return false;
			p += done;
			left -= (size_t)done;
		}
	}
	return true;
}

void deferred_call_save(const struct cni_call *call, const struct cni_message *message)
{
	char path[PATH_SIZE], new[PATH_SIZE + 8];
	struct buf b;
	bool good;
	int fd;

	if (!make_folder(call) || !cni_state_path(call, FOLDER, path, sizeof(path)))
		return;
	buf_init(&b, new, sizeof(new));
	buf_str(&b, path);
	buf_str(&b, ",new"); /* no container ID contains a comma */
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	good = write_parts(fd, message);
	close(fd);
	if (!good || rename(new, path))
		unlink(new);
}

void deferred_call_drop(const struct cni_call *call)
{
	char path[PATH_SIZE];

	if (cni_state_path(call, FOLDER, path, sizeof(path)))
		unlink(path);
}
