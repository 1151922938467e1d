#include "sidecar/line_record.h"
#include "lib/buf.h"
#include "lib/state_file.h"

#include <string.h>

#define KIND ".line"
#define RECORD_SIZE (LINE_SIZE + 32)

static const char *const words[] = {"none", "offered", "taken"};

void line_record_save(const struct line_record *r, const char *dir, const char *pair)
{
	char text[RECORD_SIZE];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_str(&b, words[r->state]);
	buf_str(&b, " ");
	buf_num(&b, (uint64_t)r->vf);
	buf_str(&b, " ");
	buf_str(&b, r->line);
	state_file_save(dir, pair, KIND, b.p, b.len);
}

/* Cuts the text at its next space; what follows that, or NULL. */
static char *cut(char *text)
{
	char *space = text ? strchr(text, ' ') : NULL;

	if (!space)
		return NULL;
	*space = '\0';
	return space + 1;
}

static enum line_state state_of(const char *word)
{
	for (unsigned i = LINE_OFFERED; i <= LINE_TAKEN; i++)
		if (!strcmp(words[i], word))
			return (enum line_state)i;
	return LINE_NONE;
}

/* A malformed record counts as none. */
static void parse(struct line_record *r, char *text)
{
	char *vf = cut(text), *line = cut(vf);
	uint64_t index;

	if (!line || !parse_num(vf, 1, INT32_MAX, &index) ||
		!copy_str(r->line, sizeof(r->line), line))
		return;
	r->vf = (int32_t)index;
	r->state = state_of(text);
}

void line_record_load(struct line_record *r, const char *dir, const char *pair)
{
	char text[RECORD_SIZE];

	memset(r, 0, sizeof(*r));
	if (state_file_load(dir, pair, KIND, text, sizeof(text)))
		parse(r, text);
}
