#ifndef LCORES_H
#define LCORES_H

/*
 * Waits until no other thread of this process can still be at the instruction where it was: each
 * has run for a while, or sleeps in the kernel of its own will. At least 50 ms; 5 s at most, and an
 * lcore that got no CPU for so long is given up.
 */
typedef long syscall_fn(long number, ...);
void lcores_pass(syscall_fn *call);

#endif
