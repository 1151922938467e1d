/* The status socket: bytes from anybody in the pod. A byte of circumstances,
 * then what he says. */
#include "server/requests.h"
#include "cni/json_scan.h"
#include "lib/log.h"
#include "pipe/devargs_template.h"
#include "server/clients.h"
#include "server/status_json.h"
#include "targets.h"

#include <string.h>

#define PAIRS 2
#define LINKS 2

static struct pair pairs[PAIRS];
static struct clients clients;
static struct settings settings = {
    .dir = "/run/netvsc", .poll = 100 * MS, .started = SECOND};

static void object(const char *line, size_t length) {
  MUST(json_is_object((struct span){line, length}));
  for (size_t i = 0; i < length; i++)
    MUST(line[i] >= ' ' && line[i] <= '~');
}

/* An answer is lines; those that begin like an object are one, in printable
 * ASCII. */
static void check(const char *answer, size_t n) {
  MUST(n > 0 && n < STATUS_SIZE && answer[n - 1] == '\n');
  while (n) {
    const char *end = memchr(answer, '\n', n);
    size_t length = (size_t)(end - answer);

    if (*answer == '{')
      object(answer, length);
    answer = end + 1;
    n -= length + 1;
  }
}

static void see(struct pair *p, unsigned i, uint8_t how) {
  struct links links = {.count = how & 8 ? LINKS : 0};
  struct link *netvsc = &links.v[0], *vf = &links.v[1];

  *netvsc = (struct link){.index = 3, .up = true, .has_mac = true};
  strcpy(netvsc->name, p->config.netvsc);
  *vf = (struct link){.index = 9, .master = 3, .up = true, .has_mac = true};
  strcpy(vf->name, "eth\xff\"");
  strcpy(vf->pci, "9b33:00:02.0");
  p->gate.open = how & 16;
  pair_update_links(p, &links);
  (void)i;
}

static void start(uint8_t how) {
  static const struct pair_config config[PAIRS] = {
      {"00", "netvsc0", "tap0", "{pci},mac={mac},x={interface}"},
      {"01", "net\"\\\x01", "", ""}};

  for (unsigned i = 0; i < PAIRS; i++) {
    pair_init(&pairs[i], &config[i], &settings);
    see(&pairs[i], i, how);
    pair_step(&pairs[i], now_ns());
  }
}

void requests_target(struct input in) {
  uint8_t how = input_byte(&in);

  doors = (struct doors){.in = in,
                         .agent = how & 1,
                         .reader = how & 2,
                         .empty = how & 4,
                         .piece = how >> 5,
                         .clients = 1,
                         .check = check};
  start(how);
  requests_init(pairs, PAIRS, NULL);
  MUST(clients_open(&clients) == 0);
  for (int i = 0; i < 64; i++)
    clients_step(&clients, now_ns(), requests_handle);
  clients_step(&clients, now_ns() + 2 * SECOND, requests_handle);
  for (unsigned i = 0; i < MAX_CLIENTS; i++)
    MUST(clients.v[i].fd == -1);
  MUST(doors.answered <= 2 * STATUS_SIZE);
}
