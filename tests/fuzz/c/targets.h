#ifndef FUZZ_TARGETS_H
#define FUZZ_TARGETS_H

#include "doors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

void json_target(struct input in);
void cni_target(struct input in);
void links_target(struct input in);
void requests_target(struct input in);
void options_target(struct input in);
void state_files_target(struct input in);
void elf_target(struct input in);
void planted_target(
    struct input in); /* wrong on purpose: reads one byte too far */

#endif
