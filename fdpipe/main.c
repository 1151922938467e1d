#include "commands/commands.h"
#include "lib/exit_codes.h"
#include "lib/log.h"
#include "lib/version.h"

#include <string.h>
#include <unistd.h>

static const char usage[] =
	"fdpipe " VERSION ": tells a DPDK fail-safe port of its VF through a pipe\n"
	"\n"
	"fdpipe announce --pair NN=<netvsc>[,tap=<interface>][,template=<devargs>] ...\n"
	"    [--poll-ms 100] [--settle-ms 30] [--gate auto|started|immediate]\n"
	"    [--gate-timeout-s 10] [--dir /run/netvsc] [--sysfs /sys] [--guard-file PATH]\n"
	"        the sidecar: creates the pipes, watches the VFs, announces them\n"
	"fdpipe exec --fd N=<pipe> ... [--guard auto|off] [--guard-file PATH] -- command ...\n"
	"        the launcher: opens the pipes, preloads the guard, executes the command\n"
	"fdpipe vf NN\n"
	"        prints the line that may be offered now, for exec(...) in devargs\n"
	"fdpipe ready\n"
	"        succeeds once the sidecar of this network namespace is ready\n"
	"fdpipe status\n"
	"        prints what the sidecar knows, one JSON object per pair\n"
	"fdpipe cni, or under the name netvsc-cni\n"
	"        the CNI plugin: forwards the runtime's call to the node's agent\n"
	"fdpipe --version | --help\n";

struct command {
	const char *name;
	int (*run)(char **argv);
};

static int print(const char *text)
{
	size_t n = strlen(text);

	return write(STDOUT_FILENO, text, n) == (ssize_t)n ? 0 : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	static const struct command commands[] = {
		{"announce", command_announce},
		{"exec", command_exec},
		{"vf", command_vf},
		{"ready", command_ready},
		{"status", command_status},
		{"cni", command_cni},
	};
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;

	if (argc && !strcmp(slash ? slash + 1 : argv[0], "netvsc-cni"))
		return command_cni(argv + 1);
	if (argc < 2)
		return complain(
			EXIT_USAGE, "command line", "no command is given", "see fdpipe --help");
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argv + 2);
	if (!strcmp(argv[1], "--version"))
		return print("fdpipe " VERSION "\n");
	if (!strcmp(argv[1], "--help"))
		return print(usage);
	return complain(EXIT_USAGE, argv[1], "is not a command", "see fdpipe --help");
}
