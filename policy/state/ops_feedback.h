/* ops_feedback.h - what an answer does to the state: failures, complaints,
 * opt-outs by mail. Each is for use inside a proposal and does nothing the
 * second time. An id that is not on record (aged, or of another ledger) is no
 * error: out->known is false. Threads: any. */
#ifndef POLICY_STATE_OPS_FEEDBACK_H
#define POLICY_STATE_OPS_FEEDBACK_H

#include "policy/rules/spike.h"
#include "policy/state/feedback.h"
#include "policy/state/spikeback.h"
#include "policy/state/store.h"

enum {
	OPS_FAILURE_ADDRESSES = 3,
	OPS_PROVIDER_MAX = 128, /* cut; for logs */
};

/* What a report says of one recipient that failed. */
struct ops_failure {
	/* Canonical (address.h); empty ones do not count: the final and the
	 * original recipient, the latter also read as xtext. */
	struct str address[OPS_FAILURE_ADDRESSES];
	enum bounce_reason reason;
	enum bounce_class class;
	struct str status, diagnostic;
};

struct ops_bounce {
	uint64_t message_id;
	int64_t at_ms; /* when it failed, as told; 0: now */
	enum feedback_source source;
	/* The one that names the lead counts; where none does, the first is
	 * recorded and nothing follows. At least one. */
	const struct ops_failure *failures;
	size_t n;
	bool release_slot;     /* false: the caller does it */
	bool relay;            /* pass it on to the application (outbox.h) */
	struct str refused_by; /* the server that said so, where it is known:
				* see provider_of() */
};

struct ops_feedback_out {
	bool known; /* the message is on record */
	bool news;  /* else it was all known already */
	bool names_lead;
	enum bounce_reason reason;
	int suppressed; /* enum suppression_reason; 0: not */
	/* Suppressed for the time being: amid a spike of such failures. */
	bool provisional;
	char provider[OPS_PROVIDER_MAX]; /* that has it */
	struct spike_facts spike;
	struct spikeback_out back; /* of those before it was seen */
};

int ops_bounce_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_bounce *in, struct ops_feedback_out *out) MUST_CHECK;

/* The mailbox owner called message_id spam: no nurture from now on, and the
 * application is told as of an opt-out (outbox.h), since what it sends on other
 * ways would be called the same. evidence: sealed; may be empty. */
int ops_complaint_emit(struct door_ctx *ctx, struct store *s,
    uint64_t message_id, struct str evidence,
    struct ops_feedback_out *out) MUST_CHECK;

struct ops_opt_out {
	uint64_t message_id;
	uint64_t subject_id; /* 0: that of the message */
	struct str origin;   /* "unsubscribe-mail" */
	struct str evidence; /* sealed: who asked, from where */
};
/* Withdraws consent to the purpose. */
int ops_opt_out_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_opt_out *in, struct ops_feedback_out *out) MUST_CHECK;

#endif
