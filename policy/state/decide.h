/* decide.h - the verdict on one recipient with the state of the ledger: the
 * one function behind SMTP, explain and /v1/check. Proposing makes verdict
 * and reservation one step; explaining changes nothing.
 * Threads: any. */
#ifndef POLICY_STATE_DECIDE_H
#define POLICY_STATE_DECIDE_H

#include "policy/mail/address.h"
#include "policy/mail/samekey.h"
#include "policy/rules/verdict.h"
#include "policy/state/copy.h"
#include "policy/state/stop.h"
#include "policy/state/store.h"

enum decide_mode {
	DECIDE_SEND,        /* verdict; on allow a slot */
	DECIDE_REFUSE_ONLY, /* at RCPT: recorded if it is a final refusal, else
	                     * nothing happens, nothing is waited for, and the
	                     * verdict is allow */
	DECIDE_ONE_TO_ONE,  /* counted, never capped; suppression only */
	DECIDE_ONE_TO_ONE_REFUSE_ONLY,
	DECIDE_SHADOW, /* the verdict is recorded and not acted on: the message
			* goes, so it has a slot whatever was decided */
	DECIDE_ONE_TO_ONE_SHADOW,
};

/* Asked outside transactions, for each version of the policy that is tried;
 * may take its time, must not propose. Negative: nobody knows. */
typedef int decide_comply_fn(
    void *arg, const struct policy_segment *s, enum comply_result *out);

struct decide_in {
	enum decide_mode mode;
	struct address recipient;
	struct str segment, stream, campaign, queue_id;
	/* The stream's rule where the policy has no such segment. */
	enum conf_unknown unknown;
	struct str unknown_segment;
	struct str from_domain;   /* of From, A-labels; empty: not known */
	struct str sender;        /* the application's envelope sender */
	struct str app_one_click; /* its RFC 8058 URL, or empty */
	struct samekey same;
	struct str
	    reference; /* of its Message-ID (mail/reference.h), or empty */
	enum comply_result compliance; /* where comply is NULL */
	decide_comply_fn *comply;
	void *comply_arg;
	bool seed;         /* never counted */
	bool log_followed; /* else proposed counts as delivered at once */
	bool from_copy;    /* submitted from the spool, perhaps again: a match
	                    * is a duplicate, log or no log */
	bool may_hold;     /* a copy can be made; else hold is answered DEFER */
	uint64_t copy_id;  /* of the written copy; 0: none yet */
	/* Of a copy that is to be released: its id, when its message first came
	 * (0: now), and whether an operator lets it go whatever it waits for:
	 * limits, order, hours; never a suppression or what a person wants. */
	uint64_t held_id;
	int64_t arrived_ms;
	bool forced;
};

struct decide_out {
	struct verdict verdict;
	uint64_t message_id, subject_id; /* allow: 0 in one-to-one */
	const struct policy *policy;     /* a reference; see decide_fini() */
	const struct policy_segment *segment; /* of that policy, or NULL */
	struct lead_id lead;
	struct company_id company; /* where the policy asks for it */
	bool crowded;              /* of it more are ahead than are looked at */
	size_t ahead;              /* held messages that go before it */
	const struct zone *zone;   /* of the person; the store's. NULL: UTC */
	enum stop_kind stopped;    /* for REASON_STOPPED: what is */
};

/* Why and until when it waits, for a held copy's row: of a verdict that holds
 * or defers. */
void decide_wait(
    const struct decide_out *d, int64_t now_ms, struct copy_wait *out);

/* Durable when 0. Negative: nothing has happened; out->verdict says trouble.
 * ERR_NEED_COPY: the verdict is a hold and copy_id is 0: write the copy and
 * call again. decide_fini() in every case. */
int decide_propose(struct store *s, const struct decide_in *in,
    struct decide_out *out, struct error *err) MUST_CHECK;
/* The same verdict at now_ms, read-only; policy NULL: the one in force. */
int decide_explain(struct store *s, const struct decide_in *in,
    const struct policy *policy, int64_t now_ms, struct decide_out *out,
    struct error *err) MUST_CHECK;
void decide_fini(struct decide_out *out);

/* The recipients of one message, in one step: DECIDE_ONE_TO_ONE, where one
 * refusal is recorded and nobody gets a slot, so that all go or none; or
 * a shadow mode, where all go. At most DECIDE_ALL_MAX. A person who is in it twice has one
 * slot. decide_fini() for each out in every case. */
enum {
	DECIDE_ALL_MAX = 500
};
int decide_propose_all(struct store *s, const struct decide_in *in, size_t n,
    struct decide_out *out, struct error *err) MUST_CHECK;

#endif
