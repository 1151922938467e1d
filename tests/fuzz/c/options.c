/* The sidecar's command line, which the webhook writes from pools and
 * annotations: words by lines. */
#include "commands/announce_options.h"
#include "pipe/devargs_template.h"
#include "targets.h"

#include <string.h>

#define WORDS 32

static unsigned split(char *text, char **argv) {
  unsigned n = 0;

  while (text && n < WORDS) {
    char *end = strchr(text, '\n');

    if (end)
      *end++ = '\0';
    argv[n++] = text;
    text = end;
  }
  argv[n] = NULL;
  return n;
}

/* The longest VF there can be fits every template that was taken, or is refused
 * as a whole. */
static void check(const struct pair_config *c) {
  const struct devargs_values v = {"ffffffff:ff:1f.7", "00:0d:3a:c0:00:11",
                                   "enP12345p0s2nabc"};
  char line[LINE_SIZE - 1];

  MUST(strlen(c->number) == 2 && *c->netvsc && !strchr(c->netvsc, '/'));
  if (!*c->template)
    return;
  MUST(!devargs_template_check(c->template));
  if (devargs_template_render(c->template, &v, line, sizeof(line)))
    MUST(!strchr(line, '\n'));
}

void options_target(struct input in) {
  struct announce_options o;
  char text[4096], *argv[WORDS + 1];

  text[input_take(&in, text, sizeof(text) - 1)] = '\0';
  split(text, argv);
  if (announce_options(&o, argv))
    return;
  MUST(o.count > 0 && o.count <= MAX_PAIRS);
  MUST(o.settings.poll >= MS && o.settings.dir[0] == '/');
  for (unsigned i = 0; i < o.count; i++)
    check(&o.pairs[i]);
}
