#include "standin.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

static struct rte_eth_dev devices[PORTS];
static struct port_data data[PORTS];
static volatile int lock;
#ifdef NOTHING_BEHIND
#define PAGE 4096
char fp_pages[2 * PAGE] __attribute__((aligned(PAGE)));
_Static_assert(sizeof(struct fp_ops) * PORTS == 1024, "as below");
__asm__(".globl rte_eth_fp_ops\n.set rte_eth_fp_ops, fp_pages + 4096 - 1024\n");

__attribute__((constructor)) static void end_there(void)
{
	mprotect(fp_pages + PAGE, PAGE, PROT_NONE);
}
#else
struct fp_ops rte_eth_fp_ops[PORTS];
#endif
#ifdef HIDDEN_COPIES
static struct fp_ops copies[PORTS];
#else
#define copies rte_eth_fp_ops
#endif

static void hold(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		;
}

static void let_go(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

struct rte_eth_dev *rte_eth_dev_allocate(const char *name)
{
	struct rte_eth_dev *found = NULL;

	hold();
	for (uint16_t i = 0; i < PORTS && !found; i++) {
		if (data[i].name[0])
			continue;
		strncpy(data[i].name, name, sizeof(data[i].name) - 1);
		data[i].port = i;
		found = &devices[i];
		found->data = &data[i];
	}
	let_go();
	return found;
}

struct rte_eth_dev *standin_create(const char *name, burst_fn *burst)
{
	struct rte_eth_dev *device = rte_eth_dev_allocate(name);

	if (device)
		device->rx = device->tx = burst;
	return device;
}

/* As since 23.11: the port's number is read, then the pointer to the data is cleared. */
int rte_eth_dev_release_port(struct rte_eth_dev *device)
{
	hold();
	struct port_data *its = device->data;

	memset(&copies[its->port], 0, sizeof(*copies));
	device->rx = device->tx = NULL;
	device->data = NULL;
	memset(its, 0, sizeof(*its));
	let_go();
	return 0;
}

int rte_eth_dev_callback_process(struct rte_eth_dev *device, int event, void *param)
{
	(void)event;
	(void)param;
	return device->callback ? device->callback(device->callback_arg) : 0;
}

static uint16_t nothing(void)
{
	return 0;
}

int rte_eth_dev_start(uint16_t port)
{
	standin_start(&devices[port]);
	return data[port].name[0] ? 0 : -1;
}

int rte_eth_dev_stop(uint16_t port)
{
	copies[port].word[RX_WORD] = copies[port].word[TX_WORD] = nothing;
	return data[port].name[0] ? 0 : -1;
}

int rte_eth_dev_close(uint16_t port)
{
	return data[port].name[0] ? 0 : -1;
}

int rte_eth_dev_get_port_by_name(const char *name, uint16_t *port)
{
	for (uint16_t i = 0; i < PORTS; i++) {
		if (strcmp(data[i].name, name))
			continue;
		*port = i;
		return 0;
	}
	return -1;
}

void standin_start(struct rte_eth_dev *device)
{
	copies[device->data->port].word[RX_WORD] = device->rx;
	copies[device->data->port].word[TX_WORD] = device->tx;
}

burst_fn *standin_rx(uint16_t port)
{
	return copies[port].word[RX_WORD];
}

burst_fn *standin_tx(uint16_t port)
{
	return copies[port].word[TX_WORD];
}

int standin_is_free(const struct rte_eth_dev *device)
{
	return !device->data || !device->data->name[0];
}
