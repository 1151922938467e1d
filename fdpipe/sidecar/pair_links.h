/* What is seen of one pair. State comes from the dump, removals are counted from the messages. */
#ifndef FDPIPE_PAIR_LINKS_H
#define FDPIPE_PAIR_LINKS_H

#include "lib/limits.h"
#include "net/rtnetlink.h"

struct pair_links {
	const char *number;      /* the pair's, for the log */
	int32_t netvsc, vf, tap; /* ifindex; 0: not there */
	bool joined, conflict, tap_up;
	bool leaving;      /* the last messages look like the beginning of its removal */
	uint32_t instance; /* changes whenever the VF went, be it for an instant */
	uint32_t shape;    /* changes with its name, address or driver */
	int32_t verbs;     /* number of its verbs device, -1: none */
	uint8_t mac[6];
	char interface[NAME_SIZE], pci[PCI_SIZE], driver[DRIVER_SIZE];
	int32_t left; /* ifindex that was seen gone before its message came; 0: none */
	uint32_t losses, moves, overruns;
	int64_t gone_at;
	char gone[PCI_SIZE]; /* the VF whose going is not logged yet; empty: none */
};

/* Which of the removals were ours. Before pair_links_update() on the same wake. */
void pair_links_apply(struct pair_links *l, const struct link_events *events);

/* Logs what went. Acting on it comes first. */
void pair_links_log(struct pair_links *l);

void pair_links_update(struct pair_links *l, const struct links *links, const char *netvsc,
	const char *tap, const char *sysfs);

#endif
