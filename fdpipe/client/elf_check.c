#include "client/elf_check.h"
#include "lib/buf.h"
#include "lib/limits.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DPDK_LIBRARY "librte_" /* its libraries are librte_ethdev.so.23 and the like */
#define MAX_SEGMENTS 64
#define MAX_DYNAMIC 512

bool program_find(char *path, size_t size, const char *command)
{
	const char *dirs = getenv("PATH");
	int error = ENOENT;

	if (strchr(command, '/')) {
		errno = ENAMETOOLONG;
		return copy_str(path, size, command) && access(path, F_OK) == 0;
	}
	if (!dirs)
		dirs = "/usr/local/bin:/bin:/usr/bin";
	for (;;) {
		size_t n = strcspn(dirs, ":");
		struct buf b;

		buf_init(&b, path, size);
		buf_bytes(&b, dirs, n);
		buf_str(&b, n ? "/" : "");
		buf_str(&b, command);
		if (!b.full && access(path, X_OK) == 0)
			return true;
		if (errno == EACCES)
			error = EACCES;
		if (!dirs[n])
			break;
		dirs += n + 1;
	}
	errno = error;
	return false;
}

static bool read_at(int fd, uint64_t at, void *to, size_t n)
{
	return at < INT64_MAX && pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

struct program {
	int fd;
	unsigned segments;
	Elf64_Phdr segment[MAX_SEGMENTS];
	uint64_t strings; /* file offset of the dynamic string table */
};

static const Elf64_Phdr *segment(const struct program *p, uint32_t type)
{
	for (unsigned i = 0; i < p->segments; i++)
		if (p->segment[i].p_type == type)
			return &p->segment[i];
	return NULL;
}

/* Where in the file an address of the program is; 0: nowhere. */
static uint64_t offset_of(const struct program *p, uint64_t address)
{
	for (unsigned i = 0; i < p->segments; i++) {
		const Elf64_Phdr *s = &p->segment[i];

		if (s->p_type == PT_LOAD && address >= s->p_vaddr &&
			address - s->p_vaddr < s->p_filesz)
			return address - s->p_vaddr + s->p_offset;
	}
	return 0;
}

/* Entry i of the dynamic section; false: the section ends there. */
static bool dynamic(const struct program *p, const Elf64_Phdr *s, unsigned i, Elf64_Dyn *d)
{
	return i < MAX_DYNAMIC && (i + 1) * sizeof(*d) <= s->p_filesz &&
	       read_at(p->fd, s->p_offset + i * sizeof(*d), d, sizeof(*d)) && d->d_tag != DT_NULL;
}

static bool needs_dpdk(struct program *p)
{
	const Elf64_Phdr *s = segment(p, PT_DYNAMIC);
	char name[sizeof(DPDK_LIBRARY) - 1];
	Elf64_Dyn d;

	if (!s)
		return false;
	for (unsigned i = 0; dynamic(p, s, i, &d); i++)
		if (d.d_tag == DT_STRTAB)
			p->strings = offset_of(p, d.d_un.d_ptr);
	for (unsigned i = 0; p->strings && dynamic(p, s, i, &d); i++)
		if (d.d_tag == DT_NEEDED &&
			read_at(p->fd, p->strings + d.d_un.d_val, name, sizeof(name)) &&
			!memcmp(name, DPDK_LIBRARY, sizeof(name)))
			return true;
	return false;
}

/* False: a script, or another kind of program than a 64-bit ELF file. */
static bool read_program(struct program *p)
{
	Elf64_Ehdr h;

	if (!read_at(p->fd, 0, &h, sizeof(h)) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
		h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof(Elf64_Phdr) ||
		h.e_phnum > MAX_SEGMENTS)
		return false;
	p->segments = h.e_phnum;
	return read_at(p->fd, h.e_phoff, p->segment, h.e_phnum * sizeof(Elf64_Phdr));
}

static bool privileged(int fd)
{
	struct stat s;

	if (fstat(fd, &s) == 0 && s.st_mode & (S_ISUID | S_ISGID))
		return true;
	return fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static enum guard_state judge(struct program *p)
{
	if (privileged(p->fd))
		return GUARD_SECURE;
	if (!read_program(p))
		return GUARD_UNPROVEN;
	if (!segment(p, PT_INTERP))
		return GUARD_STATIC;
	return needs_dpdk(p) ? GUARD_LOADED : GUARD_UNPROVEN;
}

enum guard_state elf_check(const char *path)
{
	struct program p = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
	enum guard_state state;

	if (p.fd < 0)
		return GUARD_UNPROVEN;
	state = judge(&p);
	close(p.fd);
	return state;
}
