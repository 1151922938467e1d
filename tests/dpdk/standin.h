/* A stand-in for DPDK's ethdev, small enough to be compiled in every way a distribution might. */
#include <stdint.h>

/*
 * Its layout, in words of eight bytes. As it stands that of 23.11 and later, which 22.11 differs
 * from: -DDATA_WORD=6 -DRX_WORD=0 -DTX_WORD=8. -DHIDDEN_COPIES: lcores have their copies elsewhere.
 * -DNOTHING_BEHIND: the memory ends with the table.
 */
#ifndef DATA_WORD
#define DATA_WORD 9 /* where `data` stands in the device */
#endif
#ifndef RX_WORD
#define RX_WORD 2 /* where the bursts stand in a port's entry of rte_eth_fp_ops */
#define TX_WORD 10
#endif
#ifndef ENTRY_SIZE
#define ENTRY_SIZE 128 /* of such an entry, in bytes */
#endif
#define PORTS 8

typedef uint16_t burst_fn(void);
typedef int callback_fn(void *arg);

struct port_data {
	char name[64];
	uint16_t port;
} __attribute__((aligned(64)));

struct rte_eth_dev {
	burst_fn *rx, *tx;
	void *others[DATA_WORD - 2];
	struct port_data *data;
	callback_fn *callback;
	void *callback_arg;
};

struct fp_ops {
	burst_fn *word[ENTRY_SIZE / 8];
};

extern struct fp_ops rte_eth_fp_ops[PORTS];

struct rte_eth_dev *rte_eth_dev_allocate(const char *name);
int rte_eth_dev_release_port(struct rte_eth_dev *device);
int rte_eth_dev_callback_process(struct rte_eth_dev *device, int event, void *param);
int rte_eth_dev_start(uint16_t port);
int rte_eth_dev_stop(uint16_t port);
int rte_eth_dev_close(uint16_t port);
int rte_eth_dev_get_port_by_name(const char *name, uint16_t *port);

/* What ethdev does inside, where a compiler may inline the allocation. */
struct rte_eth_dev *standin_create(const char *name, burst_fn *burst);
/* The same as rte_eth_dev_start(), where a compiler bound it. */
void standin_start(struct rte_eth_dev *device);
/* What an lcore calls. */
burst_fn *standin_rx(uint16_t port);
burst_fn *standin_tx(uint16_t port);
int standin_is_free(const struct rte_eth_dev *device);
