#ifndef GUARD_LCORES_H
#define GUARD_LCORES_H

/*
 * Waits until no thread of this process that runs now can still be at the instruction where it is:
 * each has run for a while, or sleeps in the kernel of its own will. At least 50 ms, at most
 * patience_ns; a thread that got no CPU for so long is given up. Returns what is left of the
 * patience, and never less than 1.
 *
 * fail-safe calls us with its lock held, in EAL's one interrupt thread. So a removal, which waits
 * twice, has one patience for both: a second, with the 50 ms that the other wait takes anyway.
 */
#define LCORES_PATIENCE_NS 950000000LL

typedef long syscall_fn(long number, ...);
long long lcores_pass(syscall_fn *call, long long patience_ns);

#endif
