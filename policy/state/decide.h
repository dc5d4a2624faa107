/* decide.h - the verdict on one recipient with the state of the ledger: the
 * one function behind SMTP, explain and /v1/check. Proposing makes verdict
 * and reservation one step; explaining changes nothing.
 * Threads: any. */
#ifndef POLICY_STATE_DECIDE_H
#define POLICY_STATE_DECIDE_H

#include "policy/mail/address.h"
#include "policy/mail/samekey.h"
#include "policy/rules/verdict.h"
#include "policy/state/store.h"

enum decide_mode {
	DECIDE_SEND,        /* verdict; on allow a slot */
	DECIDE_REFUSE_ONLY, /* at RCPT: recorded if it is a final refusal, else
	                     * nothing happens and the verdict is allow */
	DECIDE_ONE_TO_ONE,  /* counted, never capped; suppression only */
	DECIDE_SHADOW,      /* recorded, no slot: the send counts nowhere */
};

struct decide_in {
	enum decide_mode mode;
	struct address recipient;
	struct str segment, stream, campaign, queue_id;
	struct str sender;        /* the application's envelope sender */
	struct str app_one_click; /* its RFC 8058 URL, or empty */
	struct samekey same;
	enum comply_result compliance;
	bool seed;         /* never counted */
	bool log_followed; /* else proposed counts as delivered at once */
	bool may_hold;     /* a copy can be made; else hold is answered DEFER */
	uint64_t copy_id;  /* of the written copy; 0: none yet */
};

struct decide_out {
	struct verdict verdict;
	uint64_t message_id, subject_id; /* allow: 0 in one-to-one */
	const struct policy *policy;     /* a reference; see decide_fini() */
	const struct policy_segment *segment; /* of that policy, or NULL */
	struct lead_id lead;
};

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

#endif
