/* Waiting for an agent that does not answer: a new one renames its socket into place as the last
 * step before it serves.
 */
#ifndef FDPIPE_AGENT_WAIT_H
#define FDPIPE_AGENT_WAIT_H

#include "cni/call.h"

#include <stdint.h>

/* Begins to watch. Try to connect after this, so that no start is missed. -1: cannot. */
int agent_wait_open(const struct cni_call *call);

/* Waits until a socket was renamed into place, until `end` at most. */
bool agent_wait_next(int watch, int64_t end);

#endif
