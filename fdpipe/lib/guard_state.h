/* What is known of the guard in an application, and the names of these states. */
#ifndef FDPIPE_GUARD_STATE_H
#define FDPIPE_GUARD_STATE_H

#include <stdbool.h>

enum guard_state {
	GUARD_UNKNOWN,  /* not reported */
	GUARD_LOADED,   /* loaded, and the program takes DPDK from shared libraries */
	GUARD_ACTIVE,   /* the guard reported, at a port's start, that it found all it needs */
	GUARD_PARTIAL,  /* the guard reported that it cannot do all its work in this DPDK */
	GUARD_UNPROVEN, /* loaded, but nothing shows that the program uses shared DPDK libraries */
	GUARD_STATIC,   /* a static program loads nothing */
	GUARD_SECURE,   /* setuid or file capabilities: the loader ignores LD_PRELOAD */
	GUARD_ABSENT,   /* there is no guard.so */
	GUARD_OFF,      /* not asked for */
	GUARD_STATES,   /* their number; also: no such name */
};

/* Was it reported by the guard itself? */
static inline bool guard_state_reported(enum guard_state state)
{
	return state == GUARD_ACTIVE || state == GUARD_PARTIAL;
}

const char *guard_state_name(enum guard_state state);
enum guard_state guard_state_by_name(const char *name);

/* Kept beside the pipe for the next sidecar of a running application. */
void guard_state_save(const char *dir, const char *pair, enum guard_state state);
enum guard_state guard_state_load(const char *dir, const char *pair);

#endif
