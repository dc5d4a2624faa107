/* early.h - refusals at RCPT, where the envelope alone decides stream and
 * segment: suppressed, no consent, malformed. Recorded before it is said.
 * Never for local submission: MTAs cannot refuse a recipient there. Whatever
 * is not certain waits for the end of the message. Threads: the session's. */
#ifndef MILTER_EARLY_H
#define MILTER_EARLY_H

#include "milter/session_internal.h"

/* Is RCPT the place to look at this message's recipients? Asked once, at the
 * first one. */
const struct conf_stream *early_stream(struct session *s);
/* CONTINUE, or REJECT with the reply set. rcpt: without <>. */
enum answer early_rcpt(
    struct session *s, const struct conf_stream *stream, struct str rcpt);

#endif
