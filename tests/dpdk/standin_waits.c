/* Stories of lcores that have no CPU when a VF leaves: whom the guard waits for, and how long. */
#include "standin_stories.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REMOVED 6 /* RTE_ETH_EVENT_INTR_RMV */
#define GRACE_MS 50
#define HELD_MS 400
#define WHOLE_MS 1000 /* of both waits */
#define BUSY 3 /* something took longer than it may: the guard's fault, or a busy machine's */

static uint16_t burst(void)
{
	return 5;
}

typedef int port_fn(uint16_t port);

static long took_ms(port_fn *call, const char *name)
{
	struct timespec began, ended;
	uint16_t port = 0;

	rte_eth_dev_get_port_by_name(name, &port);
	clock_gettime(CLOCK_MONOTONIC, &began);
	if (call(port))
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &ended);
	return (ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000;
}

static struct rte_eth_dev *leaving_vf(void)
{
	failsafe("net_failsafe_vsc00");
	struct rte_eth_dev *vf = standin_create("vf", burst);

	rte_eth_dev_callback_process(vf, REMOVED, NULL);
	return vf;
}

/* A device that leaves is stopped, and closed, only when lcores had the time to pass; but once. */
int grace(void)
{
	leaving_vf();
	if (took_ms(rte_eth_dev_stop, "vf") < GRACE_MS ||
		took_ms(rte_eth_dev_close, "vf") < GRACE_MS)
		return 1;
	return took_ms(rte_eth_dev_close, "vf") >= GRACE_MS ? BUSY : 0;
}

int grace_of_one_not_started(void)
{
	leaving_vf();
	return took_ms(rte_eth_dev_close, "vf") < GRACE_MS;
}

/* Another port that is stopped meanwhile does not wait, and takes nobody's grace away. */
int grace_of_this_one_alone(void)
{
	standin_create("other", burst);
	leaving_vf();
	long other = took_ms(rte_eth_dev_stop, "other");

	if (took_ms(rte_eth_dev_stop, "vf") < GRACE_MS)
		return 1;
	return other >= GRACE_MS ? BUSY : 0;
}

/* Nothing left: whoever closes a port, at its end for instance, waits for nothing. */
int no_grace(void)
{
	failsafe("net_failsafe_vsc00");
	struct rte_eth_dev *vf = standin_create("vf", burst);

	rte_eth_dev_callback_process(vf, 0, NULL);
	long stopped = took_ms(rte_eth_dev_stop, "vf");
	long closed = took_ms(rte_eth_dev_close, "vf");

	return stopped >= GRACE_MS || closed >= GRACE_MS ? BUSY : 0;
}

static void *reader(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) == 1 ? arg : NULL;
}

static volatile unsigned long laps;
static volatile int lcore_id, is_over;

static void *lcore(void *arg)
{
	lcore_id = (int)syscall(SYS_gettid);
	while (!is_over)
		laps++;
	return arg;
}

/* As a scheduler does that has other work: the thread does not run, and does not sleep. */
static int hold(int thread, int held, long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

	if (ptrace(PTRACE_SEIZE, thread, 0, 0) || ptrace(PTRACE_INTERRUPT, thread, 0, 0))
		return 1;
	if (waitpid(thread, NULL, __WALL) != thread || write(held, "", 1) != 1)
		return 1;
	nanosleep(&time, NULL);
	return ptrace(PTRACE_DETACH, thread, 0, 0) != 0;
}

/* The process that keeps an lcore of ours from its CPU; -1 where that cannot be. */
static pid_t starve(pthread_t *thread, long ms)
{
	int held[2];
	char byte;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	pthread_create(thread, NULL, lcore, NULL);
	while (!lcore_id || pipe(held))
		sched_yield();
	pid_t holder = fork();
	if (!holder)
		_exit(hold(lcore_id, held[1], ms));
	return read(held[0], &byte, 1) == 1 ? holder : -1;
}

/* An lcore that has no CPU for longer than the grace is waited for. */
static int starved_over(port_fn *call)
{
	int status = 1;
	pthread_t thread;
	pid_t holder = starve(&thread, HELD_MS);

	if (holder < 0)
		return 2;
	unsigned long before = laps;
	long took = took_ms(call, "vf");
	int bad = took < 0 || (took < WHOLE_MS && laps == before);
	is_over = 1;
	pthread_join(thread, NULL);
	waitpid(holder, &status, 0);
	if (bad || status)
		return 1;
	return took >= WHOLE_MS ? BUSY : 0;
}

int starved_before_stop(void)
{
	leaving_vf();
	return starved_over(rte_eth_dev_stop);
}

/* It had looked at the state while the device was being stopped, and goes on after that. */
int starved_before_close(void)
{
	leaving_vf();
	rte_eth_dev_stop(1);
	return starved_over(rte_eth_dev_close);
}

/* One that has none for very long is given up: fail-safe's lock is held meanwhile. */
int starved_for_long(void)
{
	pthread_t thread;

	leaving_vf();
	if (starve(&thread, 3 * WHOLE_MS) < 0)
		return 2;
	long stopped = took_ms(rte_eth_dev_stop, "vf");
	long closed = took_ms(rte_eth_dev_close, "vf");

	if (closed < GRACE_MS || stopped + closed < WHOLE_MS - GRACE_MS)
		return 1;
	return stopped + closed > WHOLE_MS + GRACE_MS ? BUSY : 0;
}

/* Threads that wait for something are not waited for. */
int sleepers(void)
{
	pthread_t thread;
	int never[2];

	if (pipe(never) || pthread_create(&thread, NULL, reader, never))
		return 2;
	leaving_vf();
	return took_ms(rte_eth_dev_stop, "vf") >= WHOLE_MS - GRACE_MS ? BUSY : 0;
}
