/* What rtnetlink does not have of a PCI device: its driver and its verbs device. */
#ifndef FDPIPE_SYSFS_H
#define FDPIPE_SYSFS_H

#include <stddef.h>

/* The name of its driver; empty: none is bound. */
void sysfs_driver(const char *root, const char *pci, char *driver, size_t size);

/* N of its uverbsN, -1: none. */
int sysfs_verbs(const char *root, const char *pci);

#endif
