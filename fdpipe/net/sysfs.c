#include "net/sysfs.h"
#include "lib/buf.h"
#include "lib/limits.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool device_path(char *path, const char *root, const char *pci, const char *what)
{
	struct buf b;

	buf_init(&b, path, PATH_SIZE);
	buf_str(&b, root);
	buf_str(&b, "/bus/pci/devices/");
	buf_str(&b, pci);
	buf_str(&b, "/");
	buf_str(&b, what);
	return !b.full;
}

void sysfs_driver(const char *root, const char *pci, char *driver, size_t size)
{
	char path[PATH_SIZE], target[PATH_SIZE];
	const char *base;
	ssize_t n;

	driver[0] = '\0';
	if (!device_path(path, root, pci, "driver"))
		return;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	base = strrchr(target, '/');
	if (!copy_str(driver, size, base ? base + 1 : target))
		driver[0] = '\0';
}

/* opendir() would allocate. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

static int verbs_in(const char *entries, long n)
{
	for (long at = 0; at < n;) {
		const struct entry *e = (const struct entry *)(const void *)(entries + at);
		uint64_t number;

		if (!strncmp(e->name, "uverbs", 6) && parse_num(e->name + 6, 0, INT32_MAX, &number))
			return (int)number;
		at += e->length;
	}
	return -1;
}

int sysfs_verbs(const char *root, const char *pci)
{
	_Alignas(8) char entries[1024];
	char path[PATH_SIZE];
	int fd, found = -1;
	long n;

	if (!device_path(path, root, pci, "infiniband_verbs"))
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (found < 0 && (n = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
		found = verbs_in(entries, n);
	close(fd);
	return found;
}
