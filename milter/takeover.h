/* takeover.h - messages that we take from the MTA: a copy in the spool, synced,
 * a row in the ledger, and DISCARD for the original. The agent gives them back
 * over the release listener. Threads: the session's. */
#ifndef MILTER_TAKEOVER_H
#define MILTER_TAKEOVER_H

#include "milter/eom_internal.h"
#include "policy/state/copy.h"

/* Is there somebody who gives copies back? */
bool takeover_is_possible(const struct session *s);
/* The message as it came, with its envelope. Durable when 0. */
int takeover_write(struct message *m, enum copy_kind kind, uint64_t *id_out,
    struct error *err) MUST_CHECK;
/* A file that gets no row after all. */
void takeover_forget(struct session *s, uint64_t id);

/* Several recipients: the whole message, each recipient decided later. */
enum answer takeover_all(struct message *m);
/* Local mail in trouble: needs no ledger. Quarantine where the spool cannot
 * be written either. */
enum answer takeover_undecided(struct message *m);

#endif
