#include "cni/call.h"
#include "lib/buf.h"
#include "lib/limits.h"
#include "lib/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STDIN_WAIT_MS 10000 /* the runtime writes all at once */
#define CONTAINER_MAX 128
#define STATE "/run/netvsc"

#define ALNUM "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static enum cni_command command_of(const char *name)
{
	static const char *const names[] = {"ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"};

	for (int i = 0; name && i < CNI_NONE; i++)
		if (!strcmp(name, names[i]))
			return (enum cni_command)i;
	return CNI_NONE;
}

static bool read_stdin(struct span *text)
{
	static char space[CNI_STDIN_SIZE];
	int64_t end = now_ns() + STDIN_WAIT_MS * MS;
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	size_t length = 0;
	ssize_t n;

	for (;;) {
		if (poll(&in, 1, (int)((end - now_ns()) / MS)) <= 0 || now_ns() >= end)
			return false;
		n = read(STDIN_FILENO, space + length, sizeof(space) - length);
		if (n < 0 && errno != EINTR)
			return false;
		if (n == 0)
			break;
		length += n > 0 ? (size_t)n : 0;
		if (length == sizeof(space))
			return false;
	}
	*text = (struct span){space, length};
	return true;
}

static bool read_version(struct span config, char *version, size_t size)
{
	static const char *const known[] = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", CNI_NEWEST};
	struct span value, text;

	if (!json_member(config, "cniVersion", &value) || !json_plain(value, &text))
		return false;
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_is(text, known[i]))
			return copy_str(version, size, known[i]);
	return false;
}

static bool is_annotated(struct span config)
{
	struct span v;

	return json_member(config, "runtimeConfig", &v) &&
	       json_member(v, "io.kubernetes.cri.pod-annotations", &v) &&
	       json_member(v, "netvsc.io/interfaces", &v);
}

static void find_state(struct span config, char *state, size_t size)
{
	struct span value, text;

	copy_str(state, size, STATE);
	if (!json_member(config, "state", &value) || !json_plain(value, &text))
		return;
	if (text.n == 0 || text.n >= size || text.p[0] != '/')
		return;
	memcpy(state, text.p, text.n);
	state[text.n] = '\0';
}

static bool is_container(const char *id)
{
	size_t n = id ? strlen(id) : 0;

	return n && n <= CONTAINER_MAX && strchr(ALNUM, id[0]) && strspn(id, ALNUM "_.-") == n;
}

static bool is_empty(const char *text)
{
	return !text || !*text;
}

static enum cni_code read_container(struct cni_call *call, const char **why)
{
	bool needed =
		call->command == CNI_ADD || call->command == CNI_DEL || call->command == CNI_CHECK;
	const char *id = getenv("CNI_CONTAINERID");

	call->container = "";
	if (!needed)
		return CNI_OK;
	*why = "invalid CNI_CONTAINERID: use letters, digits, '_', '.', '-', at most 128";
	if (!is_container(id))
		return CNI_BAD_ENVIRONMENT;
	call->container = id;
	*why = "CNI_IFNAME is not set: name the interface";
	if (is_empty(getenv("CNI_IFNAME")))
		return CNI_BAD_ENVIRONMENT;
	*why = "CNI_NETNS is not set: name the pod's network namespace";
	if (call->command != CNI_DEL && is_empty(getenv("CNI_NETNS")))
		return CNI_BAD_ENVIRONMENT;
	return CNI_OK;
}

enum cni_code cni_call_read(struct cni_call *call, const char **why)
{
	struct span value;

	*call = (struct cni_call){.version = CNI_NEWEST, .container = ""};
	call->command = command_of(getenv("CNI_COMMAND"));
	*why = "unsupported CNI_COMMAND: use ADD, DEL, CHECK, GC, STATUS or VERSION";
	if (call->command == CNI_NONE)
		return CNI_BAD_ENVIRONMENT;
	if (call->command == CNI_VERSION)
		return CNI_OK;
	*why = "standard input: no configuration within 10 s, or more than 256 KiB";
	if (!read_stdin(&call->config))
		return CNI_BAD_JSON;
	*why = "standard input: the configuration is not a JSON object";
	if (!json_is_object(call->config))
		return CNI_BAD_JSON;
	*why = "unsupported cniVersion: use 0.3.0, 0.3.1, 0.4.0, 1.0.0 or 1.1.0";
	if (!read_version(call->config, call->version, sizeof(call->version)))
		return CNI_BAD_VERSION;
	call->annotated = is_annotated(call->config);
	call->delegates = json_member(call->config, "ipam", &value) && value.p[0] == '{';
	find_state(call->config, call->state, sizeof(call->state));
	if (json_member(call->config, "prevResult", &value) && value.p[0] == '{')
		call->prev_result = value;
	return read_container(call, why);
}
