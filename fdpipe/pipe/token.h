/*
 * The writer's protocol: a token at rest, an address only for a hungry reader.
 *
 * The pipe of a fail-safe fd(N) holds a lone newline when nothing is on offer. A fail-safe reads it
 * as "no device", so it is harmless, and only a live fail-safe that wants a device consumes it. So
 * when it is gone, the reader is hungry.
 *
 * Pure: facts and times in, actions out. No clock, no file, no memory but the struct.
 */
#ifndef FDPIPE_TOKEN_H
#define FDPIPE_TOKEN_H

#include <stdint.h>

#define TOKEN_UNREAD_POLLS 3            /* a line unread for so long is taken back */
#define TOKEN_RETRY_CAP_NS 5000000000LL /* longest pause between offers after failed plugs */
#define TOKEN_MAX_ACTIONS 8

enum token_inside { INSIDE_NOTHING, INSIDE_TOKEN, INSIDE_LINE };

enum token_action {
	/* to be carried out, in this order, at once */
	DO_CANCEL = 1, /* append a newline, which takes a line back and becomes the token; read away
			  what stands before it, so that not for an instant there is neither */
	DO_LINE = 2,   /* write the line of facts.offer in one write() */
	DO_TOKEN = 3,  /* write the lone newline */
	/* only to be logged and recorded */
	SAW_HUNGRY = 16,
	SAW_TAKEN = 17,
	SAW_FAILED_PLUG = 18,
};

enum token_why {
	WHY_NONE,
	WHY_START,
	WHY_LOST,
	WHY_READER_GONE,
	WHY_UNREAD,
	WHY_ORDERED,
	WHY_FOREIGN
};

struct token_facts {
	int64_t now;
	uint32_t offer; /* number of the VF whose line may be offered now; 0: none. A VF that was
			   away, be it for an instant, comes back under a new number */
	uint8_t reader; /* the pipe is open for reading */
	uint8_t empty;  /* the pipe holds nothing */
	uint8_t order;  /* `announce` was requested: start over */
};

struct token {
	int64_t poll;
	int64_t hungry_at, line_at, taken_at, lost_at; /* 0: never */
	int64_t retry_at;                              /* no offer before */
	int64_t token_at;                              /* no token before: see took_line() */
	uint32_t offer;                                /* last facts.offer */
	uint32_t line;                                 /* number last offered */
	uint32_t taken;                                /* number last taken by the present reader */
	uint32_t offers, takes, cancels, failed_plugs; /* counters */
	uint32_t fails;                                /* failed plugs in a row */
	uint8_t inside;                                /* enum token_inside */
	uint8_t hungry, lost, fresh;
	uint8_t alive; /* the present reader has read: it is a running fail-safe */
};

struct token_out {
	int64_t deadline; /* look again then; 0: only when a fact changes */
	uint8_t count;
	uint8_t action[TOKEN_MAX_ACTIONS];
	uint8_t why; /* of a DO_CANCEL */
};

void token_init(struct token *t, int64_t poll_ns);
/* The present reader took this number from a writer before us. */
void token_resume(struct token *t, uint32_t number);

void token_step(struct token *t, const struct token_facts *f, struct token_out *out);

/* How an action ended: a write found no reader or no room; a cancelled line had been read. */
void token_write_failed(struct token *t);
void token_cancelled_late(struct token *t, int64_t now);

#endif
