/* `vf NN`: what fail-safe's exec(...) runs at each poll. Its output is the line, or nothing. */
#include "client/caller.h"
#include "lib/buf.h"
#include "client/client.h"
#include "lib/log.h"
#include "commands/commands.h"

#include <string.h>

int verb_vf(char **argv)
{
	char request[32];
	struct buf b;

	if (!argv[0] || argv[1] || strlen(argv[0]) != 2)
		return complain(EXIT_USAGE, "vf", "takes the number of one pair", "such as 00");
	buf_init(&b, request, sizeof(request));
	buf_str(&b, "vf ");
	buf_str(&b, argv[0]);
	buf_str(&b, " ");
	buf_str(&b, guard_name(ancestors_guard()));
	buf_str(&b, "\n");
	return client_print(request);
}
