/* A stand-in for DPDK's ethdev, small enough to be compiled in every way a distribution might. */
#include <stdint.h>

#ifndef DATA_WORD
#define DATA_WORD 6 /* where `data` stands in the device: 22.11 has 6, later releases more */
#endif
#ifndef ENTRY_SIZE
#define ENTRY_SIZE 128 /* of a port in rte_eth_fp_ops */
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
	burst_fn *rx;
	void *rest[7];
	burst_fn *tx;
	void *more[ENTRY_SIZE / 8 - 9];
};

extern struct fp_ops rte_eth_fp_ops[PORTS];

struct rte_eth_dev *rte_eth_dev_allocate(const char *name);
int rte_eth_dev_release_port(struct rte_eth_dev *device);
int rte_eth_dev_callback_process(struct rte_eth_dev *device, int event, void *param);
int rte_eth_dev_stop(uint16_t port);
int rte_eth_dev_close(uint16_t port);
int rte_eth_dev_get_port_by_name(const char *name, uint16_t *port);

/* What ethdev does inside, where a compiler may inline the allocation. */
struct rte_eth_dev *standin_create(const char *name, burst_fn *burst);
void standin_start(struct rte_eth_dev *device);
int standin_is_free(const struct rte_eth_dev *device);
