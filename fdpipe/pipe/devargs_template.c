#include "pipe/devargs_template.h"
#include "lib/buf.h"
#include "lib/limits.h"

#include <string.h>

static void hex_digits(struct buf *b, const char *pci)
{
	for (; *pci; pci++)
		if (*pci != ':' && *pci != '.')
			buf_bytes(b, pci, 1);
}

/* Appends the value of the placeholder that starts at text; returns its length, 0: it is none. */
static size_t fill(struct buf *b, const char *text, const struct devargs_values *v)
{
	static const char *const names[] = {"{pci}", "{mac}", "{interface}", "{pcihex}"};
	const char *const values[] = {v->pci, v->mac, v->interface, NULL};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(text, names[i], n) != 0)
			continue;
		if (values[i])
			buf_str(b, values[i]);
		else
			hex_digits(b, v->pci);
		return n;
	}
	return 0;
}

bool devargs_template_render(
	const char *text, const struct devargs_values *v, char *line, size_t size)
{
	struct buf b;

	buf_init(&b, line, size);
	while (*text) {
		size_t n = *text == '{' ? fill(&b, text, v) : 0;

		if (!n) {
			buf_bytes(&b, text, 1);
			n = 1;
		}
		text += n;
	}
	return !b.full;
}

const char *devargs_template_check(const char *text)
{
	static const struct devargs_values none = {"", "", ""};
	char space[LINE_SIZE];
	struct buf b;

	if (!*text)
		return "is empty";
	if (strlen(text) >= TEMPLATE_SIZE)
		return "is too long";
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return "has a control character";
		buf_init(&b, space, sizeof(space));
		if (*text == '{' && !fill(&b, text, &none))
			return "has a placeholder other than {pci}, {pcihex}, {mac}, {interface}";
	}
	return NULL;
}
