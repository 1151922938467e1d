#include "sidecar/pair.h"
#include "lib/buf.h"
#include "lib/drivers.h"
#include "lib/log.h"
#include "pipe/devargs_template.h"

#include <errno.h>
#include <string.h>

#define MAX_ROUNDS 4 /* of steps per turn; more would be an application's mischief */

const char *pair_init(struct pair *p, const struct pair_config *c, const struct settings *s)
{
	char path[PATH_SIZE];
	const char *wrong;

	memset(p, 0, sizeof(*p));
	p->config = *c;
	p->settings = s;
	p->links.number = p->config.number;
	p->links.verbs = -1;
	token_init(&p->token, s->poll);
	gate_init(&p->gate, s->gate, s->poll, s->gate_timeout);
	vf_ready_init(&p->ready, s->settle);
	errno = 0;
	if (!path_join(path, sizeof(path), s->dir, c->number))
		return "has too long a path";
	wrong = fifo_open(&p->fifo, path);
	if (!wrong && fifo_has_reader(&p->fifo)) { /* a new sidecar of a running application */
		p->has_reader = true;
		p->opened_at = now_ns();
		p->guard = guard_state_load(s->dir, c->number);
		line_record_load(&p->record, s->dir, c->number);
		if (p->record.state == LINE_OFFERED && p->fifo.was_empty)
			p->record.state = LINE_TAKEN;
		gate_assume_asked(&p->gate, p->opened_at);
	}
	return wrong;
}

void pair_update_links(struct pair *p, const struct links *links)
{
	pair_links_update(&p->links, links, p->config.netvsc, p->config.tap, p->settings->sysfs);
}

static int64_t step_vf(struct pair *p, int64_t now)
{
	const struct pair_links *s = &p->links;
	struct vf_ready_facts f = {
		.now = now,
		.container_verbs = p->container_verbs,
		.instance = s->instance,
		.shape = s->shape,
		.verbs = s->verbs,
		.there = s->vf != 0,
		.joined = s->joined,
		.conflict = s->conflict,
		.bound = s->driver[0] != '\0',
		.needs_verbs = driver_needs_verbs(s->driver),
		.verbs_known = p->verbs_known,
	};
	bool usable;
	int64_t deadline;

	usable = vf_ready_step(&p->ready, &f, &deadline);
	if (usable && !p->usable)
		p->usable_at = now;
	p->usable = usable;
	return deadline;
}

static void save_record(struct pair *p, enum line_state state)
{
	if (p->record.state == LINE_NONE && state == LINE_NONE)
		return;
	p->record.state = state;
	line_record_save(&p->record, p->settings->dir, p->config.number);
}

/* An application that has this VF leaves a repeated line unread, and still has the VF. */
static enum line_state state_unless_taken(const struct pair *p, enum line_state state)
{
	bool has = p->usable && p->token.taken == p->generation && !p->token.hungry;

	return has ? LINE_TAKEN : state;
}

static void follow_reader(struct pair *p, int64_t now)
{
	bool reader = fifo_has_reader(&p->fifo);

	if (reader == p->has_reader)
		return;
	if (!reader) {
		p->guard = GUARD_UNKNOWN; /* on disk too, else the next application inherits it */
		guard_state_save(p->settings->dir, p->config.number, p->guard);
	}
	log_event(p->config.number, reader ? "opened" : "closed", NULL);
	p->has_reader = reader;
	p->opened_at = reader ? now : 0;
	p->read_at = 0;
	p->asks = 0;
	if (!reader)
		save_record(p, LINE_NONE);
}

static int64_t step_gate(struct pair *p, int64_t now)
{
	struct gate_facts f = {
		.now = now,
		.asked_at = p->read_at,
		.tap = p->links.tap,
		.tap_up = p->links.tap_up,
		.present = p->has_reader || p->asks,
		.guarded = p->guard == GUARD_ACTIVE,
	};
	bool was_open = p->gate.open;
	int64_t deadline;

	if (gate_step(&p->gate, &f, &deadline) != was_open)
		log_event(p->config.number, "gate", was_open ? "closed" : "open");
	return deadline;
}

/* Is this the VF that the running application took from the previous sidecar? */
static void resume(struct pair *p)
{
	const struct line_record *r = &p->record;

	if (p->generation != 1 || p->token.hungry || r->state != LINE_TAKEN)
		return;
	if (r->vf != p->links.vf || strcmp(r->line, p->line) != 0)
		return;
	token_resume(&p->token, p->generation);
	p->read_at = p->opened_at;
	log_number(p->config.number, "resumed", "generation", p->generation);
}

/* A new VF, or the same under another name if the name is part of the line: a new generation. */
static void render(struct pair *p)
{
	const struct pair_links *s = &p->links;
	const char *text = p->config.template;
	char mac[18], line[LINE_SIZE];
	struct devargs_values v = {s->pci, mac, s->interface};
	struct buf b;

	buf_init(&b, mac, sizeof(mac));
	buf_mac(&b, s->mac);
	if (!*text)
		text = driver_template(s->driver);
	if (!devargs_template_render(text, &v, line, sizeof(line) - 1))
		line[0] = '\0'; /* cannot happen: its parts are bounded. An empty line means no
				   device */
	p->length = (uint32_t)strlen(line);
	line[p->length++] = '\n';
	line[p->length] = '\0';
	if (s->instance == p->rendered_instance && !strcmp(line, p->line))
		return;
	memcpy(p->line, line, p->length + 1);
	p->rendered_instance = s->instance;
	p->generation++;
	log_number(p->config.number, "usable", "generation", p->generation);
	resume(p);
}

static void log_offer(const struct pair *p)
{
	char text[LINE_SIZE + 32];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_bytes(&b, p->line, p->length - 1);
	buf_str(&b, " generation=");
	buf_num(&b, p->generation);
	log_event(p->config.number, "offered", text);
}

static void cancel_line(struct pair *p, enum token_why why, bool line, int64_t now)
{
	static const char *const words[] = {
		"", "start", "lost", "closed", "unread", "ordered", "foreign"};
	enum fifo_cancelled result = fifo_cancel(&p->fifo);

	if (why == WHY_START)
		return;
	log_event(p->config.number, "cancelled", words[why]);
	if (line)
		save_record(p,
			state_unless_taken(p, result == CANCELLED_LATE ? LINE_TAKEN : LINE_NONE));
	if (result == CANCELLED_LATE && line) {
		token_cancelled_late(&p->token, now);
		log_event(p->config.number, "late", "it was read just before");
	}
	if (result == CANCEL_FAILED)
		log_errno(p->config.number, "error", "emptying the pipe", errno);
}

static void write_failed(struct pair *p)
{
	if (errno != EPIPE)
		log_errno(p->config.number, "error", "writing to the pipe", errno);
	token_write_failed(&p->token);
	p->again = true;
}

static void note_reading(struct pair *p, enum token_action what, int64_t now)
{
	p->read_at = now;
	p->again |= !p->gate.open; /* the gate counts from the first reading */
	if (what == SAW_TAKEN) {
		save_record(p, LINE_TAKEN);
		log_number(p->config.number, "taken", "generation", p->token.taken);
	} else {
		log_event(p->config.number, what == SAW_HUNGRY ? "hungry" : "failed-plug", NULL);
	}
}

/* Recorded after the write, so as not to delay it. */
static void offer(struct pair *p)
{
	if (!fifo_offer(&p->fifo, p->line, p->length)) {
		write_failed(p);
		return;
	}
	p->record.vf = p->links.vf;
	memcpy(p->record.line, p->line, p->length + 1);
	log_offer(p);
	save_record(p, state_unless_taken(p, LINE_OFFERED));
}

static void act(
	struct pair *p, enum token_action what, const struct token_out *out, bool line, int64_t now)
{
	switch (what) {
	case DO_CANCEL:
		cancel_line(p, (enum token_why)out->why, line, now);
		break;
	case DO_LINE:
		offer(p);
		break;
	case DO_TOKEN:
		if (!fifo_token(&p->fifo))
			write_failed(p);
		break;
	case SAW_HUNGRY:
	case SAW_TAKEN:
	case SAW_FAILED_PLUG:
		note_reading(p, what, now);
		break;
	}
}

static int64_t step_token(struct pair *p, int64_t now)
{
	struct token_facts f = {
		.now = now,
		.offer = pair_offer(p) ? p->generation : 0,
		.empty = fifo_empty(&p->fifo),
		.order = p->announce_requested,
	};
	bool line = p->token.inside == INSIDE_LINE;
	struct token_out out;

	if (f.empty && !p->has_reader)
		follow_reader(p, now); /* it was opened and read since the last check */
	f.reader = p->has_reader;
	p->announce_requested = false;
	token_step(&p->token, &f, &out);
	for (unsigned i = 0; i < out.count; i++)
		act(p, (enum token_action)out.action[i], &out, line, now);
	return out.deadline;
}

void pair_link_events(struct pair *p, const struct link_events *events)
{
	pair_links_apply(&p->links, events);
	if (p->token.inside == INSIDE_LINE &&
		(!p->links.vf || p->links.leaving || events->overrun)) {
		p->usable = false;
		step_token(p, now_ns());
	}
	pair_links_log(&p->links);
}

int64_t pair_step(struct pair *p, int64_t now)
{
	int64_t deadline;
	int rounds = 0;

	do {
		p->again = false;
		deadline = step_vf(p, now);
		if (p->usable)
			render(p);
		follow_reader(p, now);
		deadline = sooner(deadline, step_gate(p, now));
		deadline = sooner(deadline, step_token(p, now));
	} while (p->again && ++rounds < MAX_ROUNDS);
	pair_links_log(&p->links);
	return p->again ? now : deadline;
}

void pair_stop(struct pair *p)
{
	fifo_cancel(&p->fifo);
}

const char *pair_offer(const struct pair *p)
{
	return p->usable && p->gate.open ? p->line : NULL;
}

const char *pair_vf_request(struct pair *p, int64_t now)
{
	if (!p->has_reader) { /* else a fail-safe reads the pipe, and this is only a query */
		p->asks++;
		p->asked_at = now;
		p->read_at = now;
		pair_step(p, now);
		p->answered = pair_offer(p) ? p->generation : p->answered;
	}
	return pair_offer(p);
}

void pair_set_guard(struct pair *p, enum guard_state state)
{
	p->guard = state;
	guard_state_save(p->settings->dir, p->config.number, state);
	log_event(p->config.number, "guard", guard_state_name(state));
}
