/* One pair, from its links to its pipe. */
#ifndef FDPIPE_PAIR_H
#define FDPIPE_PAIR_H

#include "lib/guard_state.h"
#include "lib/limits.h"
#include "pipe/fifo.h"
#include "pipe/gate.h"
#include "pipe/token.h"
#include "pipe/vf_ready.h"
#include "sidecar/line_record.h"
#include "sidecar/pair_links.h"

struct pair_config {
	char number[3]; /* "00" */
	char netvsc[NAME_SIZE];
	char tap[NAME_SIZE];          /* empty: none is named */
	char template[TEMPLATE_SIZE]; /* empty: the driver's default */
};

/* What all pairs share. */
struct settings {
	char dir[PATH_SIZE], sysfs[PATH_SIZE], guard[PATH_SIZE];
	int64_t poll, settle, gate_timeout;
	int64_t started; /* identifies this run of the sidecar */
	enum gate_mode gate;
};

struct pair {
	struct pair_config config;
	const struct settings *settings;
	struct fifo fifo;
	struct pair_links links;
	struct vf_ready ready;
	struct gate gate;
	struct token token;

	bool has_reader, usable, again;
	enum guard_state guard;
	struct line_record record;
	int64_t opened_at, usable_at, read_at; /* 0: not */

	/* what may be offered: a new generation for each VF that becomes usable and each new line
	 */
	uint32_t generation, rendered_instance;
	uint32_t length; /* of the line, newline included */
	char line[LINE_SIZE];

	/* exec(…) mode: the application asks by `vf` */
	uint32_t asks, answered;
	int64_t asked_at;

	/* what clients of the socket said */
	uint64_t container_verbs;
	bool verbs_known, announce_requested;
};

/* NULL, or what is wrong with its pipe (and errno, or 0). */
const char *pair_init(struct pair *p, const struct pair_config *c, const struct settings *s);

/*
 * Handles the messages before the dump. The dump may have to wait for the removal of the VF (the
 * kernel holds its lock for tens of milliseconds): a line on offer is taken back before that.
 */
void pair_link_events(struct pair *p, const struct link_events *events);

void pair_update_links(struct pair *p, const struct links *links);

/* Decides and acts. Returns when to call again without an event; 0: never. */
int64_t pair_step(struct pair *p, int64_t now);

/* At the end: leaves no address in the pipe. */
void pair_stop(struct pair *p);

/* The line that may be offered now, newline included, or NULL. */
const char *pair_offer(const struct pair *p);

/* The application's request `vf`: the line, or NULL. */
const char *pair_vf_request(struct pair *p, int64_t now);

void pair_set_guard(struct pair *p, enum guard_state state);

#endif
