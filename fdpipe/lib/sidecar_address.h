/* The socket address of a network namespace's sidecar. No includes: the guard has no libc. */
#ifndef FDPIPE_SIDECAR_ADDRESS_H
#define FDPIPE_SIDECAR_ADDRESS_H

#define SIDECAR_SOCKET "netvsc.io/fdpipe" /* in the abstract namespace: @netvsc.io/fdpipe */

struct sockaddr_un;

/* Fills in the address, returns its length. */
unsigned sidecar_address(struct sockaddr_un *a);

#endif
