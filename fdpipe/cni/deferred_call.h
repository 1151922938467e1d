/* A call that went through without the agent, written down for it: docs/decisions/0007. */
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

/* Leaves the message in the state folder, in one step; what cannot be written is let go, for a pod
 * that has no pairs must not fail because of us. */
void deferred_call_save(const struct cni_call *call, const struct cni_message *message);

/* Takes it back: the pod has ended. */
void deferred_call_drop(const struct cni_call *call);

/* A file of this container, in a folder of the state folder. */
bool cni_state_path(const struct cni_call *call, const char *folder, char *path, size_t size);

#endif
