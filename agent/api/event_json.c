/* event_json.c - see event_json.h. */
#include "agent/api/event_json.h"

#include "policy/base/codec.h"
#include "policy/ledger/snapshot.h"
#include "policy/mail/reply.h"
#include "policy/rules/verdict.h"
#include "policy/state/answer.h"
#include "policy/state/companies.h"
#include "policy/state/copy.h"
#include "policy/state/feedback.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/mtalogpos.h"
#include "policy/state/outbox.h"
#include "policy/state/policyver.h"
#include "policy/state/refusal.h"
#include "policy/state/review.h"
#include "policy/state/seen.h"
#include "policy/state/spikeback.h"
#include "policy/state/stop.h"

#include <string.h>

struct job {
	const struct show *s;
	struct arena *a;
	const struct event *ev;
	struct value *o;
};

typedef int decode_fn(struct job *j);

/* Empty values are left out. */
static void put(struct job *j, const char *key, struct str s)
{
	if (s.n > 0)
		value_put_str(j->o, key, s);
}

static void put_ms(struct job *j, const char *key, int64_t ms)
{
	if (ms != 0)
		value_put_time(j->o, key, ms);
}

static void put_id(struct job *j, const char *key, uint64_t id)
{
	if (id != 0)
		api_put_id(j->o, key, id);
}

static struct lead_id lead_of(const unsigned char *bytes)
{
	struct lead_id id;

	memcpy(id.b, bytes, sizeof(id.b));
	return id;
}

static void put_lead(struct job *j, const unsigned char *bytes)
{
	struct lead_id id = lead_of(bytes);

	show_lead(j->s, j->o, "address", &id);
}

/* A field sealed with a person's key. */
static void put_sealed(struct job *j, const char *key,
    const unsigned char *lead, enum person_field field, struct str sealed)
{
	struct lead_id id = lead_of(lead);
	struct person p;
	struct str plain;

	if (j->s->redact || sealed.n == 0)
		return;
	if (person_open_id(&p, j->s->store, j->s->t, &id) == 0 &&
	    person_open_field(&p, field, sealed, j->a, &plain) == 0)
		put(j, key, plain);
	person_fini(&p);
}

static int ledger_restored(struct job *j)
{
	struct snapshot_restored e;
	int rc = snapshot_decode(j->ev, &e);

	value_put_i64(j->o, "epoch", (int64_t)e.epoch);
	value_put_i64(j->o, "last", (int64_t)e.last_seq);
	return rc;
}

static int policy_applied(struct job *j)
{
	static const char *const orphans[] = {"", "hold", "bounce"};
	struct event_policy e;
	char hash[65];
	int rc = policyver_decode(j->ev->payload, &e);

	codec_hex(e.hash, sizeof(e.hash), hash);
	value_put_i64(j->o, "policy", e.version);
	value_put_str(j->o, "sha256", str_of(hash));
	put(j, "author", e.author);
	put(j, "why", e.reason);
	if (e.orphans < sizeof(orphans) / sizeof(orphans[0]))
		put(j, "orphans", str_of(orphans[e.orphans]));
	return rc;
}

static int lead_created(struct job *j)
{
	struct event_lead_created e;
	int rc = lead_event_decode(j->ev->payload, &e);

	put_lead(j, e.lead);
	value_put_i64(j->o, "epoch", (int64_t)e.epoch);
	put(j, "origin", e.origin);
	put(j, "author", e.author);
	return rc;
}

static int lead_changed(struct job *j)
{
	struct event_lead_changed e;
	int rc = lead_event_decode_changed(j->ev->payload, &e);

	put_lead(j, e.lead);
	put(j, "origin", e.origin);
	put(j, "author", e.author);
	return rc;
}

static int lead_merged(struct job *j)
{
	struct event_lead_merged e;
	int rc = lead_event_decode_merged(j->ev->payload, &e);
	struct lead_id to = lead_of(e.to);

	put_lead(j, e.lead);
	show_lead(j->s, j->o, "to", &to);
	put(j, "origin", e.origin);
	put(j, "author", e.author);
	return rc;
}

static int slot_proposed(struct job *j)
{
	struct event_slot_proposed e;
	int rc = message_decode_proposed(j->ev->payload, &e);

	put_lead(j, e.lead);
	put_id(j, "message", e.message_id);
	put(j, "segment", e.segment);
	put(j, "purpose", e.purpose);
	put(j, "stream", e.stream);
	put(j, "campaign", e.campaign);
	put(j, "queue_id", e.queue_id);
	value_put_str(j->o, "verdict", STR("allow"));
	if (e.policy_version != 0)
		value_put_i64(j->o, "policy", e.policy_version);
	value_put_bool(j->o, "counts", e.counts);
	if (e.delivered)
		value_put_bool(j->o, "delivered", true);
	if (e.shadowed)
		value_put_bool(j->o, "shadow", true);
	put_sealed(j, "sender", e.lead, PERSON_APP_SENDER, e.app_sender);
	put_sealed(
	    j, "one_click", e.lead, PERSON_APP_ONE_CLICK, e.app_one_click);
	return rc;
}

/* Whose message it is, as the tables still know. */
static void put_message(struct job *j, uint64_t id)
{
	struct message_record r;

	put_id(j, "message", id);
	if (id == 0 || message_read(j->s->t, id, &r) != 0)
		return;
	put_lead(j, r.lead.b);
	put(j, "segment", r.segment);
}

static int slot_changed(struct job *j)
{
	struct event_slot_changed e;
	int rc = message_decode_changed(j->ev->payload, &e);

	put_message(j, e.message_id);
	put_ms(j, "at", e.at_ms);
	if (e.release != 0)
		put(j, "release",
		    str_of(slot_release_name((enum slot_release)e.release)));
	put(j, "status", e.status);
	put(j, "relay", e.relay);
	put(j, "provider", e.provider);
	return rc;
}

static int slot_moved(struct job *j)
{
	struct event_slot_moved e;
	int rc = message_decode_moved(j->ev->payload, &e);

	put_message(j, e.message_id);
	put(j, "queue_id", e.queue_id);
	put(j, "from", e.from);
	return rc;
}

static int more_recipients(struct job *j)
{
	struct event_more_recipients e;
	int rc = message_decode_more(j->ev->payload, &e);

	put_message(j, e.message_id);
	put(j, "queue_id", e.queue_id);
	value_put_i64(j->o, "decided", e.decided);
	value_put_i64(j->o, "recipients", e.recipients);
	return rc;
}

static int duplicate(struct job *j)
{
	struct event_duplicate e;
	int rc = message_decode_duplicate(j->ev->payload, &e);

	put_message(j, e.message_id);
	put(j, "queue_id", e.queue_id);
	value_put_str(j->o, "verdict", STR("drop"));
	value_put_str(j->o, "reason", STR("duplicate"));
	return rc;
}

static void put_detail(struct job *j, const struct event_refusal *e)
{
	if (e->detail == 0)
		return;
	if (e->reason == REASON_STOPPED)
		put(j, "stopped",
		    str_of(stop_kind_name((enum stop_kind)e->detail)));
	else if (e->reason == REASON_NOT_COMPLIANT)
		put(j, "compliance",
		    str_of(comply_result_name((enum comply_result)e->detail)));
	else
		put(j, "suppression",
		    str_of(suppression_reason_name(
			(enum suppression_reason)e->detail)));
}

static int refusal(struct job *j)
{
	struct event_refusal e;
	int rc = refusal_decode(j->ev->payload, &e);

	put_lead(j, e.lead);
	put(j, "verdict",
	    str_of(verdict_action_name((enum verdict_action)e.action)));
	put(j, "reason",
	    str_of(verdict_reason_name((enum verdict_reason)e.reason)));
	put_detail(j, &e);
	put(j, "segment", e.segment);
	put(j, "stream", e.stream);
	put(j, "campaign", e.campaign);
	put(j, "queue_id", e.queue_id);
	put_ms(j, "earliest", e.earliest_ms);
	show_rule(j->s, j->o, e.policy_version, e.line);
	if (e.shadowed)
		value_put_bool(j->o, "shadow", true);
	return rc;
}

static int suppressed(struct job *j)
{
	struct event_suppressed e;
	int rc = suppression_decode(j->ev->payload, &e);

	if (rc != 0)
		return rc;
	show_target(j->s, j->o, (enum suppression_kind)e.kind, e.what);
	put(j, "suppression",
	    str_of(suppression_reason_name((enum suppression_reason)e.reason)));
	put(j, "segment", e.segment);
	put_ms(j, "since", e.since_ms);
	put_ms(j, "until", e.until_ms);
	put(j, "origin", e.origin);
	put(j, "author", e.author);
	put_id(j, "message", e.message_id);
	put(j, "note", e.remark);
	if (e.kind == SUPPRESS_LEAD && e.what.n == LEAD_ID_BYTES)
		put_sealed(j, "note", (const unsigned char *)e.what.p,
		    PERSON_EVIDENCE, e.note);
	return 0;
}

static int unsuppressed(struct job *j)
{
	struct event_unsuppressed e;
	int rc = suppression_decode_removed(j->ev->payload, &e);

	if (rc != 0)
		return rc;
	show_target(j->s, j->o, (enum suppression_kind)e.kind, e.what);
	if (e.label != 0)
		value_put_bool(j->o, "one_segment", true);
	put(j, "author", e.author);
	put(j, "why", e.why);
	if (e.kind == SUPPRESS_LEAD && e.what.n == LEAD_ID_BYTES)
		put_sealed(j, "why", (const unsigned char *)e.what.p,
		    PERSON_EVIDENCE, e.note);
	return 0;
}

static int consent(struct job *j)
{
	struct event_consent e;
	int rc = consent_decode(j->ev->payload, &e);

	put_lead(j, e.lead);
	put(j, "purpose", e.purpose);
	put(j, "state",
	    str_of(consent_state_name((enum consent_state)e.state)));
	put_ms(j, "said", e.said_ms);
	put(j, "origin", e.origin);
	put(j, "author", e.author);
	put_id(j, "message", e.message_id);
	put_sealed(j, "evidence", e.lead, PERSON_EVIDENCE, e.evidence);
	return rc;
}

/* Why a copy waits, and by which rule. */
static void put_wait(
    struct job *j, uint32_t reason, uint32_t version, uint32_t line)
{
	if (reason == 0)
		return;
	put(j, "reason",
	    str_of(verdict_reason_name((enum verdict_reason)reason)));
	show_rule(j->s, j->o, version, line);
}

static int copy_added(struct job *j)
{
	struct event_copy_added e;
	int rc = copy_decode_added(j->ev->payload, &e);

	put_id(j, "copy", e.id);
	put(j, "kind", str_of(copy_kind_name((enum copy_kind)e.kind)));
	if (e.kind == COPY_HELD)
		put_lead(j, e.lead);
	put(j, "segment", e.segment);
	put(j, "stream", e.stream);
	put_ms(j, "due", e.due_ms);
	put_ms(j, "deadline", e.deadline_ms);
	put_wait(j, e.reason, e.policy_version, e.line);
	value_put_i64(j->o, "recipients", (int64_t)e.recipients - e.first);
	put(j, "queue_id", e.queue_id);
	return rc;
}

static int copy_recipient(struct job *j)
{
	struct event_copy_recipient e;
	int rc = copy_decode_recipient(j->ev->payload, &e);

	put_id(j, "copy", e.id);
	value_put_i64(j->o, "recipient", e.index);
	put(j, "outcome",
	    str_of(copy_outcome_name((enum copy_outcome)e.outcome)));
	put(j, "queue_id", e.queue_id);
	put(j, "author", e.author);
	return rc;
}

static int copy_due(struct job *j)
{
	struct event_copy_due e;
	int rc = copy_decode_due(j->ev->payload, &e);

	put_id(j, "copy", e.id);
	put_ms(j, "due", e.due_ms);
	if (e.decided) {
		put_wait(j, e.reason, e.policy_version, e.line);
		put_ms(j, "deadline", e.deadline_ms);
	}
	return rc;
}

static int copy_word(struct job *j)
{
	struct event_copy_word e;
	int rc = copy_decode_word(j->ev->payload, &e);

	put_id(j, "copy", e.id);
	put(j, "author", e.author);
	put(j, "why", e.reason);
	return rc;
}

static int feedback_mail(struct job *j)
{
	struct event_feedback_mail e;
	int rc = seen_decode(j->ev->payload, &e);

	put(j, "kind", str_of(seen_kind_name((enum seen_kind)e.kind)));
	put_message(j, e.message_id);
	return rc;
}

static const char *told_by(uint32_t source)
{
	switch ((enum feedback_source)source) {
	case FEEDBACK_BY_LOG:
		return "log";
	case FEEDBACK_BY_API:
		return "api";
	case FEEDBACK_BY_DSN:
		break;
	}
	return "dsn";
}

static int bounce(struct job *j)
{
	struct event_bounce e;
	int rc = feedback_decode_bounce(j->ev->payload, &e);

	put_message(j, e.message_id);
	put(j, "by", str_of(told_by(e.source)));
	put(j, "bounce",
	    str_of(bounce_reason_name((enum bounce_reason)e.reason)));
	put(j, "class", str_of(bounce_class_name((enum bounce_class)e.class)));
	put(j, "status", e.status);
	put(j, "provider", e.provider);
	put_sealed(j, "diagnostic", e.lead, PERSON_DIAGNOSTIC, e.diagnostic);
	return rc;
}

static int complaint(struct job *j)
{
	struct event_complaint e;
	int rc = feedback_decode_complaint(j->ev->payload, &e);

	put_message(j, e.message_id);
	put(j, "complaint",
	    str_of(bounce_reason_name((enum bounce_reason)e.reason)));
	return rc;
}

static int relay_queued(struct job *j)
{
	struct event_relay_queued e;
	int rc = outbox_decode_queued(j->ev->payload, &e);

	put_message(j, e.message_id);
	put(j, "relay", str_of(outbox_kind_name((enum outbox_kind)e.kind)));
	return rc;
}

static int relay_tried(struct job *j)
{
	struct event_relay_tried e;
	int rc = outbox_decode_tried(j->ev->payload, &e);

	put_message(j, e.message_id);
	put(j, "relay", str_of(outbox_kind_name((enum outbox_kind)e.kind)));
	put(j, "result", str_of(outbox_state_name((enum outbox_state)e.state)));
	if (e.code != 0)
		value_put_i64(j->o, "code", e.code);
	put_ms(j, "due", e.due_ms);
	return rc;
}

/* A segment's has its name where all events have it. */
static void put_scope(struct job *j, uint32_t kind, struct str label)
{
	put(j, "scope", str_of(stop_kind_name((enum stop_kind)kind)));
	put(j, "name", label);
	if (kind == STOP_SEGMENT)
		put(j, "segment", label);
}

static int stopped(struct job *j)
{
	struct event_stopped e;
	int rc = stop_decode_stopped(j->ev->payload, &e);

	if (rc != 0)
		return rc;
	put_scope(j, e.kind, e.label);
	put(j, "by", e.cause.rate != 0 ? STR("breaker") : STR("person"));
	if (e.cause.rate != 0) {
		put(j, "rate",
		    str_of(policy_rate_name(
			(enum policy_rate)(e.cause.rate - 1))));
		value_put_i64(j->o, "count", (int64_t)e.cause.count);
		value_put_i64(j->o, "of", (int64_t)e.cause.of);
	}
	put_ms(j, "until", e.until_ms);
	put(j, "author", e.author);
	put(j, "why", e.reason);
	show_rule(j->s, j->o, e.cause.policy_version, e.cause.policy_line);
	return 0;
}

static int resumed(struct job *j)
{
	struct event_resumed e;
	int rc = stop_decode_resumed(j->ev->payload, &e);

	if (rc != 0)
		return rc;
	put_scope(j, e.kind, e.label);
	put(j, "author", e.author);
	put(j, "why", e.reason);
	return 0;
}

static int companies(struct job *j)
{
	struct event_companies e;
	int rc = companies_decode(j->ev->payload, &e);

	if (rc == 0)
		put(j, "what",
		    str_of(companies_what_name((enum companies_what)e.what)));
	return rc;
}

static int reply(struct job *j)
{
	struct event_reply e;
	int rc = answer_decode(j->ev->payload, &e);

	put_message(j, e.message_id);
	put_lead(j, e.lead);
	put(j, "kind", str_of(reply_kind_name((enum reply_kind)e.kind)));
	put_sealed(j, "note", e.lead, PERSON_EVIDENCE, e.note);
	return rc;
}

static int review_opened(struct job *j)
{
	struct event_review_opened e;
	int rc = review_decode_opened(j->ev->payload, &e);

	put_id(j, "review", e.id);
	put_message(j, e.message_id);
	put_lead(j, e.lead);
	put(j, "kind", str_of(review_kind_name((enum review_kind)e.kind)));
	put_ms(j, "deadline", e.deadline_ms);
	put_sealed(j, "evidence", e.lead, PERSON_EVIDENCE, e.quote);
	return rc;
}

static int review_decided(struct job *j)
{
	struct event_review_decided e;
	int rc = review_decode_decided(j->ev->payload, &e);

	put_id(j, "review", e.id);
	put_lead(j, e.lead);
	put(j, "state", str_of(review_state_name((enum review_state)e.state)));
	put(j, "author", e.author);
	put_sealed(j, "why", e.lead, PERSON_EVIDENCE, e.reason);
	return rc;
}

static int spike(struct job *j)
{
	struct event_spike e;
	int rc = spikeback_decode(j->ev->payload, &e);

	put(j, "provider", e.provider);
	put_ms(j, "at", e.at_ms);
	if (rc == 0)
		value_put_i64(j->o, "provisional", e.made);
	return rc;
}

static int mtalog(struct job *j)
{
	struct mtalogpos e;
	int rc = mtalogpos_decode(j->ev->payload, &e);

	put(j, "file", e.path);
	return rc;
}

static const struct {
	unsigned type;
	const char *name;
	decode_fn *fn;
} decoders[] = {
    {EV_LEDGER_RESTORED, "ledger_restored", ledger_restored},
    {EV_POLICY_APPLIED, "policy_applied", policy_applied},
    {EV_LEAD_CREATED, "lead_created", lead_created},
    {EV_SLOT_PROPOSED, "slot_proposed", slot_proposed},
    {EV_SLOT_QUEUED, "slot_queued", slot_changed},
    {EV_SLOT_DELIVERED, "slot_delivered", slot_changed},
    {EV_SLOT_RELEASED, "slot_released", slot_changed},
    {EV_DUPLICATE, "duplicate", duplicate},
    {EV_REFUSED, "refused", refusal},
    {EV_DECIDED, "decided", refusal},
    {EV_SUPPRESSED, "suppressed", suppressed},
    {EV_UNSUPPRESSED, "unsuppressed", unsuppressed},
    {EV_CONSENT, "consent", consent},
    {EV_COPY_ADDED, "copy_added", copy_added},
    {EV_COPY_RECIPIENT, "copy_recipient", copy_recipient},
    {EV_COPY_DUE, "copy_due", copy_due},
    {EV_COPY_FORCED, "copy_forced", copy_word},
    {EV_COPY_RELEASED, "copy_released", copy_word},
    {EV_COPY_DROPPED, "copy_dropped", copy_word},
    {EV_SLOT_MOVED, "slot_moved", slot_moved},
    {EV_MTALOG, "mtalog", mtalog},
    {EV_FEEDBACK_MAIL, "feedback_mail", feedback_mail},
    {EV_BOUNCE, "bounce", bounce},
    {EV_COMPLAINT, "complaint", complaint},
    {EV_RELAY_QUEUED, "relay_queued", relay_queued},
    {EV_RELAY_TRIED, "relay_tried", relay_tried},
    {EV_LEAD_CHANGED, "lead_changed", lead_changed},
    {EV_LEAD_MERGED, "lead_merged", lead_merged},
    {EV_STOPPED, "stopped", stopped},
    {EV_RESUMED, "resumed", resumed},
    {EV_COMPANIES, "companies", companies},
    {EV_MORE_RECIPIENTS, "more_recipients", more_recipients},
    {EV_SPIKE, "spike", spike},
    {EV_REPLY, "reply", reply},
    {EV_REVIEW_OPENED, "review_opened", review_opened},
    {EV_REVIEW_DECIDED, "review_decided", review_decided},
};

enum {
	N_DECODERS = sizeof(decoders) / sizeof(decoders[0])
};

static size_t find(unsigned type)
{
	size_t i = 0;

	while (i < N_DECODERS && decoders[i].type != type)
		i++;
	return i;
}

bool event_json_knows(unsigned type)
{
	return find(type) < N_DECODERS;
}

const char *event_json_name(unsigned type)
{
	size_t i = find(type);

	return i < N_DECODERS ? decoders[i].name : "unknown";
}

bool event_json_is_name(struct str name)
{
	for (size_t i = 0; i < N_DECODERS; i++)
		if (str_eq(name, str_of(decoders[i].name)))
			return true;
	return false;
}

void event_json(const struct show *s, struct arena *a, const struct event *ev,
    struct value *o)
{
	struct job j = {s, a, ev, o};
	size_t i = find(ev->type);
	int rc;

	value_put_i64(o, "seq", (int64_t)ev->seq);
	value_put_time(o, "time", ev->time_ms);
	value_put_str(o, "type", str_of(event_json_name(ev->type)));
	value_put_bool(o, "audit", ev->class == EVENT_AUDIT);
	if (i == N_DECODERS) {
		value_put_i64(o, "number", ev->type);
		return;
	}
	rc = decoders[i].fn(&j);
	if (rc != 0)
		value_put_str(o, "error", str_of(error_text(rc)));
}
