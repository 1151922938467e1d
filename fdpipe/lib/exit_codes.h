/* What the program exits with. */
#ifndef FDPIPE_EXIT_CODES_H
#define FDPIPE_EXIT_CODES_H

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_EXEC_FAILED 125 /* as env(1): the launcher itself failed */
#define EXIT_CANNOT_RUN 126  /* the command is there and cannot be run */
#define EXIT_NOT_FOUND 127

#endif
