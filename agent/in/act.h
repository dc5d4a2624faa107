/* act.h - the one place where an answer becomes events: of a sorted mail, and
 * of a failure in the MTA's log. Each failure, complaint and opt-out has its
 * effect once, by message id, however often and by whichever way it is told.
 * Threads: any; both block until it is durable. */
#ifndef AGENT_IN_ACT_H
#define AGENT_IN_ACT_H

#include "agent/app.h"
#include "agent/in/sort.h"
#include "policy/state/ops_complaint.h"

struct act_item {
	const struct sort *mail;
	const unsigned char *digest; /* SEEN_DIGEST bytes */
	/* When the MTA delivered it, ms since 1970, which may be long ago; 0:
	 * just now. What it says is said then: evidence of an opt-out has it,
	 * and a review's clock runs from there. */
	int64_t since_ms;
	/* A complaint without a token that is believed (claim.h), or NULL. */
	const struct ops_complaint_of *complaint;
	/* What shows that a matched answer is its author's (claim_left()), in the
	 * words of RFC 8601; empty: nothing does, or nobody asked. */
	struct str authentic;
	/* results: */
	int rc;    /* durable when 0 */
	bool news; /* false: the digest was seen already, nothing happened */
	struct error err;
};
/* All of them, each a proposal of its own; they share the disk's flushes. */
void act_mails(const struct app *app, struct act_item *v, size_t n);

/* A recipient that the MTA gave up on, as its log says. */
struct act_failure {
	struct str queue_id;
	struct str rcpt;      /* as the milter saw it, quoted as in SMTP */
	struct str rewritten; /* where an alias sent it; may be empty */
	struct str status;    /* "5.1.1" */
	struct str text;      /* the remote server's words */
	struct str relay;     /* as the log names it; may be empty */
	int64_t at_ms;        /* the line's */
};
/* Durable when 0; its slot is released by the caller. */
int act_log_bounce(const struct app *app, const struct bounce_rules *rules,
    const struct act_failure *f, struct error *err) MUST_CHECK;

#endif
