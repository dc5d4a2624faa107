/* session.h - one SMTP connection of the MTA: states and what each command
 * does. No libmilter here: smfi.c calls these, tests too.
 *
 * The connection keeps raw facts (client, listener). At MAIL all message
 * state is reset and the configuration snapshot is taken, so nothing of one
 * message reaches the next and a reload never changes a message half way.
 * Calls in an impossible order are a tempfail of that message.
 *
 * Threads: calls of one session come one at a time, on any thread. */
#ifndef MILTER_SESSION_H
#define MILTER_SESSION_H

#include "milter/mta.h"
#include "milter/shared.h"

struct session;

/* NULL when out of memory. Both arguments are borrowed for its life. */
struct session *session_open(
    struct shared *sh, const struct mta *mta) MUST_CHECK;
void session_close(struct session **s);

/* addr: 16 bytes, IPv4 as ::ffff:a.b.c.d; NULL when unknown. port 0 with host
 * "localhost" is local submission (pickup). */
void session_connect(struct session *s, const char *host,
    const unsigned char *addr, unsigned port);
/* May come again; counts from the next message on. */
void session_helo(struct session *s, const char *name);
/* argv: address, then ESMTP arguments; ends with NULL. */
void session_mail(struct session *s, char **argv);
enum answer session_rcpt(struct session *s, char **argv);
void session_header(struct session *s, const char *name, const char *value);
enum answer session_eoh(struct session *s);
void session_body(struct session *s, struct str chunk);
enum answer session_eom(struct session *s);
void session_abort(struct session *s);

#endif
