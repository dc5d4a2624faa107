/* serve.h - serving until a signal, and a stop that loses no session.
 *
 * SIGTERM, SIGINT, SIGHUP: the socket goes away, a message in work is brought
 * to its end, a new one on an open connection is told to come again. A second
 * such signal, or 30 seconds, end the wait. The signals must be blocked in
 * every thread. Threads: the main thread of the process. */
#ifndef MILTER_SERVE_H
#define MILTER_SERVE_H

#include "milter/shared.h"

/* After smfi_setup(). 0 after a stop; what libmilter failed with. */
int serve_until_stop(struct shared *sh, struct error *err) MUST_CHECK;

#endif
