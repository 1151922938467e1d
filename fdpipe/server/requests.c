#include "server/requests.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "server/clients.h"
#include "server/status_json.h"

#include <string.h>

static struct pair *pairs;
static unsigned count;
static struct watchers *watchers;

void requests_init(struct pair *all, unsigned n, struct watchers *w)
{
	pairs = all;
	count = n;
	watchers = w;
}

static void reply(int fd, const char *text)
{
	clients_answer(fd, text, strlen(text));
}

/* The next word of the line; empty at its end. */
static char *next_word(char **at)
{
	char *start = *at + strspn(*at, " ");

	*at = start + strcspn(start, " ");
	if (**at)
		*(*at)++ = '\0';
	return start;
}

static void status(int fd, struct pair *p, char *rest)
{
	struct buf b;

	(void)p;
	(void)rest;
	buf_init(&b, status_json_buffer(), STATUS_SIZE);
	status_json_all(&b, pairs, count, now_ns());
	clients_answer(fd, b.p, b.len);
}

static void ready(int fd, struct pair *p, char *rest)
{
	(void)p;
	(void)rest;
	reply(fd, "ready\n");
}

static void watch(int fd, struct pair *p, char *rest)
{
	(void)p;
	(void)rest;
	if (clients_is_agent(fd))
		watchers_add(watchers, fd, now_ns());
	else
		reply(fd, "error: only the node's agent may watch; use `status`\n");
}

static void announce(int fd, struct pair *p, char *rest)
{
	(void)rest;
	p->announce_requested = true;
	log_event(p->config.number, "ordered", NULL);
	reply(fd, "ok\n");
}

static void guard(int fd, struct pair *p, char *rest)
{
	enum guard_state state = guard_state_by_name(next_word(&rest));

	if (state == GUARD_STATES) {
		reply(fd, "error: the guard is one of loaded, active, partial, unproven, static, "
			  "secure, absent, off\n");
		return;
	}
	if (state != p->guard) /* the guard repeats it at each start of a port */
		pair_set_guard(p, state);
	reply(fd, "ok\n");
}

/* uverbs0,uverbs3 or none. */
static bool parse_verbs(char *list, uint64_t *given)
{
	*given = 0;
	if (!strcmp(list, "none"))
		return true;
	while (*list) {
		size_t n = strcspn(list, ",");
		char *next = list + n + (list[n] == ',');
		uint64_t number;

		list[n] = '\0';
		if (strncmp(list, "uverbs", 6) != 0 ||
			!parse_num(list + 6, 0, MAX_VERBS - 1, &number))
			return false;
		*given |= 1ULL << number;
		list = next;
	}
	return *given != 0;
}

static void verbs(int fd, struct pair *p, char *rest)
{
	uint64_t given;

	if (!clients_is_agent(fd)) {
		reply(fd, "error: only the node's agent may set the verbs devices\n");
		return;
	}
	if (!parse_verbs(next_word(&rest), &given)) {
		reply(fd, "error: the verbs devices are `none` or a list like uverbs0,uverbs1\n");
		return;
	}
	p->container_verbs = given;
	p->verbs_known = true;
	log_event(p->config.number, "verbs", "told");
	reply(fd, "ok\n");
}

/* UNKNOWN adds nothing, and LOADED is less than what the guard itself reported. */
static bool adds_information(const struct pair *p, enum guard_state state)
{
	if (state == GUARD_UNKNOWN || (state == GUARD_LOADED && guard_state_reported(p->guard)))
		return false;
	return state < GUARD_STATES && state != p->guard;
}

/* `vf N [STATE]`: without a launcher, the client says whether the guard is loaded. */
static void vf(int fd, struct pair *p, char *rest)
{
	enum guard_state state = guard_state_by_name(next_word(&rest)), before;
	const char *line;

	if (p->guard == GUARD_UNKNOWN &&
		state == GUARD_LOADED) { /* as the previous sidecar left it */
		before = guard_state_load(p->settings->dir, p->config.number);
		state = guard_state_reported(before) ? before : state;
	}
	if (!p->has_reader && adds_information(p, state))
		pair_set_guard(p, state);
	line = pair_vf_request(p, now_ns());
	if (line)
		reply(fd, line);
}

struct request {
	const char *name;
	bool of_pair;
	void (*handle)(int fd, struct pair *p, char *rest);
};

static const struct request requests[] = {
	{"status", false, status},
	{"ready", false, ready},
	{"watch", false, watch},
	{"announce", true, announce},
	{"guard", true, guard},
	{"verbs", true, verbs},
	{"vf", true, vf},
};

static struct pair *find(const char *number)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(pairs[i].config.number, number))
			return &pairs[i];
	return NULL;
}

void requests_handle(int fd, char *request)
{
	const char *name = next_word(&request);

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct pair *p = NULL;

		if (strcmp(requests[i].name, name) != 0)
			continue;
		if (requests[i].of_pair)
			p = find(next_word(&request));
		if (requests[i].of_pair && !p)
			reply(fd, "error: no such pair here; `status` shows which there are\n");
		else
			requests[i].handle(fd, p, request);
		return;
	}
	reply(fd, "error: unknown request; known are status, ready, watch, announce N, "
		  "guard N STATE, verbs N LIST, vf N\n");
}
