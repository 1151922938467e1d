/* What is known of the kernel drivers of Azure's VFs. The table is netvsc/drivers.py. Pure. */
#ifndef FDPIPE_DRIVERS_H
#define FDPIPE_DRIVERS_H

#include <stdbool.h>

/* Does DPDK reach a VF of this driver through a verbs device? */
bool driver_needs_verbs(const char *name);

/* The devargs template for its VFs where the pool gives none. */
const char *driver_template(const char *name);

#endif
