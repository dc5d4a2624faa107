/* api_leads_list.c - GET /v1/leads/list: people with what is known of them, a
 * page at a time, all of them or an audience.
 *
 * Each call reads a bounded number of people, whoever of them is wanted; a page
 * may be empty and have a next one. */
#include "agent/api/lead_json.h"
#include "agent/api/routes.h"
#include "agent/api/show.h"

#include "policy/base/clock.h"

enum {
	LIST_DEFAULT = 1000,
	LIST_MAX = 5000,
	LOOKS = 20000, /* people read for one page */
	SCRATCH_MAX = 1 << 20,
	FULL = 1 /* ends a walk */
};

struct list {
	struct api_call *c;
	struct show s;
	const struct policy *policy;     /* or NULL */
	const struct audience *audience; /* NULL: all */
	struct arena *scratch;           /* of one person */
	struct value *rows;
	uint64_t limit;
	size_t looks;
	int64_t today;
	struct lead_id last;
};

/* Why the person is not written to at all, or until when. */
struct bound {
	int64_t now_ms;
	struct value *o;
};

static int put_suppressed(void *arg, const struct suppression_record *r)
{
	struct bound *b = arg;

	if (r->label != 0 || (r->until_ms != 0 && r->until_ms <= b->now_ms))
		return 0;
	value_put_str(
	    b->o, "suppressed", str_of(suppression_reason_name(r->reason)));
	value_put_time(b->o, "suppressed_until", r->until_ms);
	return FULL;
}

/* {"newsletter": "granted", ...} */
struct said {
	struct arena *a;
	struct value *o;
};

static int put_consent(void *arg, const struct consent_record *r)
{
	struct said *s = arg;
	struct str purpose = arena_str(s->a, r->purpose);

	if (purpose.p == NULL)
		return ERR_LIMIT;
	value_put_str(s->o, purpose.p, str_of(consent_state_name(r->state)));
	return 0;
}

static int put_words(struct list *l, const struct lead_id *id,
    const struct address *address, struct value *o)
{
	struct bound bound = {clock_now_ms(), o};
	struct said said = {l->scratch, value_new_object()};
	int rc = address->text.n > 0
		     ? suppression_binding(
			   l->s.t, id, address, put_suppressed, &bound)
		     : suppression_each(l->s.t, SUPPRESS_LEAD,
			   (struct str){(const char *)id->b, sizeof(id->b)},
			   put_suppressed, &bound);

	if (rc == 0 || rc == FULL)
		rc = consent_each(l->s.t, id, put_consent, &said);
	value_put(o, "consents", said.o);
	return rc;
}

static int add_row(struct list *l, const struct lead_id *id,
    const struct person *p, const struct lead_record *r,
    const struct attributes *x)
{
	struct value *o = value_new_object();
	struct address address = {0};
	char hex[LEAD_ID_TEXT];
	struct str text;
	int rc =
	    person_open_field(p, PERSON_ADDRESS, r->address, l->scratch, &text);

	lead_id_text(id, hex);
	if (rc == 0)
		rc = address_parse(l->scratch, text, &address, NULL);
	if (rc == 0 && !l->s.redact)
		value_put_str(o, "address", address.text);
	value_put_str(o, "lead", str_of(hex));
	value_put_time(o, "created", r->created_ms);
	value_put(o, "attributes", lead_json_values(l->policy, x));
	if (rc == 0)
		rc = put_words(l, id, &address, o);
	value_add(l->rows, o);
	return rc;
}

/* A person whose key is gone has no attributes and no address. */
static int look_at(
    void *arg, const struct lead_id *id, const struct lead_record *r)
{
	struct list *l = arg;
	struct attributes x;
	struct person p;
	int rc;

	if (l->looks++ == LOOKS || value_count(l->rows) == l->limit)
		return FULL;
	l->last = *id;
	rc = person_of(&p, l->c->app->store, id, r);
	if (rc == 0)
		rc = attributes_open(&p, r->attributes, l->scratch, &x);
	if (rc == 0 && (l->audience == NULL ||
			   audience_contains(l->audience, x.v, x.n, l->today)))
		rc = add_row(l, id, &p, r, &x);
	person_fini(&p);
	arena_reset(l->scratch);
	return rc == ERR_CRYPTO || rc == ERR_KEY ? 0 : rc;
}

static int read_audience(struct list *l)
{
	struct str text = api_arg(l->c, "audience");
	const struct policy_audience *named;
	const struct attribute *v = attribute_reserved();
	size_t n = ATTRIBUTE_RESERVED;
	int rc;

	if (text.n == 0)
		return 0;
	if (l->policy != NULL) {
		v = l->policy->attributes;
		n = l->policy->n_attributes;
		named = policy_audience_find(l->policy, text);
		if (named != NULL) {
			l->audience = named->condition;
			return 0;
		}
	}
	rc = audience_parse(
	    l->c->rq->arena, v, n, text, &l->audience, &l->c->err);
	return rc == ERR_LIMIT ? ERR_SYNTAX : rc;
}

static int list_page(struct list *l, const struct lead_id *after)
{
	struct ledger_txn *t = NULL;
	char hex[LEAD_ID_TEXT];
	int rc = ledger_read_begin(l->c->app->store->ledger, &t);

	if (rc == 0) {
		show_init(&l->s, l->c, t);
		rc = lead_list(t, after, look_at, l);
	}
	ledger_read_end(&t);
	if (rc == FULL) {
		lead_id_text(&l->last, hex);
		value_put_str(l->c->reply, "next", str_of(hex));
		return 0;
	}
	value_put_null(l->c->reply, "next");
	return rc;
}

/* What attributes there are, for the columns of a list. */
static void put_names(const struct list *l)
{
	const struct attribute *v = attribute_reserved();
	struct value *names = value_new_array();
	size_t n = ATTRIBUTE_RESERVED;

	if (l->policy != NULL) {
		v = l->policy->attributes;
		n = l->policy->n_attributes;
	}
	for (size_t i = 0; i < n; i++)
		value_add_str(names, v[i].name);
	value_put(l->c->reply, "names", names);
}

int api_leads_list(struct api_call *c)
{
	struct list l = {.c = c,
	    .rows = value_new_array(),
	    .limit = LIST_DEFAULT,
	    .today = attribute_day_of(clock_now_ms())};
	struct str from = api_arg(c, "after");
	struct lead_id after;
	int rc = api_number(c, "limit", LIST_MAX, &l.limit);

	if (rc == 0 && from.n > 0 && lead_id_parse(from, &after) != 0)
		rc = error_set(&c->err, ERR_SYNTAX,
		    "\"after\" is not what a reply gave as \"next\"");
	if (rc == 0)
		rc = policyver_cache_get(
		    c->app->store->policies, &l.policy, &c->err);
	if (rc == 0)
		rc = read_audience(&l);
	l.scratch = arena_new(SCRATCH_MAX);
	if (rc == 0 && l.scratch == NULL)
		rc = ERR_LIMIT;
	if (rc == 0)
		rc = list_page(&l, from.n > 0 ? &after : NULL);
	arena_free(&l.scratch);
	value_put(c->reply, "leads", l.rows);
	put_names(&l);
	policy_unref(&l.policy);
	return rc;
}
