/* ops_complaint.c - see ops_complaint.h. */
#include "policy/state/ops_complaint.h"

#include "policy/state/message.h"
#include "policy/state/ops.h"
#include "policy/state/reference.h"

#include <string.h>

/* *id_out: 0 where there is none. lead: who is named, or NULL. */
static int find_message(struct door_ctx *ctx, const struct ops_complaint_of *in,
    const struct lead_id *lead, uint64_t *id_out)
{
	const struct ledger_txn *t = door_txn(ctx);
	struct reference_list one = {.v = {in->reference}, .n = 1};
	struct message_record m;
	int rc = in->has_reference
		     ? reference_find(t, &one, lead, door_now_ms(ctx), id_out)
		     : ERR_NOT_FOUND;

	if (rc == 0)
		rc = message_read(t, *id_out, &m);
	if (rc == 0 && lead != NULL &&
	    memcmp(m.lead.b, lead->b, sizeof(lead->b)) != 0)
		rc = ERR_NOT_FOUND;
	if (rc != 0)
		*id_out = 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int of_person(struct door_ctx *ctx, struct store *s,
    const struct ops_complaint_of *in, const struct lead_id *lead,
    struct ops_feedback_out *out)
{
	struct ops_suppress sup = {
	    .target = {.kind = SUPPRESS_LEAD, .lead = *lead},
	    .reason = SUPPRESSION_COMPLAINT,
	    .origin = STR("complaint"),
	    .author = STR("tendril-agent"),
	    .note = in->evidence};
	int rc = ops_suppress_emit(ctx, s, &sup, &out->news);

	out->known = out->names_lead = true;
	if (rc == 0 && out->news)
		out->suppressed = (int)SUPPRESSION_COMPLAINT;
	return rc;
}

/* *yes_out: the person is named, and on record. */
static int find_person(struct door_ctx *ctx, struct store *s,
    const struct ops_complaint_of *in, struct lead_id *out, bool *yes_out)
{
	struct person person;
	int rc;

	*yes_out = false;
	if (in->who.text.n == 0)
		return 0;
	rc = person_open(&person, s, door_txn(ctx), &in->who);
	if (rc != 0)
		return rc;
	*yes_out = person.known;
	*out = person.id;
	person_fini(&person);
	return 0;
}

int ops_complaint_of_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_complaint_of *in, struct ops_feedback_out *out)
{
	struct lead_id lead;
	uint64_t id = 0;
	bool known;
	int rc = find_person(ctx, s, in, &lead, &known);

	*out = (struct ops_feedback_out){.reason = BOUNCE_ABUSE};
	if (rc == 0 && (known || in->who.text.n == 0))
		rc = find_message(ctx, in, known ? &lead : NULL, &id);
	if (rc != 0)
		return rc;
	if (id != 0)
		return ops_complaint_emit(ctx, s, id, in->evidence, out);
	return known ? of_person(ctx, s, in, &lead, out) : 0;
}
