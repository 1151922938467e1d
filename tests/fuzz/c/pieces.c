/* The project's own modules that the targets do without: pipes, files, the log.
 */
#include "doors.h"
#include "lib/log.h"
#include "lib/state_file.h"
#include "net/sysfs.h"
#include "pipe/fifo.h"
#include "server/watchers.h"

#include <string.h>

const char *fifo_open(struct fifo *f, const char *path) {
  (void)path;
  f->fd = 0;
  f->was_empty = doors.empty;
  return NULL;
}

bool fifo_empty(const struct fifo *f) {
  (void)f;
  return doors.empty;
}

bool fifo_has_reader(const struct fifo *f) {
  (void)f;
  return doors.reader;
}

bool fifo_offer(const struct fifo *f, const char *line, size_t length) {
  (void)f;
  MUST(length < LINE_SIZE && line[length - 1] == '\n' &&
       strlen(line) == length);
  return doors.reader;
}

bool fifo_token(const struct fifo *f) {
  (void)f;
  return doors.reader;
}

enum fifo_cancelled fifo_cancel(const struct fifo *f) {
  (void)f;
  return doors.empty ? CANCELLED_LATE : CANCELLED;
}

void sysfs_driver(const char *root, const char *pci, char *driver,
                  size_t size) {
  (void)root;
  (void)pci;
  MUST(size > sizeof("mlx5_core"));
  strcpy(driver, doors.agent ? "mlx5_core" : "mana");
}

int sysfs_verbs(const char *root, const char *pci) {
  (void)root;
  (void)pci;
  return doors.agent ? 0 : -1;
}

void state_file_save(const char *dir, const char *pair, const char *kind,
                     const char *text, size_t n) {
  (void)dir;
  (void)pair;
  (void)kind;
  MUST(strnlen(text, n) == n);
}

bool state_file_load(const char *dir, const char *pair, const char *kind,
                     char *text, size_t size) {
  struct input in = doors.file;
  size_t n = input_take(&in, text, size - 1);

  (void)dir;
  (void)pair;
  (void)kind;
  text[n] = '\0';
  return n > 0;
}

void watchers_add(struct watchers *w, int fd, int64_t now) {
  (void)w;
  (void)fd;
  (void)now;
  MUST(doors.agent);
}

int64_t now_ns(void) { return 5 * SECOND; }

int64_t sooner(int64_t a, int64_t b) {
  if (!a || !b)
    return a ? a : b;
  return a < b ? a : b;
}

void log_event(const char *pair, const char *event, const char *detail) {
  MUST(strlen(pair) < 8 && strlen(event) > 0);
  MUST(!detail || strlen(detail) < LINE_SIZE + 32);
}

void log_number(const char *pair, const char *event, const char *key,
                uint64_t number) {
  (void)number;
  log_event(pair, event, key);
}

void log_errno(const char *pair, const char *event, const char *thing,
               int error) {
  (void)error;
  log_event(pair, event, thing);
}

int complain(int code, const char *thing, const char *wrong,
             const char *remedy) {
  MUST(code > 0 && thing && *wrong && remedy && *remedy);
  return code;
}

int complain_value(int code, const char *thing, const char *value,
                   const char *remedy) {
  return complain(code, thing, *value ? value : "empty", remedy);
}
