/* What the sources reach outside by, as the targets answer it. Each target
 * opens the doors it uses; the others are shut: they fail. */
#ifndef FUZZ_DOORS_H
#define FUZZ_DOORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The input, taken from its front. */
struct input {
  const uint8_t *p;
  size_t n;
};

uint8_t input_byte(struct input *in); /* 0 at its end */
size_t input_take(struct input *in, void *to,
                  size_t size); /* as many as there are */

/* What the doors answer in this run. */
struct doors {
  struct input in;    /* stdin, the kernel's datagrams, a client's bytes */
  struct input file;  /* a file's content, wherever it is read */
  bool agent;         /* the client is the node's agent */
  bool reader, empty; /* of the pipe */
  uint8_t piece;      /* how many bytes a read gives at most; 0: all */
  unsigned clients;   /* how many come */
  size_t answered;    /* bytes sent */
  void (*check)(const char *answer, size_t n);
};

extern struct doors doors;

/* Ends the run: the input showed that something does not hold. */
_Noreturn void broken(const char *what);

#define MUST(condition) ((condition) ? (void)0 : broken(#condition))

#endif
