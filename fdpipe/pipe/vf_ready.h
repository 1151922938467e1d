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

#define VF_VERBS_WAIT_NS 2000000000LL
#define VF_RECHECK_MIN_NS 4000000LL     /* first new check of an incomplete VF */
#define VF_RECHECK_MAX_NS 500000000LL   /* the pauses double up to this */
#define VF_RECHECK_END_NS 60000000000LL /* after a minute only on events */

enum vf_ready_reason {
	VF_READY,
	VF_AWAY,           /* no such netdev */
	VF_CONFLICT,       /* two netdevs match */
	VF_NOT_JOINED,     /* it is not (yet) the NetVSC's lower device */
	VF_DRIVER_UNBOUND, /* no PCI driver */
	VF_VERBS_WAIT,     /* its verbs device is not there yet */
	VF_VERBS_MISMATCH, /* the container was given another verbs device */
	VF_SETTLING,
};

enum verbs_state { VERBS_NOT_NEEDED, VERBS_OK, VERBS_MISSING, VERBS_UNKNOWN, VERBS_MISMATCH };

struct vf_ready_facts {
	int64_t now;
	uint64_t container_verbs; /* verbs devices given to the container, bit N = uverbsN */
	uint32_t instance;        /* changes whenever the netdev went, even for an instant */
	uint32_t shape;           /* changes with its name, address or driver */
	int32_t verbs;            /* its verbs device's number, -1: none */
	uint8_t there, joined, conflict, bound, needs_verbs;
	uint8_t verbs_known; /* the agent has set container_verbs */
};

struct vf_ready {
	int64_t settle;
	int64_t seen_at, steady_at; /* 0: not */
	int64_t recheck_at, recheck_pause;
	uint32_t instance, shape;
	uint8_t usable, reason, verbs;
};

void vf_ready_init(struct vf_ready *r, int64_t settle_ns);

/* Returns whether it is usable; *deadline: when to check again without an event, or 0. */
bool vf_ready_step(struct vf_ready *r, const struct vf_ready_facts *f, int64_t *deadline);

/* Is something missing that sysfs shows, not rtnetlink? */
bool vf_ready_incomplete(const struct vf_ready *r);

const char *vf_ready_reason_name(enum vf_ready_reason why);
const char *verbs_state_name(enum verbs_state state);

#endif
