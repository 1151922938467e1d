/* The links of one network namespace, as one dump has them. */
#ifndef FDPIPE_LINK_H
#define FDPIPE_LINK_H

#include "lib/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct link {
	int32_t index, master;
	uint8_t mac[6];
	uint8_t sim_master[6]; /* simulation only: the master's MAC */
	bool up, has_mac, sim_netvsc, sim_joined;
	char name[NAME_SIZE];
	char pci[PCI_SIZE]; /* parent on the pci bus; empty: another bus, or none */
};

struct links {
	struct link v[MAX_LINKS];
	unsigned count;
	bool overflow; /* there were more than MAX_LINKS */
};

#endif
