#include "guard/burst_copies.h"

/*
 * An entry has 128 bytes since 21.11; the other sizes are for what may come. What stands where in
 * it is not assumed: up to 23.07 the rx burst is its first word, since 23.11 the third.
 */
static const size_t sizes[] = {128, 64, 192, 256};
#define USUAL_SIZE 128
#define TABLE_SIZE (32 * USUAL_SIZE) /* of 32 ports; behind it there may be no memory */

static struct copies candidate(char *table, uint16_t port, size_t i)
{
	size_t size = sizes[i], end = size * (port + 1UL);

	return (struct copies){
		.entry = (void **)(void *)(table + size * port),
		.words = size <= USUAL_SIZE || end <= TABLE_SIZE ? size / sizeof(void *) : 0,
	};
}

void copies_note(char *table, uint16_t port, struct copies_past *past)
{
	struct copies usual = candidate(table, port, 0);

	for (size_t i = 0; i < ENTRY_WORDS; i++)
		past->words[i] = LOAD(&usual.entry[i]);
}

static int hold(void *const *entry, size_t words, struct bursts bursts)
{
	int rx = 0, tx = 0;

	for (size_t i = 0; i < words; i++) {
		void *word = LOAD(&entry[i]);

		rx |= word == bursts.rx;
		tx |= word == bursts.tx;
	}
	return rx && tx && bursts.rx && bursts.tx;
}

int copies_hold(const struct copies *copies, struct bursts bursts)
{
	return hold(copies->entry, copies->words, bursts);
}

int copies_held(const struct copies_past *past, struct bursts bursts)
{
	return hold(past->words, ENTRY_WORDS, bursts);
}

struct copies copies_find(char *table, uint16_t port, struct bursts bursts)
{
	/* The usual one first: nothing behind the table is read where it has few ports. */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct copies one = candidate(table, port, i);

		if (copies_hold(&one, bursts))
			return one;
	}
	return (struct copies){NULL, 0};
}

int copies_renew(const struct copies *copies, struct bursts old, struct bursts new)
{
	int renewed = 0;

	for (size_t i = 0; i < copies->words; i++) {
		void *word = LOAD(&copies->entry[i]);
		void *now = word == old.rx ? new.rx : new.tx;

		if (!word || (word != old.rx && word != old.tx) || word == now)
			continue;
		STORE(&copies->entry[i], now);
		renewed = 1;
	}
	return renewed;
}
