/* JSON from anybody: what is found lies within the text and is what the whole
 * says. */
#include "cni/json_scan.h"
#include "targets.h"

#include <string.h>

static void within(struct span inner, struct span whole) {
  MUST(inner.p >= whole.p && inner.p + inner.n <= whole.p + whole.n);
}

static void look(struct span text) {
  static const char *const keys[] = {"cniVersion", "prevResult",
                                     "runtimeConfig", "state", ""};
  struct span value, plain;

  for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
    if (!json_member(text, keys[i], &value))
      continue;
    within(value, text);
    MUST(value.n > 0);
    if (json_plain(value, &plain)) {
      within(plain, value);
      MUST(!memchr(plain.p, '"', plain.n) && !memchr(plain.p, '\0', plain.n));
    }
    MUST(value.p[0] != '{' || json_is_object(value));
  }
}

void json_target(struct input in) {
  struct span text = {(const char *)in.p, in.n};

  if (json_is_object(text))
    look(text);
}
