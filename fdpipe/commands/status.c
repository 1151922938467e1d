/* `status`: what the sidecar knows, for people and scripts in the pod. */
#include "client/client.h"
#include "lib/log.h"
#include "commands/commands.h"

#include <stddef.h>

int verb_status(char **argv)
{
	if (argv[0])
		return complain(EXIT_USAGE, "status", "takes no arguments", NULL);
	return client_print("status\n");
}
