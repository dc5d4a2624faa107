/* onetoone.h - sales people's own mail: signed and counted, never capped,
 * never split. One suppressed recipient refuses the whole message, naming
 * him. Threads: the session's. */
#ifndef MILTER_ONETOONE_H
#define MILTER_ONETOONE_H

#include "milter/eom_internal.h"

enum answer onetoone_run(struct message *m);

#endif
