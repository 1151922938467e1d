/*
 * What a driver sees of ethdev and of the vdev bus, as far as the stand-in VF needs it. Debian
 * ships the headers for applications alone, so the shapes are declared here: one up to DPDK 23.07,
 * one since 23.11, and a bus that changed in 26.07. A long-term release keeps its own, its ABI is
 * stable. Facts from lib/ethdev/ethdev_driver.h and drivers/bus/vdev/bus_vdev_driver.h
 * of 22.11.11, 24.11.6, 25.11.2 and main (26.11-rc0); test_lines.py holds them against the headers
 * where these are at hand.
 */
#ifndef SIM_DRIVER_H
#define SIM_DRIVER_H

#include <stddef.h>

#include <rte_common.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_ethdev.h>
#include <rte_version.h>

#define SHAPE(until_2307, since_2311)                                                              \
	(RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0) ? (until_2307) : (since_2311))

struct rte_eth_dev_data {
	char name[64];
	void **rx_queues, **tx_queues;
	uint16_t nb_rx_queues, nb_tx_queues;
	char sriov[12];
	void *dev_private;
	struct rte_eth_link dev_link;
	char others[SHAPE(2400, 2408) - 112];
	struct rte_ether_addr *mac_addrs;
	char more[1032];
	uint16_t port_id;
	uint8_t flags;
	uint8_t rx_queue_state[1024], tx_queue_state[1024];
	uint32_t dev_flags;
	int numa_node;
};

struct rte_eth_dev {
	eth_rx_burst_t rx_pkt_burst;
	eth_tx_burst_t tx_pkt_burst;
	void *others[SHAPE(4, 7)];
	struct rte_eth_dev_data *data;
	void *process_private;
	void *const *dev_ops; /* functions by number, see below */
	void *more[SHAPE(0, 1)];
	struct rte_device *device;
};

/* The numbers of functions in struct eth_dev_ops. */
enum {
	OP_CONFIGURE,
	OP_START,
	OP_STOP,
	OP_SET_LINK_UP,
	OP_SET_LINK_DOWN,
	OP_CLOSE,
	OP_LINK_UPDATE = 7,
	OP_PROMISCUOUS_ENABLE = SHAPE(9, 12),
	OP_PROMISCUOUS_DISABLE,
	OP_ALLMULTICAST_ENABLE,
	OP_ALLMULTICAST_DISABLE,
	OP_MAC_ADDR_SET = SHAPE(15, 18),
	OP_MTU_SET = SHAPE(17, 20),
	OP_STATS_GET,
	OP_STATS_RESET,
	OP_INFOS_GET = SHAPE(24, 27),
	OP_RX_QUEUE_SETUP = SHAPE(41, 45),
	OP_TX_QUEUE_SETUP = SHAPE(45, 49),
	OPS = 256, /* more than there are: the rest is empty */
};

struct rte_vdev_device;

#define HAS_LIST_OF_ITS_OWN (RTE_VERSION < RTE_VERSION_NUM(26, 7, 0, 0))

struct rte_vdev_driver {
	void *next[HAS_LIST_OF_ITS_OWN ? 2 : 0];
	void *next_driver[2]; /* struct rte_driver */
	const char *name, *alias;
	const void *bus[HAS_LIST_OF_ITS_OWN ? 0 : 1];
	int (*probe)(struct rte_vdev_device *device);
	int (*remove)(struct rte_vdev_device *device);
	void *dma_map, *dma_unmap;
	uint32_t flags;
};

#define DEVICE_IN_VDEV                                                                             \
	(HAS_LIST_OF_ITS_OWN ? 16 : 0) /* struct rte_device in struct rte_vdev_device */

/* Of ethdev and the bus, for drivers. */
struct rte_eth_dev *rte_eth_dev_allocate(const char *name);
struct rte_eth_dev *rte_eth_dev_allocated(const char *name);
int rte_eth_dev_release_port(struct rte_eth_dev *port);
void rte_eth_dev_probing_finish(struct rte_eth_dev *port);
int rte_eth_dev_callback_process(
	struct rte_eth_dev *port, enum rte_eth_event_type event, void *param);
void rte_vdev_register(struct rte_vdev_driver *driver);

static inline struct rte_device *device_of(struct rte_vdev_device *vdev)
{
	return (struct rte_device *)((char *)vdev + DEVICE_IN_VDEV);
}

#endif
