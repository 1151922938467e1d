/*
 * Simulation: veths have no parent device and cannot be a NetVSC's masters, so link aliases stand
 * for both. Built with -DSIM only; the shipped program has no such option, and these do
 * nothing.
 */
#ifndef FDPIPE_SIM_H
#define FDPIPE_SIM_H

#include "net/link.h"

#ifdef SIM
/* Turns the simulation on, if the option is its own. */
bool sim_option(const char *option);

/* sim:vmbus:<guid> or sim:pci:<address>[;master=<mac>]: sets the parent; true: on the pci bus. */
bool sim_alias(struct link *l, const char *alias);

/* Gives the index of the NetVSC to each link that named it as its master. */
void sim_masters(struct links *links);
#else
static inline bool sim_option(const char *option)
{
	(void)option;
	return false;
}

static inline bool sim_alias(struct link *l, const char *alias)
{
	(void)l;
	(void)alias;
	return false;
}

static inline void sim_masters(struct links *links)
{
	(void)links;
}
#endif

#endif
