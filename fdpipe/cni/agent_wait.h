/* Waiting for an agent that is away: the last thing that a new one does before it serves is to put
 * its socket in place.
 */
#ifndef FDPIPE_AGENT_WAIT_H
#define FDPIPE_AGENT_WAIT_H

#include "cni/call.h"

#include <stdint.h>

/* Begins to watch; look for the agent after this, so that its return is not missed. -1: cannot. */
int cni_back_watch(const struct cni_call *call);

/* Waits until a socket was put in place, but not past the end. */
bool cni_back_wait(int watch, int64_t end);

#endif
