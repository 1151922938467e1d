#include "server/watchers.h"
#include "lib/log.h"
#include "server/status_json.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE (20 * MS) /* between two updates: bounds what a pod can cause */

void watchers_init(struct watchers *w, const struct pair *pairs, unsigned count)
{
	w->pairs = pairs;
	w->count = count;
	for (unsigned i = 0; i < MAX_WATCHERS; i++)
		w->v[i].fd = -1;
}

static void drop(struct watcher *v)
{
	close(v->fd);
	v->fd = -1;
}

static bool anybody(const struct watchers *w)
{
	bool any = false;

	for (unsigned i = 0; i < MAX_WATCHERS; i++)
		any |= w->v[i].fd >= 0;
	return any;
}

static struct watcher *free_slot(struct watchers *w)
{
	struct watcher *oldest = &w->v[0];

	for (unsigned i = 0; i < MAX_WATCHERS; i++) {
		if (w->v[i].fd < 0)
			return &w->v[i];
		if (w->v[i].since < oldest->since)
			oldest = &w->v[i];
	}
	drop(oldest);
	return oldest;
}

/* All of it, or the watcher is closed: a partial line would corrupt the next. */
static void send_status(struct watcher *v, const struct buf *b)
{
	if (send(v->fd, b->p, b->len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)b->len)
		drop(v);
}

/* A watcher sends nothing: data or end of file closes it. */
static void check_hangup(struct watcher *v)
{
	char any;
	ssize_t n = recv(v->fd, &any, 1, MSG_DONTWAIT);

	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		drop(v);
}

static bool has_changed(const struct watchers *w, unsigned i, int64_t now)
{
	return status_json_digest(&w->pairs[i], now) != w->sent[i];
}

static bool any_changed(const struct watchers *w, int64_t now)
{
	bool any = false;

	for (unsigned i = 0; i < w->count; i++)
		any |= has_changed(w, i, now);
	return any;
}

/* Writes the pairs that have changed, and counts them as sent. */
static void write_changed(struct watchers *w, struct buf *b, int64_t now)
{
	for (unsigned i = 0; i < w->count; i++) {
		if (!has_changed(w, i, now))
			continue;
		w->sent[i] = status_json_digest(&w->pairs[i], now);
		status_json_pair(b, &w->pairs[i], now);
	}
}

void watchers_add(struct watchers *w, int fd, int64_t now)
{
	bool first = !anybody(w);
	struct watcher *v = free_slot(w);
	struct buf b;

	v->since = now;
	v->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (v->fd < 0)
		return;
	for (unsigned i = 0; first && i < w->count; i++)
		w->sent[i] = status_json_digest(&w->pairs[i], now);
	buf_init(&b, status_json_buffer(), STATUS_SIZE);
	status_json_all(&b, w->pairs, w->count, now);
	send_status(v, &b);
}

unsigned watchers_poll(const struct watchers *w, struct pollfd *fds)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_WATCHERS; i++)
		if (w->v[i].fd >= 0)
			fds[n++] = (struct pollfd){.fd = w->v[i].fd, .events = POLLIN};
	return n;
}

/* When the status changes by time alone. */
static int64_t next_deadline(const struct watchers *w, int64_t now)
{
	int64_t deadline = 0;

	for (unsigned i = 0; i < w->count; i++)
		deadline = sooner(deadline, status_json_deadline(&w->pairs[i], now));
	return deadline;
}

int64_t watchers_step(struct watchers *w, int64_t now)
{
	struct buf b;

	for (unsigned i = 0; i < MAX_WATCHERS; i++)
		if (w->v[i].fd >= 0)
			check_hangup(&w->v[i]);
	if (!anybody(w))
		return 0;
	if (now < w->quiet_until)
		return sooner(next_deadline(w, now), any_changed(w, now) ? w->quiet_until : 0);
	buf_init(&b, status_json_buffer(), STATUS_SIZE);
	write_changed(w, &b, now);
	if (!b.len)
		return next_deadline(w, now);
	for (unsigned i = 0; i < MAX_WATCHERS; i++)
		if (w->v[i].fd >= 0)
			send_status(&w->v[i], &b);
	w->quiet_until = now + PAUSE;
	return next_deadline(w, now);
}
