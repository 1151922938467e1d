#include "sidecar/pair_links.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "net/pairing.h"
#include "net/sysfs.h"

#include <string.h>

static void vf_left(struct pair_links *l)
{
	copy_str(l->gone, sizeof(l->gone), l->pci);
	l->gone_at = now_ns();
	l->instance++;
	l->vf = 0;
}

/* Whether it was revoked or moved to another namespace only the message says. */
static void count_removal(struct pair_links *l, bool moved)
{
	if (moved)
		log_event(l->number, "moved", NULL);
	l->moves += moved;
	l->losses += !moved;
}

static void apply_event(struct pair_links *l, int32_t index, enum link_event how)
{
	if (how == LINK_LEAVING) {
		l->leaving |= l->vf && index == l->vf;
		return;
	}
	if (index == l->left) {
		l->left = 0;
		count_removal(l, how == LINK_MOVED);
	} else if (l->vf && index == l->vf) {
		vf_left(l);
		count_removal(l, how == LINK_MOVED);
	}
	if (index == l->netvsc)
		l->netvsc = 0; /* found by name again */
}

void pair_links_apply(struct pair_links *l, const struct link_events *events)
{
	l->leaving = false;
	for (unsigned i = 0; i < events->count; i++)
		apply_event(l, events->v[i].index, events->v[i].how);
	if (!events->overrun)
		return;
	l->overruns++;
	l->instance++; /* it may have gone and come back: rather one offer too many */
	l->losses += l->left != 0;
	l->left = 0;
}

void pair_links_log(struct pair_links *l)
{
	if (l->gone[0])
		log_event(l->number, "gone", l->gone);
	l->gone[0] = '\0';
}

static void update_vf(struct pair_links *l, const struct link *vf, const char *sysfs)
{
	char driver[DRIVER_SIZE];

	sysfs_driver(sysfs, vf->pci, driver, sizeof(driver));
	if (l->vf != vf->index) {
		l->instance++;
		log_event(l->number, "seen", vf->pci);
	}
	if (strcmp(l->interface, vf->name) != 0 || strcmp(l->pci, vf->pci) != 0 ||
		strcmp(l->driver, driver) != 0)
		l->shape++;
	l->vf = vf->index;
	l->verbs = sysfs_verbs(sysfs, vf->pci);
	memcpy(l->mac, vf->mac, sizeof(l->mac));
	copy_str(l->interface, sizeof(l->interface), vf->name);
	copy_str(l->pci, sizeof(l->pci), vf->pci);
	copy_str(l->driver, sizeof(l->driver), driver);
}

void pair_links_update(struct pair_links *l, const struct links *links, const char *netvsc,
	const char *tap, const char *sysfs)
{
	struct pairing p;

	pairing_find(&p, links, l->netvsc, netvsc, tap);
	l->netvsc = p.netvsc ? p.netvsc->index : 0;
	l->tap = p.tap ? p.tap->index : 0;
	l->tap_up = p.tap && p.tap->up;
	l->joined = p.joined;
	l->conflict = p.conflict;
	if (l->vf && (!p.vf || p.vf->index != l->vf)) {
		l->left = l->vf;
		vf_left(l);
	}
	if (p.vf)
		update_vf(l, p.vf, sysfs);
}
