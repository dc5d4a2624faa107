/* slotchange.h - what an outcome of the MTA's log (outcome.h) means for slots
 * (ops.h). Threads: any. */
#ifndef AGENT_IN_SLOTCHANGE_H
#define AGENT_IN_SLOTCHANGE_H

#include "agent/in/outcome.h"
#include "policy/state/ops.h"

/* False: it changes no slot; *out is set all the same but for kind. Strings are
 * borrowed from the outcome, and from `a`. */
bool slotchange_of(struct store *s, struct arena *a, const struct outcome *o,
    struct slot_change *out) MUST_CHECK;

/* Told in the log, where there are any: harms nobody's slot, but somebody gets
 * what was not decided for them. */
void slotchange_tell_more(const struct ops_slot_counts *c);

#endif
