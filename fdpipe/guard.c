/*
 * guard.so: preloaded into a DPDK application, it keeps the application alive when DPDK's fail-safe
 * driver loses a sub-device. Three faults of the driver are made up for (docs/guard.md):
 *
 *  - the port of a sub-device that is gone is released twice. The second release dereferences what
 *    the first one cleared, or darkens port 0;
 *  - lcores go on calling the burst functions that were copied when the port was started, although
 *    fail-safe has changed its own to safe ones;
 *  - between an lcore's look at a sub-device's state and its look at the queues the device may be
 *    stopped and closed, where the lcore is not running at that moment.
 *
 * DPDK's shared libraries call each other by symbol, so five functions of ethdev are interposed.
 * Nothing here runs in a program that does not call them, and nothing is remembered but which
 * devices are fail-safe's and which ports are leaving: whether a port is released is read off the
 * port itself.
 *
 * No header of DPDK and none of a C library: one weak, unversioned dlsym is all that is needed, so
 * any glibc and musl loads this file. What stands where in DPDK's structures is looked up, never
 * assumed: see learn() and entry_of().
 */
#include "lcores.h"

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define LOAD(place) __atomic_load_n((place), __ATOMIC_ACQUIRE)
#define STORE(place, value) __atomic_store_n((place), (value), __ATOMIC_RELEASE)

enum {
	MAX_FAILSAFE = 64,  /* fail-safe ports in one application */
	HEAD_WORDS = 16,    /* words of a device among which its data pointer is looked for */
	DATA_UNKNOWN = 0,   /* word 0 of a device is its rx burst, so 0 is free to say this */
	PORT_NAME_MAX = 64, /* ethdev's own limit */
	EVENT_REMOVED = 6,  /* RTE_ETH_EVENT_INTR_RMV, the same in every release */
	UNKNOWN = 1024,     /* more ports than any DPDK has */
	NOBODY = 1025,
};

/* struct rte_eth_dev begins with its two burst functions; of the rest only `data` is needed. */
struct device {
	void *rx_burst;
	void *tx_burst;
};

struct bursts {
	void *rx, *tx;
};

typedef struct device *allocate_fn(const char *name);
typedef int release_fn(struct device *device);
typedef int process_fn(struct device *device, int event, void *param);
typedef int port_by_name_fn(const char *name, uint16_t *port);
typedef int port_fn(uint16_t port);
typedef long write_fn(int fd, const void *bytes, size_t size);
typedef void *dlopen_fn(const char *path, int mode);

struct dl_info { /* what dladdr fills in, glibc and musl alike */
	const char *path;
	void *base;
	const char *symbol;
	void *address;
};
typedef int dladdr_fn(const void *address, struct dl_info *info);

extern void *dlsym(void *handle, const char *symbol) __attribute__((weak));
#define NEXT ((void *)-1L)       /* RTLD_NEXT */
#define ANY ((void *)0)          /* RTLD_DEFAULT */
enum { LAZY_IF_LOADED = 1 | 4 }; /* RTLD_LAZY | RTLD_NOLOAD */

static struct device *failsafe[MAX_FAILSAFE];
static size_t data_word = DATA_UNKNOWN;
static char leaving[UNKNOWN + 1]; /* ports whose removal was told and that are not closed yet */

/* ---- finding what we stand in front of ---- */

/* DPDK that came in by dlopen(RTLD_LOCAL) is not "next" to us: look from the caller's object. */
static void *from_object_of(const void *caller, const char *symbol)
{
	dladdr_fn *dladdr = (dladdr_fn *)dlsym(ANY, "dladdr");
	dlopen_fn *dlopen = (dlopen_fn *)dlsym(ANY, "dlopen");
	struct dl_info info = {0};

	if (!dladdr || !dlopen || !dladdr(caller, &info) || !info.path)
		return NULL;
	void *object = dlopen(info.path, LAZY_IF_LOADED);
	return object ? dlsym(object, symbol) : NULL;
}

static void *find(void **cached, void *where, const char *symbol, const void *caller)
{
	void *found = LOAD(cached);

	if (found || !dlsym)
		return found;
	found = dlsym(where, symbol);
	if (!found)
		found = from_object_of(caller, symbol);
	STORE(cached, found);
	return found;
}

/* Functions are next to ours; data are where the program has them, which may be its own copy. */
#define REAL(type, where, symbol)                                                                  \
	({                                                                                         \
		static void *cached;                                                               \
		(type *)find(&cached, where, symbol, __builtin_return_address(0));                 \
	})

/* ---- small text ---- */

static int starts_with(const char *text, const char *start)
{
	for (; *start; text++, start++)
		if (*text != *start)
			return 0;
	return 1;
}

static char *append(char *at, const char *end, const char *text)
{
	while (*text && at < end)
		*at++ = *text++;
	return at;
}

/* One line in one write, so that it stays whole beside the application's own output. */
static void say(const char *what, const char *name, const char *then)
{
	char line[256];
	const char *end = line + sizeof(line);
	char *at = append(line, end, "netvsc guard: ");
	write_fn *write = (write_fn *)dlsym(ANY, "write");

	at = append(append(append(at, end, what), end, name), end, then);
	if (write && write(2, line, (size_t)(at - line)) < 0)
		return; /* nobody reads stderr: the application is saved all the same */
}

/* ---- what a device tells about itself ---- */

static const char *data_of(struct device *device)
{
	return ((const char **)(void *)device)[LOAD(&data_word)];
}

/*
 * A device that was just allocated under a name points to its data, which begin with that name:
 * this finds where the pointer stands in this DPDK (its place differs between releases).
 */
static void learn(struct device *device, const char *name)
{
	const char **words = (const char **)(void *)device;

	for (size_t i = 2; i < HEAD_WORDS && LOAD(&data_word) == DATA_UNKNOWN; i++)
		if (words[i] && (uintptr_t)words[i] % sizeof(void *) == 0 && *name &&
			starts_with(words[i], name))
			STORE(&data_word, i);
}

/* A release clears the bursts and either the name in the data or the pointer to them (23.11). */
static int is_released(struct device *device)
{
	if (LOAD(&data_word) == DATA_UNKNOWN || device->rx_burst || device->tx_burst)
		return 0;
	const char *data = data_of(device);
	return !data || !*data;
}

static int is_failsafe(const char *name)
{
	return starts_with(name, "net_failsafe");
}

static void remember(struct device *device)
{
	for (size_t i = 0; i < MAX_FAILSAFE; i++) {
		struct device *free_place = NULL;

		if (LOAD(&failsafe[i]) == device ||
			__atomic_compare_exchange_n(&failsafe[i], &free_place, device, 0,
				__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
			free_place == device)
			return;
	}
}

/* ---- the copies that lcores call ---- */

/*
 * The entry of a port in rte_eth_fp_ops has 128 bytes since 21.11, but it must prove that it is
 * one: begin with the rx burst that the port had and hold the tx burst too. If it does not, other
 * sizes are tried; none fits when the port is not started. (A wrong guess could but hit another
 * fail-safe port, and the safe burst that it gets serves every fail-safe port.)
 */
static int is_entry(void **entry, size_t words, struct bursts old)
{
	size_t i = 1;

	while (i < words && LOAD(&entry[i]) != old.tx)
		i++;
	return LOAD(entry) == old.rx && i < words;
}

static void **entry_of(char *table, uint16_t port, struct bursts old, size_t *words)
{
	static const size_t sizes[] = {128, 64, 192, 256};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		void **entry = (void **)(void *)(table + sizes[i] * port);

		*words = sizes[i] / sizeof(void *);
		if (is_entry(entry, *words, old))
			return entry;
	}
	return NULL;
}

static int renew(void **entry, size_t words, struct bursts old, struct device *device)
{
	int renewed = 0;

	for (size_t i = 0; i < words; i++) {
		void *word = LOAD(&entry[i]);
		void *now = word == old.rx ? device->rx_burst : device->tx_burst;

		if (!word || (word != old.rx && word != old.tx) || word == now)
			continue;
		STORE(&entry[i], now);
		renewed = 1;
	}
	return renewed;
}

static void follow(
	struct device *device, struct bursts old, char *table, port_by_name_fn *port_by_name)
{
	const char *name = data_of(device);
	size_t words = 0;
	uint16_t port = 0;

	if ((device->rx_burst == old.rx && device->tx_burst == old.tx) || !device->rx_burst)
		return;
	if (!name || !is_failsafe(name) || port_by_name(name, &port))
		return;
	void **entry = entry_of(table, port, old, &words);
	if (entry && renew(entry, words, old, device))
		say("", name, ": lost a sub-device, its lcores now use the safe bursts\n");
}

/* ---- letting lcores pass ---- */

/* The port of a device whose removal is told; UNKNOWN where this DPDK does not say it. */
static size_t port_of(struct device *device, port_by_name_fn *port_by_name)
{
	const char *name = LOAD(&data_word) != DATA_UNKNOWN ? data_of(device) : NULL;
	uint16_t port = 0;

	if (!name || !port_by_name || port_by_name(name, &port))
		return UNKNOWN;
	return port < UNKNOWN ? port : UNKNOWN;
}

static int is_leaving(uint16_t port)
{
	return (port < UNKNOWN && LOAD(&leaving[port])) || LOAD(&leaving[UNKNOWN]);
}

/*
 * An lcore looks at the state of a device, then whether it is marked as leaving, then at its
 * queues, and may be put to sleep in between. Before the stop: whoever looked before the mark was
 * set must run on. Before the close: whoever saw the state of before the stop must, for fail-safe
 * takes the mark back in the end. By then no lcore begins to use the device.
 */
static void let_pass(uint16_t port)
{
	if (!is_leaving(port))
		return;
	syscall_fn *call = (syscall_fn *)dlsym(ANY, "syscall");
	if (call)
		lcores_pass(call);
}

/* ---- what is interposed ---- */

EXPORT struct device *rte_eth_dev_allocate(const char *name)
{
	allocate_fn *allocate = REAL(allocate_fn, NEXT, "rte_eth_dev_allocate");
	struct device *device = allocate ? allocate(name) : NULL;

	if (!device || !name)
		return device;
	learn(device, name);
	if (is_failsafe(name))
		remember(device);
	return device;
}

EXPORT int rte_eth_dev_release_port(struct device *device)
{
	release_fn *release = REAL(release_fn, NEXT, "rte_eth_dev_release_port");

	if (device && is_released(device)) {
		say("", "", "a port was released twice, the second release is ignored\n");
		return 0;
	}
	return release ? release(device) : -38; /* ENOSYS */
}

EXPORT int rte_eth_dev_stop(uint16_t port)
{
	port_fn *stop = REAL(port_fn, NEXT, "rte_eth_dev_stop");

	let_pass(port);
	return stop ? stop(port) : -38;
}

EXPORT int rte_eth_dev_close(uint16_t port)
{
	port_fn *close = REAL(port_fn, NEXT, "rte_eth_dev_close");

	let_pass(port);
	STORE(&leaving[port < UNKNOWN ? port : UNKNOWN], 0);
	STORE(&leaving[UNKNOWN], 0);
	return close ? close(port) : -38;
}

EXPORT int rte_eth_dev_callback_process(struct device *device, int event, void *param)
{
	process_fn *process = REAL(process_fn, NEXT, "rte_eth_dev_callback_process");
	port_by_name_fn *port_by_name = REAL(port_by_name_fn, NEXT, "rte_eth_dev_get_port_by_name");
	char *table = REAL(char, ANY, "rte_eth_fp_ops");
	struct bursts before[MAX_FAILSAFE];
	size_t count = 0;

	for (; count < MAX_FAILSAFE && LOAD(&failsafe[count]); count++)
		before[count] =
			(struct bursts){failsafe[count]->rx_burst, failsafe[count]->tx_burst};
	size_t gone = event == EVENT_REMOVED && count ? port_of(device, port_by_name) : NOBODY;
	if (gone != NOBODY)
		STORE(&leaving[gone], 1);
	int result = process ? process(device, event, param) : -38;
	if (gone != NOBODY) /* again: whoever stopped it meanwhile did so before it was marked */
		STORE(&leaving[gone], 1);
	for (size_t i = 0; table && port_by_name && i < count; i++)
		if (LOAD(&data_word) != DATA_UNKNOWN)
			follow(failsafe[i], before[i], table, port_by_name);
	return result;
}
