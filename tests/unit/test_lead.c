/* test_lead.c - the record of a person: slots added, replaced, changed, pruned,
 * and what damage is told. */
#include "tests/unit/storetest.h"

#include "policy/conf/policy.h"
#include "policy/rules/caps.h"
#include "policy/state/consent.h"
#include "policy/state/facts_load.h"
#include "policy/state/lead.h"
#include "policy/state/person.h"
#include "policy/state/subject.h"
#include "policy/state/tables.h"

static struct storetest T;
static const struct lead_id id = {{'l', 'e', 'a', 'd'}};

static struct str key(void)
{
	return (struct str){(const char *)id.b, sizeof(id.b)};
}

static struct ledger_txn *begin(void)
{
	struct ledger_txn *t;

	if (ledger_write_begin(T.store->ledger, &t) != 0) {
		printf("Bail out! write\n");
		exit(1);
	}
	return t;
}

static void create(struct ledger_txn *t)
{
	struct event_lead_created e = {
	    .epoch = 1, .wrapped = STR("wrapped"), .address = STR("sealed")};
	struct event ev = {.time_ms = 77};
	struct error err = {0};
	struct buf b;

	memcpy(e.lead, id.b, sizeof(e.lead));
	buf_init(&b, 4096);
	OK(payload_encode(&lead_created_payload, &e, &b) == 0, "event");
	ev.payload = buf_str(&b);
	IS_INT(lead_reduce_created(t, &ev, &err), 0, "created");
	IS_INT(lead_reduce_created(t, &ev, &err), ERR_EXISTS, "only once");
	buf_fini(&b);
}

static struct slot_fact slot(
    uint64_t message_id, int64_t at_ms, enum slot_state state)
{
	return (struct slot_fact){.message_id = message_id,
	    .at_ms = at_ms,
	    .key = message_id * 3,
	    .label = 5,
	    .state = state,
	    .counts = message_id % 2 == 0};
}

static struct lead_record read_lead(struct ledger_txn *t)
{
	struct lead_record r;

	arena_reset(T.arena);
	IS_INT(lead_read(t, &id, T.arena, &r), 0, "read");
	return r;
}

static bool slot_is(const struct slot_fact *a, struct slot_fact b)
{
	return a->message_id == b.message_id && a->at_ms == b.at_ms &&
	       a->key == b.key && a->label == b.label && a->state == b.state &&
	       a->counts == b.counts;
}

static int put(struct ledger_txn *t, struct slot_fact s, int64_t before_ms)
{
	return lead_slot_put(t, &id, &s, before_ms);
}

static void test_slots(void)
{
	struct ledger_txn *t = begin();
	struct slot_fact old = slot(1, 100, SLOT_DELIVERED),
			 undated = slot(2, 110, SLOT_PROPOSED),
			 gone = slot(3, 120, SLOT_RELEASED),
			 young = slot(4, 900, SLOT_QUEUED);
	struct lead_record r;

	IS_INT(put(t, old, 0), ERR_NOT_FOUND, "nobody there");
	create(t);
	r = read_lead(t);
	OK(r.n_slots == 0 && r.created_ms == 77 && r.epoch == 1, "new");
	OK(put(t, old, 0) == 0 && put(t, undated, 0) == 0 &&
		put(t, gone, 0) == 0,
	    "three");
	r = read_lead(t);
	OK(r.n_slots == 3 && slot_is(&r.slots[0], old) &&
		slot_is(&r.slots[1], undated) && slot_is(&r.slots[2], gone),
	    "as they came");
	IS_S(r.wrapped, STR("wrapped"), "key");
	IS_S(r.address, STR("sealed"), "address");
	undated.key = 99;
	IS_INT(put(t, undated, 500), 0, "the same message once more");
	r = read_lead(t);
	OK(r.n_slots == 3 && slot_is(&r.slots[1], undated),
	    "takes its place, and prunes nothing");
	IS_INT(put(t, young, 500), 0, "another one");
	r = read_lead(t);
	OK(r.n_slots == 2 && slot_is(&r.slots[0], undated) &&
		slot_is(&r.slots[1], young),
	    "old ones go if they are settled");
	IS_INT(lead_slot_set(t, &id, 2, SLOT_DELIVERED, 950), 0, "set");
	undated.state = SLOT_DELIVERED;
	undated.at_ms = 950;
	r = read_lead(t);
	OK(r.n_slots == 2 && slot_is(&r.slots[0], undated) &&
		slot_is(&r.slots[1], young),
	    "state and date");
	IS_INT(
	    lead_slot_set(t, &id, 1, SLOT_QUEUED, 1), ERR_NOT_FOUND, "pruned");
	ledger_abort(&t);
}

static void test_many(void)
{
	struct ledger_txn *t = begin();
	struct lead_record r;
	int rc = 0;

	create(t);
	for (uint64_t i = 1; i <= LEAD_SLOTS_MAX + 3 && rc == 0; i++)
		rc = put(t, slot(i, 1000, SLOT_PROPOSED), 0);
	IS_INT(rc, 0, "more than there is room for");
	r = read_lead(t);
	IS_INT(r.n_slots, LEAD_SLOTS_MAX, "the youngest");
	OK(r.slots[0].message_id == 2 && r.slots[1].message_id == 4 &&
		r.slots[2].message_id == 6 &&
		r.slots[LEAD_SLOTS_MAX - 1].message_id == LEAD_SLOTS_MAX + 3,
	    "the first of those that do not count have gone");
	IS_INT(put(t, slot(9, 5, SLOT_QUEUED), 0), 0, "one of them again");
	r = read_lead(t);
	OK(r.n_slots == LEAD_SLOTS_MAX && r.slots[5].at_ms == 5, "in place");
	ledger_abort(&t);
}

/* Each change makes the stored bytes something that no version wrote. */
static void test_damage(void)
{
	static const struct {
		const char *what;
		size_t cut; /* bytes off the end */
		size_t at;  /* byte that is set */
		char to;
		int want;
	} cases[] = {
	    {"version", 0, 0, 1, ERR_VERSION},
	    {"half a slot", 15, 0, 3, ERR_CORRUPT},
	    {"a slot too few", 30, 0, 3, ERR_CORRUPT},
	    {"no slots at all", 61, 0, 3, ERR_CORRUPT},
	    {"length of the key", 0, 17, 1, ERR_CORRUPT},
	    {"number of purposes", 0, 54, 1, ERR_CORRUPT},
	    {"too many purposes", 0, 54, LEAD_PURPOSES_MAX + 1, ERR_CORRUPT},
	    {"where it went", 0, 53, 1, ERR_CORRUPT},
	    {"attributes", 0, 51, 1, ERR_CORRUPT},
	    {"number of slots", 0, 55, 1, ERR_CORRUPT},
	};
	struct ledger_txn *t = begin();
	struct lead_record r;
	struct str there, copy;

	create(t);
	OK(put(t, slot(1, 1, SLOT_QUEUED), 0) == 0 &&
		put(t, slot(2, 2, SLOT_QUEUED), 0) == 0,
	    "two slots");
	IS_INT(ledger_get(t, TABLE_LEAD, key(), &there), 0, "bytes");
	copy = arena_str(T.arena, there);
	IS_INT(copy.n, 17 + 2 + 7 + 2 + 6 + 16 + 2 + 2 + 1 + 2 + 60, "size");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char bytes[200];

		memcpy(bytes, copy.p, copy.n);
		bytes[cases[i].at] = cases[i].to;
		OK(ledger_put(t, TABLE_LEAD, key(),
		       (struct str){bytes, copy.n - cases[i].cut}) == 0,
		    "%s", cases[i].what);
		IS_INT(lead_read(t, &id, T.arena, &r), cases[i].want,
		    "%s: read", cases[i].what);
		IS_INT(put(t, slot(3, 3, SLOT_QUEUED), 0), cases[i].want,
		    "%s: put", cases[i].what);
		IS_INT(lead_slot_set(t, &id, 1, SLOT_QUEUED, 1), cases[i].want,
		    "%s: set", cases[i].what);
	}
	ledger_abort(&t);
}

static void consent(struct ledger_txn *t, const char *purpose)
{
	struct event_consent e = {.label = policy_label(str_of(purpose)),
	    .state = CONSENT_GRANTED,
	    .purpose = str_of(purpose)};
	struct event ev = {.time_ms = 78, .seq = 2};
	struct error err = {0};
	struct buf b;

	memcpy(e.lead, id.b, sizeof(e.lead));
	buf_init(&b, 4096);
	OK(payload_encode(&consent_payload, &e, &b) == 0, "event");
	ev.payload = buf_str(&b);
	IS_INT(consent_reduce(t, &ev, &err), 0, "consent to %s", purpose);
	buf_fini(&b);
}

static int count_consent(void *arg, const struct consent_record *r)
{
	size_t *n = arg;

	*n += r->state == CONSENT_GRANTED && r->since_ms == 78;
	return 0;
}

/* Consents have rows of their own, and a place in the record. */
static void test_purposes(void)
{
	static const struct lead_id next = {{'l', 'e', 'a', 'd', 1}};
	struct ledger_txn *t = begin();
	const struct lead_purpose *p;
	struct subject_record subject;
	struct lead_record lead;
	struct consent_record r;
	size_t n = 0;
	bool known;

	create(t);
	OK(put(t, slot(2, 100, SLOT_DELIVERED), 0) == 0, "a slot");
	consent(t, "news");
	OK(subject_is_known(t, &id, STR("news"), &known) == 0 && !known,
	    "no subject");
	OK(subject_put(t, 7, &id, STR("news")) == 0 &&
		subject_put(t, 7, &id, STR("news")) == 0,
	    "a subject, again");
	OK(subject_is_known(t, &id, STR("news"), &known) == 0 && known,
	    "known");
	OK(subject_is_known(t, &id, STR("other"), &known) == 0 && !known,
	    "not another");
	OK(subject_is_known(t, &next, STR("news"), &known) == 0 && !known,
	    "nor another lead's");
	OK(subject_read(t, 7, &subject) == 0 && lead_id_eq(&subject.lead, &id),
	    "whose it is");
	IS_S(subject.purpose, STR("news"), "of the first purpose");
	OK(subject_put(t, 7, &next, STR("news")) == 0 &&
		subject_read(t, 7, &subject) == 0 &&
		lead_id_eq(&subject.lead, &id),
	    "and stays so");
	consent(t, "demos");
	IS_INT(consent_each(t, &id, count_consent, &n), 0, "consents");
	IS_INT(n, 2, "both of them and nothing else");
	IS_INT(consent_each(t, &next, count_consent, &n), 0, "of another");
	IS_INT(n, 2, "none");
	IS_INT(consent_read(t, &id, policy_label(STR("demos")), &r), 0, "one");
	lead = read_lead(t);
	IS_INT(lead.n_slots, 1, "the lead is as it was");
	IS_INT(lead.n_purposes, 2, "and has both purposes");
	p = lead_purpose_find(&lead, policy_label(STR("news")));
	OK(p != NULL && p->consent == CONSENT_GRANTED && p->since_ms == 78 &&
		p->subject,
	    "consent and subject");
	p = lead_purpose_find(&lead, policy_label(STR("demos")));
	OK(p != NULL && p->consent == CONSENT_GRANTED && !p->subject,
	    "of one no subject");
	ledger_abort(&t);
}

/* More than the record has room for stand in their own rows. */
static void test_many_purposes(void)
{
	enum {
		MANY = LEAD_PURPOSES_MAX + 3
	};
	struct facts_query q;
	struct address anybody;
	struct ledger_txn *t = begin();
	struct lead_record lead;
	struct error err = {0};
	struct facts f;
	char name[16];
	int wrong = 0;

	OK(address_parse(T.arena, STR("a@north.example"), &anybody, &err) ==
		    0 &&
		facts_query_init(&q, T.store->lead_key, &anybody) == 0,
	    "a query");
	q.lead = id;
	create(t);
	OK(put(t, slot(2, 100, SLOT_DELIVERED), 0) == 0, "a slot");
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		consent(t, name);
	}
	for (int i = 0; i < MANY + 1; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		q.purpose_label = policy_label(str_of(name));
		wrong += facts_load(t, &q, T.arena, &f, &lead) != 0 ||
			 (f.consent == CONSENT_GRANTED) != (i < MANY);
	}
	IS_INT(wrong, 0, "each consent is found, and no other");
	IS_INT(lead.n_purposes, LEAD_PURPOSES_MAX, "the record is full");
	IS_INT(lead.n_slots, 1, "and has its slot");
	q.lead.b[0] ^= 1;
	OK(facts_load(t, &q, T.arena, &f, &lead) == 0 &&
		f.consent == CONSENT_NONE,
	    "somebody else has none");
	ledger_abort(&t);
}

static int reduce(struct ledger_txn *t, const struct payload_desc *d,
    const void *e, reducer_fn *fn)
{
	struct event ev = {.seq = 3};
	struct error err = {0};
	struct buf b;
	int rc;

	buf_init(&b, 8192);
	rc = payload_encode(d, e, &b);
	ev.payload = buf_str(&b);
	if (rc == 0)
		rc = fn(t, &ev, &err);
	buf_fini(&b);
	return rc;
}

/* Attributes and company are replaced, all else stays. */
static void test_changed(void)
{
	struct event_lead_changed e = {
	    .attributes = STR("sealed attributes"), .company = {1, 2, 3}};
	struct ledger_txn *t = begin();
	struct lead_record r;

	memcpy(e.lead, id.b, sizeof(e.lead));
	IS_INT(reduce(t, &lead_changed_payload, &e, lead_reduce_changed),
	    ERR_NOT_FOUND, "nobody there");
	create(t);
	OK(put(t, slot(1, 100, SLOT_DELIVERED), 0) == 0, "a slot");
	consent(t, "news");
	IS_INT(reduce(t, &lead_changed_payload, &e, lead_reduce_changed), 0,
	    "changed");
	r = read_lead(t);
	IS_S(r.attributes, STR("sealed attributes"), "attributes");
	IS_INT(memcmp(r.company, e.company, LEAD_COMPANY), 0, "company");
	OK(r.n_slots == 1 && r.n_purposes == 1 && r.created_ms == 77 &&
		!r.moved && str_eq(r.wrapped, STR("wrapped")) &&
		str_eq(r.address, STR("sealed")),
	    "all else is as it was");
	OK(put(t, slot(2, 200, SLOT_QUEUED), 0) == 0, "another slot");
	r = read_lead(t);
	OK(r.n_slots == 2 && r.attributes.n == 17, "and attributes stay");
	e.attributes = STR("");
	IS_INT(reduce(t, &lead_changed_payload, &e, lead_reduce_changed), 0,
	    "taken away");
	r = read_lead(t);
	IS_INT(r.attributes.n, 0, "none");
	IS_INT(lead_peek(t, &id, &r), 0, "without slots");
	OK(r.n_slots == 0 && r.slots == NULL && r.n_purposes == 1, "all else");
	ledger_abort(&t);
}

/* The other lead has both histories, and learns what becomes of messages to the
 * first. */
static void test_merged(void)
{
	static const struct lead_id to = {{'l', 'e', 'a', 'd', 2}};
	struct event_lead_merged e = {.origin = STR("merge")};
	struct event_lead_created other = {
	    .epoch = 1, .wrapped = STR("w"), .address = STR("s")};
	struct slot_fact mine = slot(8, 300, SLOT_DELIVERED);
	struct ledger_txn *t = begin();
	struct lead_record r;

	memcpy(e.lead, id.b, sizeof(e.lead));
	memcpy(e.to, to.b, sizeof(e.to));
	memcpy(other.lead, to.b, sizeof(other.lead));
	create(t);
	OK(put(t, slot(2, 100, SLOT_DELIVERED), 0) == 0 &&
		put(t, slot(4, 200, SLOT_QUEUED), 0) == 0,
	    "two slots");
	IS_INT(reduce(t, &lead_merged_payload, &e, lead_reduce_merged),
	    ERR_NOT_FOUND, "no such other lead");
	OK(reduce(t, &lead_created_payload, &other, lead_reduce_created) == 0 &&
		lead_slot_put(t, &to, &mine, 0) == 0,
	    "another lead");
	IS_INT(reduce(t, &lead_merged_payload, &e, lead_reduce_merged), 0,
	    "merged");
	r = read_lead(t);
	OK(r.moved && lead_id_eq(&r.moved_to, &to) && r.n_slots == 2,
	    "the first says where it went");
	IS_INT(lead_slot_set(t, &id, 4, SLOT_DELIVERED, 250), 0,
	    "its message arrives");
	IS_INT(lead_read(t, &to, T.arena, &r), 0, "the other");
	IS_INT(r.n_slots, 3, "has all");
	OK(slot_is(&r.slots[0], slot(2, 100, SLOT_DELIVERED)) &&
		slot_is(&r.slots[1], slot(4, 250, SLOT_DELIVERED)) &&
		slot_is(&r.slots[2], mine),
	    "as they are now, in their order");
	IS_INT(lead_slot_set(t, &id, 9, SLOT_DELIVERED, 250), ERR_NOT_FOUND,
	    "no such slot");
	/* in a ring: ends */
	memcpy(e.lead, to.b, sizeof(e.lead));
	memcpy(e.to, id.b, sizeof(e.to));
	IS_INT(reduce(t, &lead_merged_payload, &e, lead_reduce_merged), 0,
	    "and back");
	IS_INT(lead_slot_set(t, &id, 4, SLOT_RELEASED, 251), 0, "ends");
	ledger_abort(&t);
}

/* What nobody can have said: the person comes first. */
static void test_nobody(void)
{
	struct event_consent e = {.state = CONSENT_GRANTED};
	struct ledger_txn *t = begin();
	struct event ev = {.seq = 2};
	struct error err = {0};
	struct str there;
	struct buf b;

	memcpy(e.lead, id.b, sizeof(e.lead));
	buf_init(&b, 4096);
	OK(payload_encode(&consent_payload, &e, &b) == 0, "event");
	ev.payload = buf_str(&b);
	IS_INT(consent_reduce(t, &ev, &err), ERR_NOT_FOUND, "refused");
	IS_S(str_of(err.text), STR("consent of a person who is not known"),
	    "said why");
	OK(subject_put(t, 7, &id, STR("news")) == 0 &&
		ledger_get(t, TABLE_LEAD, key(), &there) == ERR_NOT_FOUND,
	    "a subject makes nobody known");
	buf_fini(&b);
	ledger_abort(&t);
}

/* A key that was opened earlier counts only while the record holds it. */
static void test_person_is(void)
{
	unsigned char other[SEAL_WRAPPED];
	struct lead_record none = {0}, known = {0};
	struct seal_key key_of_lead;
	struct person p;
	struct buf b;

	buf_init(&b, SEAL_WRAPPED);
	OK(seal_key_init(&key_of_lead) == 0 &&
		seal_wrap(T.store->seal, id.b, &key_of_lead, &b) == 0,
	    "a wrapped key");
	known.wrapped = buf_str(&b);
	IS_INT(person_of(&p, T.store, &id, &none), 0, "unknown");
	OK(!p.known && person_is(&p, &none) && !person_is(&p, &known),
	    "became known in between");
	person_fini(&p);
	IS_INT(person_of(&p, T.store, &id, &known), 0, "known");
	OK(p.known && person_is(&p, &known) && !person_is(&p, &none) &&
		memcmp(p.key.bytes, key_of_lead.bytes, SEAL_KEY) == 0,
	    "forgotten in between");
	memcpy(other, known.wrapped.p, sizeof(other));
	other[20] ^= 1;
	known.wrapped = (struct str){(const char *)other, sizeof(other)};
	OK(!person_is(&p, &known), "another key");
	person_fini(&p);
	IS_INT(person_of(&p, T.store, &id, &known), ERR_CRYPTO, "altered");
	known.wrapped.n--;
	IS_INT(person_of(&p, T.store, &id, &known), ERR_CORRUPT, "cut");
	buf_fini(&b);
}

int main(void)
{
	storetest_open(&T);
	test_slots();
	test_many();
	test_damage();
	test_purposes();
	test_many_purposes();
	test_changed();
	test_merged();
	test_nobody();
	test_person_is();
	storetest_close(&T);
	return tap_done();
}
