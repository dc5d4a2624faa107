/* spool_internal.h - names of the spool, for spool.c and spool_list.c. */
#ifndef POLICY_SPOOL_SPOOL_INTERNAL_H
#define POLICY_SPOOL_SPOOL_INTERNAL_H

#include "policy/spool/spool.h"

#include <limits.h>

struct spool {
	char dir[2][PATH_MAX - 64]; /* by enum spool_place */
};

enum {
	SPOOL_NAME = 16 /* hex digits */
};
#define SPOOL_SUFFIX ".eml"
#define SPOOL_TEMP ".tmp"

/* Foreign codes that mean "no room": ERR_FULL; others as they are. */
int spool_code(int rc);

#endif
