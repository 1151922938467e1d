#include "client/client.h"
#include "lib/exit_codes.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/sidecar_address.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_PAUSE_MS 10

static int connect_once(void)
{
	struct timeval wait = {.tv_sec = CLIENT_WAIT_MS / 1000};
	struct sockaddr_un to;
	socklen_t length = sidecar_address(&to);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
		connect(fd, (struct sockaddr *)&to, length) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int connect_patiently(int patience_ms)
{
	int64_t end = now_ns() + patience_ms * MS;
	int fd;

	for (;;) {
		fd = connect_once();
		if (fd >= 0 || errno != ECONNREFUSED || now_ns() >= end)
			return fd;
		poll(NULL, 0,
			RETRY_PAUSE_MS); /* there is no event for a socket that begins to listen */
	}
}

static long exchange(int fd, const char *request, char *answer, size_t size)
{
	size_t length = 0;
	ssize_t n;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		return -1;
	do {
		n = recv(fd, answer + length, size - 1 - length, 0);
		if (n > 0)
			length += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	answer[length] = '\0';
	return n < 0 ? -1 : (long)length;
}

long client_ask(const char *request, char *answer, size_t size, int patience_ms)
{
	int fd = connect_patiently(patience_ms), error;
	long n;

	if (fd < 0)
		return -1;
	n = exchange(fd, request, answer, size);
	error = errno;
	close(fd);
	errno = error;
	return n;
}

int client_print(const char *request)
{
	static char answer[STATUS_SIZE];
	long n = client_ask(request, answer, sizeof(answer), 0);

	if (n < 0)
		return complain_errno(EXIT_FAILED, "the sidecar at @netvsc.io/fdpipe", errno,
			"is `fdpipe announce` running in this pod?");
	if (!strncmp(answer, "error: ", 7))
		return complain(EXIT_FAILED, "error from the sidecar", answer, NULL);
	return write(STDOUT_FILENO, answer, (size_t)n) == n ? 0 : EXIT_FAILED;
}
