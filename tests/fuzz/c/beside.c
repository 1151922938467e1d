/* The files beside a pipe, in a folder that the application may write to. */
#include "lib/guard_state.h"
#include "sidecar/line_record.h"
#include "targets.h"

#include <string.h>

void beside_target(struct input in) {
  struct record r;

  doors.file = in;
  record_load(&r, "/run/netvsc", "00");
  MUST(memchr(r.line, '\0', sizeof(r.line)));
  MUST(r.vf >= 0 && r.state <= RECORD_TAKEN && (!r.state || r.vf));
  record_save(&r, "/run/netvsc", "00");
  MUST(guard_load("/run/netvsc", "00") < GUARD_STATES);
  MUST(guard_by_name(guard_name(guard_load("/run/netvsc", "00"))) <
       GUARD_STATES);
}
