/* Waiting for an agent that is away: the last thing that a new one does before it serves is to put
 * its socket in place.
 */
#ifndef FDPIPE_AGENT_WAIT_H
#define FDPIPE_AGENT_WAIT_H

#include "cni/call.h"

#include <stdint.h>

/* Begins to watch; look for the agent after this, so that its return is not missed. -1: cannot. */
int agent_wait_open(const struct cni_call *call);

/* Waits until a socket was put in place, but not past the end. */
bool agent_wait_next(int watch, int64_t end);

#endif
