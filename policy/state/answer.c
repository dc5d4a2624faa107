/* answer.c - see answer.h. */
#include "policy/state/answer.h"

#include "policy/mail/reply.h"
#include "policy/state/counter.h"
#include "policy/state/feedback.h"
#include "policy/state/message.h"

#include <stddef.h>
#include <stdio.h>

enum {
	PAYLOAD_MAX = 4096,
	VERSION_ALIVE = 2, /* of the event: it ends failures from there on */
};

#define AT(field) offsetof(struct event_reply, field)
static const struct payload_field fields[] = {
    {1, PAYLOAD_U64, true, AT(message_id)},
    {2, PAYLOAD_ID16, true, AT(lead)},
    {3, PAYLOAD_U32, true, AT(kind)},
    {4, PAYLOAD_BOOL, false, AT(other)},
    {5, PAYLOAD_BYTES, false, AT(note)},
};
#undef AT
const struct payload_desc answer_payload =
    PAYLOAD_DESC(fields, struct event_reply, PAYLOAD_MAX);

int answer_decode(struct str payload, struct event_reply *out)
{
	return payload_decode(&answer_payload, payload, out);
}

/* Programs answer for mailboxes that nobody reads any more. */
static bool is_the_person(const struct event_reply *e)
{
	return !e->other &&
	       (e->kind == REPLY_HUMAN || e->kind == REPLY_OPT_OUT);
}

int answer_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	char name[COUNTER_NAME_MAX];
	struct message_record m = {0};
	struct event_reply e;
	int rc = answer_decode(ev->payload, &e);

	if (rc == 0)
		rc = message_read(t, e.message_id, &m);
	if (rc == 0 || rc == ERR_NOT_FOUND) {
		(void)snprintf(name, sizeof(name), "reply.%s",
		    reply_kind_name((enum reply_kind)e.kind));
		rc = counter_add(t, ev->time_ms, name, m.segment);
	}
	if (rc == 0 && ev->version >= VERSION_ALIVE && is_the_person(&e))
		rc = feedback_is_alive(t, e.lead);
	return error_of(err, rc, "reply event");
}
