#include "lib/self_path.h"
#include "lib/buf.h"
#include "lib/limits.h"

#include <string.h>
#include <unistd.h>

bool self_path(char *path, size_t size, const char *name)
{
	char self[PATH_SIZE];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return path_join(path, size, self, name);
}
