#include "record.h"
#include "buf.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FLAGS (O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
#define RECORD_SIZE (LINE_SIZE + 32)

static const char *const words[] = {"none", "offered", "taken"};

static bool path_of(char *path, const char *dir, const char *pair)
{
	struct buf b;

	buf_init(&b, path, PATH_SIZE);
	buf_str(&b, dir);
	buf_str(&b, "/");
	buf_str(&b, pair);
	buf_str(&b, ".line");
	return !b.full;
}

void record_save(const struct record *r, const char *dir, const char *pair)
{
	char path[PATH_SIZE], text[RECORD_SIZE];
	struct buf b;
	int fd;

	if (!path_of(path, dir, pair))
		return;
	buf_init(&b, text, sizeof(text));
	buf_str(&b, words[r->state]);
	buf_str(&b, " ");
	buf_num(&b, (uint64_t)r->vf);
	buf_str(&b, " ");
	buf_str(&b, r->line);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | FLAGS, 0644);
	if (fd < 0 || write(fd, b.p, b.len) < 0)
		log_errno(pair, "unsaved", path, errno);
	if (fd >= 0)
		close(fd);
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

static enum record_state state_of(const char *word)
{
	for (unsigned i = RECORD_OFFERED; i <= RECORD_TAKEN; i++)
		if (!strcmp(words[i], word))
			return (enum record_state)i;
	return RECORD_NONE;
}

/* What is not as it was written says nothing. */
static void parse(struct record *r, char *text)
{
	char *vf = cut(text), *line = cut(vf);
	uint64_t index;

	if (!line || !parse_num(vf, 1, INT32_MAX, &index) ||
		!copy_str(r->line, sizeof(r->line), line))
		return;
	r->vf = (int32_t)index;
	r->state = state_of(text);
}

void record_load(struct record *r, const char *dir, const char *pair)
{
	char path[PATH_SIZE], text[RECORD_SIZE];
	ssize_t n;
	int fd;

	memset(r, 0, sizeof(*r));
	fd = path_of(path, dir, pair) ? open(path, O_RDONLY | FLAGS) : -1;
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	parse(r, text);
}
