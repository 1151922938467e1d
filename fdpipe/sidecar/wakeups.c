#include "sidecar/wakeups.h"
#include "lib/buf.h"
#include "lib/exit_codes.h"
#include "lib/log.h"

#include <errno.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <time.h>
#include <unistd.h>

static sigset_t waited_for(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return set;
}

int wakeups_block_signals(void)
{
	sigset_t set = waited_for();

	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return complain_errno(EXIT_FAILED, "signals", errno, NULL);
	return 0;
}

int wakeups_open(struct wakeups *w)
{
	sigset_t set = waited_for();

	*w = (struct wakeups){.dump = -1, .devices = -1, .pipes = -1, .signals = -1};
	w->failed = "netlink";
	w->events = rtnetlink_subscribe();
	if (w->events < 0)
		return errno;
	w->dump = rtnetlink_open();
	if (w->dump < 0)
		return errno;
	w->failed = "inotify";
	w->pipes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->pipes < 0)
		return errno;
	w->failed = "signalfd";
	w->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return w->signals < 0 ? errno : 0;
}

/* By the open file, not by path, which may lead to another file. */
int wakeups_watch(struct wakeups *w, const struct fifo *f)
{
	char path[32];
	struct buf b;

	buf_init(&b, path, sizeof(path));
	buf_str(&b, "/proc/self/fd/");
	buf_num(&b, (uint64_t)f->fd);
	return inotify_add_watch(w->pipes, path, IN_OPEN | IN_ACCESS) < 0 ? errno : 0;
}

void wakeups_reopen_dump(struct wakeups *w)
{
	if (w->dump >= 0)
		close(w->dump);
	w->dump = rtnetlink_open();
}

bool wakeups_listen_devices(struct wakeups *w, bool listen)
{
	struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = 1};

	if (listen == (w->devices >= 0))
		return false;
	if (!listen) {
		close(w->devices);
		w->devices = -1;
		return false;
	}
	w->devices =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (w->devices < 0)
		return false; /* the re-check timer must do */
	if (bind(w->devices, (struct sockaddr *)&self, sizeof(self)) == 0)
		return true;
	close(w->devices);
	w->devices = -1;
	return false;
}

unsigned wakeups_poll(const struct wakeups *w, struct pollfd *fds)
{
	const int all[WAKEUPS_MAX] = {w->events, w->pipes, w->signals, w->devices};

	for (unsigned i = 0; i < WAKEUPS_MAX; i++)
		fds[i] = (struct pollfd){.fd = all[i], .events = POLLIN};
	return WAKEUPS_MAX;
}

int wakeups_wait(struct pollfd *fds, unsigned n, int64_t deadline)
{
	int64_t left = deadline ? deadline - now_ns() : 0;
	struct timespec pause = {.tv_sec = 0};
	int result;

	if (left > 0) {
		pause.tv_sec = left / SECOND;
		pause.tv_nsec = left % SECOND;
	}
	result = ppoll(fds, n, deadline ? &pause : NULL, NULL);
	return result < 0 && errno == EINTR ? 0 : result;
}

/* The content does not matter, only that there was an event. */
static void read_away(int fd)
{
	char space[4096];
	ssize_t n;

	do {
		n = read(fd, space, sizeof(space));
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
}

void wakeups_drain(struct wakeups *w, struct link_events *events)
{
	if (!rtnetlink_read(w->events, events)) {
		log_errno("--", "error", "netlink", errno);
		events->overrun = true;
	}
	read_away(w->pipes);
	if (w->devices >= 0)
		read_away(w->devices);
}

bool wakeups_stopped(struct wakeups *w)
{
	struct signalfd_siginfo info;

	w->stop |= read(w->signals, &info, sizeof(info)) == sizeof(info);
	return w->stop;
}
