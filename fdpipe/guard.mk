# guard.so: freestanding, so it is built with the plain compiler whatever libc the rest uses.
# -fno-builtin and no loop idioms: nothing may become a call of memcpy or strlen behind our back.
# Unwind tables: an exception of a C++ application may pass through us.
GUARD_CFLAGS = -std=gnu11 -O2 -fPIC -ffreestanding -fno-builtin -fno-stack-protector -fvisibility=hidden \
	-fasynchronous-unwind-tables -fno-tree-loop-distribute-patterns -iquote . -Wall -Wextra -Werror
GUARD_LDFLAGS = -shared -nostdlib -Wl,-soname,guard.so -Wl,--hash-style=both -Wl,-z,now \
	-Wl,-z,relro -Wl,-z,noexecstack -Wl,--build-id=none

GUARD_CC ?= gcc
# For arm64 gcc would call libgcc's atomics, which nobody links to a preloaded library.
ifneq (,$(findstring aarch64,$(shell $(GUARD_CC) -dumpmachine)))
GUARD_CFLAGS += -mno-outline-atomics
endif

all: build/guard.so
GUARD_SOURCES = $(sort $(wildcard guard/*.c))
build/guard.so: $(GUARD_SOURCES) $(wildcard guard/*.h) lib/sidecar_address.h guard.mk
	@mkdir -p build
	$(GUARD_CC) $(GUARD_CFLAGS) $(GUARD_LDFLAGS) -s -o $@.new $(GUARD_SOURCES)
	mv $@.new $@
