/* `ready`: for the startup probe; the sidecar answers as soon as its pipes and files are there. */
#include "client/client.h"
#include "lib/log.h"
#include "commands/commands.h"

#include <stddef.h>

int verb_ready(char **argv)
{
	if (argv[0])
		return complain(EXIT_USAGE, "ready", "takes no arguments", NULL);
	return client_print("ready\n");
}
