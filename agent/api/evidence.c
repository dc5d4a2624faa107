/* evidence.c - see evidence.h.
 *
 * Failure and suppression are events of one proposal, so the one stands a few
 * numbers before the other; what else that proposal emits (the slot's release,
 * the relay to the application) is between them. */
#include "agent/api/evidence.h"

#include "agent/api/event_json.h"
#include "agent/api/timeline.h"

#include "policy/state/feedback.h"
#include "policy/state/message.h"

enum {
	LOOK_BACK = 16, /* events; a proposal of a report to several people */
	FULL = 1,       /* ends a walk */
};

/* Does it tell of that message? */
static bool tells_of(const struct event *ev, uint64_t message_id)
{
	struct event_complaint complaint;
	struct event_bounce bounce;

	if (ev->type == EV_BOUNCE)
		return feedback_decode_bounce(ev->payload, &bounce) == 0 &&
		       bounce.message_id == message_id;
	if (ev->type == EV_COMPLAINT)
		return feedback_decode_complaint(ev->payload, &complaint) ==
			   0 &&
		       complaint.message_id == message_id;
	return false;
}

static int put_cause(const struct show *s, struct arena *a, uint64_t seq,
    uint64_t message_id, struct value *o)
{
	for (uint64_t i = 1; i <= LOOK_BACK && i < seq; i++) {
		struct event ev;
		struct value *cause;
		int rc = event_get(s->t, seq - i, &ev);

		if (rc != 0)
			return rc == ERR_NOT_FOUND ? 0 : rc;
		if (!tells_of(&ev, message_id))
			continue;
		cause = value_new_object();
		event_json(s, a, &ev, cause);
		value_put(o, "evidence", cause);
		return 0;
	}
	return 0;
}

static int put_sent(const struct show *s, uint64_t id, struct value *o)
{
	struct message_record r;
	struct value *sent;
	int rc = message_read(s->t, id, &r);

	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	sent = value_new_object();
	api_put_id(sent, "message", id);
	value_put_str(sent, "segment", r.segment);
	value_put_str(sent, "campaign", r.campaign);
	value_put_str(sent, "stream", r.stream);
	value_put_str(sent, "queue_id", r.queue_id);
	value_put_time(sent, "proposed", r.proposed_ms);
	value_put_str(sent, "state", str_of(slot_state_name(r.state)));
	value_put_i64(sent, "policy", r.policy_version);
	value_put(o, "sent", sent);
	return 0;
}

int evidence_put(const struct show *s, struct arena *a,
    const struct suppression_record *r, struct value *o)
{
	struct event_suppressed e;
	struct value *made;
	struct event ev;
	int rc = event_get(s->t, r->seq, &ev);

	if (rc == 0)
		rc = suppression_decode(ev.payload, &e);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	made = value_new_object();
	event_json(s, a, &ev, made);
	if (value_get_str(made, "note").n > 0)
		value_put_str(o, "note", value_get_str(made, "note"));
	value_free(&made);
	if (e.message_id == 0)
		return 0;
	rc = put_cause(
	    s, a, e.first_seq != 0 ? e.first_seq : r->seq, e.message_id, o);
	return rc != 0 ? rc : put_sent(s, e.message_id, o);
}

struct history {
	const struct show *s;
	struct arena *a;
	struct value *list;
};

static int add_event(void *arg, const struct event *ev)
{
	struct history *h = arg;
	struct value *o;

	if (ev->type != EV_SUPPRESSED && ev->type != EV_UNSUPPRESSED &&
	    ev->type != EV_BOUNCE && ev->type != EV_COMPLAINT)
		return 0;
	if (value_count(h->list) == EVIDENCE_EVENTS_MAX)
		return FULL;
	o = value_new_object();
	event_json(h->s, h->a, ev, o);
	value_add(h->list, o);
	return 0;
}

int evidence_history(const struct show *s, struct arena *a,
    const struct lead_id *lead, struct value *o)
{
	struct history h = {s, a, value_new_array()};
	struct timeline tl = {.t = s->t, .arena = a, .lead = lead};
	int rc = timeline_each(&tl, add_event, &h);

	value_put(o, "events", h.list);
	if (rc == FULL)
		value_put_bool(o, "cut", true);
	return rc == FULL ? 0 : rc;
}
