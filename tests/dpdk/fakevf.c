/*
 * net_fakevf: a stand-in for the VF of an accelerated NIC, for tests on machines without one.
 *
 *   net_fakevf_<anything>,iface=<netdev>[,fail=start]
 *
 * What it has in common with mlx5 and mana, as fail-safe sees them:
 *   - it probes only while its netdev exists (-ENODEV otherwise);
 *   - when the netdev goes, the kernel says so and the port raises RTE_ETH_EVENT_INTR_RMV;
 *   - its private data is freed at release, so whoever polls it then dies of it.
 * Frames go by an AF_PACKET socket on the netdev; every queue shares it.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "driver.h"

#include <rte_interrupts.h>
#include <rte_kvargs.h>
#include <rte_malloc.h>

#define FRAME_MAX 2048

struct fakevf {
	char netdev[IFNAMSIZ];
	unsigned int ifindex;
	int frames; /* AF_PACKET */
	bool gone;
	bool fails_at_start;
	struct rte_intr_handle *news; /* rtnetlink */
	struct rte_mempool *pool;
	struct rte_eth_dev *port;
	struct rte_eth_stats stats;
	struct rte_ether_addr mac;
};

static void say(const struct fakevf *vf, const char *what)
{
	printf("fakevf: %s %s\n", vf->netdev, what);
	fflush(stdout);
}

/* ---- frames ---- */

static struct rte_mbuf *receive(struct fakevf *vf)
{
	char frame[FRAME_MAX];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t got;

	do
		got = recvfrom(
			vf->frames, frame, sizeof(frame), MSG_DONTWAIT, (void *)&from, &size);
	while (got > 0 && from.sll_pkttype == PACKET_OUTGOING);
	struct rte_mbuf *mbuf = got > 0 ? rte_pktmbuf_alloc(vf->pool) : NULL;
	if (!mbuf)
		return NULL;
	memcpy(rte_pktmbuf_append(mbuf, got), frame, got);
	mbuf->port = vf->port->data->port_id;
	vf->stats.ipackets++;
	vf->stats.ibytes += got;
	return mbuf;
}

static uint16_t rx_burst(void *queue, struct rte_mbuf **mbufs, uint16_t wanted)
{
	uint16_t count = 0;

	while (count < wanted && (mbufs[count] = receive(queue)))
		count++;
	return count;
}

static uint16_t tx_burst(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	struct fakevf *vf = queue;

	for (uint16_t i = 0; i < count; i++) {
		const void *frame = rte_pktmbuf_mtod(mbufs[i], void *);

		if (send(vf->frames, frame, mbufs[i]->data_len, MSG_DONTWAIT) > 0) {
			vf->stats.opackets++;
			vf->stats.obytes += mbufs[i]->data_len;
		}
		rte_pktmbuf_free(mbufs[i]);
	}
	return count;
}

/* ---- the netdev goes ---- */

static bool is_farewell(const struct fakevf *vf, const struct nlmsghdr *message)
{
	const struct ifinfomsg *link = NLMSG_DATA(message);

	return message->nlmsg_type == RTM_DELLINK && (unsigned int)link->ifi_index == vf->ifindex;
}

/* Whatever is said, and however much of it was lost: what counts is whether the netdev is there. */
static void hear(void *arg)
{
	struct fakevf *vf = arg;
	char news[8192], name[IFNAMSIZ];
	ssize_t size = recv(rte_intr_fd_get(vf->news), news, sizeof(news), MSG_DONTWAIT);
	bool farewell = false;

	for (struct nlmsghdr *m = (void *)news; size > 0 && NLMSG_OK(m, (size_t)size);
		m = NLMSG_NEXT(m, size))
		farewell |= is_farewell(vf, m);
	if (vf->gone || (!farewell && if_indextoname(vf->ifindex, name)))
		return;
	vf->gone = true;
	say(vf, "gone");
	rte_eth_dev_callback_process(vf->port, RTE_ETH_EVENT_INTR_RMV, NULL);
}

static int listen_for_news(struct fakevf *vf)
{
	struct sockaddr_nl links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int news = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	vf->news = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (news < 0 || !vf->news || bind(news, (void *)&links, sizeof(links)) < 0)
		return -errno;
	rte_intr_fd_set(vf->news, news);
	rte_intr_type_set(vf->news, RTE_INTR_HANDLE_EXT);
	return rte_intr_callback_register(vf->news, hear, vf);
}

/* ---- the port's operations ---- */

static int configure(struct rte_eth_dev *port __rte_unused)
{
	return 0;
}

static void set_queues(struct rte_eth_dev *port, uint8_t state)
{
	memset(port->data->rx_queue_state, state, port->data->nb_rx_queues);
	memset(port->data->tx_queue_state, state, port->data->nb_tx_queues);
}

static int start(struct rte_eth_dev *port)
{
	struct fakevf *vf = port->data->dev_private;

	if (vf->fails_at_start) {
		say(vf, "fails to start");
		return -EINVAL; /* fail-safe takes EIO for "removed" and tries the same device again
				 */
	}
	port->data->dev_link.link_status = RTE_ETH_LINK_UP;
	set_queues(port, RTE_ETH_QUEUE_STATE_STARTED);
	return 0;
}

static int stop(struct rte_eth_dev *port)
{
	port->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
	set_queues(port, RTE_ETH_QUEUE_STATE_STOPPED);
	return 0;
}

static int close_port(struct rte_eth_dev *port)
{
	struct fakevf *vf = port->data->dev_private;

	rte_intr_callback_unregister_sync(
		vf->news, hear, vf); /* it may just be hearing something */
	close(rte_intr_fd_get(vf->news));
	rte_intr_instance_free(vf->news);
	close(vf->frames);
	port->data->mac_addrs = NULL; /* part of the private data, which ethdev frees */
	return 0;
}

static int info(struct rte_eth_dev *port, struct rte_eth_dev_info *info)
{
	const struct fakevf *vf = port->data->dev_private;

	info->if_index = vf->ifindex;
	info->max_mac_addrs = 1;
	info->max_rx_pktlen = FRAME_MAX;
	info->max_mtu = FRAME_MAX - RTE_ETHER_HDR_LEN;
	info->max_rx_queues = 16;
	info->max_tx_queues = 16;
	return 0;
}

static int rx_queue(struct rte_eth_dev *port, uint16_t queue, uint16_t size __rte_unused,
	unsigned int socket __rte_unused, const struct rte_eth_rxconf *conf __rte_unused,
	struct rte_mempool *pool)
{
	struct fakevf *vf = port->data->dev_private;

	vf->pool = pool;
	port->data->rx_queues[queue] = vf;
	return 0;
}

static int tx_queue(struct rte_eth_dev *port, uint16_t queue, uint16_t size __rte_unused,
	unsigned int socket __rte_unused, const struct rte_eth_txconf *conf __rte_unused)
{
	port->data->tx_queues[queue] = port->data->dev_private;
	return 0;
}

static int link_update(struct rte_eth_dev *port, int wait __rte_unused)
{
	port->data->dev_link.link_speed = RTE_ETH_SPEED_NUM_10G;
	port->data->dev_link.link_duplex = RTE_ETH_LINK_FULL_DUPLEX;
	return 0;
}

static int stats_get(struct rte_eth_dev *port, struct rte_eth_stats *stats)
{
	const struct fakevf *vf = port->data->dev_private;

	*stats = vf->stats;
	return 0;
}

static int stats_reset(struct rte_eth_dev *port)
{
	struct fakevf *vf = port->data->dev_private;

	memset(&vf->stats, 0, sizeof(vf->stats));
	return 0;
}

static int accept_mode(struct rte_eth_dev *port __rte_unused)
{
	return 0;
}

static int accept_mac(
	struct rte_eth_dev *port __rte_unused, struct rte_ether_addr *mac __rte_unused)
{
	return 0;
}

static int accept_mtu(struct rte_eth_dev *port __rte_unused, uint16_t mtu __rte_unused)
{
	return 0;
}

static void *const operations[OPS] = {
	[OP_CONFIGURE] = configure,
	[OP_START] = start,
	[OP_STOP] = stop,
	[OP_CLOSE] = close_port,
	[OP_INFOS_GET] = info,
	[OP_SET_LINK_UP] = accept_mode,
	[OP_SET_LINK_DOWN] = accept_mode,
	[OP_RX_QUEUE_SETUP] = rx_queue,
	[OP_TX_QUEUE_SETUP] = tx_queue,
	[OP_LINK_UPDATE] = link_update,
	[OP_STATS_GET] = stats_get,
	[OP_STATS_RESET] = stats_reset,
	[OP_PROMISCUOUS_ENABLE] = accept_mode,
	[OP_PROMISCUOUS_DISABLE] = accept_mode,
	[OP_ALLMULTICAST_ENABLE] = accept_mode,
	[OP_ALLMULTICAST_DISABLE] = accept_mode,
	[OP_MAC_ADDR_SET] = accept_mac,
	[OP_MTU_SET] = accept_mtu,
};

/* ---- probe and remove ---- */

static int read_text(const char *key __rte_unused, const char *value, void *text)
{
	snprintf(text, IFNAMSIZ, "%s", value);
	return 0;
}

static int parse(struct fakevf *vf, const char *arguments)
{
	static const char *const keys[] = {"iface", "fail", NULL};
	char fail[IFNAMSIZ] = "";
	struct rte_kvargs *given = rte_kvargs_parse(arguments, keys);

	if (!given)
		return -EINVAL;
	rte_kvargs_process(given, "iface", read_text, vf->netdev);
	rte_kvargs_process(given, "fail", read_text, fail);
	rte_kvargs_free(given);
	vf->fails_at_start = !strcmp(fail, "start");
	vf->ifindex = if_nametoindex(vf->netdev);
	if (!vf->ifindex)
		say(vf, "is not there");
	return vf->ifindex ? 0 : -ENODEV;
}

static int open_netdev(struct fakevf *vf)
{
	struct sockaddr_ll on = {.sll_family = AF_PACKET, .sll_ifindex = vf->ifindex};
	struct ifreq request = {0};

	on.sll_protocol = htons(ETH_P_ALL);
	vf->frames = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (vf->frames < 0 || bind(vf->frames, (void *)&on, sizeof(on)) < 0)
		return -errno;
	memcpy(request.ifr_name, vf->netdev, IFNAMSIZ);
	if (ioctl(vf->frames, SIOCGIFHWADDR, &request) < 0)
		return -errno;
	memcpy(vf->mac.addr_bytes, request.ifr_hwaddr.sa_data, RTE_ETHER_ADDR_LEN);
	return 0;
}

static struct rte_eth_dev *allocate(struct rte_device *device, size_t size)
{
	struct rte_eth_dev *port = rte_eth_dev_allocate(rte_dev_name(device));

	if (!port)
		return NULL;
	port->data->dev_private = rte_zmalloc("fakevf", size, 0);
	port->device = device;
	if (port->data->dev_private)
		return port;
	rte_eth_dev_release_port(port);
	return NULL;
}

static int attach(struct fakevf *vf, struct rte_vdev_device *device)
{
	struct rte_eth_dev *port = allocate(device_of(device), sizeof(*vf));

	if (!port)
		return -ENOMEM;
	vf->port = port;
	memcpy(port->data->dev_private, vf, sizeof(*vf));
	vf = port->data->dev_private;
	port->data->mac_addrs = &vf->mac;
	port->data->dev_flags |= RTE_ETH_DEV_INTR_RMV;
	port->dev_ops = operations;
	port->rx_pkt_burst = rx_burst;
	port->tx_pkt_burst = tx_burst;
	int error = listen_for_news(vf);
	if (error) {
		port->data->mac_addrs = NULL;
		rte_eth_dev_release_port(port);
		return error;
	}
	rte_eth_dev_probing_finish(port);
	printf("fakevf: %s probed as port %u\n", vf->netdev, port->data->port_id);
	fflush(stdout);
	return 0;
}

static int probe(struct rte_vdev_device *device)
{
	struct fakevf vf = {.frames = -1};
	const struct rte_devargs *given = rte_dev_devargs(device_of(device));
	int error = parse(&vf, given ? given->args : "");

	if (!error)
		error = open_netdev(&vf);
	if (!error)
		error = attach(&vf, device);
	if (error && vf.frames >= 0)
		close(vf.frames);
	return error;
}

static int detach(struct rte_vdev_device *device)
{
	const char *name = rte_dev_name(device_of(device));
	struct rte_eth_dev *port = rte_eth_dev_allocated(name);

	printf("fakevf: %s removed\n", name);
	fflush(stdout);
	return port ? rte_eth_dev_close(port->data->port_id) : 0;
}

static struct rte_vdev_driver driver = {.name = "net_fakevf", .probe = probe, .remove = detach};

RTE_INIT(register_driver)
{
	rte_vdev_register(&driver);
}
