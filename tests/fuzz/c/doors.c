#include "doors.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/state_file.h"
#include "net/sysfs.h"
#include "pipe/fifo.h"
#include "server/watchers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FD 1000

struct doors doors;
static uint32_t dump;

__attribute__((weak)) void
__asan_on_error(void); /* seeded.c's, which shows the input */

_Noreturn void broken(const char *what) {
  fprintf(stderr, "does not hold: %s\n", what);
  if (__asan_on_error)
    __asan_on_error();
  abort();
}

uint8_t input_byte(struct input *in) {
  uint8_t b = 0;

  input_take(in, &b, 1);
  return b;
}

size_t input_take(struct input *in, void *to, size_t size) {
  size_t n = in->n < size ? in->n : size;

  if (!n)
    return 0;
  memcpy(to, in->p, n);
  in->p += n;
  in->n -= n;
  return n;
}

static ssize_t piece(void *to, size_t size) {
  return (ssize_t)input_take(
      &doors.in, to, doors.piece && doors.piece < size ? doors.piece : size);
}

ssize_t read(int fd, void *to, size_t size) {
  (void)fd;
  return piece(to, size);
}

int poll(struct pollfd *fds, nfds_t n, int timeout) {
  (void)timeout;
  for (nfds_t i = 0; i < n; i++)
    fds[i].revents = fds[i].events;
  return (int)n;
}

ssize_t recv(int fd, void *to, size_t size, int flags) {
  (void)fd;
  (void)flags;
  if (doors.in.n)
    return piece(to, size);
  errno = EAGAIN;
  return doors.piece & 1 ? 0 : -1; /* he hangs up, or he waits */
}

/* The dump that is asked for now: in the corpus each has the number 1. */
static void number(char *data, size_t n) {
  struct nlmsghdr h;

  for (size_t at = 0; at + sizeof(h) <= n; at += NLMSG_ALIGN(h.nlmsg_len)) {
    memcpy(&h, data + at, sizeof(h));
    if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > n)
      return;
    if (h.nlmsg_seq == 1)
      h.nlmsg_seq = dump;
    memcpy(data + at, &h, sizeof(h));
  }
}

/* A datagram and behind it nothing that may be read. */
ssize_t recvmsg(int fd, struct msghdr *m, int flags) {
  struct iovec *space = m->msg_iov;
  struct sockaddr_nl *from = m->msg_name;
  size_t n = input_byte(&doors.in);

  (void)fd;
  (void)flags;
  n |= (size_t)input_byte(&doors.in) << 8;
  ASAN_UNPOISON_MEMORY_REGION(space->iov_base, space->iov_len);
  if (!doors.in.n) {
    errno = EAGAIN;
    return -1;
  }
  m->msg_flags = n > space->iov_len ? MSG_TRUNC : 0;
  n = input_take(&doors.in, space->iov_base,
                 n < space->iov_len ? n : space->iov_len);
  number(space->iov_base, n);
  ASAN_POISON_MEMORY_REGION((char *)space->iov_base + n, space->iov_len - n);
  *from = (struct sockaddr_nl){.nl_family = AF_NETLINK};
  return (ssize_t)n;
}

ssize_t sendto(int fd, const void *data, size_t n, int flags,
               const struct sockaddr *to, socklen_t size) {
  struct nlmsghdr h;

  (void)fd;
  (void)flags;
  (void)to;
  (void)size;
  memcpy(&h, data, sizeof(h));
  dump = h.nlmsg_seq;
  return (ssize_t)n;
}

ssize_t send(int fd, const void *data, size_t n, int flags) {
  (void)fd;
  (void)flags;
  doors.answered += n;
  if (doors.check)
    doors.check(data, n);
  return (ssize_t)n;
}

int accept4(int fd, struct sockaddr *from, socklen_t *size, int flags) {
  (void)fd;
  (void)from;
  (void)size;
  (void)flags;
  errno = EAGAIN;
  return doors.clients ? FD + (int)doors.clients-- : -1;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *size) {
  struct ucred who = {.pid = doors.agent ? 0 : 7, .uid = 0};

  (void)fd;
  (void)level;
  (void)name;
  memcpy(value, &who, sizeof(who));
  *size = sizeof(who);
  return 0;
}

int open(const char *path, int flags, ...) {
  (void)path;
  (void)flags;
  return FD;
}

ssize_t pread(int fd, void *to, size_t size, off_t at) {
  struct input in = doors.file;

  (void)fd;
  MUST(at >= 0);
  if ((uint64_t)at >= in.n)
    return 0;
  in = (struct input){in.p + at, in.n - (size_t)at};
  return (ssize_t)input_take(&in, to, size);
}

int close(int fd) {
  MUST(fd >= FD);
  return 0;
}

int fstat(int fd, struct stat *s) {
  (void)fd;
  *s = (struct stat){.st_mode = S_IFREG};
  return 0;
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size) {
  (void)fd;
  (void)name;
  (void)value;
  (void)size;
  return -1;
}

int socket(int domain, int type, int protocol) {
  (void)domain;
  (void)type;
  (void)protocol;
  return FD;
}

int bind(int fd, const struct sockaddr *to, socklen_t size) {
  (void)fd;
  (void)to;
  (void)size;
  return 0;
}

int listen(int fd, int backlog) {
  (void)fd;
  (void)backlog;
  return 0;
}
