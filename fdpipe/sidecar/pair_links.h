/* One pair's links. State comes from the dump, removals are counted from the messages. */
#ifndef FDPIPE_PAIR_LINKS_H
#define FDPIPE_PAIR_LINKS_H

#include "lib/limits.h"
#include "net/rtnetlink.h"

struct pair_links {
	const char *number;      /* the pair's, for the log */
	int32_t netvsc, vf, tap; /* ifindex; 0: not there */
	bool joined, conflict, tap_up;
	bool leaving;      /* by the last messages its removal may have begun */
	uint32_t instance; /* changes whenever the VF went, however briefly */
	uint32_t shape;    /* changes with its name, address or driver */
	int32_t verbs;     /* number of its verbs device, -1: none */
	uint8_t mac[6];
	char interface[NAME_SIZE], pci[PCI_SIZE], driver[DRIVER_SIZE];
	int32_t left; /* ifindex missing in a dump before its message came; 0: none */
	uint32_t losses, moves, overruns;
	int64_t gone_at;
	char gone[PCI_SIZE]; /* the VF whose removal is not logged yet; empty: none */
};

/* Applies the removals that concern this pair. Before pair_links_update() in the same turn. */
void pair_links_apply(struct pair_links *l, const struct link_events *events);

/* Logs a removal. Acting on it comes first. */
void pair_links_log(struct pair_links *l);

void pair_links_update(struct pair_links *l, const struct links *links, const char *netvsc,
	const char *tap, const char *sysfs);

#endif
