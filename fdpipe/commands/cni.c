/* `cni`, also called netvsc-cni: forwards a CNI call to the agent, and answers itself where the
 * agent does not.
 *
 * A pod without pairs never fails because of us, a node never turns NotReady because of us, and a
 * network namespace never dies with a pair inside: these three rules decide the answer without an
 * agent.
 */
#include "cni/agent_wait.h"
#include "cni/call.h"
#include "cni/deferred_call.h"
#include "commands/commands.h"
#include "lib/buf.h"
#include "lib/exit_codes.h"
#include "lib/limits.h"
#include "lib/log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SIZE (512 * 1024)
#define ENVIRONMENT_SIZE (16 * 1024)

/* For the whole call: an agent that hangs counts as not answering. Tests build with less. */
#ifndef CNI_TIMEOUT_MS
#define CNI_TIMEOUT_MS 60000 /* a move takes 40 ms; seven pairs of a busy node some seconds */
#endif
#ifndef CNI_TIMEOUT_PLAIN_MS
#define CNI_TIMEOUT_PLAIN_MS 5000 /* for pods without pairs, which must not be delayed */
#endif

/* Within that: for an agent that died while a pair may be in the pod. containerd lets the
 * netns of an ADD that failed go whatever DEL says of it (2.4, RunPodSandbox), so that neither
 * should be over before the agent is back; a DEL after an ADD that succeeded is asked for again.
 */
#ifndef CNI_AGENT_WAIT_ADD_MS
#define CNI_AGENT_WAIT_ADD_MS 45000
#endif
#ifndef CNI_AGENT_WAIT_DEL_MS
#define CNI_AGENT_WAIT_DEL_MS 8000
#endif

static int print(const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done < 0 && errno != EINTR)
			return EXIT_FAILED;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

static int fail(const struct cni_call *call, enum cni_code code, const char *why)
{
	char text[512];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_str(&b, "{\"cniVersion\":\"");
	buf_str(&b, call->version);
	buf_str(&b, "\",\"code\":");
	buf_num(&b, (uint64_t)code);
	buf_str(&b, ",\"msg\":\"netvsc-cni: ");
	buf_str(&b, why);
	buf_str(&b, "\"}\n");
	print(text, b.len);
	return EXIT_FAILED;
}

static int print_versions(void)
{
	static const char text[] =
		"{\"cniVersion\":\"" CNI_NEWEST "\",\"supportedVersions\":"
		"[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"" CNI_NEWEST "\"]}\n";

	return print(text, sizeof(text) - 1);
}

/* Has the agent moved a pair into this container? An unreadable checkpoint counts as yes. */
static bool has_marker(const struct cni_call *call)
{
	char path[PATH_SIZE];

	if (!cni_state_path(call, "containers", path, sizeof(path)))
		return true;
	return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Has this pod no pairs, as far as can be seen without the agent? */
static bool is_plain(const struct cni_call *call)
{
	if (call->command == CNI_ADD && (call->annotated || !call->prev_result.n))
		return false;
	if (call->command == CNI_STATUS)
		return true;
	return call->command != CNI_GC && !has_marker(call);
}

/* Is there an address that only the agent can release? The runtime would not ask again. */
static bool frees_address(const struct cni_call *call)
{
	return call->command == CNI_DEL && call->delegates;
}

static int without_agent(const struct cni_call *call, const struct cni_message *message)
{
	switch (call->command) {
	case CNI_ADD:
		if (!is_plain(call))
			return fail(call, CNI_TRY_AGAIN,
				"this pod has NetVSC pairs and the node's netvsc-deviceplugin does "
				"not answer");
		deferred_call_save(
			call, message); /* it may have pairs nevertheless: the agent will know */
		return print(call->prev_result.p, call->prev_result.n);
	case CNI_DEL:
		/* First this, then the checkpoint: the agent writes the checkpoint and then looks
		 * whether the deferred call is still there, so at least one of us sees what the
		 * other did. */
		deferred_call_drop(call);
		if (has_marker(call))
			return fail(call, CNI_TRY_AGAIN,
				"a NetVSC pair is in this pod and the node's netvsc-deviceplugin "
				"does not answer");
		if (frees_address(call))
			return fail(call, CNI_TRY_AGAIN,
				"the ipam plugin must free an address and the node's "
				"netvsc-deviceplugin does not answer");
		return 0;
	default:
		return 0;
	}
}

static int connect_agent(const struct cni_call *call, int64_t end)
{
	int64_t left = end - now_ns();
	struct timeval wait = {.tv_sec = left / SECOND, .tv_usec = left % SECOND / 1000};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd;

	if (!path_join(to.sun_path, sizeof(to.sun_path), call->state, "cni.sock"))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
		connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Waits until the socket is ready, until `end` at most. */
static bool wait_for(int fd, short events, int64_t end)
{
	struct pollfd one = {.fd = fd, .events = events};
	int64_t left = (end - now_ns()) / MS;
	int n = left > 0 ? poll(&one, 1, (int)left) : 0;

	return n > 0 || (n < 0 && errno == EINTR);
}

static bool send_all(int fd, struct span text, int64_t end)
{
	while (text.n) {
		ssize_t done;

		if (!wait_for(fd, POLLOUT, end))
			return false;
		done = send(fd, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (done > 0) {
			text.p += done;
			text.n -= (size_t)done;
		}
	}
	return true;
}

static bool collect_environment(struct buf *b)
{
	for (char **one = environ; *one; one++) {
		if (strncmp(*one, "CNI_", 4) != 0)
			continue;
		buf_bytes(b, *one, strlen(*one) + 1);
	}
	return !b->full;
}

/* Reads until the agent closes. -1: no answer in time, connection lost, or an answer too long. */
static long receive(int fd, char *answer, size_t size, int64_t end)
{
	size_t length = 0;
	ssize_t n;

	do {
		if (length == size || !wait_for(fd, POLLIN, end))
			return -1;
		n = recv(fd, answer + length, size - length, MSG_DONTWAIT);
		if (n > 0)
			length += (size_t)n;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
	} while (n != 0);
	return (long)length;
}

static long ask(
	const struct cni_call *call, const struct cni_message *message, char *answer, int64_t began)
{
	bool plain = is_plain(call) && !frees_address(call);
	int64_t end = began + (plain ? CNI_TIMEOUT_PLAIN_MS : CNI_TIMEOUT_MS) * MS;
	int fd = connect_agent(call, end);
	bool sent = fd >= 0;
	long n = -1;

	for (unsigned i = 0; sent && i < 3; i++)
		sent = send_all(fd, message->parts[i], end);
	if (sent)
		n = receive(fd, answer, ANSWER_SIZE, end);
	if (fd >= 0)
		close(fd);
	return n >= 2 && (answer[0] == '0' || answer[0] == '1') && answer[1] == '\n' ? n : -1;
}

/* Asks each new agent, for as long as a pair may be in the pod. */
static long ask_again(
	const struct cni_call *call, const struct cni_message *message, char *answer, int64_t began)
{
	bool add = call->command == CNI_ADD;
	int64_t end = now_ns() + (add ? CNI_AGENT_WAIT_ADD_MS : CNI_AGENT_WAIT_DEL_MS) * MS;
	int watch = -1;
	long n = -1;

	if ((add || call->command == CNI_DEL) && has_marker(call))
		watch = agent_wait_open(call);
	if (watch < 0)
		return -1;
	do
		n = ask(call, message, answer, began);
	while (n < 0 && has_marker(call) && agent_wait_next(watch, end));
	close(watch);
	return n;
}

int command_cni(char **argv)
{
	static char answer[ANSWER_SIZE], space[ENVIRONMENT_SIZE];
	struct cni_call call;
	struct cni_message message;
	struct buf environment;
	enum cni_code code;
	int64_t began = now_ns();
	const char *why;
	long n;

	if (argv[0])
		return complain(
			EXIT_USAGE, "cni", "takes no arguments", "see the CNI specification");
	code = cni_call_read(&call, &why);
	if (code != CNI_OK)
		return fail(&call, code, why);
	if (call.command == CNI_VERSION)
		return print_versions();
	if (call.command == CNI_STATUS && !call.delegates)
		return 0; /* an absent agent must not make the node NotReady */
	buf_init(&environment, space, sizeof(space));
	if (!collect_environment(&environment))
		return fail(&call, CNI_BAD_ENVIRONMENT, "CNI_*: more than 16 KiB of environment");
	cni_message_write(&message, &call, &environment);
	n = ask(&call, &message, answer, began);
	if (n < 0)
		n = ask_again(&call, &message, answer, began);
	if (n < 0)
		return without_agent(&call, &message);
	if (print(answer + 2, (size_t)n - 2))
		return EXIT_FAILED;
	return answer[0] == '0' ? 0 : EXIT_FAILED;
}
