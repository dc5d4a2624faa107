/* evidence.h - what a suppression rests on: the event that made it, the failure
 * or complaint that gave rise to that, and the message that those are about.
 * Threads: as the transaction of s. */
#ifndef AGENT_API_EVIDENCE_H
#define AGENT_API_EVIDENCE_H

#include "agent/api/show.h"

/* Adds to o, each where it is still on record: "note"; "evidence": the bounce
 * or complaint as event_json() tells it; "sent": the message (segment,
 * campaign, stream, queue_id, proposed, state, policy). Memory is of a. */
int evidence_put(const struct show *s, struct arena *a,
    const struct suppression_record *r, struct value *o) MUST_CHECK;

/* "events" of o: suppressions, their ends, failures and complaints of a
 * person, oldest first; at most EVIDENCE_EVENTS_MAX, then "cut" is true. */
enum {
	EVIDENCE_EVENTS_MAX = 1000
};
int evidence_history(const struct show *s, struct arena *a,
    const struct lead_id *lead, struct value *o) MUST_CHECK;

#endif
