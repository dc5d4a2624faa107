/* smfi.h - libmilter: the one file that knows it is smfi.c.
 *
 * Facts measured on Debian's worker-pool build: the callbacks of one session
 * run on different threads; SIGHUP, SIGTERM and SIGINT all mean stop and must
 * be blocked before any thread exists; a second smfi_main() does not work. */
#ifndef MILTER_SMFI_H
#define MILTER_SMFI_H

#include "milter/shared.h"

/* Registers the callbacks and opens the socket with the given mode. */
int smfi_setup(struct shared *sh, const struct conf_milter *conf,
    struct error *err) MUST_CHECK;
/* Serves until a stop signal; returns 0 then. Sessions may still be at work:
 * wait for sh->in_flight. */
int smfi_serve(struct error *err) MUST_CHECK;

#endif
