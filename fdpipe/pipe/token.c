#include "pipe/token.h"

#include <stdbool.h>
#include <string.h>

void token_init(struct token *t, int64_t poll_ns)
{
	memset(t, 0, sizeof(*t));
	t->poll = poll_ns;
	t->fresh = true;
}

static void act(struct token_out *out, enum token_action action)
{
	if (out->count < TOKEN_MAX_ACTIONS)
		out->action[out->count++] = (uint8_t)action;
}

static void cancel(struct token *t, struct token_out *out, enum token_why why)
{
	act(out, DO_CANCEL);
	out->why = (uint8_t)why;
	t->cancels += t->inside == INSIDE_LINE;
	t->inside = INSIDE_TOKEN;
	t->hungry = false;
}

static void forgive(struct token *t)
{
	t->fails = 0;
	t->retry_at = 0;
}

/* The token was taken although the VF is still there: probing worked, configuring did not. */
static void plug_failed(struct token *t, int64_t now)
{
	int64_t pause = t->poll * 2;

	if (now - t->taken_at > TOKEN_RETRY_CAP_NS + 2 * pause)
		t->fails = 0; /* the plug held for a while */
	for (uint32_t i = 0; i < t->fails && pause < TOKEN_RETRY_CAP_NS; i++)
		pause *= 2;
	if (pause > TOKEN_RETRY_CAP_NS)
		pause = TOKEN_RETRY_CAP_NS;
	t->fails++;
	t->failed_plugs++;
	t->retry_at = now + pause;
}

/*
 * The reader reads until nothing is left, and the last line wins: a token put back while it is
 * still reading would take the line back again. One poll later it has finished reading.
 */
static void took_line(struct token *t, int64_t now)
{
	t->taken = t->line;
	t->taken_at = now;
	t->token_at = now + t->poll;
	t->takes++;
}

static void see_consumption(struct token *t, const struct token_facts *f, struct token_out *out)
{
	if (!f->empty || t->inside == INSIDE_NOTHING)
		return;
	t->alive = true;
	if (t->inside == INSIDE_LINE) {
		took_line(t, f->now);
		act(out, SAW_TAKEN);
	} else {
		t->hungry = true;
		t->hungry_at = f->now;
		act(out, SAW_HUNGRY);
		if (f->offer && t->taken == f->offer && !t->lost) {
			plug_failed(t, f->now);
			act(out, SAW_FAILED_PLUG);
		}
	}
	t->inside = INSIDE_NOTHING;
}

/* A line on offer is always that of the last number: any change of it makes the line stale. */
static void see_vf(struct token *t, const struct token_facts *f, struct token_out *out)
{
	if (f->offer == t->offer)
		return;
	if (t->offer) {
		t->lost = true;
		t->lost_at = f->now;
		forgive(t);
	}
	t->offer = f->offer;
	if (t->inside == INSIDE_LINE)
		cancel(t, out, WHY_LOST);
}

static void see_reader(struct token *t, const struct token_facts *f, struct token_out *out)
{
	if (f->reader)
		return;
	if (t->inside == INSIDE_LINE)
		cancel(t, out, WHY_READER_GONE);
	t->hungry = false;
	t->alive = false;
	t->taken = 0;
	t->token_at = 0;
	forgive(t);
}

static void see_order(struct token *t, const struct token_facts *f, struct token_out *out)
{
	if (t->fresh) {
		t->fresh = false;
		t->alive = f->reader; /* most likely an application that runs already */
		cancel(t, out, WHY_START);
	}
	if (f->order) {
		cancel(t, out, WHY_ORDERED);
		t->lost = true; /* offered at once, as after a loss */
		forgive(t);
	}
	if (!f->empty && t->inside == INSIDE_NOTHING && !out->count)
		cancel(t, out, WHY_FOREIGN);
}

static void see_patience(struct token *t, const struct token_facts *f, struct token_out *out)
{
	if (t->inside == INSIDE_LINE && f->now >= t->line_at + TOKEN_UNREAD_POLLS * t->poll)
		cancel(t, out, WHY_UNREAD);
}

static void offer(struct token *t, const struct token_facts *f, struct token_out *out)
{
	if (!f->offer || !f->reader || t->inside == INSIDE_LINE)
		return;
	if (t->hungry ? f->now < t->retry_at : !t->lost || !t->alive)
		return; /* one that has not read yet does not poll yet: the line would stay unread
			 */
	act(out, DO_LINE);
	t->inside = INSIDE_LINE;
	t->line = f->offer;
	t->line_at = f->now;
	t->offers++;
	t->hungry = false;
	t->lost = false;
}

static int64_t deadline(const struct token *t, const struct token_facts *f)
{
	if (t->inside == INSIDE_LINE)
		return t->line_at + TOKEN_UNREAD_POLLS * t->poll;
	if (t->inside == INSIDE_NOTHING && !t->hungry)
		return t->token_at;
	if (t->hungry && f->offer && f->reader)
		return t->retry_at;
	return 0;
}

void token_step(struct token *t, const struct token_facts *f, struct token_out *out)
{
	memset(out, 0, sizeof(*out));
	see_consumption(t, f, out);
	see_vf(t, f, out);
	see_reader(t, f, out);
	see_order(t, f, out);
	see_patience(t, f, out);
	offer(t, f, out);
	if (t->inside == INSIDE_NOTHING && !t->hungry && f->now >= t->token_at) {
		act(out, DO_TOKEN);
		t->inside = INSIDE_TOKEN;
	}
	out->deadline = deadline(t, f);
}

void token_resume(struct token *t, uint32_t number)
{
	t->taken = number;
}

void token_write_failed(struct token *t)
{
	t->inside = INSIDE_NOTHING;
	t->hungry = false;
}

void token_cancelled_late(struct token *t, int64_t now)
{
	took_line(t, now);
}
