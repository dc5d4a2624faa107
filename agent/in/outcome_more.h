/* outcome_more.h - to how many people a message goes, of a log where no line says
 * so: Sendmail's, whose from= line tells nrcpts= before aliases. What its to=
 * lines name is counted, each address once.
 *
 * Of the newest MORE_MESSAGES, of each at most MORE_RCPTS. Pure. Threads: one
 * owner. */
#ifndef AGENT_IN_OUTCOME_MORE_H
#define AGENT_IN_OUTCOME_MORE_H

#include "agent/in/outcome.h"

enum {
	MORE_MESSAGES = 128,
	MORE_RCPTS = 16,
};

struct more_table;

struct more_table *more_new(void) MUST_CHECK; /* NULL: no memory */
void more_free(struct more_table **t);        /* NULL is fine */
void more_clear(struct more_table *t);

/* Somebody whom that message goes to. */
void more_add(struct more_table *t, struct str queue_id, struct str rcpt);

/* How many they are, told once of a message, when it is more than one; else 0. */
uint32_t more_take(struct more_table *t, struct str queue_id);

/* Lines "M ID TOLD" and the addresses, as hashes in hex; import of what stands
 * behind "M ". ERR_SYNTAX. */
void more_export(const struct more_table *t, struct buf *out);
int more_import(struct more_table *t, struct str line) MUST_CHECK;

#endif
