/* Copies files into the volume that sidecar and application share. */
#ifndef FDPIPE_INSTALL_H
#define FDPIPE_INSTALL_H

/*
 * Makes `to` a copy of `from`, by rename, and only if it differs: a running program
 * and a mapped library must never be written to. 0, or errno; ENOENT: there is no `from`.
 */
int install_file(const char *from, const char *to);

#endif
