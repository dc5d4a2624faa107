/* test_ops_leads.c - what is known of people, set for many at once; people who
 * go on under another address, and that no opt-out is lost by it. */
#define STORETEST_MAP "256M"
#include "tests/unit/oldlead.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/company_id.h"
#include "policy/state/consent.h"
#include "policy/state/decide_internal.h"
#include "policy/state/ops_leads.h"
#include "policy/state/ops_move.h"

static struct storetest T;

enum {
	ROLE = 11,
	SIZE = 12
};

static struct attribute_value text(uint32_t label, const char *z)
{
	return (struct attribute_value){
	    .label = label, .type = ATTRIBUTE_TEXT, .text = str_of(z)};
}

static struct attribute_value number(uint32_t label, int64_t n)
{
	return (struct attribute_value){
	    .label = label, .type = ATTRIBUTE_NUMBER, .number = n};
}

static enum ops_leads_outcome set_one(
    const char *address, const struct attribute_value *v, size_t n, bool dry)
{
	struct ops_leads_row row = {
	    .address = storetest_address(&T, address), .values = v, .n = n};
	struct ops_leads in = {.rows = &row,
	    .n = 1,
	    .origin = STR("test"),
	    .author = STR("alice"),
	    .dry_run = dry};
	struct error err = {0};
	int rc = ops_leads_set(T.store, &in, &err);

	IS_INT(rc, 0, "%s is set: %s", address, err.text);
	return row.outcome;
}

static struct lead_id id_of(const char *address)
{
	struct address a = storetest_address(&T, address);
	struct lead_id id;

	if (lead_id_of(T.store->lead_key, &a, &id) != 0)
		bug("lead_id_of");
	return id;
}

/* The record with its attributes; all zero for nobody. */
static struct attributes known(const char *address, struct lead_record *r_out)
{
	struct lead_id id = id_of(address);
	struct attributes out = {0};
	struct ledger_txn *t = NULL;
	struct person p = {0};
	int rc = ledger_read_begin(T.store->ledger, &t);

	*r_out = (struct lead_record){0};
	if (rc == 0)
		rc = lead_peek(t, &id, r_out);
	if (rc == 0)
		rc = person_of(&p, T.store, &id, r_out);
	if (rc == 0)
		rc = attributes_open(&p, r_out->attributes, T.arena, &out);
	person_fini(&p);
	ledger_read_end(&t);
	OK(rc == 0 || rc == ERR_NOT_FOUND, "%s is read", address);
	return out;
}

static bool is_text(
    const struct attributes *x, uint32_t label, const char *want)
{
	const struct attribute_value *v = attributes_find(x, label);

	return v != NULL && str_eq(v->text, str_of(want));
}

static uint64_t last_seq(void)
{
	struct ledger_txn *t = NULL;
	uint64_t seq = 0;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    ledger_last_seq(t, &seq) != 0)
		bug("last_seq");
	ledger_read_end(&t);
	return seq;
}

static void test_set(void)
{
	struct attribute_value role = text(ROLE, "cto");
	struct attribute_value both[] = {number(SIZE, 200), text(ROLE, "cio")};
	struct attribute_value gone = {.label = ROLE};
	unsigned char company[COMPANY_ID_BYTES];
	struct address a;
	struct attributes x;
	struct lead_record r;
	uint64_t before;

	IS_INT(set_one("a@north.example", &role, 1, true), OPS_LEADS_NEW,
	    "would be new");
	x = known("a@north.example", &r);
	IS_INT(r.wrapped.n, 0, "and is not");
	IS_INT(
	    set_one("A@North.Example", &role, 1, false), OPS_LEADS_NEW, "new");
	x = known("a@north.example", &r);
	OK(x.n == 1 && is_text(&x, ROLE, "cto"), "has what was set");
	a = storetest_address(&T, "b@mail.north.example");
	OK(company_id_of(T.store->lead_key, STR(""), &a, company) == 0 &&
		memcmp(company, r.company, sizeof(company)) == 0,
	    "belongs to the company of its domain");
	before = last_seq();
	IS_INT(set_one("a@north.example", &role, 1, false), OPS_LEADS_UNCHANGED,
	    "the same again");
	IS_INT(set_one("a@north.example", NULL, 0, false), OPS_LEADS_UNCHANGED,
	    "nothing");
	IS_INT(set_one("a@north.example", both, 2, true), OPS_LEADS_CHANGED,
	    "would change");
	IS_INT(last_seq(), before, "all without an event");
	IS_INT(set_one("a@north.example", both, 2, false), OPS_LEADS_CHANGED,
	    "changed");
	IS_INT(last_seq(), before + 1, "by one event");
	x = known("a@north.example", &r);
	OK(x.n == 2 && is_text(&x, ROLE, "cio") && x.v[1].number == 200,
	    "both");
	IS_INT(set_one("a@north.example", &gone, 1, false), OPS_LEADS_CHANGED,
	    "taken away");
	x = known("a@north.example", &r);
	OK(x.n == 1 && x.v[0].label == SIZE, "one left");
}

static void test_company(void)
{
	struct attribute_value acme =
	    text(policy_label(STR("company")), "Acme");
	struct lead_record by_name, by_domain, after;

	(void)set_one("c1@gmail.com", &acme, 1, false);
	(void)known("c1@gmail.com", &by_name);
	(void)set_one("c2@west.example", NULL, 0, false);
	(void)known("c2@west.example", &by_domain);
	OK(!company_id_is_none(by_name.company) &&
		memcmp(by_name.company, by_domain.company, 16) != 0,
	    "two companies");
	(void)set_one("c2@west.example", &acme, 1, false);
	(void)known("c2@west.example", &after);
	IS_INT(memcmp(after.company, by_name.company, 16), 0, "by name one");
	acme.type = 0;
	(void)set_one("c2@west.example", &acme, 1, false);
	(void)known("c2@west.example", &after);
	IS_INT(memcmp(after.company, by_domain.company, 16), 0,
	    "and by the domain again");
	(void)set_one("c1@gmail.com", &acme, 1, false);
	(void)known("c1@gmail.com", &after);
	OK(company_id_is_none(after.company),
	    "of a mailbox for everybody none");
}

/* Rows of one person in one call, and very many. */
static void test_many(void)
{
	enum {
		MANY = 3000
	};
	struct ops_leads_row *rows = arena_array(T.arena, MANY, sizeof(*rows));
	struct attribute_value v[MANY % 7 + 10];
	struct ops_leads in = {.rows = rows, .n = MANY, .origin = STR("test")};
	struct error err = {0};
	struct lead_record r;
	struct attributes x;
	size_t wrong = 0;

	for (size_t i = 0; i < 10; i++)
		v[i] = number(SIZE, (int64_t)i);
	for (size_t i = 0; i < MANY; i++) {
		char address[64];

		/* each third row is the same person */
		(void)snprintf(address, sizeof(address), "m%zu@many.example",
		    i % 3 == 0 ? 0 : i);
		rows[i] = (struct ops_leads_row){
		    storetest_address(&T, address), &v[i % 10], 1, 0, {{0}}};
	}
	IS_INT(ops_leads_set(T.store, &in, &err), 0, "set: %s", err.text);
	for (size_t i = 0; i < MANY; i++)
		wrong +=
		    rows[i].outcome !=
		    (i % 3 == 0 && i > 0 ? OPS_LEADS_CHANGED : OPS_LEADS_NEW);
	IS_INT(wrong, 0, "each row says what it did");
	x = known("m0@many.example", &r);
	OK(x.n == 1 && x.v[0].number == (MANY - 3) % 10,
	    "the last of one person's rows is what stays");
	IS_INT(ops_leads_set(T.store, &in, &err), 0, "again: %s", err.text);
	wrong = 0;
	for (size_t i = 0; i < MANY; i++)
		wrong += i % 3 != 0 && rows[i].outcome != OPS_LEADS_UNCHANGED;
	IS_INT(wrong, 0, "nothing new");
	in.n = OPS_LEADS_MAX + 1;
	IS_INT(ops_leads_set(T.store, &in, &err), ERR_LIMIT, "too many");
}

static void test_too_many_attributes(void)
{
	struct attribute_value v[ATTRIBUTES_MAX + 1];
	struct lead_record r;

	for (uint32_t i = 0; i <= ATTRIBUTES_MAX; i++)
		v[i] = number(100 + i, 1);
	IS_INT(set_one("t@north.example", v, ATTRIBUTES_MAX + 1, false),
	    OPS_LEADS_TOO_MANY, "refused");
	(void)known("t@north.example", &r);
	IS_INT(r.wrapped.n, 0, "and nobody is known by it");
	IS_INT(set_one("t@north.example", v, ATTRIBUTES_MAX, false),
	    OPS_LEADS_NEW, "as many as may be");
	IS_INT(set_one("t@north.example", &v[ATTRIBUTES_MAX], 1, false),
	    OPS_LEADS_TOO_MANY, "one more");
}

/* Another process (door) changes the person between looking and recording: the
 * row takes effect on what is there then. */
static void test_race(void)
{
	struct attribute_value role = text(ROLE, "cto");
	struct attribute_value size = number(SIZE, 1);
	struct attributes x;
	struct lead_record r;
	struct ops_leads_row rows[2] = {
	    {.address = storetest_address(&T, "r@north.example"),
		.values = &role,
		.n = 1},
	    {.address = storetest_address(&T, "r@north.example"),
		.values = &size,
		.n = 1}};
	struct ops_leads one = {.rows = &rows[0], .n = 1};
	struct ops_leads two = {.rows = &rows[1], .n = 1};

	OK(ops_leads_set(T.store, &one, NULL) == 0 &&
		ops_leads_set(T.store, &two, NULL) == 0,
	    "two calls");
	x = known("r@north.example", &r);
	OK(x.n == 2, "both");
}

/* Each allocation fails once: nothing is half done, and the same call again
 * does all. */
static void test_faults(void)
{
	struct attribute_value role = text(ROLE, "cto");
	struct ops_leads_row rows[] = {
	    {.address = storetest_address(&T, "f1@north.example"),
		.values = &role,
		.n = 1},
	    {.address = storetest_address(&T, "f2@north.example"),
		.values = &role,
		.n = 1}};
	struct ops_leads in = {.rows = rows, .n = 2};
	struct attributes x;
	struct lead_record r;
	long n = 0;
	int rc;

	do {
		fault_alloc_at(++n);
		rc = ops_leads_set(T.store, &in, NULL);
		fault_alloc_at(0);
	} while (rc != 0 && n < 200);
	OK(rc == 0 && n > 3, "each of %ld allocations may fail", n - 1);
	x = known("f1@north.example", &r);
	OK(is_text(&x, ROLE, "cto"), "the first is set");
	x = known("f2@north.example", &r);
	OK(is_text(&x, ROLE, "cto"), "and the second");
}

/* --- what decisions see --- */

static const char *const policies[] = {
    "segment news { purpose = news }\n",
    "person { at-most = \"2 per week\" }\n"
    "segment news { purpose = news }\n",
};

static size_t seen_attributes(const char *policy, size_t times)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, "d@north.example"),
	    .segment = STR("news")};
	struct decide_out out = {0};
	struct decide_work w = {.store = T.store, .in = &in, .out = &out};
	struct ledger_txn *t = NULL;
	struct error err = {0};
	size_t n = SIZE_MAX;

	if (policy_parse(&out.policy, "p", str_of(policy), 1, &err) != 0)
		bug("%s", err.text);
	out.segment = &out.policy->segments[0];
	if (decide_work_init(&w, T.arena, &err) != 0 ||
	    ledger_read_begin(T.store->ledger, &t) != 0)
		bug("decide_work_init");
	for (size_t i = 0; i < times; i++) {
		const struct attribute_value *before = w.facts.attributes;

		IS_INT(decide_in_txn(&w, t, T.arena, clock_now_ms()), 0,
		    "decided");
		if (i > 0)
			OK(w.facts.attributes == before,
			    "what is the same is opened once");
		n = w.facts.n_attributes;
	}
	if (n > 0)
		OK(is_text(&w.attributes, policy_label(STR("role")), "cto"),
		    "the role");
	ledger_read_end(&t);
	decide_work_fini(&w);
	decide_fini(&out);
	return n;
}

static void test_facts(void)
{
	struct attribute_value role = text(policy_label(STR("role")), "cto");

	IS_INT(seen_attributes(policies[1], 1), 0, "nobody has none");
	(void)set_one("d@north.example", &role, 1, false);
	IS_INT(seen_attributes(policies[1], 2), 1, "a policy that asks");
	IS_INT(seen_attributes(policies[0], 1), 0, "one that does not");
}

static struct company_id company_seen(const char *address)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, address),
	    .segment = STR("news")};
	struct decide_out out = {0};
	struct decide_work w = {.store = T.store, .in = &in, .out = &out};
	struct company_id company;
	struct ledger_txn *t = NULL;
	struct error err = {0};

	if (policy_parse(&out.policy, "p",
		STR("company { at-most = \"1 per 7d\" }\n"
		    "segment news { purpose = news }\n"),
		1, &err) != 0)
		bug("%s", err.text);
	out.segment = &out.policy->segments[0];
	if (decide_work_init(&w, T.arena, &err) != 0 ||
	    ledger_read_begin(T.store->ledger, &t) != 0)
		bug("decide_work_init");
	IS_INT(decide_in_txn(&w, t, T.arena, clock_now_ms()), 0, "decided");
	company = out.company;
	ledger_read_end(&t);
	decide_work_fini(&w);
	decide_fini(&out);
	return company;
}

static void test_old_lead(void)
{
	struct attribute_value role = text(ROLE, "cto");
	struct company_id old, new, named;
	struct lead_record r;

	IS_INT(oldlead_add(&T, "old@plant.example"), 0, "old");
	(void)known("old@plant.example", &r);
	OK(r.wrapped.n > 0 && company_id_is_none(r.company), "without one");
	old = company_seen("old@plant.example");
	new = company_seen("nobody@mail.plant.example");
	named = company_seen("c2@west.example");
	OK(!company_is_none(&old) && memcmp(&old, &new, sizeof(old)) == 0,
	    "the domain's, as of somebody unknown");
	OK(memcmp(&old, &named, sizeof(old)) != 0, "not another's");
	IS_INT(set_one("old@plant.example", &role, 1, false), OPS_LEADS_CHANGED,
	    "an attribute");
	(void)known("old@plant.example", &r);
	IS_INT(memcmp(r.company, old.b, sizeof(r.company)), 0,
	    "and the record has it");
}

/* --- moves --- */

static void suppress(
    const char *target, enum suppression_reason reason, const char *segment)
{
	struct ops_suppress s = {.reason = reason,
	    .segment = str_of(segment),
	    .origin = STR("test"),
	    .author = STR("alice")};
	struct error err = {0};
	bool changed;

	IS_INT(ops_target_parse(T.arena, str_of(target), &s.target, &err), 0,
	    "target");
	IS_INT(ops_suppress_add(T.store, &s, &changed, &err), 0,
	    "%s is suppressed", target);
}

static bool consent(
    const char *address, const char *purpose, enum consent_state state)
{
	struct ops_consent c = {.address = storetest_address(&T, address),
	    .purpose = str_of(purpose),
	    .state = state,
	    .origin = STR("test")};
	struct error err = {0};
	bool changed;

	IS_INT(ops_consent_set(T.store, &c, &changed, &err), 0, "%s: %s",
	    address, purpose);
	return changed;
}

static enum consent_state consent_of(const char *address, const char *purpose)
{
	struct consent_record r = {.state = CONSENT_NONE};
	struct lead_id id = id_of(address);
	struct ledger_txn *t = NULL;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    (consent_read(t, &id, policy_label(str_of(purpose)), &r) != 0 &&
		r.state != CONSENT_NONE))
		bug("consent_read");
	ledger_read_end(&t);
	return r.state;
}

/* 0: none. */
static int suppression_of(const char *address, const char *segment)
{
	struct suppression_record r = {0};
	struct lead_id id = id_of(address);
	struct ledger_txn *t = NULL;
	int rc;

	if (ledger_read_begin(T.store->ledger, &t) != 0)
		bug("read");
	rc = suppression_read(t, SUPPRESS_LEAD,
	    (struct str){(const char *)id.b, sizeof(id.b)},
	    segment[0] != '\0' ? policy_label(str_of(segment)) : 0, &r);
	ledger_read_end(&t);
	return rc == 0 ? (int)r.reason : 0;
}

static int move(const char *from, const char *to, bool merge)
{
	struct ops_move m = {.from = storetest_address(&T, from),
	    .to = storetest_address(&T, to),
	    .merge = merge,
	    .author = STR("alice")};
	struct error err = {0};
	int rc = ops_move(T.store, &m, &err);

	if (rc != 0)
		printf("# %s\n", err.text);
	return rc;
}

static void test_readdress(void)
{
	struct attribute_value role = text(ROLE, "cto");
	struct attributes x;
	struct lead_record r;

	(void)set_one("old@north.example", &role, 1, false);
	consent("old@north.example", "news", CONSENT_GRANTED);
	consent("old@north.example", "demos", CONSENT_WITHDRAWN);
	consent("old@north.example", "calls", CONSENT_OBJECTED);
	suppress("old@north.example", SUPPRESSION_OPT_OUT, "offers");
	suppress("old@north.example", SUPPRESSION_USER_UNKNOWN, "");
	IS_INT(move("old@north.example", "new@south.example", false), 0,
	    "re-addressed");
	x = known("new@south.example", &r);
	OK(x.n == 1 && is_text(&x, ROLE, "cto"), "attributes went along");
	OK(consent_of("new@south.example", "news") == CONSENT_GRANTED &&
		consent_of("new@south.example", "demos") == CONSENT_WITHDRAWN &&
		consent_of("new@south.example", "calls") == CONSENT_OBJECTED,
	    "and what the person said");
	IS_INT(suppression_of("new@south.example", "offers"),
	    SUPPRESSION_OPT_OUT, "and the opt-out");
	IS_INT(suppression_of("new@south.example", ""), 0,
	    "not what became of the mailbox");
	OK(suppression_of("old@north.example", "") != 0,
	    "the old address is suppressed");
	(void)known("old@north.example", &r);
	OK(r.moved, "and says where the person went");
	IS_INT(move("old@north.example", "third@south.example", false),
	    ERR_EXISTS, "not twice");
	IS_INT(move("new@south.example", "old@north.example", true), ERR_EXISTS,
	    "nor back");
	IS_INT(move("new@south.example", "new@south.example", true), ERR_SYNTAX,
	    "nor to itself");
	IS_INT(move("nobody@x.example", "new@south.example", false),
	    ERR_NOT_FOUND, "nobody");
	IS_INT(move("new@south.example", "nobody@x.example", true),
	    ERR_NOT_FOUND, "into nobody");
	IS_INT(move("new@south.example", "a@north.example", false), ERR_EXISTS,
	    "to somebody known it is a merge");
}

/* By an old link the person says no: to the lead that it was then. */
static void test_later_words(void)
{
	consent("old@north.example", "news", CONSENT_WITHDRAWN);
	IS_INT(consent_of("new@south.example", "news"), CONSENT_WITHDRAWN,
	    "a later no reaches the new address");
	consent("old@north.example", "news", CONSENT_GRANTED);
	IS_INT(consent_of("new@south.example", "news"), CONSENT_WITHDRAWN,
	    "a later yes does not");
	consent("old@north.example", "calls", CONSENT_GRANTED);
	consent("old@north.example", "calls", CONSENT_WITHDRAWN);
	IS_INT(consent_of("new@south.example", "calls"), CONSENT_OBJECTED,
	    "a weaker no takes nothing back");
	suppress("old@north.example", SUPPRESSION_HOST_UNKNOWN, "demos");
	IS_INT(suppression_of("new@south.example", "demos"), 0,
	    "a dead mailbox is of the old address");
	suppress("old@north.example", SUPPRESSION_COMPLAINT, "");
	IS_INT(suppression_of("new@south.example", ""), SUPPRESSION_COMPLAINT,
	    "a complaint is of the person");
}

static void test_merge(void)
{
	struct attribute_value mine[] = {text(ROLE, "cto"), number(SIZE, 5)};
	struct attribute_value theirs = text(ROLE, "cio");
	struct attributes x;
	struct lead_record r;
	char hash[80];
	struct address from = storetest_address(&T, "from@north.example");
	struct address_digest d;
	struct lead_id id = id_of("from@north.example");
	struct suppression_names names;

	OK(suppression_names_of(&id, &from, SUPPRESSION_ALL, &names) == 0,
	    "hashes");
	d = names.sha256;
	memcpy(hash, "sha256:", 7);
	for (int i = 0; i < 32; i++)
		(void)snprintf(hash + 7 + 2 * i, 3, "%02x", d.b[i]);
	(void)set_one("from@north.example", mine, 2, false);
	(void)set_one("to@south.example", &theirs, 1, false);
	consent("from@north.example", "news", CONSENT_GRANTED);
	consent("from@north.example", "demos", CONSENT_WITHDRAWN);
	consent("to@south.example", "demos", CONSENT_GRANTED);
	consent("from@north.example", "calls", CONSENT_WITHDRAWN);
	consent("to@south.example", "calls", CONSENT_OBJECTED);
	suppress(hash, SUPPRESSION_IMPORTED, "");
	suppress("@north.example", SUPPRESSION_MANUAL, "offers");
	IS_INT(
	    move("from@north.example", "to@south.example", true), 0, "merged");
	x = known("to@south.example", &r);
	OK(x.n == 2 && is_text(&x, ROLE, "cio") && x.v[1].number == 5,
	    "attributes that it lacked");
	IS_INT(consent_of("to@south.example", "news"), CONSENT_NONE,
	    "a yes does not go along");
	IS_INT(consent_of("to@south.example", "demos"), CONSENT_WITHDRAWN,
	    "a no does");
	IS_INT(consent_of("to@south.example", "calls"), CONSENT_OBJECTED,
	    "the stricter stays");
	IS_INT(suppression_of("to@south.example", ""), SUPPRESSION_IMPORTED,
	    "what bound by the hash of the address binds");
	IS_INT(suppression_of("to@south.example", "offers"), 0,
	    "the domain's does not");
	IS_INT(move("to@south.example", "end@south.example", false), 0,
	    "and goes on");
	consent("from@north.example", "surveys", CONSENT_OBJECTED);
	IS_INT(consent_of("end@south.example", "surveys"), CONSENT_OBJECTED,
	    "a no goes all the way");
}

static void test_move_faults(void)
{
	struct ops_move m = {.from = storetest_address(&T, "g1@north.example"),
	    .to = storetest_address(&T, "g2@north.example"),
	    .merge = true};
	long n = 0;
	int rc;

	(void)set_one("g1@north.example", NULL, 0, false);
	(void)set_one("g2@north.example", NULL, 0, false);
	consent("g1@north.example", "news", CONSENT_OBJECTED);
	do {
		fault_alloc_at(++n);
		rc = ops_move(T.store, &m, NULL);
		fault_alloc_at(0);
	} while (rc != 0 && rc != ERR_EXISTS && n < 200);
	OK(rc == 0 && n > 3, "each of %ld allocations may fail", n - 1);
	IS_INT(consent_of("g2@north.example", "news"), CONSENT_OBJECTED,
	    "and the no went along");
}

int main(void)
{
	storetest_open(&T);
	test_set();
	test_company();
	test_many();
	test_too_many_attributes();
	test_race();
	test_faults();
	test_facts();
	test_old_lead();
	test_readdress();
	test_later_words();
	test_merge();
	test_move_faults();
	storetest_close(&T);
	return tap_done();
}
