/* ops_complaint.c - see ops_complaint.h. */
#include "policy/state/ops_complaint.h"

#include "policy/state/ops.h"

int ops_complaint_of_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_complaint_of *in, struct ops_feedback_out *out)
{
	struct ops_suppress sup = {.target = {.kind = SUPPRESS_LEAD},
	    .reason = SUPPRESSION_COMPLAINT,
	    .origin = STR("complaint"),
	    .author = STR("tendril-agent"),
	    .note = in->evidence};
	struct person person;
	int rc = person_open(&person, s, door_txn(ctx), &in->who);

	*out = (struct ops_feedback_out){.reason = BOUNCE_ABUSE};
	if (rc == 0) {
		out->known = person.known;
		out->names_lead = true;
		sup.target.lead = person.id;
		person_fini(&person);
	}
	if (rc != 0 || !out->known)
		return rc;
	rc = ops_suppress_emit(ctx, s, &sup, &out->news);
	if (rc == 0 && out->news)
		out->suppressed = (int)SUPPRESSION_COMPLAINT;
	return rc;
}
