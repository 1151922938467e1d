/*
 * The launcher: opens the pipes at the descriptors of the application's arguments, preloads the
 * guard, tells the sidecar whether it can work, and executes the application.
 */
#include "client/client.h"
#include "client/elf_check.h"
#include "commands/commands.h"
#include "lib/buf.h"
#include "lib/exit_codes.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/option_value.h"
#include "lib/self_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRELOAD_SIZE 4096
#define MAX_ENVIRONMENT 8192
#define SIDECAR_PATIENCE_MS 500 /* a sidecar that is just being restarted */

struct launch {
	struct {
		int fd;
		const char *path;
	} pipes[MAX_FDS];
	unsigned count;
	bool guard;
	char guard_file[PATH_SIZE];
	char **command;
};

static int add_pipe(struct launch *l, const char *value)
{
	char number[8];
	size_t n = strcspn(value, "=");
	uint64_t fd;

	if (n >= sizeof(number) || value[n] != '=' || value[n + 1] != '/')
		return complain_value(EXIT_EXEC_FAILED, "--fd", value,
			"write N=<absolute path of the pipe>, such as 200=/run/netvsc/00");
	memcpy(number, value, n);
	number[n] = '\0';
	if (!parse_num(number, 3, 65535, &fd))
		return complain_value(EXIT_EXEC_FAILED, "--fd", value,
			"the descriptor must be a number from 3 to 65535");
	for (unsigned i = 0; i < l->count; i++)
		if (l->pipes[i].fd == (int)fd)
			return complain_value(EXIT_EXEC_FAILED, "--fd", value,
				"each descriptor can be given once");
	if (l->count == MAX_FDS)
		return complain_value(EXIT_EXEC_FAILED, "--fd", value, "there are 16 already");
	l->pipes[l->count].fd = (int)fd;
	l->pipes[l->count++].path = value + n + 1;
	return 0;
}

static int set_guard(struct launch *l, const char *value)
{
	l->guard = !strcmp(value, "auto");
	if (l->guard || !strcmp(value, "off"))
		return 0;
	return complain_value(EXIT_EXEC_FAILED, "--guard", value, "write auto or off");
}

static int set_guard_file(struct launch *l, const char *value)
{
	if (value[0] == '/' && !strpbrk(value, ": ") &&
		copy_str(l->guard_file, sizeof(l->guard_file), value))
		return 0;
	return complain_value(EXIT_EXEC_FAILED, "--guard-file", value,
		"give an absolute path without colons and spaces, which would split LD_PRELOAD");
}

static int parse_one(struct launch *l, char **argv, int *at)
{
	const char *v;

	if ((v = option_value(argv, at, "--fd")))
		return add_pipe(l, v);
	if ((v = option_value(argv, at, "--guard")))
		return set_guard(l, v);
	if ((v = option_value(argv, at, "--guard-file")))
		return set_guard_file(l, v);
	return complain(EXIT_EXEC_FAILED, argv[*at], "is not an option of exec",
		"put -- before the command; see fdpipe --help");
}

static int parse(struct launch *l, char **argv)
{
	int at = 0, code = 0;

	memset(l, 0, sizeof(*l));
	l->guard = true;
	while (!code && argv[at] && strcmp(argv[at], "--") != 0)
		code = parse_one(l, argv, &at);
	if (code)
		return code;
	if (!argv[at] || !argv[at + 1])
		return complain(
			EXIT_EXEC_FAILED, "exec", "no command is given", "put it last, after --");
	l->command = argv + at + 1;
	return 0;
}

static const char *check_pipe(int fd, int number)
{
	struct stat s;
	int flags = fcntl(number, F_GETFD);

	if (fstat(fd, &s) < 0 || !S_ISFIFO(s.st_mode))
		return "is not a named pipe";
	return flags >= 0 && number != fd ? "would become a descriptor that is open already" : NULL;
}

/* Needs no writer: without one the application's first read returns end of file. */
static int open_pipe(int number, const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	const char *wrong;

	if (fd < 0)
		return complain_errno(EXIT_EXEC_FAILED, path, errno,
			"the sidecar makes it: is it running, is its volume mounted?");
	wrong = check_pipe(fd, number);
	if (wrong)
		return complain(EXIT_EXEC_FAILED, path, wrong, "see --fd");
	if (fd == number)
		return 0; /* already there, and without close-on-exec */
	if (dup2(fd, number) < 0)
		return complain_errno(EXIT_EXEC_FAILED, path, errno,
			"the descriptor must be below the limit of open files (ulimit -n)");
	close(fd);
	return 0;
}

static bool list_contains(const char *list, const char *file)
{
	while (*list) {
		size_t n = strcspn(list, ": ");

		if (n == strlen(file) && !memcmp(list, file, n))
			return true;
		list += n + (list[n] != '\0');
	}
	return false;
}

/* A copy of the environment with this entry; setenv() would bring malloc() into the program. */
static bool set_entry(char *entry, size_t name_length)
{
	static char *copy[MAX_ENVIRONMENT];
	size_t n = 0;

	for (char **e = environ; *e; e++) {
		if (n == MAX_ENVIRONMENT - 2)
			return false;
		if (strncmp(*e, entry, name_length) != 0)
			copy[n++] = *e;
	}
	copy[n++] = entry;
	copy[n] = NULL;
	environ = copy;
	return true;
}

/* Appended: the user's own preloads stay, and come first. */
static bool preload(const char *guard)
{
	static const char name[] = "LD_PRELOAD=";
	static char entry[PRELOAD_SIZE];
	const char *before = getenv("LD_PRELOAD");
	struct buf b;

	buf_init(&b, entry, sizeof(entry));
	buf_str(&b, name);
	if (before && *before) {
		if (list_contains(before, guard))
			return true; /* started by another launcher */
		buf_str(&b, before);
		buf_str(&b, ":");
	}
	buf_str(&b, guard);
	return !b.full && set_entry(entry, sizeof(name) - 1);
}

static enum guard_state choose_guard(struct launch *l, const char *path)
{
	enum guard_state state;

	if (!l->guard)
		return GUARD_OFF;
	if (!l->guard_file[0] && !self_path(l->guard_file, sizeof(l->guard_file), "guard.so"))
		return GUARD_ABSENT;
	if (access(l->guard_file, R_OK) < 0)
		return GUARD_ABSENT;
	state = elf_check(path);
	if (state == GUARD_STATIC || state == GUARD_SECURE)
		return state; /* the loader would ignore it, or print an error */
	return preload(l->guard_file) ? state : GUARD_ABSENT;
}

static void warn_user(enum guard_state state, const char *path)
{
	static const char *const says[GUARD_STATES] = {
		[GUARD_STATIC] = "is a static program and cannot load the guard",
		[GUARD_SECURE] =
			"is setuid or has file capabilities, so the loader ignores the guard",
		[GUARD_ABSENT] = "runs without the guard, there is no guard.so",
		[GUARD_UNPROVEN] =
			"links no shared DPDK library itself, so the guard may have no effect",
	};

	if (says[state])
		complain(0, path, says[state],
			"its ports are offered a VF only once they are started");
}

/* The pair's number is the pipe's name. */
static void tell_sidecar(const struct launch *l, enum guard_state state)
{
	bool told = true;

	for (unsigned i = 0; told && i < l->count; i++) {
		const char *slash = strrchr(l->pipes[i].path, '/');
		char request[64], answer[256];
		struct buf b;

		buf_init(&b, request, sizeof(request));
		buf_str(&b, "guard ");
		buf_str(&b, slash + 1);
		buf_str(&b, " ");
		buf_str(&b, guard_state_name(state));
		buf_str(&b, "\n");
		told = client_ask(request, answer, sizeof(answer), SIDECAR_PATIENCE_MS) >= 0;
	}
	if (!told)
		complain_errno(0, "the sidecar at @netvsc.io/fdpipe", errno,
			"it was not told of the guard, so it waits for the ports to be started");
}

static int run(struct launch *l, const char *path)
{
	int error;

	execv(path, l->command);
	error = errno;
	if (error == ENOENT)
		return complain_errno(EXIT_NOT_FOUND, path, error,
			"its interpreter or loader is missing in this image");
	return complain_errno(EXIT_CANNOT_RUN, path, error, "it must be an executable program");
}

static int find(const struct launch *l, char *path)
{
	if (program_find(path, PATH_SIZE, l->command[0]))
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return complain_errno(EXIT_NOT_FOUND, l->command[0], errno,
			"name a program of this image, by path or in PATH");
	return complain_errno(EXIT_CANNOT_RUN, l->command[0], errno, "it must be executable");
}

int command_exec(char **argv)
{
	static struct launch l;
	char path[PATH_SIZE];
	enum guard_state state;
	int code = parse(&l, argv);

	if (!code)
		code = find(&l, path);
	for (unsigned i = 0; !code && i < l.count; i++)
		code = open_pipe(l.pipes[i].fd, l.pipes[i].path);
	if (code)
		return code;
	state = choose_guard(&l, path);
	warn_user(state, path);
	tell_sidecar(&l, state);
	return run(&l, path);
}
