/* Which links make a pair. Pure: the links of one dump in, the pair's members out. */
#ifndef FDPIPE_PAIRING_H
#define FDPIPE_PAIRING_H

#include "net/link.h"

struct pairing {
	const struct link *netvsc, *vf, *tap;
	bool joined;   /* the VF is the NetVSC's lower device */
	bool conflict; /* more than one could be its VF */
};

/* The NetVSC is known by its index once it was found, by its name before (netvsc_index 0). */
void pairing_find(struct pairing *p, const struct links *links, int32_t netvsc_index,
	const char *netvsc, const char *tap);

#endif
