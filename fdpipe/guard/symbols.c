#include "guard/symbols.h"

#include <stddef.h>

struct dl_info { /* what dladdr fills in, glibc and musl alike */
	const char *path;
	void *base;
	const char *symbol;
	void *address;
};

typedef void *dlopen_fn(const char *path, int mode);
typedef int dladdr_fn(const void *address, struct dl_info *info);

enum { LAZY_IF_LOADED = 1 | 4 }; /* RTLD_LAZY | RTLD_NOLOAD */

/* DPDK that came in by dlopen(RTLD_LOCAL) is not "next" to us: look from the caller's object. */
static void *from_object_of(const void *caller, const char *symbol)
{
	dladdr_fn *dladdr = (dladdr_fn *)dlsym(ANY, "dladdr");
	dlopen_fn *dlopen = (dlopen_fn *)dlsym(ANY, "dlopen");
	struct dl_info info = {0};

	if (!dladdr || !dlopen || !dladdr(caller, &info) || !info.path)
		return NULL;
	void *object = dlopen(info.path, LAZY_IF_LOADED);
	return object ? dlsym(object, symbol) : NULL;
}

void *symbol_find(void **cached, void *where, const char *symbol, const void *caller)
{
	void *found = __atomic_load_n(cached, __ATOMIC_ACQUIRE);

	if (found || !dlsym)
		return found;
	found = dlsym(where, symbol);
	if (!found)
		found = from_object_of(caller, symbol);
	__atomic_store_n(cached, found, __ATOMIC_RELEASE);
	return found;
}
