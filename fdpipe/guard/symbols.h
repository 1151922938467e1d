/* Finds the functions that the guard interposes, and what else it needs of the program. */
#ifndef GUARD_SYMBOLS_H
#define GUARD_SYMBOLS_H

extern void *dlsym(void *handle, const char *symbol) __attribute__((weak));
#define NEXT ((void *)-1L) /* RTLD_NEXT */
#define ANY ((void *)0)    /* RTLD_DEFAULT */

/* NULL where there is none. What was found once is kept in *cached; `caller` is in the program. */
void *symbol_find(void **cached, void *where, const char *symbol, const void *caller);

/* Functions are next to ours; data are where the program has them, which may be its own copy. */
#define REAL(type, where, symbol)                                                                  \
	({                                                                                         \
		static void *cached;                                                               \
		(type *)symbol_find(&cached, where, symbol, __builtin_return_address(0));          \
	})

#endif
