/* ops_reply.h - what an answer does to the state, and what a person decides of
 * it. Threads: any.
 *
 *   human       nurture to the lead is paused for the policy's reply-pause
 *   opt_out     paused until it is decided; a review with a deadline
 *   left        certain, from the lead's own address, and shown to be: suppressed
 *               (left), for good; else a review
 *   all others  recorded, no more
 *
 * From is anybody's to write. What shows that it is the lead is the message's
 * token, which nobody can make up, or its Message-ID together with SPF or DKIM of
 * their domain. Where an application has given one Message-ID to many, each of
 * them knows it of all the others, and may be of the same domain: then nothing
 * does.
 *
 * The pauses and the suppression are those of suppression.h. Nothing is ever sent
 * to a successor that an answer names. */
#ifndef POLICY_STATE_OPS_REPLY_H
#define POLICY_STATE_OPS_REPLY_H

#include "policy/mail/reference.h"
#include "policy/mail/reply.h"
#include "policy/state/review.h"
#include "policy/state/store.h"

struct ops_reply {
	uint64_t message_id; /* that it answers */
	const struct reply *reply;
	/* By which the milter found the message; NULL: by its token. */
	const struct reference_list *references;
	/* Of one by references: what of SPF and DKIM shows its author; empty:
	 * nothing. */
	struct str authentic;
	struct str from;  /* canonical author; empty: none, or several */
	int64_t pause_ms; /* 0: a human answer pauses nothing */
	int64_t review_ms;
};

struct ops_reply_out {
	bool known; /* the message is on record */
	enum reply_kind kind;
	bool paused;     /* anew, or longer than before */
	bool suppressed; /* for having left */
	uint64_t review; /* that was opened; 0: none */
};

/* In a proposal. A message that is not on record is no error. */
int ops_reply_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_reply *in, struct ops_reply_out *out) MUST_CHECK;

struct ops_review {
	uint64_t id;             /* 0: by lead */
	struct address address;  /* id 0 */
	enum review_state state; /* REVIEW_UNSUBSCRIBED or REVIEW_RESUMED */
	struct str author, reason;
};
/* Ends the review, if there is one, and the pause; unsubscribed: suppresses the
 * lead for all nurture and tells the application (outbox.h). *changed_out is
 * false where nothing was open nor paused. ERR_NOT_FOUND: no such review, no such
 * lead; ERR_EXISTS: it was decided already. */
int ops_review_decide(struct store *s, const struct ops_review *in,
    bool *changed_out, struct error *err) MUST_CHECK;

#endif
