/*
 * guard.so: preloaded into a DPDK application, it keeps the application alive when DPDK's fail-safe
 * driver loses a sub-device. It works around three faults of DPDK's fail-safe driver, two at each
 * removal and one now and then on busy CPUs (docs/guard.md):
 *
 *  - the port of a sub-device that is gone is released twice. The second release dereferences what
 *    the first one cleared, or darkens port 0;
 *  - lcores go on calling the burst functions that were copied when the port was started, although
 *    fail-safe has changed its own to safe ones;
 *  - between an lcore's look at a sub-device's state and its look at the queues the device may be
 *    stopped and closed, where the lcore is not running at that moment.
 *
 * DPDK's shared libraries call each other by symbol, so six functions of ethdev are interposed.
 * Nothing here runs in a program that does not call them, and nothing is remembered but which
 * devices are fail-safe's and which ports are leaving: whether a port is released is read off the
 * port itself.
 *
 * No header of DPDK and none of a C library: one weak, unversioned dlsym is all that is needed, so
 * any glibc and musl loads this file. What stands where in DPDK's structures is looked up, never
 * assumed: see learn_data_word() and find_copies(). Where it is not found, the guard says so on
 * stderr and to the sidecar.
 */
#include "guard/burst_copies.h"
#include "guard/lcores.h"
#include "guard/report.h"
#include "guard/symbols.h"

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

enum {
	MAX_FAILSAFE = 64, /* fail-safe ports in one application */
	HEAD_WORDS = 16,   /* words of a device among which its data pointer is looked for */
	DATA_UNKNOWN = 0,  /* word 0 of a device is its rx burst, so 0 is free to say this */
	EVENT_REMOVED = 6, /* RTE_ETH_EVENT_INTR_RMV, the same in every release */
	UNKNOWN = 1024,    /* more ports than any DPDK has */
	NOBODY = 1025,
};

/* struct rte_eth_dev begins with its two burst functions; of the rest only `data` is needed. */
struct device {
	void *rx_burst;
	void *tx_burst;
};

struct failsafe {
	struct device *device;
	struct copies copies; /* found when the port was started, while it is */
	char is_started, is_partial;
};

typedef struct device *allocate_fn(const char *name);
typedef int release_fn(struct device *device);
typedef int process_fn(struct device *device, int event, void *param);
typedef int port_by_name_fn(const char *name, uint16_t *port);
typedef int port_fn(uint16_t port);

static struct failsafe failsafes[MAX_FAILSAFE];
static size_t data_word = DATA_UNKNOWN;

/*
 * Of ports whose removal was reported and that are not closed yet: for how long lcores are still
 * waited for, in nanoseconds. 0: not leaving.
 */
static long long leaving[UNKNOWN + 1];

/* Threads in rte_eth_dev_callback_process now, and how often one entered it. */
static unsigned callbacks_running, callbacks_begun;

/* ---- text ---- */

static int starts_with(const char *text, const char *start)
{
	for (; *start; text++, start++)
		if (*text != *start)
			return 0;
	return 1;
}

static void warn(const char *what, const char *name, const char *then)
{
	report_to_stderr((syscall_fn *)dlsym(ANY, "syscall"), what, name, then);
}

static void report(const char *name, const char *state)
{
	syscall_fn *call = (syscall_fn *)dlsym(ANY, "syscall");

	if (call)
		report_to_sidecar(call, name, state);
}

/* ---- what can be read off a device ---- */

static const char *data_of(struct device *device)
{
	return ((const char **)(void *)device)[LOAD(&data_word)];
}

/*
 * A device that was just allocated under a name points to its data, which begin with that name:
 * this finds where the pointer stands in this DPDK (its place differs between releases).
 */
static void learn_data_word(struct device *device, const char *name)
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

/* Records a new device of fail-safe's; false: the table is full. */
static int remember(struct device *device)
{
	for (size_t i = 0; i < MAX_FAILSAFE; i++) {
		struct failsafe *one = &failsafes[i];
		struct device *free_place = NULL;

		if (LOAD(&one->device) != device &&
			!__atomic_compare_exchange_n(&one->device, &free_place, device, 0,
				__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
			free_place != device)
			continue;
		one->copies.words = 0;
		one->is_started = one->is_partial = 0;
		return 1;
	}
	return 0;
}

/* The port of a device; UNKNOWN where it is not found in this DPDK. */
static size_t port_of(struct device *device, port_by_name_fn *port_by_name)
{
	const char *name = LOAD(&data_word) != DATA_UNKNOWN ? data_of(device) : NULL;
	uint16_t port = 0;

	if (!name || !port_by_name || port_by_name(name, &port))
		return UNKNOWN;
	return port < UNKNOWN ? port : UNKNOWN;
}

/* The same, if it is still fail-safe's: a released device may have been allocated again. */
static size_t port_of_failsafe(const struct failsafe *one, port_by_name_fn *port_by_name)
{
	const char *name = data_of(one->device);

	return name && is_failsafe(name) ? port_of(one->device, port_by_name) : UNKNOWN;
}

static struct failsafe *failsafe_of(uint16_t port, port_by_name_fn *port_by_name)
{
	for (size_t i = 0; i < MAX_FAILSAFE && LOAD(&failsafes[i].device); i++)
		if (port_of_failsafe(&failsafes[i], port_by_name) == port)
			return &failsafes[i];
	return NULL;
}

/* ---- the copies that lcores call ---- */

static struct bursts bursts_of(struct device *device)
{
	return (struct bursts){device->rx_burst, device->tx_burst};
}

/* The guard cannot do all its work for this port: reports it, once. */
static void set_partial(struct failsafe *one, const char *name, const char *why)
{
	if (one && one->is_partial)
		return;
	if (one)
		one->is_partial = 1;
	warn("", name, why);
	report(name, "partial");
}

#define NO_COPIES                                                                                  \
	": this DPDK keeps the burst functions of lcores where they are not found, so a VF that "  \
	"is plugged when the port starts ends the application at its removal\n"

/*
 * The port has just been started: what lcores will call was copied from the device by that, so it
 * stands where it did not stand before. If it did, the port ran already, and DPDK said nothing.
 */
static void find_copies(struct failsafe *one, char *table, uint16_t port, struct copies_past *past)
{
	unsigned told = LOAD(&callbacks_begun);
	struct bursts bursts = bursts_of(one->device);
	struct copies copies = copies_find(table, port, bursts);

	if (copies_held(past, bursts))
		return;
	if (!copies.words && (LOAD(&callbacks_running) || LOAD(&callbacks_begun) != told))
		return; /* a removal changes them just now; follow() looks for them then */
	one->copies = copies;
	one->is_started = 1;
	if (!copies.words)
		set_partial(one, data_of(one->device), NO_COPIES);
	else if (!one->is_partial)
		report(data_of(one->device), "active");
}

/* Repeated at each removal: the sidecar may be new, or have been busy before. */
static void repeat_report(const struct failsafe *one)
{
	if (one->is_started)
		report(data_of(one->device), one->is_partial ? "partial" : "active");
}

/* Its burst functions have changed from `old`: so must the copies. */
static void follow(struct failsafe *one, struct bursts old, char *table, uint16_t port)
{
	struct bursts now = bursts_of(one->device);
	struct copies copies = one->copies;

	if ((now.rx == old.rx && now.tx == old.tx) || !now.rx)
		return;
	/* The start was not seen, as where it was not called by its symbol: take any entry that
	 * fits. */
	if (!copies.words)
		copies = copies_find(table, port, old);
	if (copies_renew(&copies, old, now))
		warn("", data_of(one->device),
			": lost a sub-device, its lcores now use the safe bursts\n");
	else if (one->is_started && !copies_hold(&copies, now))
		set_partial(one, data_of(one->device), NO_COPIES);
}

/* ---- waiting for lcores ---- */

static long long *time_left(uint16_t port)
{
	return &leaving[port < UNKNOWN && LOAD(&leaving[port]) ? port : UNKNOWN];
}

/*
 * An lcore looks at the state of a device, then whether it is marked as leaving, then at its
 * queues, and may be put to sleep in between. Before the stop: whoever looked before the mark was
 * set must run on. Before the close: whoever saw the state of before the stop must, for fail-safe
 * takes the mark back in the end. By then no lcore begins to use the device.
 */
static void wait_for_lcores(uint16_t port)
{
	long long *left = time_left(port);
	syscall_fn *call = (syscall_fn *)dlsym(ANY, "syscall");

	if (LOAD(left) && call)
		STORE(left, lcores_pass(call, LOAD(left)));
}

static void mark_leaving(size_t port)
{
	if (port != NOBODY)
		STORE(&leaving[port], LCORES_PATIENCE_NS);
}

/* ---- interposed functions ---- */

#define NO_DATA                                                                                    \
	": this DPDK keeps the name of a port where it is not found, so a VF's removal ends the "  \
	"application\n"

EXPORT struct device *rte_eth_dev_allocate(const char *name)
{
	allocate_fn *allocate = REAL(allocate_fn, NEXT, "rte_eth_dev_allocate");
	struct device *device = allocate ? allocate(name) : NULL;

	if (!device || !name)
		return device;
	learn_data_word(device, name);
	if (!is_failsafe(name))
		return device;
	if (LOAD(&data_word) == DATA_UNKNOWN)
		set_partial(NULL, name, NO_DATA);
	else if (!remember(device))
		set_partial(NULL, name, ": there are more fail-safe ports than the guard knows\n");
	return device;
}

EXPORT int rte_eth_dev_release_port(struct device *device)
{
	release_fn *release = REAL(release_fn, NEXT, "rte_eth_dev_release_port");

	if (device && is_released(device)) {
		warn("", "", "a port was released twice, the second release is ignored\n");
		return 0;
	}
	return release ? release(device) : -38; /* ENOSYS */
}

EXPORT int rte_eth_dev_start(uint16_t port)
{
	port_fn *start = REAL(port_fn, NEXT, "rte_eth_dev_start");
	port_by_name_fn *port_by_name = REAL(port_by_name_fn, NEXT, "rte_eth_dev_get_port_by_name");
	char *table = REAL(char, ANY, "rte_eth_fp_ops");
	struct failsafe *one = port_by_name ? failsafe_of(port, port_by_name) : NULL;
	struct copies_past past;

	if (one && !table)
		set_partial(one, data_of(one->device), NO_COPIES);
	if (!start || !one || !table || one->is_started)
		return start ? start(port) : -38;
	copies_note(table, port, &past);
	int result = start(port);
	if (!result)
		find_copies(one, table, port, &past);
	return result;
}

EXPORT int rte_eth_dev_stop(uint16_t port)
{
	port_fn *stop = REAL(port_fn, NEXT, "rte_eth_dev_stop");
	port_by_name_fn *port_by_name = REAL(port_by_name_fn, NEXT, "rte_eth_dev_get_port_by_name");
	struct failsafe *one = port_by_name ? failsafe_of(port, port_by_name) : NULL;

	wait_for_lcores(port);
	int result = stop ? stop(port) : -38;
	if (one && !result)
		one->is_started = 0;
	return result;
}

EXPORT int rte_eth_dev_close(uint16_t port)
{
	port_fn *close = REAL(port_fn, NEXT, "rte_eth_dev_close");

	wait_for_lcores(port);
	STORE(time_left(port), 0);
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

	for (; count < MAX_FAILSAFE && LOAD(&failsafes[count].device); count++)
		before[count] = bursts_of(failsafes[count].device);
	size_t gone = event == EVENT_REMOVED && count ? port_of(device, port_by_name) : NOBODY;
	mark_leaving(gone);
	__atomic_add_fetch(&callbacks_running, 1, __ATOMIC_ACQ_REL);
	__atomic_add_fetch(&callbacks_begun, 1, __ATOMIC_ACQ_REL);
	int result = process ? process(device, event, param) : -38;
	mark_leaving(gone); /* again: a stop meanwhile may have come before the mark */
	for (size_t i = 0; table && port_by_name && i < count; i++) {
		size_t port = port_of_failsafe(&failsafes[i], port_by_name);

		if (port == UNKNOWN)
			continue;
		follow(&failsafes[i], before[i], table, (uint16_t)port);
		if (gone != NOBODY)
			repeat_report(&failsafes[i]);
	}
	__atomic_sub_fetch(&callbacks_running, 1, __ATOMIC_ACQ_REL);
	return result;
}
