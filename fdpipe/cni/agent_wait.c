#include "cni/agent_wait.h"

#include "lib/buf.h"
#include "lib/limits.h"
#include "lib/log.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

int agent_wait_open(const struct cni_call *call)
{
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (watch >= 0 && inotify_add_watch(watch, call->state, IN_MOVED_TO | IN_ONLYDIR) < 0) {
		close(watch);
		return -1;
	}
	return watch;
}

/* Which file was moved there does not matter: the caller tries to connect. */
static void drain(int watch)
{
	char events[1024] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(watch, events, sizeof(events)) > 0)
		continue;
}

bool agent_wait_next(int watch, int64_t end)
{
	struct pollfd one = {.fd = watch, .events = POLLIN};
	int n = -1;

	while (n < 0) {
		int64_t left = (end - now_ns()) / MS;

		n = left > 0 ? poll(&one, 1, (int)left) : 0;
		if (n < 0 && errno != EINTR)
			return false;
	}
	drain(watch);
	return n > 0;
}
