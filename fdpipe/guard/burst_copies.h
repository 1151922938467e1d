/*
 * The copies of a port's burst functions that lcores call: rte_eth_fp_ops[port] (DPDK 21.11 and
 * later). A part of guard.so.
 */
#ifndef GUARD_BURST_COPIES_H
#define GUARD_BURST_COPIES_H

#include <stddef.h>
#include <stdint.h>

#define LOAD(place) __atomic_load_n((place), __ATOMIC_ACQUIRE)
#define STORE(place, value) __atomic_store_n((place), (value), __ATOMIC_RELEASE)

enum { ENTRY_WORDS = 16 };

struct bursts {
	void *rx, *tx;
};

/* Where the copies of one port are; `words` is 0 where that is not known. */
struct copies {
	void **entry;
	size_t words;
};

/* What stood in a port's entry at one moment, if that has the usual size. */
struct copies_past {
	void *words[ENTRY_WORDS];
};

void copies_note(char *table, uint16_t port, struct copies_past *past);
int copies_held(const struct copies_past *past, struct bursts bursts);

/* The entry of this port: it holds both bursts, at whatever places. */
struct copies copies_find(char *table, uint16_t port, struct bursts bursts);

int copies_hold(const struct copies *copies, struct bursts bursts);

/* Puts the new bursts where the old ones stand; returns whether there was one to replace. */
int copies_renew(const struct copies *copies, struct bursts old, struct bursts new);

#endif
