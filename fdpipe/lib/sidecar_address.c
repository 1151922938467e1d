#include "lib/sidecar_address.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

unsigned sidecar_address(struct sockaddr_un *a)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path + 1, SIDECAR_SOCKET, sizeof(SIDECAR_SOCKET) - 1);
	return (unsigned)(offsetof(struct sockaddr_un, sun_path) + sizeof(SIDECAR_SOCKET));
}
