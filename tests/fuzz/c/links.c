/* rtnetlink: datagrams as tests/fuzz/targets/netlink.py has them, heard and
 * dumped. */
#include "net/pairing.h"
#include "net/rtnetlink.h"
#include "net/sim.h"
#include "sidecar/pair_links.h"
#include "targets.h"

#include <string.h>

static bool every(const struct link *l) { return l->index >= 0; }

static void check(const struct links *links) {
  MUST(links->count <= MAX_LINKS);
  for (unsigned i = 0; i < links->count; i++) {
    const struct link *l = &links->v[i];

    MUST(memchr(l->name, '\0', sizeof(l->name)));
    MUST(memchr(l->pci, '\0', sizeof(l->pci)));
    MUST(!l->pci[0] || strlen(l->pci) >= 12);
    MUST(strspn(l->pci, "0123456789abcdef:.") == strlen(l->pci));
  }
}

static void dumped(struct sight *sight) {
  static struct links links;

  memset(&links, 0, sizeof(links));
  if (!links_dump(0, &links, every))
    return;
  check(&links);
  sight_look(sight, &links, "netvsc0", "", "/sys");
  MUST(!sight->vf || sight->pci[0]);
}

void links_target(struct input in) {
  struct sight sight = {.number = "00", .verbs = -1};
  struct gone gone = {.count = 0};

  sim_option("--sim");
  doors.in = in;
  dumped(&sight);
  doors.in = in;
  links_events(0, &gone);
  MUST(gone.count <= MAX_GONE);
  sight_gone(&sight, &gone);
  sight_tell(&sight);
}
