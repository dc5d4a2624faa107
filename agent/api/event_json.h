/* event_json.h - events as JSON: what the journal, a person's timeline and
 * explanations show. One decoder for each type of events.def. Threads: any. */
#ifndef AGENT_API_EVENT_JSON_H
#define AGENT_API_EVENT_JSON_H

#include "agent/api/show.h"
#include "policy/ledger/event.h"

/* Members of all: seq, time, type ("slot_proposed"), audit; "error" in place
 * of the rest when it does not decode. Sealed fields are opened unless
 * s->redact is set, and left out when their key is gone. Memory is of a. */
void event_json(const struct show *s, struct arena *a, const struct event *ev,
    struct value *o);
/* Is there a decoder for that type? */
bool event_json_knows(unsigned type);
/* "slot_proposed" for EV_SLOT_PROPOSED; "unknown". */
const char *event_json_name(unsigned type);
bool event_json_is_name(struct str name);

#endif
