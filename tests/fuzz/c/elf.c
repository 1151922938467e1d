/* The program that the launcher is to become, read to tell whether the guard
 * will work in it. */
#include "client/elf_check.h"
#include "targets.h"

void elf_target(struct input in) {
  doors.file = in;
  MUST(elf_check("/app") < GUARD_STATES);
}
