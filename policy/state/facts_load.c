/* facts_load.c - see facts_load.h. */
#include "policy/state/facts_load.h"

#include "policy/mail/domain.h"
#include "policy/state/consent.h"
#include "policy/state/tables.h"

enum {
	/* The lead, each domain of an address, two hashes; all nurture and the
	 * segment. */
	SUPPRESSIONS_MAX = 2 * (1 + DOMAIN_MAX / 2 + 1 + 2),
};

int facts_query_init(struct facts_query *q, const struct lead_key *key,
    const struct address *address)
{
	int rc;

	*q = (struct facts_query){0};
	rc = lead_id_of(key, address, &q->lead);
	return rc != 0 ? rc
		       : suppression_names_of(
			     &q->lead, address, SUPPRESSION_ALL, &q->names);
}

struct collect {
	struct arena *arena;
	struct suppression_fact *v; /* NULL before the first: nearly always */
	size_t n;
	uint32_t label;
	struct suppression_record pause; /* reason 0: none */
};

/* Those of other segments bind nobody here, however many there are. */
static int collect(void *arg, const struct suppression_record *r)
{
	struct collect *c = arg;

	if (r->label == SUPPRESSION_PAUSE_LABEL)
		c->pause = *r;
	if (r->label != 0 && r->label != c->label)
		return 0;
	if (c->v == NULL)
		c->v = arena_array(c->arena, SUPPRESSIONS_MAX, sizeof(*c->v));
	if (c->v == NULL || c->n == SUPPRESSIONS_MAX)
		return ERR_LIMIT;
	c->v[c->n++] = (struct suppression_fact){
	    r->label, r->reason, r->since_ms, r->until_ms};
	return 0;
}

static int load_suppressions(const struct ledger_txn *t,
    const struct facts_query *q, struct arena *a, struct facts *out)
{
	struct collect c = {.arena = a, .label = q->label};
	int rc = suppression_by_names(t, &q->names, collect, &c);

	out->suppressions = c.v;
	out->n_suppressions = c.n;
	out->paused = c.pause.reason;
	out->paused_until_ms = c.pause.until_ms;
	return rc;
}

/* In the person's record; only of somebody with very many in a row. */
static int load_consent(const struct ledger_txn *t, const struct facts_query *q,
    const struct lead_record *lead, struct facts *out)
{
	const struct lead_purpose *p =
	    lead_purpose_find(lead, q->purpose_label);
	struct consent_record r;
	int rc;

	if (p != NULL) {
		out->consent = p->consent;
		out->consent_since_ms = p->since_ms;
	}
	if (p != NULL || lead->n_purposes < LEAD_PURPOSES_MAX)
		return 0;
	rc = consent_read(t, &q->lead, q->purpose_label, &r);
	if (rc == 0) {
		out->consent = r.state;
		out->consent_since_ms = r.since_ms;
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int facts_load(const struct ledger_txn *t, const struct facts_query *q,
    struct arena *a, struct facts *out, struct lead_record *lead_out)
{
	int rc = lead_read(t, &q->lead, a, lead_out);

	*out = (struct facts){.seed = q->seed};
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	out->slots = lead_out->slots;
	out->n_slots = lead_out->n_slots;
	rc = load_suppressions(t, q, a, out);
	return rc != 0 ? rc : load_consent(t, q, lead_out, out);
}
