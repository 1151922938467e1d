#include "server/status_json.h"
#include "lib/version.h"

#include <string.h>

static void key(struct buf *b, const char *name)
{
	if (b->p[b->len - 1] != '{')
		buf_str(b, ",");
	buf_str(b, "\"");
	buf_str(b, name);
	buf_str(b, "\":");
}

static void escaped(struct buf *b, unsigned char c)
{
	static const char digit[] = "0123456789abcdef";
	char text[] = {'\\', 'u', '0', '0', digit[c >> 4], digit[c & 15]};

	if (c == '"' || c == '\\') {
		buf_bytes(b, "\\", 1);
		buf_bytes(b, (const char *)&c, 1);
	} else if (c < ' ' || c >= 0x7f) { /* names are bytes; escape them as Latin-1 */
		buf_bytes(b, text, sizeof(text));
	} else {
		buf_bytes(b, (const char *)&c, 1);
	}
}

static void text(struct buf *b, const char *name, const char *value, size_t n)
{
	key(b, name);
	if (!value || !n) {
		buf_str(b, "null");
		return;
	}
	buf_str(b, "\"");
	for (size_t i = 0; i < n; i++)
		escaped(b, (unsigned char)value[i]);
	buf_str(b, "\"");
}

static void word(struct buf *b, const char *name, const char *value)
{
	text(b, name, value, value ? strlen(value) : 0);
}

static void number(struct buf *b, const char *name, uint64_t value)
{
	key(b, name);
	buf_num(b, value);
}

static void age(struct buf *b, const char *name, int64_t at, int64_t now)
{
	key(b, name);
	if (at)
		buf_num(b, (uint64_t)((now - at) / MS));
	else
		buf_str(b, "null");
}

/* In exec(...) mode: an application that has not asked for three polls has its VF. */
static bool asking(const struct pair *p, int64_t now)
{
	return p->asks && now - p->asked_at < TOKEN_UNREAD_POLLS * p->settings->poll;
}

static const char *application(const struct pair *p, int64_t now)
{
	if (!p->has_reader && p->asks)
		return asking(p, now) ? "hungry" : "served";
	if (!p->has_reader)
		return "unopened";
	if (p->token.hungry)
		return "hungry";
	return p->read_at ? "served" : "opened";
}

static uint32_t taken(const struct pair *p, int64_t now)
{
	if (p->asks)
		return asking(p, now) ? 0 : p->answered;
	return p->token.taken;
}

static const char *withheld(const struct pair *p, int64_t now)
{
	if (!p->usable)
		return vf_ready_reason_name((enum vf_ready_reason)p->ready.reason);
	if (!p->gate.open)
		return "Gate";
	if (!p->has_reader && !p->asks)
		return "Unopened";
	if (p->token.hungry && now < p->token.retry_at)
		return "PlugFailed";
	return "NotAsked";
}

static void vf_state(struct buf *b, const struct pair *p, int64_t now)
{
	bool whole = p->usable && p->gate.open;
	const char *state = "withheld", *reason = NULL;

	if (!p->links.vf)
		state = "away";
	else if (whole && (p->token.inside == INSIDE_LINE || asking(p, now)))
		state = "offered";
	else if (whole && taken(p, now) == p->generation && !p->token.hungry)
		state = "taken";
	else
		reason = withheld(p, now);
	if (!p->links.netvsc)
		reason = "NoNetvsc";
	word(b, "vf", state);
	word(b, "reason", reason);
}

/* The container's verbs devices, as set by the agent. */
static void container_verbs(struct buf *b, const struct pair *p)
{
	char list[MAX_VERBS * sizeof("uverbs63,")];
	struct buf l;

	buf_init(&l, list, sizeof(list));
	for (unsigned i = 0; i < MAX_VERBS; i++) {
		if (!(p->container_verbs >> i & 1))
			continue;
		buf_str(&l, l.len ? ",uverbs" : "uverbs");
		buf_num(&l, i);
	}
	word(b, "given", !p->verbs_known ? NULL : l.len ? list : "none");
}

static void identity(struct buf *b, const struct pair *p)
{
	const struct pair_links *s = &p->links;
	char name[24];
	struct buf n;

	word(b, "pair", p->config.number);
	word(b, "netvsc", p->config.netvsc);
	word(b, "tap", p->config.tap);
	word(b, "interface", s->vf ? s->interface : NULL);
	word(b, "pci", s->vf ? s->pci : NULL);
	word(b, "driver", s->vf ? s->driver : NULL);
	buf_init(&n, name, sizeof(name));
	buf_str(&n, "uverbs");
	buf_num(&n, s->verbs >= 0 ? (uint64_t)s->verbs : 0);
	word(b, "verbs", s->vf && s->verbs >= 0 ? name : NULL);
	word(b, "verbsState", s->vf ? verbs_state_name((enum verbs_state)p->ready.verbs) : NULL);
	container_verbs(b, p);
}

static void offer(struct buf *b, const struct pair *p, int64_t now)
{
	const char *line = pair_offer(p);

	text(b, "line", line, line ? p->length - 1 : 0);
	number(b, "generation", p->generation);
	number(b, "takenGeneration", taken(p, now));
	word(b, "guard", guard_state_name(p->guard));
	word(b, "gate", p->gate.open ? "open" : "closed");
}

static void ages(struct buf *b, const struct pair *p, int64_t now)
{
	const struct token *t = &p->token;

	age(b, "openedMsAgo", p->opened_at, now);
	age(b, "readMsAgo", p->read_at, now);
	age(b, "hungryMsAgo", t->hungry ? t->hungry_at : 0, now);
	age(b, "offeredMsAgo", t->line_at, now);
	age(b, "takenMsAgo", t->taken_at, now);
	age(b, "usableMsAgo", p->usable ? p->usable_at : 0, now);
	age(b, "goneMsAgo", p->links.gone_at, now);
}

static void counters(struct buf *b, const struct pair *p)
{
	const struct token *t = &p->token;

	number(b, "offers", t->offers);
	number(b, "takes", t->takes);
	number(b, "cancels", t->cancels);
	number(b, "failedPlugs", t->failed_plugs);
	number(b, "losses", p->links.losses);
	number(b, "moves", p->links.moves);
	number(b, "overruns", p->links.overruns);
}

/* The fields whose change is sent to watchers. */
static void pair_fields(struct buf *b, const struct pair *p, int64_t now)
{
	buf_str(b, "{");
	identity(b, p);
	word(b, "application", application(p, now));
	vf_state(b, p, now);
	offer(b, p, now);
	counters(b, p);
}

char *status_json_buffer(void)
{
	static char space[STATUS_SIZE];

	return space;
}

void status_json_pair(struct buf *b, const struct pair *p, int64_t now)
{
	pair_fields(b, p, now);
	number(b, "asks", p->asks);
	ages(b, p, now);
	number(b, "started", (uint64_t)(p->settings->started / MS));
	word(b, "version", VERSION);
	buf_str(b, "}\n");
}

void status_json_all(struct buf *b, const struct pair *pairs, unsigned count, int64_t now)
{
	for (unsigned i = 0; i < count; i++)
		status_json_pair(b, &pairs[i], now);
}

/* FNV-1a. */
uint64_t status_json_digest(const struct pair *p, int64_t now)
{
	char space[STATUS_SIZE / MAX_PAIRS];
	uint64_t digest = 0xcbf29ce484222325;
	struct buf b;

	buf_init(&b, space, sizeof(space));
	pair_fields(&b, p, now);
	for (size_t i = 0; i < b.len; i++)
		digest = (digest ^ (unsigned char)b.p[i]) * 0x100000001b3;
	return digest;
}

int64_t status_json_deadline(const struct pair *p, int64_t now)
{
	return asking(p, now) ? p->asked_at + TOKEN_UNREAD_POLLS * p->settings->poll : 0;
}
