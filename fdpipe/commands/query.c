/* The commands that ask the sidecar of this network namespace and print the answer. */
#include "client/caller.h"
#include "client/client.h"
#include "commands/commands.h"
#include "lib/buf.h"
#include "lib/exit_codes.h"
#include "lib/log.h"

#include <string.h>

/* `vf`, which fail-safe's exec(...) runs at each poll: prints the line, or nothing. */
int command_vf(char **argv)
{
	char request[32];
	struct buf b;

	if (!argv[0] || argv[1] || strlen(argv[0]) != 2)
		return complain(EXIT_USAGE, "vf", "takes the number of one pair", "such as 00");
	buf_init(&b, request, sizeof(request));
	buf_str(&b, "vf ");
	buf_str(&b, argv[0]);
	buf_str(&b, " ");
	buf_str(&b, guard_state_name(caller_guard()));
	buf_str(&b, "\n");
	return client_print(request);
}

/* `ready`, for the startup probe: the sidecar answers once its pipes and files are there. */
int command_ready(char **argv)
{
	if (argv[0])
		return complain(EXIT_USAGE, "ready", "takes no arguments", NULL);
	return client_print("ready\n");
}

/* `status`: what the sidecar knows, for people and scripts in the pod. */
int command_status(char **argv)
{
	if (argv[0])
		return complain(EXIT_USAGE, "status", "takes no arguments", NULL);
	return client_print("status\n");
}
