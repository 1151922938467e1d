/* The devargs line: a template with {pci}, {pcihex}, {mac} and {interface} filled in. Pure. */
#ifndef FDPIPE_DEVARGS_TEMPLATE_H
#define FDPIPE_DEVARGS_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

struct devargs_values {
	const char *pci;       /* 9b33:00:02.0 */
	const char *mac;       /* 00:0d:3a:c0:00:11 */
	const char *interface; /* the VF's name */
};

/* NULL, or what is wrong with it. */
const char *devargs_template_check(const char *text);

/* False: the line would be longer than size - 1. */
bool devargs_template_render(
	const char *text, const struct devargs_values *v, char *line, size_t size);

#endif
