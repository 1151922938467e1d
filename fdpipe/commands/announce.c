/*
 * The sidecar's loop. Every event is only a hint: each turn reads which links went, dumps the
 * links, steps each pair, then serves the socket. Without an event nothing runs.
 */
#include "commands/announce_options.h"
#include "commands/commands.h"
#include "lib/buf.h"
#include "lib/exit_codes.h"
#include "lib/log.h"
#include "lib/self_path.h"
#include "net/rtnetlink.h"
#include "server/clients.h"
#include "server/requests.h"
#include "server/watchers.h"
#include "sidecar/install.h"
#include "sidecar/pair.h"
#include "sidecar/wakeups.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DUMP_RETRY_NS (50 * MS) /* between attempts while link dumps fail */

static struct announce_options options;
static struct pair pairs[MAX_PAIRS];
static struct clients clients;
static struct watchers watchers;
static struct links links;
static bool links_unknown = true; /* before the first dump, and after one that failed */

static bool is_relevant(const struct link *l)
{
	for (unsigned i = 0; i < options.count; i++)
		if (l->index == pairs[i].links.netvsc || l->index == pairs[i].links.tap ||
			!strcmp(l->name, options.pairs[i].netvsc) ||
			!strcmp(l->name, options.pairs[i].tap))
			return true;
	return false;
}

static int make_dir(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? errno : 0;
}

static int open_pairs(void)
{
	const char *dir = options.settings.dir;
	int error = make_dir(dir);

	options.settings.started = now_ns();
	if (error)
		return complain_errno(EXIT_FAILED, dir, error, "mount a writable volume there");
	for (unsigned i = 0; i < options.count; i++) {
		const char *wrong = pair_init(&pairs[i], &options.pairs[i], &options.settings);
		char path[PATH_SIZE], text[160];
		struct buf b;

		if (!wrong)
			continue;
		error = errno;
		path_join(path, sizeof(path), dir, options.pairs[i].number);
		buf_init(&b, text, sizeof(text));
		buf_str(&b, wrong);
		if (error) {
			buf_str(&b, ": ");
			buf_str(&b, strerror(error));
		}
		return complain(EXIT_FAILED, path, text,
			"remove it if nothing uses it, or give another --dir");
	}
	return 0;
}

/* Without a guard file applications run unguarded, and the gate protects them. */
static void install_guard(const char *bin)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	int error = ENOENT;

	if (!path_join(to, sizeof(to), bin, "guard.so"))
		return;
	if (options.settings.guard[0]) {
		copy_str(from, sizeof(from), options.settings.guard);
		error = install_file(from, to);
	} else {
		if (self_path(from, sizeof(from), "guard.so"))
			error = install_file(from, to);
		if (error == ENOENT)
			error = install_file("/guard.so", to);
	}
	if (error == ENOENT)
		log_event("--", "guard", "absent");
	else if (error)
		log_errno("--", "error", to, error);
}

static int install(void)
{
	char bin[PATH_SIZE], to[PATH_SIZE];
	int error;

	if (!path_join(bin, sizeof(bin), options.settings.dir, "bin") ||
		!path_join(to, sizeof(to), bin, "fdpipe"))
		return complain_errno(EXIT_FAILED, bin, ENAMETOOLONG, "give a shorter --dir");
	error = make_dir(bin);
	if (!error)
		error = install_file("/proc/self/exe", to);
	if (error)
		return complain_errno(EXIT_FAILED, to, error, "the volume must be writable, 1 MiB");
	install_guard(bin);
	return 0;
}

static int open_wakeups(struct wakeups *w)
{
	int error = wakeups_open(w);

	if (error)
		return complain_errno(EXIT_FAILED, w->failed, error,
			"netlink, inotify and signalfd are required");
	for (unsigned i = 0; i < options.count; i++) {
		error = wakeups_watch(w, &pairs[i].fifo);
		if (error)
			return complain_errno(EXIT_FAILED, "inotify watch", error,
				"raise fs.inotify.max_user_watches");
	}
	return 0;
}

static int open_socket(void)
{
	int error = clients_open(&clients);

	if (error == EADDRINUSE)
		return complain(EXIT_FAILED, "@netvsc.io/fdpipe", "is in use",
			"one sidecar serves all pairs of a pod: name them all in one announce");
	if (error)
		return complain_errno(EXIT_FAILED, "@netvsc.io/fdpipe", error, NULL);
	watchers_init(&watchers, pairs, options.count);
	requests_init(pairs, options.count, &watchers);
	return 0;
}

/* After a failed dump no link is known, so nothing is offered. */
static void dump(struct wakeups *w)
{
	links_unknown = !rtnetlink_dump(w->dump, &links, is_relevant);
	if (links_unknown) {
		log_errno("--", "error", "listing the links", errno);
		wakeups_reopen_dump(w);
		links.count = 0;
	}
	if (links.overflow)
		log_event("--", "error", "more links on the pci bus than can be followed");
}

/* Dumps only after an rtnetlink event: requests and reads of a pipe change no link. */
static int64_t update_links(struct wakeups *w)
{
	struct link_events events = {.count = 0};

	wakeups_drain(w, &events);
	for (unsigned i = 0; i < options.count; i++)
		pair_link_events(&pairs[i], &events);
	if (events.any || events.overrun || links_unknown)
		dump(w);
	for (unsigned i = 0; i < options.count; i++)
		pair_update_links(&pairs[i], &links);
	return links_unknown ? now_ns() + DUMP_RETRY_NS : 0;
}

static bool any_incomplete(void)
{
	bool any = false;

	for (unsigned i = 0; i < options.count; i++)
		any |= vf_ready_incomplete(&pairs[i].ready);
	return any;
}

/* One turn of the loop. Returns when the next is due without an event; 0: never. */
static int64_t turn(struct wakeups *w)
{
	int64_t deadline = update_links(w);

	for (unsigned i = 0; i < options.count; i++)
		deadline = sooner(deadline, pair_step(&pairs[i], now_ns()));
	if (wakeups_listen_devices(w, any_incomplete()))
		deadline = now_ns(); /* look again for what came before we listened */
	return deadline;
}

static unsigned fill(struct pollfd *fds, const struct wakeups *w, int64_t *deadline)
{
	unsigned n = wakeups_poll(w, fds);

	for (unsigned i = 0; i < options.count; i++) /* POLLERR: the last reader went */
		fds[n++] = (struct pollfd){.fd = pairs[i].has_reader ? pairs[i].fifo.fd : -1};
	n += watchers_poll(&watchers, fds + n);
	return n + clients_poll(&clients, fds + n, deadline);
}

static int run(struct wakeups *w)
{
	struct pollfd fds[WAKEUPS_MAX + MAX_PAIRS + MAX_WATCHERS + 1 + MAX_CLIENTS];

	while (!wakeups_stopped(w)) {
		int64_t deadline = turn(w);
		unsigned n;

		deadline = sooner(deadline, watchers_step(&watchers, now_ns()));
		n = fill(fds, w, &deadline);
		if (wakeups_wait(fds, n, deadline) < 0)
			return complain_errno(EXIT_FAILED, "ppoll", errno, NULL);
		clients_step(&clients, now_ns(), requests_handle);
	}
	return 0;
}

int command_announce(char **argv)
{
	static struct wakeups wakeups;
	int code = announce_options(&options, argv);

	if (!code)
		code = wakeups_block_signals();
	if (!code)
		code = open_pairs();
	if (!code)
		code = open_wakeups(&wakeups);
	if (!code)
		code = install();
	if (!code)
		turn(&wakeups); /* before the socket opens: `ready` promises pipes in order */
	if (!code)
		code = open_socket();
	if (!code) {
		log_event("--", "ready", options.settings.dir);
		code = run(&wakeups);
		log_event("--", "stopped", NULL);
	}
	for (unsigned i = 0; i < options.count; i++)
		if (pairs[i].settings && pairs[i].fifo.fd >= 0)
			pair_stop(&pairs[i]);
	return code;
}
