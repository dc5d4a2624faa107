/* ops_move.c - see ops_move.h. Two proposals: the first makes the other lead
 * known, with its attributes; the second carries all that binds and enters the
 * move. In between there is a lead that has not been written to and of whom
 * nothing was said, as there was before. */
#include "policy/state/ops_move.h"

#include "policy/rules/giveup.h"
#include "policy/state/consent.h"
#include "policy/state/ops.h"
#include "policy/state/ops_leads.h"

#include <errno.h>
#include <string.h>

enum {
	ARENA_MAX = 1 << 20,
	CARRY_MAX = 256 /* suppressions of one address */
};

struct move {
	struct store *store;
	const struct ops_move *in;
	struct lead_id from, to;
};

static struct str origin_of(const struct move *m)
{
	return m->in->merge ? STR("merge") : STR("re-address");
}

/* --- suppressions --- */

struct carry {
	struct suppression_record *v;
	size_t n;
	int64_t now_ms;
};

static bool goes_along(const struct suppression_record *r, int64_t now_ms)
{
	bool in_force = r->until_ms == 0 || r->until_ms > now_ms;

	return in_force && r->kind != SUPPRESS_DOMAIN &&
	       giveup_is_of_person(r->reason);
}

static int collect(void *arg, const struct suppression_record *r)
{
	struct carry *c = arg;

	if (!goes_along(r, c->now_ms))
		return 0;
	if (c->n == CARRY_MAX)
		return ERR_LIMIT;
	c->v[c->n++] = *r;
	return 0;
}

static struct suppression_fact fact_of(const struct suppression_record *r)
{
	return (struct suppression_fact){
	    r->label, r->reason, r->since_ms, r->until_ms};
}

/* Of several for one label (by the lead, by a hash) the one that binds most. */
static bool is_outdone(const struct carry *c, size_t at)
{
	struct suppression_fact mine = fact_of(&c->v[at]);

	for (size_t i = 0; i < c->n; i++) {
		struct suppression_fact other = fact_of(&c->v[i]);

		if (i == at || other.label != mine.label)
			continue;
		if (giveup_replaces(&mine, &other, c->now_ms) ||
		    (i < at && !giveup_replaces(&other, &mine, c->now_ms)))
			return true;
	}
	return false;
}

static int carry_suppressions(struct move *m, struct door_ctx *ctx)
{
	struct carry c = {.now_ms = door_now_ms(ctx)};
	int rc;

	c.v = arena_array(door_arena(ctx), CARRY_MAX, sizeof(*c.v));
	if (c.v == NULL)
		return ERR_LIMIT;
	rc = suppression_binding(
	    door_txn(ctx), &m->from, &m->in->from, collect, &c);
	for (size_t i = 0; i < c.n && rc == 0; i++) {
		struct ops_suppress s = {
		    .target = {.kind = SUPPRESS_LEAD, .lead = m->to},
		    .reason = c.v[i].reason,
		    .segment = c.v[i].segment,
		    .until_ms = c.v[i].until_ms,
		    .origin = origin_of(m),
		    .author = m->in->author};
		bool unused;

		if (!is_outdone(&c, i))
			rc = ops_suppress_emit(ctx, m->store, &s, &unused);
	}
	return rc;
}

static int suppress_old(struct move *m, struct door_ctx *ctx)
{
	struct ops_suppress s = {
	    .target = {.kind = SUPPRESS_LEAD, .lead = m->from},
	    .reason = SUPPRESSION_MAILBOX_MOVED,
	    .origin = origin_of(m),
	    .author = m->in->author};
	bool unused;

	return ops_suppress_emit(ctx, m->store, &s, &unused);
}

/* --- consents --- */

struct words {
	struct move *m;
	struct door_ctx *ctx;
};

static int strictness(enum consent_state s)
{
	return s == CONSENT_OBJECTED ? 2 : s == CONSENT_WITHDRAWN ? 1 : 0;
}

static int carry_consent(void *arg, const struct consent_record *r)
{
	struct words *w = arg;
	struct consent_record there = {.state = CONSENT_NONE};
	struct ops_consent c = {.lead = w->m->to,
	    .purpose = r->purpose,
	    .state = r->state,
	    .origin = origin_of(w->m),
	    .author = w->m->in->author};
	bool unused;
	int rc = consent_read(
	    door_txn(w->ctx), &w->m->to, policy_label(r->purpose), &there);

	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	if (r->state == CONSENT_GRANTED) {
		c.said_ms = r->since_ms;
		if (w->m->in->merge || rc == 0)
			return 0;
	} else if (strictness(r->state) <= strictness(there.state)) {
		return 0;
	}
	return ops_consent_emit(w->ctx, w->m->store, &c, &unused);
}

/* --- the move --- */

static int emit_merged(struct move *m, struct door_ctx *ctx)
{
	struct event_lead_merged e = {
	    .origin = origin_of(m), .author = m->in->author};

	memcpy(e.lead, m->from.b, sizeof(e.lead));
	memcpy(e.to, m->to.b, sizeof(e.to));
	return payload_emit(ctx, EV_LEAD_MERGED, &lead_merged_payload, &e);
}

static int goes_on(struct error *err, const char *which)
{
	return error_set(err, ERR_EXISTS,
	    "the %s address goes on as another already", which);
}

static int move_fn(struct door_ctx *ctx, void *arg)
{
	struct move *m = arg;
	struct words w = {m, ctx};
	struct lead_record from, to;
	int rc = lead_peek(door_txn(ctx), &m->from, &from);

	if (rc == 0)
		rc = lead_peek(door_txn(ctx), &m->to, &to);
	if (rc != 0)
		return rc;
	if (from.moved)
		return goes_on(door_error(ctx), "first");
	if (to.moved)
		return goes_on(door_error(ctx), "second");
	rc = carry_suppressions(m, ctx);
	if (rc == 0)
		rc = consent_each(door_txn(ctx), &m->from, carry_consent, &w);
	if (rc == 0)
		rc = emit_merged(m, ctx);
	return rc != 0 ? rc : suppress_old(m, ctx);
}

/* --- before it --- */

static int check_known(const struct move *m, const struct lead_record *from,
    const struct lead_record *to, struct error *err)
{
	if (lead_id_eq(&m->from, &m->to))
		return error_set(
		    err, ERR_SYNTAX, "both addresses are the same");
	if (from->wrapped.n == 0)
		return error_set(
		    err, ERR_NOT_FOUND, "the first address is not known");
	if (m->in->merge && to->wrapped.n == 0)
		return error_set(err, ERR_NOT_FOUND,
		    "the second address is not known; to give a person a new "
		    "address: lead re-address");
	if (!m->in->merge && to->wrapped.n > 0)
		return error_set(err, ERR_EXISTS,
		    "the second address is known; to make two people one: lead "
		    "merge");
	if (from->moved)
		return goes_on(err, "first");
	return to->moved ? goes_on(err, "second") : 0;
}

static int open_attributes(const struct move *m, const struct lead_id *id,
    const struct lead_record *r, struct arena *a, struct attributes *out)
{
	struct person p;
	int rc = person_of(&p, m->store, id, r);

	if (rc == 0)
		rc = attributes_open(&p, r->attributes, a, out);
	person_fini(&p);
	return rc;
}

/* The attributes of the first that the second lacks. */
static int missing_attributes(const struct move *m,
    const struct lead_record *from, const struct lead_record *to,
    struct arena *a, struct attributes *out)
{
	struct attributes mine, theirs = {0};
	int rc = open_attributes(m, &m->from, from, a, &mine);

	if (rc == 0)
		rc = open_attributes(m, &m->to, to, a, &theirs);
	out->n = 0;
	out->v = arena_array(a, ATTRIBUTES_MAX, sizeof(*out->v));
	if (rc == 0 && out->v == NULL)
		rc = ERR_LIMIT;
	for (size_t i = 0; rc == 0 && i < mine.n; i++)
		if (attributes_find(&theirs, mine.v[i].label) == NULL)
			out->v[out->n++] = mine.v[i];
	return rc;
}

static int look(const struct move *m, struct arena *a, struct attributes *out,
    struct error *err)
{
	struct lead_record from, to;
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(m->store->ledger, &t);

	if (rc == 0)
		rc = lead_peek(t, &m->from, &from);
	if (rc == 0 || rc == ERR_NOT_FOUND)
		rc = lead_peek(t, &m->to, &to);
	if (rc == ERR_NOT_FOUND)
		rc = 0;
	rc = error_of(err, rc, "ledger");
	if (rc == 0)
		rc = check_known(m, &from, &to, err);
	if (rc == 0)
		rc = error_of(err, missing_attributes(m, &from, &to, a, out),
		    "attributes");
	ledger_read_end(&t);
	return rc;
}

static int make_known(
    const struct move *m, const struct attributes *with, struct error *err)
{
	struct ops_leads_row row = {
	    .address = m->in->to, .values = with->v, .n = with->n};
	struct ops_leads in = {.rows = &row,
	    .n = 1,
	    .origin = origin_of(m),
	    .author = m->in->author};
	int rc = ops_leads_set(m->store, &in, err);

	if (rc == 0 && row.outcome == OPS_LEADS_TOO_MANY)
		return error_set(err, ERR_LIMIT,
		    "the second has too many attributes for those of the "
		    "first");
	return rc;
}

static int run(struct move *m, struct arena *a, struct error *err)
{
	struct attributes with;
	int rc = look(m, a, &with, err);

	if (rc == 0)
		rc = make_known(m, &with, err);
	return rc != 0 ? rc : door_propose(m->store->door, move_fn, m, err);
}

int ops_move(struct store *s, const struct ops_move *in, struct error *err)
{
	struct move m = {.store = s, .in = in};
	struct arena *a = arena_new(ARENA_MAX);
	int rc = lead_id_of(s->lead_key, &in->from, &m.from);

	if (rc == 0)
		rc = lead_id_of(s->lead_key, &in->to, &m.to);
	if (rc == 0 && a == NULL)
		rc = -ENOMEM;
	if (rc != 0)
		(void)error_of(err, rc, "lead");
	else
		rc = run(&m, a, err);
	arena_free(&a);
	return rc;
}
