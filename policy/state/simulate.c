/* simulate.c - see simulate.h.
 *
 * The rows of the past (or of so many of the people as fit into memory) stand
 * in order of groups; each group becomes messages, is played once or twice, and
 * is counted. The person's record is read in the order of the rows. */
#include "policy/state/simulate.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/zone.h"
#include "policy/mail/company_id.h"
#include "policy/mail/psl.h"
#include "policy/state/attempts.h"
#include "policy/state/attributes.h"
#include "policy/state/consent.h"
#include "policy/state/past.h"
#include "policy/state/person.h"
#include "policy/state/simtally.h"
#include "policy/state/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK = 500, /* groups played, or people read, in one snapshot */
	SCRATCH_MAX = 256 << 20,
	PARTS_MAX = 4096,
	PURPOSES_MAX = 256,
	ROWS_MAX = 500, /* of a kind, in the report */
	ARENA_PERSON = 65536,
};
#define PLAYED 0.7 /* share of the work that reading is, about */

/* Whose company: a lead's tag to that of the company. */
struct companies {
	struct {
		uint64_t lead, company; /* lead 0: free */
	} * v;
	size_t n, cap;
};

struct sim {
	const struct store *s;
	const struct simulate_query *q;
	struct simulate_report *out;
	const struct policy *policies[SIMULATE_WAYS];
	struct replay *replays[SIMULATE_WAYS];
	struct replay_result *results[SIMULATE_WAYS];
	size_t cap_results[SIMULATE_WAYS];
	struct past *past;
	struct attempts attempts;
	struct simtally tally;
	struct zones *zones;
	const struct zone *zone; /* of the policy that is asked about */
	struct companies companies;
	bool together; /* a limit speaks of companies */
	bool attributes;
	uint32_t purposes[PURPOSES_MAX];
	size_t n_purposes;
	struct arena *scratch;
	unsigned parts, part;
	const struct ledger_txn *t;
};

/* --- companies --- */

static size_t company_at(const struct companies *c, uint64_t lead)
{
	size_t at =
	    (size_t)(lead * UINT64_C(0x9e3779b97f4a7c15) >> 24) & (c->cap - 1);

	while (c->v[at].lead != 0 && c->v[at].lead != lead)
		at = (at + 1) & (c->cap - 1);
	return at;
}

static int companies_grow(struct companies *c)
{
	struct companies more = {
	    .n = c->n, .cap = c->cap > 0 ? 2 * c->cap : 4096};

	more.v = fault_alloc() ? NULL : calloc(more.cap, sizeof(*more.v));
	if (more.v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->cap; i++)
		if (c->v[i].lead != 0)
			more.v[company_at(&more, c->v[i].lead)] = c->v[i];
	free(c->v);
	*c = more;
	return 0;
}

static uint64_t tag_of(const unsigned char company[LEAD_COMPANY])
{
	struct lead_id id;

	memcpy(id.b, company, sizeof(id.b));
	return lead_id_tag(&id);
}

/* That of the record; of people known before records had one, that of their
 * domain. All zero: none, or nobody can tell any more. */
static void find_company(struct sim *m, const struct lead_id *id,
    const struct lead_record *r, unsigned char out[LEAD_COMPANY])
{
	struct address address;
	struct person p;
	struct str text;

	memcpy(out, r->company, LEAD_COMPANY);
	if (!company_id_is_none(out) || person_of(&p, m->s, id, r) != 0)
		return;
	if (person_open_field(
		&p, PERSON_ADDRESS, r->address, m->scratch, &text) != 0 ||
	    address_parse(m->scratch, text, &address, NULL) != 0 ||
	    company_id_of(m->s->lead_key, STR(""), &address, out) != 0)
		memset(out, 0, LEAD_COMPANY);
	person_fini(&p);
}

static int note_company(
    struct sim *m, const struct lead_id *id, const struct lead_record *r)
{
	unsigned char company[LEAD_COMPANY];
	struct companies *c = &m->companies;
	size_t at;
	int rc;

	arena_reset(m->scratch);
	find_company(m, id, r, company);
	if (company_id_is_none(company))
		return 0;
	rc = 2 * c->n >= c->cap ? companies_grow(c) : 0;
	if (rc != 0)
		return rc;
	at = company_at(c, lead_id_tag(id));
	c->n += c->v[at].lead == 0;
	c->v[at].lead = lead_id_tag(id);
	c->v[at].company = tag_of(company);
	return 0;
}

static int read_companies(
    struct sim *m, const struct ledger_txn *t, struct lead_id *next)
{
	struct ledger_iter it;
	struct str key, value;
	struct lead_record r;
	int rc = ledger_iter_open(t, TABLE_LEAD,
	    (struct str){(const char *)next->b, sizeof(next->b)}, LEDGER_UP,
	    &it);

	for (int i = 0; rc == 0 && i < CHUNK; i++) {
		rc = ledger_iter_next(&it, &key, &value);
		if (rc != 0)
			break;
		memcpy(next->b, key.p, sizeof(next->b));
		rc = lead_peek(t, next, &r);
		if (rc == 0)
			rc = note_company(m, next, &r);
		for (size_t b = sizeof(next->b); b-- > 0;)
			if (++next->b[b] != 0)
				break;
	}
	ledger_iter_close(&it);
	return rc;
}

static int find_companies(struct sim *m)
{
	struct lead_id next = {{0}};
	int rc = 0;

	while (rc == 0) {
		struct ledger_txn *t = NULL;

		rc = ledger_read_begin(m->s->ledger, &t);
		if (rc == 0)
			rc = read_companies(m, t, &next);
		ledger_read_end(&t);
		if (rc == 0 && m->q->progress != NULL &&
		    !m->q->progress(m->q->arg, 0))
			rc = ERR_STOPPING;
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static uint64_t group_of(void *arg, const struct lead_id *lead)
{
	const struct sim *m = arg;
	uint64_t tag = lead_id_tag(lead);
	size_t at;

	if (!m->together || m->companies.cap == 0)
		return tag;
	at = company_at(&m->companies, tag);
	return m->companies.v[at].lead != 0 ? m->companies.v[at].company : tag;
}

/* --- people --- */

static enum consent_state state_of(const struct sim *m,
    const struct lead_id *id, const struct lead_record *lead, uint32_t purpose)
{
	const struct lead_purpose *p = lead_purpose_find(lead, purpose);
	struct consent_record r;

	if (p != NULL)
		return p->consent;
	if (lead->n_purposes == LEAD_PURPOSES_MAX &&
	    consent_read(m->t, id, purpose, &r) == 0)
		return r.state;
	return CONSENT_NONE;
}

/* Before all changes that are known. */
static enum consent_state first_state(const struct sim *m,
    const struct lead_id *id, const struct lead_record *lead, uint32_t purpose)
{
	const struct replay_change *c =
	    attempts_first_change(&m->attempts, purpose);

	if (c == NULL)
		return state_of(m, id, lead, purpose);
	return past_is_whole(m->past) || c->consent == CONSENT_GRANTED
		   ? CONSENT_NONE
		   : CONSENT_GRANTED;
}

static void find_zone(struct sim *m, struct replay_person *p)
{
	const uint32_t label = policy_label(STR("time-zone"));

	for (size_t i = 0; i < p->n_attributes; i++)
		if (p->attributes[i].label == label &&
		    zones_find(m->zones, p->attributes[i].text, &p->zone) != 0)
			p->zone = NULL;
}

/* Whose key is gone has none. */
static int open_attributes(struct sim *m, const struct lead_id *id,
    const struct lead_record *lead, struct replay_person *out)
{
	struct attributes x = {0};
	struct person p;
	int rc;

	if (!m->attributes || lead->attributes.n == 0)
		return 0;
	rc = person_of(&p, m->s, id, lead);
	if (rc == 0)
		rc = attributes_open(&p, lead->attributes, m->scratch, &x);
	person_fini(&p);
	if (rc == ERR_LIMIT || rc == -ENOMEM)
		return rc;
	if (rc != 0)
		return 0;
	out->attributes = x.v;
	out->n_attributes = x.n;
	find_zone(m, out);
	return 0;
}

static int add_person(struct sim *m, const struct past_row *rows, size_t n)
{
	const struct lead_id *id = &rows[0].lead;
	struct lead_record lead;
	int rc = attempts_add(&m->attempts, rows, n, m->q->since_ms);
	int there = rc == 0 ? lead_peek(m->t, id, &lead) : rc;

	if (there != 0)
		return there == ERR_NOT_FOUND ? 0 : there;
	for (size_t i = 0; rc == 0 && i < m->n_purposes; i++) {
		enum consent_state state =
		    first_state(m, id, &lead, m->purposes[i]);

		if (state != CONSENT_NONE)
			rc = attempts_add_first(
			    &m->attempts, m->purposes[i], state);
	}
	return rc != 0 ? rc
		       : open_attributes(m, id, &lead,
			     &m->attempts.people[m->attempts.n_people - 1]);
}

/* --- counting --- */

static int64_t hour_of(const struct sim *m, int64_t at_ms)
{
	int64_t local = at_ms + zone_offset_ms(m->zone, at_ms);

	return local / WHEN_HOUR_MS % SIMULATE_HOURS;
}

static void set_key(struct simtally_message *out, enum simtally_kind kind,
    bool asked, uint64_t key)
{
	out->counted[kind] = asked;
	out->key[kind] = key;
}

static int count_one(
    struct sim *m, const struct past_row *of, size_t i, uint64_t company)
{
	const struct replay_message *msg = &m->attempts.messages[i];
	const struct attempt *a = &m->attempts.v[msg->mark];
	unsigned by = m->q->by, ways = m->q->other != NULL ? 3 : 2;
	struct simtally_message t = {.lead = &of->lead, .ways = ways};
	int rc = 0;

	t.fate[SIMULATE_RECORDED] = a->recorded;
	t.held_ms[SIMULATE_RECORDED] =
	    a->done_ms > 0 ? a->done_ms - msg->arrived_ms : 0;
	for (unsigned w = SIMULATE_NEW; w < ways; w++) {
		t.fate[w] = m->results[w][i].fate;
		t.held_ms[w] = m->results[w][i].done_ms - msg->arrived_ms;
	}
	t.changed = t.fate[SIMULATE_NEW] !=
		    t.fate[ways == 3 ? SIMULATE_OTHER : SIMULATE_RECORDED];
	set_key(
	    &t, SIMTALLY_SEGMENT, (by & SIMULATE_BY_SEGMENT) != 0, a->segment);
	set_key(&t, SIMTALLY_CAMPAIGN, (by & SIMULATE_BY_CAMPAIGN) != 0,
	    (uint64_t)a->segment << 16 | a->campaign);
	set_key(&t, SIMTALLY_COMPANY,
	    (by & SIMULATE_BY_COMPANY) != 0 && company != 0, company);
	set_key(&t, SIMTALLY_HOUR, (by & SIMULATE_BY_HOUR) != 0,
	    (uint64_t)hour_of(m, msg->arrived_ms));
	rc = simtally_add(&m->tally, &t);
	for (unsigned w = SIMULATE_NEW; rc == 0 && w < ways; w++)
		rc = simtally_rule(
		    &m->tally, (enum simulate_way)w, &m->results[w][i]);
	return rc;
}

/* --- groups --- */

static int room_for_results(struct sim *m, unsigned way)
{
	size_t cap = m->cap_results[way];
	struct replay_result *v;

	if (m->attempts.n <= cap)
		return 0;
	cap = m->attempts.n * 2;
	v = fault_alloc() ? NULL : realloc(m->results[way], cap * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	m->results[way] = v;
	m->cap_results[way] = cap;
	return 0;
}

static int play(struct sim *m, bool company)
{
	const struct attempts *a = &m->attempts;
	struct replay_group g = {
	    .people = a->people,
	    .n_people = a->n_people,
	    .messages = a->messages,
	    .n_messages = a->n,
	};
	int rc = 0;

	for (unsigned w = SIMULATE_NEW; rc == 0 && w < SIMULATE_WAYS; w++) {
		if (m->policies[w] == NULL)
			continue;
		g.company = company && m->policies[w]->needs_company;
		rc = room_for_results(m, w);
		if (rc == 0)
			rc = replay_run(m->replays[w], &g, m->results[w]);
	}
	return rc;
}

/* Of any of its people; 0: none. */
static uint64_t company_of(struct sim *m, const struct lead_id *id)
{
	unsigned char company[LEAD_COMPANY];
	struct lead_record lead;

	if ((m->q->by & SIMULATE_BY_COMPANY) == 0 && !m->together)
		return 0;
	if (lead_peek(m->t, id, &lead) != 0)
		return 0;
	find_company(m, id, &lead, company);
	return company_id_is_none(company) ? 0 : tag_of(company);
}

/* Has anything that is asked about? */
static bool is_worth(const struct attempts *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (!a->messages[i].fixed)
			return true;
	return false;
}

static size_t end_of_person(const struct past_row *v, size_t n)
{
	size_t i = 1;

	while (i < n && lead_id_eq(&v[i].lead, &v[0].lead))
		i++;
	return i;
}

static int play_group(struct sim *m, const struct past_row *rows, size_t n)
{
	uint64_t company;
	int rc = 0;

	attempts_reset(&m->attempts);
	arena_reset(m->scratch);
	for (size_t at = 0, one; rc == 0 && at < n; at += one) {
		one = end_of_person(rows + at, n - at);
		rc = add_person(m, rows + at, one);
	}
	if (rc != 0 || !is_worth(&m->attempts))
		return rc;
	attempts_finish(&m->attempts);
	company = company_of(m, &rows[0].lead);
	m->out->people += m->attempts.n_people;
	rc = play(m, company != 0);
	for (size_t i = 0; rc == 0 && i < m->attempts.n; i++)
		if (!m->attempts.messages[i].fixed)
			rc = count_one(m, &rows[0], i, company);
	return rc;
}

static size_t end_of_group(const struct past_row *v, size_t n)
{
	size_t i = 1;

	while (i < n && v[i].group == v[0].group)
		i++;
	return i;
}

static int play_some(
    struct sim *m, const struct past_row *rows, size_t n, size_t *at)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < CHUNK && *at < n; i++) {
		size_t one = end_of_group(rows + *at, n - *at);

		rc = play_group(m, rows + *at, one);
		*at += one;
	}
	return rc;
}

static bool tell(struct sim *m, double share)
{
	return m->q->progress == NULL ||
	       m->q->progress(
		   m->q->arg, ((double)m->part + share) / (double)m->parts);
}

static int play_part(struct sim *m)
{
	size_t n, at = 0;
	const struct past_row *rows = past_rows(m->past, &n);
	int rc = 0;

	while (rc == 0 && at < n) {
		struct ledger_txn *t = NULL;

		rc = ledger_read_begin(m->s->ledger, &t);
		m->t = t;
		if (rc == 0)
			rc = play_some(m, rows, n, &at);
		ledger_read_end(&t);
		if (rc == 0 &&
		    !tell(m, PLAYED + (1 - PLAYED) * (double)at / (double)n))
			rc = ERR_STOPPING;
	}
	return rc;
}

/* --- parts --- */

static bool on_read(void *arg, double share)
{
	return tell(arg, PLAYED * share);
}

static int64_t look_back_ms(const struct sim *m)
{
	int64_t ms = 0;

	for (unsigned w = SIMULATE_NEW; w < SIMULATE_WAYS; w++)
		if (m->replays[w] != NULL &&
		    replay_horizon_ms(m->replays[w]) > ms)
			ms = replay_horizon_ms(m->replays[w]);
	return ms;
}

static int read_part(struct sim *m, double *share_out, struct error *err)
{
	struct past_query q = {
	    .from_ms = m->q->since_ms - look_back_ms(m),
	    .since_ms = m->q->since_ms,
	    .until_ms = m->q->until_ms,
	    .parts = m->parts,
	    .part = m->part,
	    .max_rows = m->q->memory_max / sizeof(struct past_row),
	    .progress = on_read,
	    .group = group_of,
	    .arg = m,
	};

	return past_read(m->past, m->s->ledger, &q, share_out, err);
}

static int one_part(struct sim *m, double *share_out, struct error *err)
{
	int64_t began = clock_mono_ms(), read;
	int rc = read_part(m, share_out, err);

	read = clock_mono_ms();
	m->out->read_s += (double)(read - began) / 1000;
	if (rc == 0)
		rc = error_of(err, play_part(m), "simulation");
	m->out->play_s += (double)(clock_mono_ms() - read) / 1000;
	return rc;
}

/* All of it, in so many parts as memory asks for; that they are too few shows
 * only when one is full, and then it begins anew. */
static int all_parts(struct sim *m, struct error *err)
{
	int rc = 0;

	m->parts = 1;
	for (m->part = 0; rc == 0 && m->part < m->parts; m->part++) {
		double share = 0;

		rc = one_part(m, &share, err);
		if (rc != ERR_FULL)
			continue;
		if (m->parts >= PARTS_MAX)
			return error_set(err, ERR_LIMIT,
			    "more memory is needed: one company alone has more "
			    "messages than fit");
		m->parts *= share > 0.05 ? 2 + (unsigned)(1 / share) : 16;
		m->part = UINT32_MAX; /* the next is 0 */
		simtally_fini(&m->tally);
		m->out->people = 0;
		rc = 0;
	}
	return rc;
}

/* --- the report --- */

/* The name by which people know it: its attribute, or its domain. */
static struct str company_name(
    const struct sim *m, const struct lead_id *id, struct arena *a)
{
	const uint32_t label = policy_label(STR("company"));
	struct attributes x = {0};
	struct lead_record lead;
	struct person p;
	struct str name = STR_NULL, address;

	if (lead_peek(m->t, id, &lead) != 0 ||
	    person_of(&p, m->s, id, &lead) != 0)
		return STR("?");
	if (attributes_open(&p, lead.attributes, a, &x) == 0 &&
	    attributes_find(&x, label) != NULL)
		name = attributes_find(&x, label)->text;
	else if (person_address(m->s, m->t, id, a, &address) == 0)
		name = psl_org_domain(
		    str_from(address, str_rfind(address, '@') + 1));
	person_fini(&p);
	return name.n > 0 ? name : STR("?");
}

static struct str name_of(const struct sim *m, enum simtally_kind kind,
    const struct simtally_row *row, struct arena *a)
{
	if (row->key == SIMTALLY_OTHERS)
		return STR("...");
	switch (kind) {
	case SIMTALLY_SEGMENT:
		return past_name(m->past, (unsigned)row->key);
	case SIMTALLY_CAMPAIGN:
		return past_name(m->past, (unsigned)row->key & 0xffff);
	case SIMTALLY_COMPANY:
		return company_name(m, &row->lead, a);
	case SIMTALLY_HOUR:
	case SIMTALLY_KINDS:
		break;
	}
	return str_of(arena_printf(a, "%02u:00", (unsigned)row->key));
}

static int report_rows(struct sim *m, enum simtally_kind kind, struct arena *a)
{
	size_t n = simtally_sort(&m->tally, kind);
	struct simulate_row *v;

	n = n < ROWS_MAX ? n : ROWS_MAX;
	v = arena_array(a, n + 1, sizeof(*v));
	if (v == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		const struct simtally_row *row = &m->tally.tables[kind].v[i];

		v[i].counts = row->counts;
		v[i].name = arena_str(a, name_of(m, kind, row, a));
		if (kind == SIMTALLY_CAMPAIGN && row->key != SIMTALLY_OTHERS)
			v[i].segment = arena_str(
			    a, past_name(m->past, (unsigned)(row->key >> 16)));
		if (v[i].name.p == NULL)
			return ERR_LIMIT;
	}
	m->out->rows[kind] = v;
	m->out->n_rows[kind] = n;
	return 0;
}

static int report_rules(struct sim *m, unsigned way, struct arena *a)
{
	size_t n = m->tally.n_rules[way];
	struct simulate_rule *v = arena_array(a, n + 1, sizeof(*v));

	if (v == NULL)
		return ERR_LIMIT;
	simtally_sort_rules(&m->tally, (enum simulate_way)way);
	if (n > 0)
		memcpy(v, m->tally.rules[way], n * sizeof(*v));
	m->out->rules[way] = v;
	m->out->n_rules[way] = n;
	return 0;
}

static int report(struct sim *m, struct arena *a)
{
	struct simulate_report *out = m->out;
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(m->s->ledger, &t);

	m->t = t;
	out->since_ms = m->q->since_ms;
	out->until_ms = m->q->until_ms;
	out->all = m->tally.all;
	memcpy(out->held_ms, m->tally.held_ms, sizeof(out->held_ms));
	out->read = past_n_read(m->past);
	for (unsigned k = 0; rc == 0 && k < SIMTALLY_KINDS; k++)
		rc = report_rows(m, (enum simtally_kind)k, a);
	ledger_read_end(&t);
	for (unsigned w = SIMULATE_NEW; rc == 0 && w < SIMULATE_WAYS; w++)
		rc = report_rules(m, w, a);
	for (unsigned w = SIMULATE_NEW; w < SIMULATE_WAYS; w++)
		if (m->replays[w] != NULL)
			out->decisions += replay_decisions(m->replays[w]);
	return rc;
}

/* --- all --- */

static void add_purpose(struct sim *m, struct str purpose)
{
	uint32_t label = policy_label(purpose);

	for (size_t i = 0; i < m->n_purposes; i++)
		if (m->purposes[i] == label)
			return;
	if (m->n_purposes < PURPOSES_MAX)
		m->purposes[m->n_purposes++] = label;
}

static int add_policy(struct sim *m, unsigned way, const struct policy *p)
{
	const struct zone *zone;

	m->policies[way] = p;
	if (p == NULL)
		return 0;
	m->together |= p->needs_company;
	m->attributes |= p->needs_attributes;
	for (size_t i = 0; i < p->n_segments; i++)
		add_purpose(m, p->segments[i].purpose);
	if (p->time_zone.n == 0 ||
	    zones_find(m->zones, p->time_zone, &zone) != 0)
		zone = zone_utc();
	if (way == SIMULATE_NEW)
		m->zone = zone;
	return replay_new(&m->replays[way], p, zone);
}

static int sim_open(struct sim *m)
{
	int rc = zones_open(&m->zones);

	if (rc == 0)
		rc = past_new(&m->past);
	if (rc == 0)
		rc = add_policy(m, SIMULATE_NEW, m->q->policy);
	if (rc == 0)
		rc = add_policy(m, SIMULATE_OTHER, m->q->other);
	if (rc == 0)
		m->scratch = arena_new(SCRATCH_MAX);
	return rc == 0 && m->scratch == NULL ? -ENOMEM : rc;
}

static void sim_close(struct sim *m)
{
	for (unsigned w = 0; w < SIMULATE_WAYS; w++) {
		replay_free(&m->replays[w]);
		free(m->results[w]);
	}
	attempts_fini(&m->attempts);
	simtally_fini(&m->tally);
	past_free(&m->past);
	free(m->companies.v);
	arena_free(&m->scratch);
	zones_close(&m->zones);
}

int simulate_run(const struct store *s, const struct simulate_query *q,
    struct arena *a, struct simulate_report *out, struct error *err)
{
	struct sim m = {.s = s, .q = q, .out = out};
	int rc;

	*out = (struct simulate_report){0};
	rc = error_of(err, sim_open(&m), "simulation");
	if (rc == 0 && m.together)
		rc = error_of(err, find_companies(&m), "companies");
	if (rc == 0)
		rc = all_parts(&m, err);
	if (rc == 0)
		rc = error_of(err, report(&m, a), "report");
	sim_close(&m);
	return rc;
}
