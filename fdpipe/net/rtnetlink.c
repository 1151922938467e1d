#include "net/rtnetlink.h"
#include "lib/buf.h"
#include "net/sim.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#define MAX_EVENTS 1024 /* per turn: a flood must not delay the dump */
#define DUMP_TRIES 5    /* a dump interrupted by a change is repeated */

static _Alignas(struct nlmsghdr) char reply[32768]; /* the kernel's messages are no larger */
static uint32_t sequence;

static int route_socket(uint32_t groups)
{
	struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&self, sizeof(self)) == 0)
		return fd;
	close(fd);
	return -1;
}

int rtnetlink_subscribe(void)
{
	return route_socket(RTMGRP_LINK);
}

int rtnetlink_open(void)
{
	return route_socket(0);
}

/* One datagram from the kernel. 0 and errno EAGAIN: there is none, EPROTO: it was truncated. */
static size_t receive(int fd)
{
	struct sockaddr_nl from;
	struct iovec space = {.iov_base = reply, .iov_len = sizeof(reply)};
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from)};
	ssize_t n;

	m.msg_iov = &space;
	m.msg_iovlen = 1;
	do {
		m.msg_namelen = sizeof(from);
		n = recvmsg(fd, &m, MSG_DONTWAIT);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return 0;
	if (n == 0 || m.msg_flags & MSG_TRUNC) {
		errno = EPROTO;
		return 0;
	}
	return (size_t)n;
}

/*
 * The system's macros step over padding that may be missing and let the remaining length wrap
 * around; these end where the datagram or the message ends. NULL: no more.
 */
static const struct nlmsghdr *message_at(const void *p, size_t left)
{
	return NLMSG_OK((const struct nlmsghdr *)p, left) ? p : NULL;
}

static const struct nlmsghdr *next_message(const struct nlmsghdr *h, size_t *left)
{
	size_t step = NLMSG_ALIGN(h->nlmsg_len);

	if (step >= *left)
		return NULL;
	*left -= step;
	return message_at((const char *)h + step, *left);
}

static const struct rtattr *attr_at(const void *p, size_t left)
{
	return RTA_OK((const struct rtattr *)p, left) ? p : NULL;
}

static const struct rtattr *first_attr(const struct nlmsghdr *h, size_t *left)
{
	size_t head = NLMSG_SPACE(sizeof(struct ifinfomsg));

	if (h->nlmsg_len < head)
		return NULL;
	*left = h->nlmsg_len - head;
	return attr_at((const char *)h + head, *left);
}

static const struct rtattr *next_attr(const struct rtattr *a, size_t *left)
{
	size_t step = RTA_ALIGN(a->rta_len);

	if (step >= *left)
		return NULL;
	*left -= step;
	return attr_at((const char *)a + step, *left);
}

static bool text_attr(const struct rtattr *a, char *to, size_t size)
{
	size_t n = strnlen(RTA_DATA(a), RTA_PAYLOAD(a));

	if (n >= size)
		return false;
	memcpy(to, RTA_DATA(a), n);
	to[n] = '\0';
	return true;
}

/* The message for a link that moved to another namespace has that namespace's id. */
static bool moved(const struct nlmsghdr *h)
{
	size_t left;

	for (const struct rtattr *a = first_attr(h, &left); a; a = next_attr(a, &left))
		if (a->rta_type == IFLA_NEW_NETNSID)
			return true;
	return false;
}

static bool hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n;
}

/* dddd:bb:dd.f, and domains of up to eight digits. */
static bool is_pci(const char *s)
{
	size_t domain = strcspn(s, ":");

	return domain >= 4 && domain <= 8 && hex(s, domain) && strlen(s) == domain + 8 &&
	       hex(s + domain + 1, 2) && s[domain + 3] == ':' && hex(s + domain + 4, 2) &&
	       s[domain + 6] == '.' && s[domain + 7] >= '0' && s[domain + 7] <= '7';
}

static void set_attr(struct link *l, const struct rtattr *a, bool *on_pci)
{
	char bus[8], alias[ALIAS_SIZE];

	switch (a->rta_type) {
	case IFLA_IFNAME:
		text_attr(a, l->name, sizeof(l->name));
		break;
	case IFLA_ADDRESS:
		l->has_mac = RTA_PAYLOAD(a) == sizeof(l->mac);
		if (l->has_mac)
			memcpy(l->mac, RTA_DATA(a), sizeof(l->mac));
		break;
	case IFLA_MASTER:
		if (RTA_PAYLOAD(a) >= sizeof(l->master))
			memcpy(&l->master, RTA_DATA(a), sizeof(l->master));
		break;
	case IFLA_PARENT_DEV_NAME:
		if (!text_attr(a, l->pci, sizeof(l->pci)))
			l->pci[0] = '\0';
		break;
	case IFLA_PARENT_DEV_BUS_NAME:
		*on_pci = text_attr(a, bus, sizeof(bus)) && !strcmp(bus, "pci");
		break;
	case IFLA_IFALIAS:
		if (text_attr(a, alias, sizeof(alias)) && sim_alias(l, alias))
			*on_pci = true;
		break;
	default:
		break;
	}
}

static bool parse(const struct nlmsghdr *h, struct link *l)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	bool on_pci = false;
	size_t left;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || h->nlmsg_type != RTM_NEWLINK)
		return false;
	memset(l, 0, sizeof(*l));
	l->index = info->ifi_index;
	l->up = info->ifi_flags & IFF_UP;
	for (const struct rtattr *a = first_attr(h, &left); a; a = next_attr(a, &left))
		set_attr(l, a, &on_pci);
	if (!on_pci || !is_pci(l->pci))
		l->pci[0] = '\0';
	return true;
}

static void note(struct link_events *events, int32_t index, enum link_event how)
{
	if (events->count == MAX_LINK_EVENTS) {
		events->overrun = true;
		return;
	}
	events->v[events->count].index = index;
	events->v[events->count].how = how;
	events->count++;
}

static void note_gone(const struct nlmsghdr *h, struct link_events *events)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	struct link l;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->ifi_family != AF_UNSPEC)
		return; /* bridges send the same messages for their ports */
	if (h->nlmsg_type == RTM_DELLINK)
		note(events, info->ifi_index, moved(h) ? LINK_MOVED : LINK_REMOVED);
	else if (parse(h, &l) && l.pci[0] && (!l.up || (!l.master && !l.sim_joined)))
		note(events, l.index, LINK_LEAVING);
}

bool rtnetlink_read(int fd, struct link_events *events)
{
	for (int i = 0; i < MAX_EVENTS; i++) {
		size_t n = receive(fd);

		if (!n && (errno == ENOBUFS || errno == EPROTO)) {
			events->overrun = true;
			continue;
		}
		if (!n)
			return errno == EAGAIN;
		events->any = true;
		for (const struct nlmsghdr *h = message_at(reply, n); h; h = next_message(h, &n))
			note_gone(h, events);
	}
	return true;
}

static void keep(struct links *links, const struct nlmsghdr *h, link_filter *wanted)
{
	struct link *l;

	if (links->count == MAX_LINKS) {
		links->overflow = true;
		return;
	}
	l = &links->v[links->count];
	if (parse(h, l) && (l->pci[0] || l->sim_netvsc || wanted(l)))
		links->count++;
}

static bool request(int fd)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
		struct rtattr attr;
		uint32_t mask;
	} ask = {
		.h = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_seq = ++sequence,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.attr = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_EXT_MASK},
		.mask = RTEXT_FILTER_SKIP_STATS,
	};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	return sendto(fd, &ask, sizeof(ask), 0, (struct sockaddr *)&kernel, sizeof(kernel)) ==
	       (ssize_t)sizeof(ask);
}

static bool failed(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);

	if (h->nlmsg_type != NLMSG_ERROR)
		return false;
	errno = EPROTO;
	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) && e->error < 0 && e->error != INT32_MIN)
		errno = -e->error;
	return true;
}

/* 1: complete, 0: interrupted by a change, -1: errno. */
static int collect(int fd, struct links *links, link_filter *wanted)
{
	bool interrupted = false;

	for (;;) {
		size_t n = receive(fd);

		if (!n)
			return -1;
		for (const struct nlmsghdr *h = message_at(reply, n); h; h = next_message(h, &n)) {
			if (h->nlmsg_seq != sequence)
				continue; /* of an earlier dump */
			if (failed(h))
				return -1;
			interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (h->nlmsg_type == NLMSG_DONE)
				return !interrupted;
			keep(links, h, wanted);
		}
	}
}

bool rtnetlink_dump(int fd, struct links *links, link_filter *wanted)
{
	int result = 0;

	for (int i = 0; i < DUMP_TRIES && !result; i++) {
		links->count = 0;
		links->overflow = false;
		result = request(fd) ? collect(fd, links, wanted) : -1;
	}
	if (!result)
		errno = EAGAIN;
	sim_masters(links);
	return result > 0;
}
