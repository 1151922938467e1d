/* Wrong on purpose: shows that a fault would be found. A length is believed, as
 * rtnetlink.c must not. */
#include "targets.h"

void planted_target(struct input in) {
  static volatile uint8_t last;

  if (in.n > 2 && in.p[0] == 40 && in.p[1] == 0)
    last = in.p[in.p[2]];
  (void)last;
}
