/* ops_consent.c - grant, withdraw, object. */
#include "policy/state/consent.h"
#include "policy/state/ops.h"
#include "policy/state/outbox.h"

#include <string.h>

struct change {
	struct store *store;
	const struct ops_consent *in;
	struct person person;
	bool changed;
};

/* Nobody has said anything in the future, and a date there would outlive every
 * later word. */
static int64_t said_ms(const struct ops_consent *in, int64_t now_ms)
{
	return in->said_ms < now_ms ? in->said_ms : 0;
}

/* The newest word counts, by when it was said: a list of last year's grants
 * does not undo what a person withdrew since. */
static bool is_news(const struct ops_consent *in,
    const struct consent_record *there, int64_t now_ms)
{
	int64_t said = said_ms(in, now_ms);

	return there->state != in->state &&
	       (said == 0 || said >= there->since_ms);
}

static int emit_change(struct change *c, struct door_ctx *ctx)
{
	const struct ops_consent *in = c->in;
	struct event_consent e = {.label = policy_label(in->purpose),
	    .state = in->state,
	    .purpose = in->purpose,
	    .origin = in->origin,
	    .author = in->author,
	    .said_ms = said_ms(in, door_now_ms(ctx)),
	    .message_id = in->message_id};
	int rc = 0;

	memcpy(e.lead, c->person.id.b, sizeof(e.lead));
	if (!c->person.known)
		rc = person_emit(&c->person, ctx, &in->address);
	if (rc == 0)
		rc = person_seal(&c->person, PERSON_EVIDENCE, in->evidence,
		    door_arena(ctx), &e.evidence);
	if (rc == 0)
		rc = payload_emit(ctx, EV_CONSENT, &consent_payload, &e);
	c->changed = rc == 0;
	return rc;
}

static int set_opened(struct change *c, struct door_ctx *ctx)
{
	struct consent_record now;
	int rc = consent_read(
	    door_txn(ctx), &c->person.id, policy_label(c->in->purpose), &now);

	if (rc == ERR_NOT_FOUND ||
	    (rc == 0 && is_news(c->in, &now, door_now_ms(ctx))))
		rc = emit_change(c, ctx);
	/* also where nothing changes: two applications may know the person;
	 * but not each time that somebody plays with an old link */
	if (rc == 0 && c->in->message_id != 0 &&
	    c->in->state != CONSENT_GRANTED &&
	    (c->changed ||
		!outbox_is_aged(c->in->message_id, door_now_ms(ctx))))
		rc = outbox_emit_opt_out(ctx, c->in->message_id, &c->person.id);
	return rc;
}

/* A no binds wherever the person went; a yes was given for one address. */
static int set_moved(struct change *c, struct door_ctx *ctx)
{
	const struct ledger_txn *t = door_txn(ctx);
	uint32_t label = policy_label(c->in->purpose);
	int rc = person_next(&c->person, t);

	for (int i = 0; rc == 0 && i < LEAD_MOVES_MAX; i++) {
		struct consent_record now;

		rc = consent_read(t, &c->person.id, label, &now);
		if (rc == ERR_NOT_FOUND ||
		    (rc == 0 && now.state != CONSENT_OBJECTED &&
			is_news(c->in, &now, door_now_ms(ctx))))
			rc = emit_change(c, ctx);
		if (rc == 0)
			rc = person_next(&c->person, t);
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int set_fn(struct door_ctx *ctx, void *arg)
{
	struct change *c = arg;
	int rc;

	c->changed = false;
	if (c->in->address.text.n > 0)
		rc = person_open(
		    &c->person, c->store, door_txn(ctx), &c->in->address);
	else
		rc = person_open_id(
		    &c->person, c->store, door_txn(ctx), &c->in->lead);
	if (rc == 0)
		rc = set_opened(c, ctx);
	if (rc == 0 && c->in->state != CONSENT_GRANTED)
		rc = set_moved(c, ctx);
	person_fini(&c->person);
	return rc;
}

int ops_consent_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_consent *in, bool *changed_out)
{
	struct change c = {.store = s, .in = in};
	int rc = set_fn(ctx, &c);

	*changed_out = rc == 0 && c.changed;
	return rc;
}

int ops_consent_set(struct store *s, const struct ops_consent *in,
    bool *changed_out, struct error *err)
{
	struct change c = {.store = s, .in = in};
	int rc = door_propose(s->door, set_fn, &c, err);

	*changed_out = rc == 0 && c.changed;
	return rc;
}
