#include "pipe/gate.h"

#include <string.h>

void gate_init(struct gate *g, enum gate_mode mode, int64_t poll_ns, int64_t timeout_ns)
{
	memset(g, 0, sizeof(*g));
	g->mode = (uint8_t)mode;
	g->poll = poll_ns;
	g->timeout = timeout_ns;
}

void gate_assume_asked(struct gate *g, int64_t now)
{
	g->asked_at = now;
}

static void reset(struct gate *g, const struct gate_facts *f)
{
	g->asked_at = 0;
	g->up_at = 0;
	g->reset_at = f->asked_at;
	g->open = false;
}

static void follow(struct gate *g, const struct gate_facts *f)
{
	if (!f->present || (g->tap && f->tap != g->tap))
		reset(g, f); /* it ended, or was replaced unnoticed */
	g->tap = f->tap;
	if (!g->asked_at && f->present && f->asked_at > g->reset_at)
		g->asked_at = f->asked_at;
	if (!g->up_at && f->tap && f->tap_up)
		g->up_at = f->now;
}

/* When it opens by time; 0: not by time alone. */
static int64_t opens_at(const struct gate *g, const struct gate_facts *f)
{
	bool guarded = g->mode == GATE_AUTO && f->guarded;

	if (g->mode == GATE_IMMEDIATE)
		return f->now;
	if (g->up_at)
		return guarded ? g->up_at : g->up_at + GATE_STARTED_POLLS * g->poll;
	if (f->tap || !g->asked_at)
		return 0; /* a tap that is down: the port is not started */
	return g->asked_at + (guarded ? GATE_GUARDED_WAIT_NS : g->timeout);
}

bool gate_step(struct gate *g, const struct gate_facts *f, int64_t *deadline)
{
	int64_t at;

	follow(g, f);
	at = opens_at(g, f);
	if (at && at <= f->now)
		g->open = true;
	*deadline = g->open ? 0 : at;
	return g->open;
}
