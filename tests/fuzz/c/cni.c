/* A call: environment and standard input, as tests/fuzz/targets/calls.py has
 * them. */
#include "cni/call.h"
#include "cni/deferred_call.h"
#include "lib/limits.h"
#include "targets.h"

#include <stdlib.h>
#include <string.h>

#define NAMES 4

static const char *const names[NAMES] = {"CNI_COMMAND", "CNI_CONTAINERID",
                                         "CNI_IFNAME", "CNI_NETNS"};

static void set(const char *line, size_t n) {
  char text[512];
  char *equals;

  if (n >= sizeof(text))
    return;
  memcpy(text, line, n);
  text[n] = '\0';
  equals = strchr(text, '=');
  if (!equals)
    return;
  *equals = '\0';
  for (int i = 0; i < NAMES; i++)
    if (!strcmp(text, names[i]))
      setenv(names[i], equals + 1, 1);
}

/* Takes the lines up to the blank one. */
static void environment(struct input *in) {
  for (int i = 0; i < NAMES; i++)
    unsetenv(names[i]);
  for (;;) {
    const uint8_t *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
    size_t n = end ? (size_t)(end - in->p) : in->n;

    set((const char *)in->p, n);
    in->p += n + (end != NULL);
    in->n -= n + (end != NULL);
    if (!end || !n)
      return;
  }
}

static void check(const struct cni_call *call) {
  char path[PATH_SIZE], space[64] = "CNI_COMMAND=ADD";
  struct buf env = {
      .p = space, .size = sizeof(space), .len = strlen(space) + 1};
  struct cni_message message;

  MUST(call->state[0] == '/' && strlen(call->state) < sizeof(call->state));
  MUST(!strchr(call->container, '/') && call->container[0] != '.');
  MUST(!call->prev_result.n || json_is_object(call->prev_result));
  MUST(cni_state_path(call, "containers", path, sizeof(path)));
  cni_message_write(&message, call, &env);
  MUST(message.parts[0].n < sizeof(message.header));
}

void cni_target(struct input in) {
  struct cni_call call;
  const char *why = NULL;

  environment(&in);
  doors.in = in;
  doors.piece = in.n % 3 ? 0 : 100;
  if (cni_call_read(&call, &why) == CNI_OK && call.command != CNI_VERSION)
    check(&call);
  else
    MUST(why && *why);
  MUST(strlen(call.version) >= 5);
}
