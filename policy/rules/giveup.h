/* giveup.h - what a failed delivery means for the person: never to be written
 * to again, perhaps, or nothing at all. Pure. Threads: any.
 *
 * Reasons of class person (bounce.h) suppress: user_unknown, mailbox_disabled,
 * mailbox_moved, host_unknown. When, the policy of the message's segment says
 * for each (user-unknown...): at once, never, or after so many messages in a row
 * that failed so, over so long; a delivery in between starts anew. Only when the
 * report names the person. A full mailbox may likewise (mailbox-full): one that
 * is full for weeks is no one's any more. Refused content, our reputation and
 * broken paths never count against the person. */
#ifndef POLICY_RULES_GIVEUP_H
#define POLICY_RULES_GIVEUP_H

#include "policy/base/when.h"
#include "policy/rules/bounce.h"
#include "policy/rules/facts.h"

/* How much a failure says; of one message only what says more than all before
 * it counts. So log line, DSN and late DSN of one failure are one. Numbers
 * are stored. */
enum giveup_rank {
	GIVEUP_NOTHING = 0,
	GIVEUP_OTHER_PERSON = 1, /* the report names somebody else */
	GIVEUP_FAILED = 2,
	GIVEUP_HOST = 3, /* the domain, not the mailbox */
	GIVEUP_PERSON = 4,
};

/* What one recipient's failure is, as bounce_classify() says. */
struct giveup_failure {
	enum bounce_reason reason;
	enum bounce_class class;
	bool names_lead;
};
enum giveup_rank giveup_rank(const struct giveup_failure *f);

/* Failures in a row of one lead, for one reason. */
struct giveup_row {
	uint32_t count;
	int64_t first_ms;
};
/* One more, of another message. last_delivered_ms: the lead's newest
 * delivery, 0: none. */
void giveup_failed(
    struct giveup_row *row, int64_t last_delivered_ms, int64_t at_ms);

/* How many failures in a row, more than how long after the first, are the end;
 * count 0: none ever are; 1 and no time: each is, at once. */
struct giveup_limit {
	uint32_t count;
	int64_t span_ms;
};

struct giveup_limits {
	struct giveup_limit unknown;  /* no such user */
	struct giveup_limit disabled; /* mailboxes that are shut */
	struct giveup_limit moved;
	struct giveup_limit no_host; /* where the host is unknown */
	struct giveup_limit full;    /* full mailboxes */
};
/* Of a message whose segment the policy does not have. */
#define GIVEUP_USUAL                                                           \
	{                                                                      \
		.unknown = {1, 0}, .disabled = {1, 0}, .moved = {1, 0},        \
		.no_host = {3, 3 * WHEN_DAY_MS},                               \
	}
/* Is there a limit for such failures? */
bool giveup_has_limit(const struct giveup_failure *f);
/* Are they counted in a row? Not where one is the end. */
bool giveup_counts(
    const struct giveup_failure *f, const struct giveup_limits *l);

/* The suppression that follows at at_ms, after row was brought up to date, where
 * it counts. 0: none. */
int giveup_suppression(const struct giveup_failure *f,
    const struct giveup_row *row, const struct giveup_limits *l, int64_t at_ms);

/* Does `next` take the place of a suppression that is there, at at_ms? What
 * lasts longer stays: an addition never shortens. Of two that last as long the
 * weightier stays: a bounce must not hide an objection, which would be lost
 * when all bounces of a bad day are lifted. */
bool giveup_replaces(const struct suppression_fact *now,
    const struct suppression_fact *next, int64_t at_ms);

/* Was it said of the person? Else it is of a mailbox, and binds nobody who has
 * left that. */
bool giveup_is_of_person(enum suppression_reason reason);

#endif
