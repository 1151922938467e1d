/* Can the program that is about to run load the guard? */
#ifndef FDPIPE_ELF_CHECK_H
#define FDPIPE_ELF_CHECK_H

#include "lib/guard_state.h"

#include <stdbool.h>
#include <stddef.h>

/* Finds the file as execvp() does. False: there is none; errno as execvp() would set it. */
bool program_find(char *path, size_t size, const char *command);

/* LOADED, UNPROVEN, STATIC or SECURE. */
enum guard_state elf_check(const char *path);

#endif
