#include "sidecar/pair_links.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "net/pairing.h"
#include "net/sysfs.h"

#include <string.h>

static void leave(struct sight *s)
{
	copy_str(s->gone, sizeof(s->gone), s->pci);
	s->gone_at = now_ns();
	s->instance++;
	s->vf = 0;
}

/* Revoked, or only moved to another namespace: the message tells, the dump cannot. */
static void count(struct sight *s, bool moved)
{
	if (moved)
		log_event(s->number, "moved", NULL);
	s->moves += moved;
	s->losses += !moved;
}

static void see_gone(struct sight *s, int32_t index, enum gone_how how)
{
	if (how == GONE_SHAKY) {
		s->shaky |= s->vf && index == s->vf;
		return;
	}
	if (index == s->left) {
		s->left = 0;
		count(s, how == GONE_MOVED);
	} else if (s->vf && index == s->vf) {
		leave(s);
		count(s, how == GONE_MOVED);
	}
	if (index == s->netvsc)
		s->netvsc = 0; /* found by name again */
}

void sight_gone(struct sight *s, const struct gone *gone)
{
	s->shaky = false;
	for (unsigned i = 0; i < gone->count; i++)
		see_gone(s, gone->v[i].index, gone->v[i].how);
	if (!gone->overrun)
		return;
	s->overruns++;
	s->instance++; /* it may have gone and come back: better one offer too many */
	s->losses += s->left != 0;
	s->left = 0;
}

void sight_tell(struct sight *s)
{
	if (s->gone[0])
		log_event(s->number, "gone", s->gone);
	s->gone[0] = '\0';
}

static void see_vf(struct sight *s, const struct link *vf, const char *sysfs)
{
	char driver[DRIVER_SIZE];

	sysfs_driver(sysfs, vf->pci, driver, sizeof(driver));
	if (s->vf != vf->index) {
		s->instance++;
		log_event(s->number, "seen", vf->pci);
	}
	if (strcmp(s->interface, vf->name) != 0 || strcmp(s->pci, vf->pci) != 0 ||
		strcmp(s->driver, driver) != 0)
		s->shape++;
	s->vf = vf->index;
	s->verbs = sysfs_verbs(sysfs, vf->pci);
	memcpy(s->mac, vf->mac, sizeof(s->mac));
	copy_str(s->interface, sizeof(s->interface), vf->name);
	copy_str(s->pci, sizeof(s->pci), vf->pci);
	copy_str(s->driver, sizeof(s->driver), driver);
}

void sight_look(struct sight *s, const struct links *links, const char *netvsc, const char *tap,
	const char *sysfs)
{
	struct pairing p;

	pairing_find(&p, links, s->netvsc, netvsc, tap);
	s->netvsc = p.netvsc ? p.netvsc->index : 0;
	s->tap = p.tap ? p.tap->index : 0;
	s->tap_up = p.tap && p.tap->up;
	s->joined = p.joined;
	s->conflict = p.conflict;
	if (s->vf && (!p.vf || p.vf->index != s->vf)) {
		s->left = s->vf;
		leave(s);
	}
	if (p.vf)
		see_vf(s, p.vf, sysfs);
}
