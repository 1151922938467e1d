#include "lib/drivers.h"
#include "lib/driver_table.h"

#include <stddef.h>
#include <string.h>

static const struct driver {
	const char *name, *template;
	bool verbs;
} drivers[] = {DRIVER_TABLE};

static const struct driver *find(const char *name)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(drivers[i].name, name))
			return &drivers[i];
	return NULL;
}

bool driver_needs_verbs(const char *name)
{
	const struct driver *d = find(name);

	return d && d->verbs;
}

const char *driver_template(const char *name)
{
	const struct driver *d = find(name);

	return d ? d->template : DRIVER_DEFAULT_TEMPLATE;
}
