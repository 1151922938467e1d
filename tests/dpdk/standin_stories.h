/* Stories that are told in other files than standin_app.c; each returns 0 if it went well. */
#include "standin.h"

struct rte_eth_dev *failsafe(const char *name);

int grace(void);
int grace_of_one_not_started(void);
int grace_of_this_one_alone(void);
int no_grace(void);
int starved_before_stop(void);
int starved_before_close(void);
int starved_for_long(void);
int sleepers(void);
