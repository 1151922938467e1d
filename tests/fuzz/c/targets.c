/* The targets, and the entry that libFuzzer and seeded.c call. */
#include "targets.h"
#include "doors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  void (*run)(struct input in);
} targets[] = {
    {"c-json", json_target},       {"c-cni", cni_target},
    {"c-links", links_target},     {"c-requests", requests_target},
    {"c-options", options_target}, {"c-state-files", state_files_target},
    {"c-elf", elf_target},         {"planted", planted_target},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  const char *wanted = getenv("FUZZ_TARGET");
  uint8_t *own =
      malloc(n ? n : 1); /* of its very size: the sanitizer sees its end */

  memcpy(own, data, n);
  memset(&doors, 0, sizeof(doors));
  for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
    if (!wanted || strcmp(wanted, targets[i].name) != 0)
      continue;
    targets[i].run((struct input){own, n});
    free(own);
    return 0;
  }
  fprintf(stderr, "FUZZ_TARGET: no such target\n");
  exit(2);
}
