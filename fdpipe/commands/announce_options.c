#include "commands/announce_options.h"
#include "lib/buf.h"
#include "lib/exit_codes.h"
#include "lib/log.h"
#include "lib/option_value.h"
#include "net/sim.h"
#include "pipe/devargs_template.h"

#include <stddef.h>
#include <string.h>

#define DEFAULT_DIR "/run/netvsc"

static int bad_pair(const char *value, const char *remedy)
{
	return complain_value(EXIT_USAGE, "--pair", value, remedy);
}

static bool is_name(const char *s, size_t n)
{
	return n > 0 && n < NAME_SIZE && !memchr(s, '/', n) && !memchr(s, ' ', n);
}

static bool take_name(char *to, const char **at)
{
	size_t n = strcspn(*at, ",");

	if (!is_name(*at, n))
		return false;
	memcpy(to, *at, n);
	to[n] = '\0';
	*at += n;
	return true;
}

/* `[,tap=<interface>][,template=<text>]`; a template contains commas, so it takes the rest. */
static const char *parse_keys(struct pair_config *c, const char *at)
{
	const char *wrong;

	if (!strncmp(at, ",tap=", 5)) {
		at += 5;
		if (!take_name(c->tap, &at))
			return "tap= must be an interface name of at most 15 characters";
	}
	if (!strncmp(at, ",template=", 10)) {
		at += 10;
		wrong = devargs_template_check(at);
		if (wrong)
			return wrong;
		copy_str(c->template, sizeof(c->template), at);
		return NULL;
	}
	return *at ? "write NN=<netvsc>[,tap=<interface>][,template=<devargs>], template last"
		   : NULL;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static int add_pair(struct announce_options *o, const char *value)
{
	struct pair_config c = {.number = ""};
	const char *at = value + 3, *wrong;

	if (!digit(value[0]) || !digit(value[1]) || value[2] != '=')
		return bad_pair(
			value, "write NN=<netvsc>, NN being two digits, such as 00=netvsc0");
	memcpy(c.number, value, 2);
	if (!take_name(c.netvsc, &at))
		return bad_pair(
			value, "the NetVSC must be an interface name of at most 15 characters");
	wrong = parse_keys(&c, at);
	if (wrong)
		return bad_pair(value, wrong);
	for (unsigned i = 0; i < o->count; i++) {
		if (!strcmp(o->pairs[i].number, c.number))
			return bad_pair(
				value, "the number is used twice; number the pairs 00, 01, ...");
		if (!strcmp(o->pairs[i].netvsc, c.netvsc))
			return bad_pair(value, "the NetVSC is in another pair; use each once");
	}
	if (o->count == MAX_PAIRS)
		return bad_pair(
			value, "there are 8 pairs already, and a virtual machine has no more");
	o->pairs[o->count++] = c;
	return 0;
}

static int set_time(
	int64_t *to, const char *name, const char *value, uint64_t min, uint64_t max, int64_t unit)
{
	uint64_t n;

	if (!parse_num(value, min, max, &n)) {
		char remedy[96];
		struct buf b;

		buf_init(&b, remedy, sizeof(remedy));
		buf_str(&b, "give a whole number from ");
		buf_num(&b, min);
		buf_str(&b, " to ");
		buf_num(&b, max);
		return complain_value(EXIT_USAGE, name, value, remedy);
	}
	*to = (int64_t)n * unit;
	return 0;
}

static int set_gate(struct settings *s, const char *value)
{
	static const char *const words[] = {"auto", "started", "immediate"};

	for (unsigned i = 0; i < 3; i++) {
		if (!strcmp(words[i], value)) {
			s->gate = (enum gate_mode)i;
			return 0;
		}
	}
	return complain_value(EXIT_USAGE, "--gate", value, "write auto, started or immediate");
}

static int set_path(char *to, const char *name, const char *value)
{
	if (value[0] != '/' || strlen(value) > PATH_SIZE / 2)
		return complain_value(
			EXIT_USAGE, name, value, "give an absolute path of at most 256 characters");
	copy_str(to, PATH_SIZE, value);
	return 0;
}

static int parse_one(struct announce_options *o, char **argv, int *at)
{
	struct settings *s = &o->settings;
	const char *v;

	if ((v = option_value(argv, at, "--pair")))
		return add_pair(o, v);
	if ((v = option_value(argv, at, "--poll-ms")))
		return set_time(&s->poll, "--poll-ms", v, 1, 60000, MS);
	if ((v = option_value(argv, at, "--settle-ms")))
		return set_time(&s->settle, "--settle-ms", v, 0, 60000, MS);
	if ((v = option_value(argv, at, "--gate-timeout-s")))
		return set_time(&s->gate_timeout, "--gate-timeout-s", v, 0, 3600, SECOND);
	if ((v = option_value(argv, at, "--gate")))
		return set_gate(s, v);
	if ((v = option_value(argv, at, "--dir")))
		return set_path(s->dir, "--dir", v);
	if ((v = option_value(argv, at, "--sysfs")))
		return set_path(s->sysfs, "--sysfs", v);
	if ((v = option_value(argv, at, "--guard-file")))
		return set_path(s->guard, "--guard-file", v);
	if (sim_option(argv[*at])) {
		(*at)++;
		return 0;
	}
	return complain(EXIT_USAGE, argv[*at], "is not an option of announce", "see fdpipe --help");
}

int announce_options(struct announce_options *o, char **argv)
{
	int at = 0, code = 0;

	memset(o, 0, sizeof(*o));
	o->settings = (struct settings){
		.dir = DEFAULT_DIR,
		.sysfs = "/sys",
		.poll = 100 * MS,
		.settle = 30 * MS,
		.gate_timeout = 10 * SECOND,
		.gate = GATE_AUTO,
	};
	while (!code && argv[at])
		code = parse_one(o, argv, &at);
	if (!code && !o->count)
		code = complain(EXIT_USAGE, "announce", "no pair is given",
			"give --pair NN=<netvsc> for each");
	return code;
}
