/*
 * The gate: may this application be offered a VF yet?
 *
 * A fail-safe port that is started with its VF plugged keeps burst functions that crash at the
 * VF's removal, unless the guard is at work; and port ids are the same at every start only if all
 * ports exist before the first VF comes. So the line waits until the port is started: fail-safe's
 * tap goes up then and goes away with the process, and the guard reports that it works. Without
 * either, a timeout opens it. Pure.
 */
#ifndef FDPIPE_GATE_H
#define FDPIPE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#define GATE_STARTED_POLLS 3             /* the burst functions are copied 1.3 ms after IFF_UP */
#define GATE_GUARDED_WAIT_NS 500000000LL /* guarded and no tap: until all ports are made */

enum gate_mode { GATE_AUTO, GATE_STARTED, GATE_IMMEDIATE };

struct gate_facts {
	int64_t now;
	int64_t asked_at; /* the application's last reading of the pipe; 0: never */
	int32_t tap;      /* ifindex of the fail-safe's tap; 0: there is none */
	uint8_t tap_up;
	uint8_t present; /* the application has the pipe open, or uses `vf` */
	uint8_t guarded; /* its guard reported itself active, as it does when a port is started */
};

struct gate {
	int64_t poll, timeout; /* nanoseconds */
	int64_t asked_at;      /* first reading by this application; 0: not yet */
	int64_t up_at;         /* first IFF_UP of its tap; 0: not yet */
	int64_t reset_at;      /* readings up to then were another application's */
	int32_t tap;
	uint8_t mode; /* enum gate_mode */
	uint8_t open;
};

void gate_init(struct gate *g, enum gate_mode mode, int64_t poll_ns, int64_t timeout_ns);

/* The application is older than this sidecar: its first reading is unknown, now is assumed. */
void gate_assume_asked(struct gate *g, int64_t now);

/* Returns whether it is open; *deadline: when time alone will open it, 0 if it will not. */
bool gate_step(struct gate *g, const struct gate_facts *f, int64_t *deadline);

#endif
