/* The program that runs `fdpipe vf`: has it loaded the guard and DPDK's libraries? */
#ifndef FDPIPE_CALLER_H
#define FDPIPE_CALLER_H

#include "lib/guard_state.h"

/* LOADED or OFF; UNPROVEN: no shared DPDK library is loaded; UNKNOWN: its maps are unreadable. */
enum guard_state caller_guard(void);

#endif
