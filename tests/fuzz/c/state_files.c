/* The state files beside a pipe, in a directory that the application may write
 * to. */
#include "lib/guard_state.h"
#include "sidecar/line_record.h"
#include "targets.h"

#include <string.h>

void state_files_target(struct input in) {
  struct line_record r;

  doors.file = in;
  line_record_load(&r, "/run/netvsc", "00");
  MUST(memchr(r.line, '\0', sizeof(r.line)));
  MUST(r.vf >= 0 && r.state <= LINE_TAKEN && (!r.state || r.vf));
  line_record_save(&r, "/run/netvsc", "00");
  MUST(guard_state_load("/run/netvsc", "00") < GUARD_STATES);
  MUST(guard_state_by_name(guard_state_name(
           guard_state_load("/run/netvsc", "00"))) < GUARD_STATES);
}
