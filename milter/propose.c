/* propose.c - see propose.h. */
#include "milter/propose.h"

#include "policy/base/clock.h"
#include "policy/mail/msgid.h"

#include <errno.h>
#include <sys/random.h>

static int random_u64(uint64_t *out)
{
	ssize_t n = getrandom(out, sizeof(*out), 0);

	return n == (ssize_t)sizeof(*out) ? 0 : -EIO;
}

int propose_nurture(struct shared *sh, const struct propose_in *in,
    struct propose_out *out, struct error *err)
{
	static const struct facts nothing_known;
	struct facts facts = nothing_known;
	int64_t now_ms = clock_now_ms();
	uint64_t random;

	(void)sh;
	*out = (struct propose_out){
	    .verdict = {.action = VERDICT_DEFER, .reason = REASON_NO_POLICY}};
	if (in->snap->file_policy == NULL)
		return 0;
	out->policy = policy_ref(in->snap->file_policy);
	out->segment = policy_segment_find(out->policy, in->segment);
	if (out->segment == NULL) {
		out->verdict = (struct verdict){
		    .action = VERDICT_REJECT, .reason = REASON_UNKNOWN_SEGMENT};
		return 0;
	}
	facts.consent = CONSENT_GRANTED;
	facts.compliance = in->compliance;
	verdict_decide(
	    out->policy, out->segment, &facts, now_ms, &out->verdict);
	if (random_u64(&random) != 0 || random_u64(&out->subject_id) != 0)
		return error_set(err, -EIO, "getrandom");
	out->message_id = msgid_make(now_ms, (uint32_t)random);
	return 0;
}
