/* One CNI call as the runtime makes it (CNI specification 1.1.0 and its predecessors). */
#ifndef FDPIPE_CALL_H
#define FDPIPE_CALL_H

#include "cni/json_scan.h"

#define CNI_STDIN_SIZE (256 * 1024)
#define CNI_NEWEST "1.1.0"

enum cni_command { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERSION, CNI_NONE };

/* The specification's error codes. */
enum cni_code {
	CNI_OK = 0,
	CNI_BAD_VERSION = 1,
	CNI_BAD_ENVIRONMENT = 4,
	CNI_IO = 5,
	CNI_BAD_JSON = 6,
	CNI_TRY_AGAIN = 11,
};

struct cni_call {
	enum cni_command command;
	struct span config;      /* all of standard input */
	char version[8];         /* the requested one if supported, else the newest */
	const char *container;   /* safe as a file name; "" where the command has none */
	char state[64];          /* the agent's state directory */
	struct span prev_result; /* empty where there is none */
	bool annotated;          /* the webhook's annotation says that the pod has pairs */
	bool delegates;          /* there is an ipam section */
};

/* Reads environment and standard input. If not CNI_OK, *why says what is wrong. */
enum cni_code cni_call_read(struct cni_call *call, const char **why);

#endif
