/*
 * Which threads have run since a moment: their CPU clocks tell (clock_gettime(2); a thread's clock
 * is exact, also while it runs). A part of guard.so: kernel's headers alone, and one function of
 * libc.
 */
#include "guard/lcores.h"

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <stddef.h>
#include <stdint.h>

enum {
	THREADS_MAX = 1024, /* more are not waited for */
	NAMES_MAX = 4096,
	PATH_SIZE = 48,
	STAT_SIZE = 128, /* a thread's name and state stand at the front of its stat */
};

/*
 * A hypervisor that takes a CPU away lets the clock of the thread on it go on: for such short
 * absences there is the grace. RAN_NS is a thousand times what lies between a look and a use.
 */
#define GRACE_NS 50000000
#define PAUSE_NS 10000000
#define RAN_NS 200000

struct thread {
	unsigned id;
	long long ran; /* when we began to wait; PASSED afterwards */
};
#define PASSED (-1LL)

struct entry { /* struct linux_dirent64, getdents64(2) */
	uint64_t inode;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

static char *put(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	*at = '\0';
	return at;
}

static unsigned number(const char *text)
{
	unsigned value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (unsigned)(*text - '0');
	return value;
}

static long long read_clock(syscall_fn *call, long clock)
{
	struct __kernel_timespec time;

	if (call(__NR_clock_gettime, clock, &time))
		return PASSED;
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long monotonic(syscall_fn *call)
{
	return read_clock(call, CLOCK_MONOTONIC);
}

/* CPU time of a thread of this process, in nanoseconds; PASSED where there is no such thread. */
static long long ran(syscall_fn *call, unsigned id)
{
	long clock = (long)(int32_t)(~id << 3 | 6); /* its CPUCLOCK_SCHED: linux/posix-timers.h */

	return read_clock(call, clock);
}

static const char *decimal(unsigned value, char *end)
{
	*--end = '\0';
	do
		*--end = (char)('0' + value % 10);
	while (value /= 10);
	return end;
}

/* Its state in proc_pid_stat(5), '\0' where it has none any more. */
static char state_of(syscall_fn *call, unsigned thread)
{
	char path[PATH_SIZE], text[STAT_SIZE], digits[16], found = '\0';

	put(put(put(path, "/proc/self/task/"), decimal(thread, digits + sizeof(digits))), "/stat");
	long file = call(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return found;
	long size = call(__NR_read, file, text, sizeof(text));
	for (long i = size - 3; i >= 0 && !found; i--)
		if (text[i] == ')')
			found = text[i + 2];
	call(__NR_close, file);
	return found;
}

/*
 * Running, or kept from it against its will (R, t, T): such a thread may be an lcore in the middle
 * of a burst. Whoever sleeps (S, D) is none: lcores poll.
 */
static int is_running(syscall_fn *call, unsigned thread)
{
	char state = state_of(call, thread);

	return state == 'R' || state == 't' || state == 'T';
}

static size_t take(
	syscall_fn *call, const char *names, long size, struct thread *found, size_t count)
{
	unsigned own = (unsigned)call(__NR_gettid);

	for (long at = 0; at < size && count < THREADS_MAX;) {
		const struct entry *entry = (const void *)(names + at);
		unsigned id = number(entry->name); /* 0: "." and ".." */

		if (id && id != own && is_running(call, id))
			found[count++] = (struct thread){id, ran(call, id)};
		at += entry->size;
	}
	return count;
}

static size_t running_others(syscall_fn *call, struct thread *found, long long end)
{
	static const char folder[] = "/proc/self/task";
	_Alignas(struct entry) char names[NAMES_MAX];
	long file = call(__NR_openat, AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t count = 0;
	long size;

	if (file < 0)
		return 0;
	while (monotonic(call) < end &&
		(size = call(__NR_getdents64, file, names, sizeof(names))) > 0)
		count = take(call, names, size, found, count);
	call(__NR_close, file);
	return count;
}

static int has_passed(syscall_fn *call, const struct thread *one)
{
	long long now = ran(call, one->id);

	return now == PASSED || now - one->ran >= RAN_NS || !is_running(call, one->id);
}

static int have_passed(syscall_fn *call, struct thread *several, size_t count)
{
	int all = 1;

	for (size_t i = 0; i < count; i++) {
		if (several[i].ran != PASSED && has_passed(call, &several[i]))
			several[i].ran = PASSED;
		all &= several[i].ran == PASSED;
	}
	return all;
}

/* A signal may cut it short. */
static void pause_ns(syscall_fn *call, long ns)
{
	struct __kernel_timespec rest = {0, ns};

	call(__NR_nanosleep, &rest, NULL);
}

long long lcores_pass(syscall_fn *call, long long patience_ns)
{
	struct thread several[THREADS_MAX];
	long long began = monotonic(call);
	size_t count = running_others(call, several, began + patience_ns);
	long long passed;

	while ((passed = monotonic(call) - began) < GRACE_NS)
		pause_ns(call, (long)(GRACE_NS - passed));
	while (!have_passed(call, several, count) && monotonic(call) - began < patience_ns)
		pause_ns(call, PAUSE_NS);
	long long left = patience_ns - (monotonic(call) - began);
	return left > 0 ? left : 1;
}
