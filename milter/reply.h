/* reply.h - verdicts and trouble as SMTP replies. The one place where a code
 * becomes an answer: tempfail by default, never accept by accident.
 * Pure. Threads: any. */
#ifndef MILTER_REPLY_H
#define MILTER_REPLY_H

#include "milter/mta.h"
#include "policy/rules/verdict.h"

/* For a verdict on one recipient. allow gives CONTINUE with code 0. */
enum answer reply_from_verdict(const struct verdict *v, struct reply *out);
/* 451 4.3.0 with a fixed text: trouble of ours. */
enum answer reply_trouble(struct reply *out);
/* 451 4.3.2: we are about to stop. */
enum answer reply_stopping(struct reply *out);
/* 552 5.3.4: a bound of ours was reached by this message. */
enum answer reply_too_complex(struct reply *out);
/* 550 5.1.1: an address of ours that does not exist. */
enum answer reply_no_such_address(struct reply *out);
/* 452 4.5.3: as many of a kind as one message may have; the sender brings the
 * others with another (RFC 5321 section 4.5.3.1.10). */
enum answer reply_enough(struct reply *out);
/* 550 5.1.3: the recipient's address is malformed. */
enum answer reply_bad_address(struct reply *out);
/* The same for a message, naming the address. */
enum answer reply_bad_address_named(struct str address, struct reply *out);
/* As reply_from_verdict(), naming the recipient: he is one of several. */
enum answer reply_named(
    const struct verdict *v, struct str recipient, struct reply *out);
/* 550 5.5.3: more recipients than one person's mail has. */
enum answer reply_too_many(struct reply *out);
/* 451 4.3.5: needs the release listener, and the conf names none. */
enum answer reply_not_configured(struct reply *out);
/* 451 4.3.5: a copy of ours by a listener that no release stream names. */
enum answer reply_astray(struct reply *out);
/* 550 5.7.7: the release listener is for copies of ours only. A status of its
 * own, so that the agent does not take two key files for a refused recipient. */
enum answer reply_not_ours(struct reply *out);
/* Copies text, reduced to printable ASCII, cut to fit. */
void reply_set(struct reply *r, int code, const char *enhanced, const char *fmt,
    ...) PRINTF_LIKE(4, 5);

#endif
