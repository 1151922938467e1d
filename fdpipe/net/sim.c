#include "net/sim.h"
#include "lib/buf.h"

#include <string.h>

#ifndef SIM
#error "only for builds with -DSIM"
#endif

static bool on;

bool sim_option(const char *option)
{
	if (strcmp(option, "--sim") != 0)
		return false;
	on = true;
	return true;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_mac(const char *s, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++, s += 3) {
		if (nibble(s[0]) < 0 || nibble(s[1]) < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(nibble(s[0]) << 4 | nibble(s[1]));
	}
	return true;
}

bool sim_alias(struct link *l, const char *alias)
{
	static const char vmbus[] = "sim:vmbus:", pci[] = "sim:pci:", master[] = ";master=";
	const char *address = alias + sizeof(pci) - 1;
	size_t n;

	if (!on)
		return false;
	l->sim_netvsc = !strncmp(alias, vmbus, sizeof(vmbus) - 1);
	if (strncmp(alias, pci, sizeof(pci) - 1) != 0)
		return false;
	n = strcspn(address, ";");
	if (n >= sizeof(l->pci))
		return false;
	memcpy(l->pci, address, n);
	l->pci[n] = '\0';
	if (!strncmp(address + n, master, sizeof(master) - 1))
		l->sim_joined = parse_mac(address + n + sizeof(master) - 1, l->sim_master);
	return true;
}

void sim_masters(struct links *links)
{
	for (unsigned i = 0; i < links->count; i++) {
		struct link *vf = &links->v[i];

		for (unsigned k = 0; vf->sim_joined && k < links->count; k++) {
			const struct link *l = &links->v[k];

			if (l->sim_netvsc && l->has_mac && !memcmp(l->mac, vf->sim_master, 6))
				vf->master = l->index;
		}
	}
}
