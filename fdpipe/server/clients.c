#include "server/clients.h"
#include "lib/log.h"
#include "lib/sidecar_address.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_TIME (1 * SECOND)
#define ACCEPT_PAUSE (100 * MS)

int clients_open(struct clients *c)
{
	struct sockaddr_un self;
	socklen_t length = sidecar_address(&self);

	for (unsigned i = 0; i < MAX_CLIENTS; i++)
		c->v[i].fd = -1;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return errno;
	if (bind(c->fd, (struct sockaddr *)&self, length) < 0)
		return errno;
	return listen(c->fd, MAX_CLIENTS) < 0 ? errno : 0;
}

unsigned clients_poll(const struct clients *c, struct pollfd *fds, int64_t *deadline)
{
	unsigned n = 0;

	fds[n++] = (struct pollfd){.fd = c->accept_paused_until ? -1 : c->fd, .events = POLLIN};
	*deadline = sooner(*deadline, c->accept_paused_until);
	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		const struct client *k = &c->v[i];

		if (k->fd < 0)
			continue;
		fds[n++] = (struct pollfd){.fd = k->fd, .events = POLLIN};
		*deadline = sooner(*deadline, k->deadline);
	}
	return n;
}

static void drop(struct client *k)
{
	close(k->fd);
	k->fd = -1;
}

static struct client *free_slot(struct clients *c)
{
	struct client *oldest = &c->v[0];

	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		if (c->v[i].fd < 0)
			return &c->v[i];
		if (c->v[i].deadline < oldest->deadline)
			oldest = &c->v[i];
	}
	drop(oldest);
	return oldest;
}

/* Reads what has come of the request. True: this client can be closed. */
static bool read_request(struct client *k, clients_handler *handle)
{
	ssize_t n = recv(
		k->fd, k->request + k->length, sizeof(k->request) - 1 - k->length, MSG_DONTWAIT);
	char *end;

	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	if (n == 0)
		return true;
	k->length += (uint32_t)n;
	k->request[k->length] = '\0';
	end = strchr(k->request, '\n');
	if (!end && (k->length == sizeof(k->request) - 1 || strlen(k->request) < k->length)) {
		static const char too_long[] = "error: the request is not one short line of text\n";

		clients_answer(k->fd, too_long, sizeof(too_long) - 1);
		return true;
	}
	if (!end)
		return false;
	*end = '\0';
	handle(k->fd, k->request);
	return true;
}

/* A bounded number per turn: a flood of clients must not delay the pipes. */
static void accept_clients(struct clients *c, int64_t now, clients_handler *handle)
{
	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct client *k;

		if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
			return;
		if (fd < 0) {
			c->accept_paused_until = now + ACCEPT_PAUSE;
			return;
		}
		k = free_slot(c);
		k->fd = fd;
		k->length = 0;
		k->deadline = now + CLIENT_TIME;
		if (read_request(k, handle))
			drop(k);
	}
}

void clients_step(struct clients *c, int64_t now, clients_handler *handle)
{
	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		struct client *k = &c->v[i];

		if (k->fd >= 0 && (read_request(k, handle) || now >= k->deadline))
			drop(k);
	}
	if (now >= c->accept_paused_until)
		c->accept_paused_until = 0;
	if (!c->accept_paused_until)
		accept_clients(c, now, handle);
}

void clients_answer(int fd, const char *text, size_t length)
{
	/* A new socket takes all of it; a client with a tiny buffer gets a part. */
	if (send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

bool clients_is_agent(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	return peer.pid == 0 && peer.uid == 0;
}
