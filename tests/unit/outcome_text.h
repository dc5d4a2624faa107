/* outcome_text.h - one outcome as a line of tests/data/mtalog/X.outcomes:
 * kind, queue id, recipient, where an alias sent it, next id, dsn; apart by
 * blanks, "-" where empty; then "count=N" (unnamed), "recipients=N"
 * (told late) or "refused". For test_outcome
 * and logtool. */
#ifndef TESTS_UNIT_OUTCOME_TEXT_H
#define TESTS_UNIT_OUTCOME_TEXT_H

#include "agent/in/outcome.h"

static void outcome_text(struct buf *out, const struct outcome *o)
{
	struct str field[] = {
	    o->queue_id, o->rcpt, o->rewritten, o->next_id, o->dsn};

	buf_addz(out, outcome_name(o->kind));
	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		buf_addc(out, ' ');
		buf_add(out, field[i].n > 0 ? field[i] : STR("-"));
	}
	if (o->kind == OUTCOME_UNNAMED)
		buf_printf(out, " count=%u", o->count);
	if (o->late)
		buf_printf(out, " recipients=%u", o->count);
	if (o->refused)
		buf_addz(out, " refused");
	buf_addc(out, '\n');
}

#endif
