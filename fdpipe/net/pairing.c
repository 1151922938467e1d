#include "net/pairing.h"

#include <string.h>

static const struct link *by_index(const struct links *links, int32_t index)
{
	for (unsigned i = 0; index && i < links->count; i++)
		if (links->v[i].index == index)
			return &links->v[i];
	return NULL;
}

static const struct link *by_name(const struct links *links, const char *name)
{
	for (unsigned i = 0; *name && i < links->count; i++)
		if (!strcmp(links->v[i].name, name))
			return &links->v[i];
	return NULL;
}

static bool same_mac(const struct link *a, const struct link *b)
{
	return a->has_mac && b->has_mac && !memcmp(a->mac, b->mac, sizeof(a->mac));
}

/*
 * A master index that comes from another namespace may by chance be our NetVSC's: so the MAC must
 * agree. Before the join the MAC is all there is: seen, but not usable.
 */
static void find_vf(struct pairing *p, const struct links *links)
{
	unsigned joined = 0, loose = 0;

	for (unsigned i = 0; i < links->count; i++) {
		const struct link *l = &links->v[i];

		if (!l->pci[0] || l == p->netvsc || !same_mac(l, p->netvsc))
			continue;
		if (l->master == p->netvsc->index) {
			p->vf = l;
			joined++;
		} else if (!joined) {
			p->vf = l;
			loose++;
		}
	}
	p->joined = joined > 0;
	p->conflict = joined ? joined > 1 : loose > 1;
}

void pairing_find(struct pairing *p, const struct links *links, int32_t netvsc_index,
	const char *netvsc, const char *tap)
{
	memset(p, 0, sizeof(*p));
	p->tap = by_name(links, tap);
	p->netvsc = by_index(links, netvsc_index);
	if (!p->netvsc)
		p->netvsc = by_name(links, netvsc);
	if (p->netvsc)
		find_vf(p, links);
}
