/* The commands. Each gets its own arguments and returns an exit code. */
#ifndef FDPIPE_COMMANDS_H
#define FDPIPE_COMMANDS_H

int command_announce(char **argv);
int command_exec(char **argv);
int command_cni(char **argv);

/* These ask the sidecar of this network namespace. */
int command_vf(char **argv);
int command_ready(char **argv);
int command_status(char **argv);

#endif
