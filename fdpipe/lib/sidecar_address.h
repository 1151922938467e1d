/* Where the sidecar of a network namespace is reached. */
#ifndef FDPIPE_ADDRESS_H
#define FDPIPE_ADDRESS_H

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SIDECAR_SOCKET "netvsc.io/fdpipe" /* in the abstract name space: @netvsc.io/fdpipe */

static inline socklen_t sidecar_address(struct sockaddr_un *a)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path + 1, SIDECAR_SOCKET, sizeof(SIDECAR_SOCKET) - 1);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(SIDECAR_SOCKET));
}

#endif
