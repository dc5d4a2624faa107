/* eom.h - end of message: decide, compose, sign, apply, answer. Threads: the
 * session's. */
#ifndef MILTER_EOM_H
#define MILTER_EOM_H

#include "milter/session_internal.h"

/* The message is complete in s->g and s->stream is one of ours. Sets the
 * reply. After the slot is reserved, trouble releases it and gives 451. */
enum answer eom_run(struct session *s);

#endif
