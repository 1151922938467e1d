#ifndef FDPIPE_VERSION_H
#define FDPIPE_VERSION_H

#ifndef VERSION
#define VERSION "0.1.0"
#endif

#endif
