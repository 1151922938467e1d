#include "lib/guard_state.h"
#include "lib/state_file.h"

#include <string.h>

#define KIND ".guard"

static const char *const names[GUARD_STATES] = {
	"unknown",
	"loaded",
	"active",
	"partial",
	"unproven",
	"static",
	"secure",
	"absent",
	"off",
};

const char *guard_state_name(enum guard_state state)
{
	return names[state];
}

enum guard_state guard_state_by_name(const char *name)
{
	unsigned i = 0;

	while (i < GUARD_STATES && strcmp(names[i], name) != 0)
		i++;
	return (enum guard_state)i;
}

void guard_state_save(const char *dir, const char *pair, enum guard_state state)
{
	state_file_save(dir, pair, KIND, names[state], strlen(names[state]));
}

enum guard_state guard_state_load(const char *dir, const char *pair)
{
	char word[16];
	enum guard_state state;

	if (!state_file_load(dir, pair, KIND, word, sizeof(word)))
		return GUARD_UNKNOWN;
	state = guard_state_by_name(word);
	return state == GUARD_STATES ? GUARD_UNKNOWN : state;
}
