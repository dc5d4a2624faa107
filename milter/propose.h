/* propose.h - decide on one recipient and reserve the slot, durably: the
 * answer comes after the ledger has both. Threads: any; blocks for one ledger
 * batch. */
#ifndef MILTER_PROPOSE_H
#define MILTER_PROPOSE_H

#include "milter/shared.h"
#include "policy/mail/address.h"
#include "policy/mail/samekey.h"
#include "policy/rules/verdict.h"

struct propose_in {
	const struct snapshot *snap;
	const struct conf_stream *stream;
	struct address recipient;
	struct str segment, campaign;
	struct str queue_id;
	struct str sender; /* the application's envelope sender */
	struct samekey same;
	enum comply_result compliance;
	struct str app_one_click; /* kept, so that opt-outs can be relayed */
	bool local;
};

struct propose_out {
	struct verdict verdict;
	uint64_t message_id; /* allow: tokens are made of these two */
	uint64_t subject_id;
	uint32_t policy_version;
	const struct policy
	    *policy; /* a reference: caller unrefs; may be NULL */
	const struct policy_segment *segment; /* of that policy; may be NULL */
};

/* Negative: trouble of ours, nothing was reserved. *out is valid then too
 * (REASON_TROUBLE). */
int propose_nurture(struct shared *sh, const struct propose_in *in,
    struct propose_out *out, struct error *err) MUST_CHECK;

#endif
