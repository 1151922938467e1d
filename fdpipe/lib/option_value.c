#include "lib/option_value.h"

#include <string.h>

const char *option_value(char **argv, int *at, const char *name)
{
	size_t n = strlen(name);
	const char *arg = argv[*at];

	if (strncmp(arg, name, n) != 0 || (arg[n] && arg[n] != '='))
		return NULL;
	(*at)++;
	if (arg[n])
		return arg + n + 1;
	return argv[*at] ? argv[(*at)++] : "";
}
