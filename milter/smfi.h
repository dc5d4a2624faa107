/* smfi.h - libmilter: the one file that knows it is smfi.c.
 *
 * Facts measured on Debian's worker-pool build: the callbacks of one session
 * run on different threads; SIGHUP, SIGTERM and SIGINT all mean stop and must
 * be blocked before any thread exists; a second smfi_main() does not work.
 * Threads: main; smfi_serve() in one of its own (serve.c). */
#ifndef MILTER_SMFI_H
#define MILTER_SMFI_H

#include "milter/shared.h"

/* Registers the callbacks and opens the socket with the given mode. */
int smfi_setup(struct shared *sh, const struct conf_milter *conf,
    struct error *err) MUST_CHECK;
/* Serves; returns only when libmilter gives up. See serve.h for a stop. */
int smfi_serve(struct error *err) MUST_CHECK;
/* Removes the unix socket's name, if it is still ours: the MTA is refused at
 * once and goes by its default action. Open connections stay. */
void smfi_close_socket(void);

#endif
