/* A call answered without the agent and kept for it: docs/decisions/0007. */
#ifndef FDPIPE_DEFERRED_CALL_H
#define FDPIPE_DEFERRED_CALL_H

#include "cni/call.h"
#include "lib/buf.h"

/* The call as the agent takes it: a header line, the environment, standard input. */
struct cni_message {
	char header[64];
	struct span parts[3];
};

void cni_message_write(
	struct cni_message *message, const struct cni_call *call, const struct buf *env);

/* Writes the message into the state directory, atomically. A failure to write is ignored: a pod
 * without pairs must not fail because of us. */
void deferred_call_save(const struct cni_call *call, const struct cni_message *message);

/* Removes it: the pod has ended. */
void deferred_call_drop(const struct cni_call *call);

/* The path of this container's file in a subdirectory of the state directory. */
bool cni_state_path(const struct cni_call *call, const char *subdirectory, char *path, size_t size);

#endif
