/*
 * Readiness: may this VF be offered, and if not, why not?
 *
 * Usable is a VF that is joined to its NetVSC, bound to its driver, has its verbs device where the
 * driver needs one (a bounded wait: some images have none and still work), is the one whose verbs
 * device the container was given, and has been steady for the settle time.
 * Pure.
 */
#ifndef FDPIPE_VF_READY_H
#define FDPIPE_VF_READY_H

#include <stdbool.h>
#include <stdint.h>

#define READY_VERBS_WAIT_NS 2000000000LL
#define READY_RECHECK_MIN_NS 4000000LL     /* first look again at a VF that is half there */
#define READY_RECHECK_MAX_NS 500000000LL   /* the pauses double up to this */
#define READY_RECHECK_END_NS 60000000000LL /* after a minute only events wake us */

enum ready_why {
	READY_OK,
	READY_AWAY,       /* no such netdev */
	READY_CONFLICT,   /* two netdevs claim to be it */
	READY_NOT_JOINED, /* it is not (yet) the NetVSC's lower device */
	READY_UNBOUND,    /* no PCI driver */
	READY_VERBS_WAIT, /* its verbs device has not come yet */
	READY_MISMATCH,   /* the container was given another verbs device */
	READY_SETTLING,
};

enum verbs_state { VERBS_NOT_NEEDED, VERBS_OK, VERBS_MISSING, VERBS_UNKNOWN, VERBS_MISMATCH };

struct ready_facts {
	int64_t now;
	uint64_t given;    /* verbs devices of the container, bit N = uverbsN */
	uint32_t instance; /* changes whenever the netdev went, even for an instant */
	uint32_t shape;    /* changes with its name, address or driver */
	int32_t verbs;     /* its verbs device's number, -1: none */
	uint8_t there, joined, conflict, bound, needs_verbs;
	uint8_t told; /* somebody said what the container was given */
};

struct ready {
	int64_t settle;
	int64_t seen_at, steady_at; /* 0: not */
	int64_t recheck_at, recheck_pause;
	uint32_t instance, shape;
	uint8_t usable, why, verbs;
};

void ready_init(struct ready *r, int64_t settle_ns);

/* Returns whether it is usable; *deadline: when to look again though nothing happened, or 0. */
bool ready_step(struct ready *r, const struct ready_facts *f, int64_t *deadline);

/* Half there: what is missing is told by sysfs, not by rtnetlink. */
bool ready_half(const struct ready *r);

const char *ready_why_name(enum ready_why why);
const char *verbs_state_name(enum verbs_state state);

#endif
