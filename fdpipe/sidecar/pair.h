/* One pair, from what is seen of it to its pipe: judged, offered, told. */
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
	int64_t started; /* tells this run of the sidecar from any other */
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
 * What the messages alone tell. The dump that is to follow may have to wait for whoever is just
 * removing the VF (the kernel holds its lock for tens of milliseconds): a line goes before that.
 */
void pair_link_events(struct pair *p, const struct link_events *events);

void pair_update_links(struct pair *p, const struct links *links);

/* Judges and acts. Returns when to come again though nothing happens; 0: never. */
int64_t pair_step(struct pair *p, int64_t now);

/* Its last act: no address stays behind. */
void pair_stop(struct pair *p);

/* The line that may be offered now, newline included, or NULL. */
const char *pair_offer(const struct pair *p);

/* The application asked by `vf`. */
const char *pair_vf_request(struct pair *p, int64_t now);

void pair_set_guard(struct pair *p, enum guard_state state);

#endif
