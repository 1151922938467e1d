/*
 * An application on the stand-in ethdev: `standin_app STORY`, exit code 0 if the story went well.
 * It plays the drivers too: like them it calls ethdev from outside.
 */
#include "standin_stories.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 20000

static uint16_t fast_rx(void)
{
	return 1;
}
static uint16_t fast_tx(void)
{
	return 2;
}
static uint16_t safe_rx(void)
{
	return 3;
}
static uint16_t safe_tx(void)
{
	return 4;
}
static uint16_t vf_burst(void)
{
	return 5;
}

struct rte_eth_dev *failsafe(const char *name)
{
	struct rte_eth_dev *device = rte_eth_dev_allocate(name);

	device->rx = fast_rx;
	device->tx = fast_tx;
	return device;
}

/* What fs_dev_remove() does: the close has released the port, then it is released again. */
static int release_twice(struct rte_eth_dev *device)
{
	return rte_eth_dev_release_port(device) | rte_eth_dev_release_port(device);
}

static int second_release(void)
{
	failsafe("net_failsafe_vsc00");
	struct rte_eth_dev *vf = standin_create("vf", vf_burst);

	return release_twice(vf) || !standin_is_free(vf);
}

/* The allocation in standin_create() may be inlined: the guard must see the life in the device. */
static int legitimate_release(void)
{
	failsafe("net_failsafe_vsc00");
	for (int i = 0; i < 100; i++) {
		struct rte_eth_dev *vf = standin_create("vf", vf_burst);

		if (!vf || release_twice(vf) || !standin_is_free(vf))
			return 1;
	}
	return 0;
}

/* A driver that gives up before it has set anything: the name alone says that the port lives. */
static int failed_probe(void)
{
	failsafe("net_failsafe_vsc00");
	for (int i = 0; i < 100; i++) {
		struct rte_eth_dev *vf = standin_create("vf", NULL);

		if (!vf || rte_eth_dev_release_port(vf) || !standin_is_free(vf))
			return 1;
	}
	return 0;
}

static int change_bursts(void *arg)
{
	struct rte_eth_dev *device = arg;

	device->rx = safe_rx;
	device->tx = safe_tx;
	return 0;
}

static int calls(uint16_t port, burst_fn *rx, burst_fn *tx)
{
	return standin_rx(port) == rx && standin_tx(port) == tx;
}

/* What a removal does to a fail-safe port while it is told. */
static void lose(struct rte_eth_dev *vf, struct rte_eth_dev *device)
{
	vf->callback = change_bursts;
	vf->callback_arg = device;
	rte_eth_dev_callback_process(vf, 0, NULL);
}

static void start_by_symbol(struct rte_eth_dev *device)
{
	rte_eth_dev_start(device->data->port);
}

/* Two fail-safe ports behind another: the entry of the one that lost its VF, and no other. */
static int cached_bursts(void)
{
	standin_create("net_null0", vf_burst);
	struct rte_eth_dev *first = failsafe("net_failsafe_vsc00");
	struct rte_eth_dev *second = failsafe("net_failsafe_vsc01");
	struct rte_eth_dev *vf = standin_create("vf", vf_burst);

	start_by_symbol(first);
	start_by_symbol(second);
	lose(vf, second);
	return !calls(2, safe_rx, safe_tx) || !calls(1, fast_rx, fast_tx);
}

static int cached_bursts_of_one(void (*start)(struct rte_eth_dev *device))
{
	standin_create("net_null0", vf_burst);
	struct rte_eth_dev *device = failsafe("net_failsafe_vsc01");
	struct rte_eth_dev *vf = standin_create("vf", vf_burst);

	start(device);
	lose(vf, device);
	return !calls(1, safe_rx, safe_tx);
}

static int start_seen(void)
{
	return cached_bursts_of_one(start_by_symbol);
}

static int start_unseen(void)
{
	return cached_bursts_of_one(standin_start);
}

/* DPDK starts a port that runs already without a word: nothing comes to hold its bursts by that. */
static int started_twice(void)
{
	struct rte_eth_dev *device = failsafe("net_failsafe_vsc00");
	struct rte_eth_dev *vf = standin_create("vf", vf_burst);

	standin_start(device);
	start_by_symbol(device);
	lose(vf, device);
	return !calls(0, safe_rx, safe_tx);
}

/* As many ports as there can be, each started. */
static int all_ports(void)
{
	char name[] = "net_failsafe_vsc00";

	for (int i = 0; i < PORTS; i++) {
		name[sizeof(name) - 2] = (char)('0' + i);
		start_by_symbol(failsafe(name));
	}
	return 0;
}

/* Stopped, with the VF started anew, and lost then: the copies were made anew, too. */
static int restarted_port(void)
{
	struct rte_eth_dev *device = failsafe("net_failsafe_vsc00");
	struct rte_eth_dev *vf = standin_create("vf", vf_burst);

	for (int i = 0; i < 3; i++) {
		device->rx = fast_rx;
		device->tx = fast_tx;
		start_by_symbol(device);
		lose(vf, device);
		if (!calls(0, safe_rx, safe_tx))
			return 1;
		rte_eth_dev_stop(0);
	}
	return 0;
}

/* A port that is not started has nothing to renew, and nothing is touched. */
static int stopped_port(void)
{
	struct rte_eth_dev *device = failsafe("net_failsafe_vsc00");

	lose(standin_create("vf", vf_burst), device);
	return !calls(0, NULL, NULL);
}

static void *churn(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "vf%d", *(int *)arg);
	for (int i = 0; i < ROUNDS; i++) {
		struct rte_eth_dev *vf = standin_create(name, vf_burst);

		if (!vf || rte_eth_dev_release_port(vf))
			return arg;
	}
	return NULL;
}

/* Four threads on one table: a release that is swallowed costs a port, and soon there is none. */
static int threads(void)
{
	pthread_t thread[4];
	int number[4], bad = 0;

	failsafe("net_failsafe_vsc00");
	for (int i = 0; i < 4; i++) {
		number[i] = i;
		pthread_create(&thread[i], NULL, churn, &number[i]);
	}
	for (int i = 0; i < 4; i++) {
		void *result;

		pthread_join(thread[i], &result);
		bad |= result != NULL;
	}
	return bad;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*play)(void);
	} stories[] = {
		{"second-release", second_release},
		{"legitimate-release", legitimate_release},
		{"failed-probe", failed_probe},
		{"cached-bursts", cached_bursts},
		{"start-seen", start_seen},
		{"start-unseen", start_unseen},
		{"started-twice", started_twice},
		{"all-ports", all_ports},
		{"restarted-port", restarted_port},
		{"stopped-port", stopped_port},
		{"threads", threads},
		{"grace", grace},
		{"grace-of-one-not-started", grace_of_one_not_started},
		{"grace-of-this-one-alone", grace_of_this_one_alone},
		{"no-grace", no_grace},
		{"starved-before-stop", starved_before_stop},
		{"starved-before-close", starved_before_close},
		{"starved-for-long", starved_for_long},
		{"sleepers", sleepers},
	};

	for (size_t i = 0; argc == 2 && i < sizeof(stories) / sizeof(*stories); i++)
		if (!strcmp(argv[1], stories[i].name))
			return stories[i].play();
	return 2;
}
