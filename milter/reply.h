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
/* 552 5.3.4: a bound of ours was reached by this message. */
enum answer reply_too_complex(struct reply *out);
/* 550 5.1.1: an address of ours that does not exist. */
enum answer reply_no_such_address(struct reply *out);
/* Copies text, reduced to printable ASCII, cut to fit. */
void reply_set(struct reply *r, int code, const char *enhanced, const char *fmt,
    ...) PRINTF_LIKE(4, 5);

#endif
