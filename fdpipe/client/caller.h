/* Which program asks: does an ancestor of ours have the guard and DPDK's libraries loaded? */
#ifndef FDPIPE_CALLER_H
#define FDPIPE_CALLER_H

#include "lib/guard_state.h"

/* ACTIVE or OFF; UNPROVEN: no shared DPDK library is loaded; UNKNOWN: it cannot be seen. */
enum guard_state caller_guard(void);

#endif
