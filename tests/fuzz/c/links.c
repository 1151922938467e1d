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

static void dumped(struct pair_links *pair) {
  static struct links links;

  memset(&links, 0, sizeof(links));
  if (!rtnetlink_dump(0, &links, every))
    return;
  check(&links);
  pair_links_update(pair, &links, "netvsc0", "", "/sys");
  MUST(!pair->vf || pair->pci[0]);
}

void links_target(struct input in) {
  struct pair_links pair = {.number = "00", .verbs = -1};
  struct link_events events = {.count = 0};

  sim_option("--sim");
  doors.in = in;
  dumped(&pair);
  doors.in = in;
  rtnetlink_read(0, &events);
  MUST(events.count <= MAX_LINK_EVENTS);
  pair_links_apply(&pair, &events);
  pair_links_log(&pair);
}
