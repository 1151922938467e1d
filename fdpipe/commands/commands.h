/* The verbs of the command line. Each gets its own arguments and returns an exit code. */
#ifndef FDPIPE_VERBS_H
#define FDPIPE_VERBS_H

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_EXEC_FAILED 125 /* as env(1): the launcher itself failed */
#define EXIT_CANNOT_RUN 126  /* the command is there and cannot be run */
#define EXIT_NOT_FOUND 127

int verb_announce(char **argv);
int verb_exec(char **argv);
int verb_vf(char **argv);
int verb_ready(char **argv);
int verb_status(char **argv);
int verb_cni(char **argv);

#endif
