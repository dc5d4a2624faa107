/* release.h - stream 0: what the agent submits, and our own mail that a
 * content filter brings back. Recognised by origin (a stream of class release,
 * or a network declared re-inject) and by the token in X-Tendril-Id:
 *
 *   raw       a copy of the spool, from the release listener only: decided
 *             now, by the rules of the stream that it first came by; one
 *             recipient; every verdict is an SMTP answer and never makes a
 *             copy. With a null sender it is our report on a recipient of a
 *             copy: signed, and that recipient is done with it; a second
 *             report on him is accepted and discarded.
 *   composed  decided and counted on its first pass. Our fields and signatures
 *             are made anew, since the filter may have changed the body; ids
 *             stay, so addresses and links do too.
 *
 * On the release listener a message without a valid token is refused; from a
 * re-inject network it is ordinary mail. A raw token that comes by any other
 * way tells that the MTA's listener is not the one the conf names: that mail is
 * put off, since it would leave unsigned and uncounted. All other X-Tendril-Id
 * fields mean nothing. Threads: the session's. */
#ifndef MILTER_RELEASE_H
#define MILTER_RELEASE_H

#include "milter/eom_internal.h"

/* At the end of the header: the stream that stands before all, or NULL. */
const struct conf_stream *release_recognise(const struct session *s);

/* A copy of ours that did not come by the release listener. */
bool release_is_astray(const struct session *s);

enum answer release_run(struct message *m);

#endif
