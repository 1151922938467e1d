/* A driver for compilers without libFuzzer: `seeded FOLDER RUNS SEED` replays
 * the folder's files and then so many mutations of them. The input under way is
 * in `now`, for who finds it dead. */
#include "targets.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 512
#define LONGEST 16384

struct sample {
  uint8_t *p;
  size_t n;
};

static struct sample corpus[FILES];
static unsigned files;
static uint64_t state;
static struct sample now;
static char name[300];

/* splitmix64 */
static uint64_t chance(uint64_t below) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return below ? (z ^ (z >> 31)) % below : 0;
}

static void load(const char *folder, const char *file) {
  char path[600];
  uint8_t *space = malloc(LONGEST);
  FILE *in;

  snprintf(path, sizeof(path), "%s/%s", folder, file);
  in = fopen(path, "rb");
  if (!in || files == FILES)
    exit(2);
  corpus[files++] = (struct sample){space, fread(space, 1, LONGEST, in)};
  fclose(in);
}

static int visible(const struct dirent *e) { return e->d_name[0] != '.'; }

static void one(struct sample s) {
  now = s;
  LLVMFuzzerTestOneInput(s.p, s.n);
}

static void replay(const char *folder) {
  struct dirent **list;
  int n = scandir(folder, &list, visible, alphasort);

  for (int i = 0; i < n; i++) {
    snprintf(name, sizeof(name), "%s", list[i]->d_name);
    load(folder, list[i]->d_name);
    one(corpus[files - 1]);
    free(list[i]);
  }
  if (n > 0)
    free(list);
}

static void cut(struct sample *s) {
  size_t at = chance(s->n), n = chance(s->n - at) + 1;

  memmove(s->p + at, s->p + at + n, s->n - at - n);
  s->n -= n;
}

static void join(struct sample *s) {
  const struct sample *o = &corpus[chance(files)];
  size_t at = chance(s->n), from = chance(o->n), n = o->n - from;

  if (n > LONGEST - at)
    n = LONGEST - at;
  memcpy(s->p + at, o->p + from, n);
  s->n = at + n;
}

static void change(struct sample *s) {
  static const uint8_t edges[] = {0,   1,   4,   5,   8,    16,  17,
                                  127, 128, 255, '"', '\\', '{', '\n'};

  if (!s->n || !chance(5)) {
    join(s);
    return;
  }
  switch (chance(4)) {
  case 0:
    s->p[chance(s->n)] ^= (uint8_t)(1 << chance(8));
    break;
  case 1:
    s->p[chance(s->n)] = edges[chance(sizeof(edges))];
    break;
  case 2:
    s->p[chance(s->n)] = (uint8_t)chance(256);
    break;
  default:
    cut(s);
  }
}

static void mutate(uint64_t runs) {
  static uint8_t space[LONGEST];

  snprintf(name, sizeof(name), "a mutation");
  for (uint64_t i = 0; files && i < runs; i++) {
    const struct sample *from = &corpus[chance(files)];
    struct sample s = {space, from->n};

    memcpy(space, from->p, from->n);
    for (uint64_t n = chance(6) + 1; n; n--)
      change(&s);
    one(s);
  }
}

/* The sanitizers call it last. */
void __asan_on_error(void);
void __asan_on_error(void) {
  fprintf(stderr, "input (%s, %zu bytes): ", name, now.n);
  for (size_t i = 0; i < now.n; i++)
    fprintf(stderr, "%02x", now.p[i]);
  fprintf(stderr, "\n");
}

int main(int argc, char **argv) {
  if (argc != 4)
    return 2;
  state = strtoull(argv[3], NULL, 10);
  replay(argv[1]);
  mutate(strtoull(argv[2], NULL, 10));
  fprintf(stderr, "%s: %u files, %s mutations, seed %s\n",
          getenv("FUZZ_TARGET"), files, argv[2], argv[3]);
  return files ? 0 : 2;
}
