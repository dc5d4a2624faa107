/* facts_load.c - see facts_load.h. */
#include "policy/state/facts_load.h"

#include "policy/mail/address_digest.h"
#include "policy/state/consent.h"
#include "policy/state/lead.h"
#include "policy/state/suppression.h"
#include "policy/state/tables.h"

enum {
	SUPPRESSIONS_MAX = 64
};

int facts_query_init(struct facts_query *q, const struct lead_key *key,
    const struct address *address)
{
	*q = (struct facts_query){.key = key, .address = *address};
	return lead_id_of(key, address, &q->lead);
}

/* The domain itself, then each parent that has a dot. */
static int collect_domain(const struct ledger_txn *t, struct str domain,
    struct suppression_fact *v, size_t *n)
{
	int rc = 0;

	while (rc == 0 && domain.n > 0 && str_find(domain, 0, '.') < domain.n) {
		rc = suppression_collect(
		    t, SUPPRESS_DOMAIN, domain, v, SUPPRESSIONS_MAX, n);
		domain = str_from(domain, str_find(domain, 0, '.') + 1);
	}
	return rc;
}

static int collect_digest(const struct ledger_txn *t,
    const struct facts_query *q, enum address_digest_kind kind,
    struct suppression_fact *v, size_t *n)
{
	struct address_digest d;
	int rc = address_digest(&q->address, kind, &d);

	if (rc != 0)
		return rc;
	return suppression_collect(t,
	    kind == ADDRESS_DIGEST_MD5 ? SUPPRESS_MD5 : SUPPRESS_SHA256,
	    (struct str){(const char *)d.b, address_digest_size(kind)}, v,
	    SUPPRESSIONS_MAX, n);
}

static int load_suppressions(const struct ledger_txn *t,
    const struct facts_query *q, struct arena *a, struct facts *out)
{
	struct suppression_fact *v =
	    arena_array(a, SUPPRESSIONS_MAX, sizeof(*v));
	size_t n = 0;
	int rc;

	if (v == NULL)
		return ERR_LIMIT;
	rc = suppression_collect(t, SUPPRESS_LEAD,
	    (struct str){(const char *)q->lead.b, LEAD_ID_BYTES}, v,
	    SUPPRESSIONS_MAX, &n);
	if (rc == 0)
		rc = collect_domain(t, q->address.domain, v, &n);
	if (rc == 0)
		rc = collect_digest(t, q, ADDRESS_DIGEST_SHA256, v, &n);
	if (rc == 0)
		rc = collect_digest(t, q, ADDRESS_DIGEST_MD5, v, &n);
	out->suppressions = v;
	out->n_suppressions = n;
	return rc;
}

static int load_consent(
    const struct ledger_txn *t, const struct facts_query *q, struct facts *out)
{
	struct consent_record r;
	int rc = consent_read(t, &q->lead, q->purpose_label, &r);

	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc == 0) {
		out->consent = r.state;
		out->consent_since_ms = r.since_ms;
	}
	return rc;
}

int facts_load(const struct ledger_txn *t, const struct facts_query *q,
    struct arena *a, struct facts *out, bool *known_out)
{
	struct lead_record lead;
	int rc = lead_read(t, &q->lead, a, &lead);

	*out = (struct facts){.seed = q->seed};
	*known_out = rc == 0;
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	out->slots = lead.slots;
	out->n_slots = lead.n_slots;
	rc = load_suppressions(t, q, a, out);
	return rc != 0 ? rc : load_consent(t, q, out);
}
