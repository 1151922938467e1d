/* Made from netvsc/drivers.py by `make drivers`; do not edit. */
#ifndef FDPIPE_DRIVER_TABLE_H
#define FDPIPE_DRIVER_TABLE_H

#define DRIVER_DEFAULT_TEMPLATE "{pci}"

/* clang-format off */
#define DRIVER_TABLE \
	{"mlx5_core", "{pci}", true}, \
	{"mana", "{pci},mac={mac}", true}, \
	{"mlx4_core", "{pci}", true},
/* clang-format on */

#endif
