/* companies.c - see companies.h. */
#include "policy/state/companies.h"

#include "policy/state/lead.h"

#include <stddef.h>

enum {
	PAYLOAD_MAX = 64,
};

static const struct payload_field fields[] = {
    {1, PAYLOAD_U32, true, offsetof(struct event_companies, what)},
    {2, PAYLOAD_U32, false, offsetof(struct event_companies, rows)},
};
const struct payload_desc companies_payload =
    PAYLOAD_DESC(fields, struct event_companies, PAYLOAD_MAX);

int companies_decode(struct str payload, struct event_companies *out)
{
	int rc = payload_decode(&companies_payload, payload, out);

	return rc == 0 && out->rows > COMPANIES_ROWS_MAX ? ERR_CORRUPT : rc;
}

int companies_emit(
    struct door_ctx *ctx, enum companies_what what, uint32_t rows)
{
	struct event_companies e = {(uint32_t)what, rows};

	return payload_emit(ctx, EV_COMPANIES, &companies_payload, &e);
}

const char *companies_what_name(enum companies_what w)
{
	switch (w) {
	case COMPANIES_BEGIN:
		return "begin";
	case COMPANIES_STEP:
		return "step";
	case COMPANIES_END:
		return "end";
	}
	return "unknown";
}

/* The next people and their companies, read before anything is written. */
struct batch {
	struct {
		struct lead_id lead;
		struct company_id company;
	} v[COMPANIES_ROWS_MAX];
	size_t n, max;
};

static int collect(
    void *arg, const struct lead_id *id, const struct lead_record *r)
{
	struct batch *b = arg;

	if (b->n == b->max)
		return ERR_LIMIT;
	b->v[b->n].lead = *id;
	b->v[b->n++].company = lead_company(r);
	return 0;
}

static int fill(struct ledger_txn *t, size_t rows, struct company_keeping *k)
{
	static const struct lead_id nobody;
	bool first = lead_id_eq(&k->done, &nobody);
	struct batch b = {.max = rows};
	int rc = lead_list(t, first ? NULL : &k->done, collect, &b);

	if (rc == 0)
		k->state = COMPANY_KEPT;
	if (rc == ERR_LIMIT)
		rc = 0;
	for (size_t i = 0; rc == 0 && i < b.n; i++) {
		if (!company_is_none(&b.v[i].company))
			rc = lead_slots_enter(t, &b.v[i].lead, &b.v[i].company);
		k->done = b.v[i].lead;
	}
	return rc;
}

static int step(struct ledger_txn *t, size_t rows)
{
	struct company_keeping k;
	bool left = false;
	int rc = company_keeping(t, &k);

	if (rc != 0)
		return rc;
	if (k.state == COMPANY_CLEARING) {
		rc = company_clear(t, rows, &left);
		if (!left)
			k.state = COMPANY_FILLING;
	} else if (k.state == COMPANY_FILLING) {
		rc = fill(t, rows, &k);
	}
	return rc == 0 ? company_keeping_set(t, &k) : rc;
}

int companies_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct company_keeping k = {.state = COMPANY_CLEARING};
	struct event_companies e;
	int rc = companies_decode(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "companies event");
	if (e.what == COMPANIES_END)
		k.state = COMPANY_NOT_KEPT;
	rc = e.what == COMPANIES_STEP ? step(t, e.rows)
				      : company_keeping_set(t, &k);
	return error_of(err, rc, "companies");
}
