/* test_companies.c - the companies' histories are whole whenever a limit counts
 * them: when the first one comes, when people change their company, and when one
 * goes on under another address. */
#include "tests/unit/rebuilttest.h"
#include "tests/unit/storetest.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/state/companies.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_leads.h"
#include "policy/state/ops_move.h"
#include "policy/state/tables.h"

#include <string.h>

#define RULES " legal-basis = legitimate-interest "
#define NEWS                                                                   \
	"segment news { purpose = news" RULES                                  \
	"  when-full = \"hold 10d, then drop\" }\n"

static const char none_text[] = NEWS;
static const char other_text[] = "person { at-most = \"200 per 7d\" }\n" NEWS;
static const char two_text[] = "company { at-most = \"2 per 7d\" }\n" NEWS;
static const char people_text[] =
    "company { at-most-people = \"1 per 7d\" }\n" NEWS;
static const char many_text[] = "company { at-most = \"200 per 7d\" }\n" NEWS;
static const char named_text[] =
    "limit l { per = company  at-most = \"2 per 7d\" }\n" NEWS;

static struct storetest T;
static uint64_t next_key = 1;

static int apply_as(const char *text, uint32_t base)
{
	struct ops_policy in = {.path = STR("p"),
	    .text = str_of(text),
	    .author = STR("test"),
	    .reason = STR("why"),
	    .base = base};
	uint32_t version;

	return ops_policy_apply(T.store, &in, &version, NULL);
}

static void apply_policy(const char *text)
{
	int rc = apply_as(text, 0);

	OK(rc == 0 || rc == ERR_EXISTS, "in force");
}

static struct decide_out send_to(const char *to)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = STR("news"),
	    .stream = STR("apps"),
	    .queue_id = STR("4abcQ1"),
	    .sender = STR("app@example.com"),
	    .same = {.key = next_key++, .has_message_id = true},
	    .log_followed = true};
	struct decide_out out;
	struct error err = {0};

	if (decide_propose(T.store, &in, &out, &err) != 0)
		OK(false, "decide: %s", err.text);
	decide_fini(&out);
	return out;
}

static void set_company(const char *address, const char *company)
{
	struct attribute_value v = {.label = policy_label(STR("company")),
	    .type = company != NULL ? ATTRIBUTE_TEXT : 0,
	    .text = str_of(company)};
	struct ops_leads_row row = {
	    .address = storetest_address(&T, address), .values = &v, .n = 1};
	struct ops_leads in = {.rows = &row,
	    .n = 1,
	    .origin = STR("test"),
	    .author = STR("alice")};
	struct error err = {0};

	IS_INT(ops_leads_set(T.store, &in, &err), 0, "%s is of %s", address,
	    company != NULL ? company : "its domain");
}

static enum company_state state_now(void)
{
	struct company_keeping k;
	struct ledger_txn *t;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    company_keeping(t, &k) != 0)
		exit(1);
	ledger_read_end(&t);
	return k.state;
}

static struct company_id company_of(const char *address)
{
	struct address a = storetest_address(&T, address);
	struct company_id c = {{0}};
	struct lead_record r;
	struct ledger_txn *t;
	struct lead_id id;

	if (lead_id_of(T.store->lead_key, &a, &id) != 0 ||
	    ledger_read_begin(T.store->ledger, &t) != 0)
		exit(1);
	if (lead_peek(t, &id, &r) == 0)
		c = lead_company(&r);
	ledger_read_end(&t);
	return c;
}

/* How many slots that company's history has. */
static size_t slots_of(const struct company_id *c)
{
	struct slot_fact *v;
	struct ledger_txn *t;
	size_t n = 0;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    company_slots(t, c, T.arena, &v, &n) != 0)
		exit(1);
	ledger_read_end(&t);
	return n;
}

static void test_first_limit(void)
{
	struct decide_out a;

	apply_policy(none_text);
	a = send_to("ann@acme.example");
	storetest_change(&T, a.message_id, SLOT_CHANGE_DELIVERED);
	IS_INT(send_to("bob@acme.example").verdict.action, VERDICT_ALLOW,
	    "two before there is a limit");
	IS_INT(send_to("bob@gmail.com").verdict.action, VERDICT_ALLOW,
	    "and one of no company");
	IS_INT(state_now(), COMPANY_NOT_KEPT, "no histories");
	IS_INT(apply_as(two_text, 77), ERR_STALE, "not the version in force");
	IS_INT(state_now(), COMPANY_NOT_KEPT, "for that nothing is made");
	apply_policy(two_text);
	IS_INT(state_now(), COMPANY_KEPT, "whole with the first limit");
	IS_INT(send_to("carl@acme.example").verdict.reason, REASON_COMPANY_CAP,
	    "what was sent before counts");
	IS_INT(send_to("carl@other.example").verdict.action, VERDICT_ALLOW,
	    "another company");
	storetest_change(&T, a.message_id, SLOT_CHANGE_RELEASED);
	IS_INT(send_to("carl@acme.example").verdict.reason, REASON_COMPANY_CAP,
	    "what was delivered stays");
	IS_INT(send_to("bob@gmail.com").verdict.action, VERDICT_ALLOW,
	    "no company has no limit");
	apply_policy(people_text);
	IS_INT(send_to("dora@acme.example").verdict.reason, REASON_COMPANY_CAP,
	    "two people are more than one");
	IS_INT(send_to("bob@acme.example").verdict.action, VERDICT_ALLOW,
	    "of whom bob is one");
}

/* What happens while no limit asks for it. */
static void test_in_between(void)
{
	struct decide_out a, b;

	apply_policy(two_text);
	a = send_to("ann@gap.example");
	b = send_to("bob@gap.example");
	IS_INT(send_to("eve@gap.example").verdict.reason, REASON_COMPANY_CAP,
	    "full");
	apply_policy(other_text);
	IS_INT(state_now(), COMPANY_NOT_KEPT, "with the last limit they end");
	storetest_change(&T, a.message_id, SLOT_CHANGE_RELEASED);
	storetest_change(&T, b.message_id, SLOT_CHANGE_DELIVERED);
	apply_policy(named_text);
	IS_INT(send_to("eve@gap.example").verdict.action, VERDICT_ALLOW,
	    "one came back meanwhile");
	IS_INT(send_to("eve@gap.example").verdict.reason, REASON_COMPANY_CAP,
	    "and no more");
	apply_policy(none_text);
	(void)send_to("ann@late.example");
	b = send_to("ann@late.example");
	apply_policy(two_text);
	IS_INT(send_to("eve@late.example").verdict.reason, REASON_COMPANY_CAP,
	    "sent meanwhile");
	storetest_change(&T, b.message_id, SLOT_CHANGE_RELEASED);
	IS_INT(send_to("eve@late.example").verdict.action, VERDICT_ALLOW,
	    "a release frees a place, whenever the message was sent");
}

/* Held for a company whose messages are older than its limit. */
static void test_wakes(void)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, "eve@wake.example"),
	    .segment = STR("news"),
	    .stream = STR("apps"),
	    .queue_id = STR("4abcQ1"),
	    .sender = STR("app@example.com"),
	    .same = {.key = next_key++, .has_message_id = true},
	    .may_hold = true,
	    .copy_id = 501,
	    .log_followed = true};
	struct copy_record r = {0};
	struct decide_out out, a;
	struct error err = {0};

	apply_policy(none_text);
	a = send_to("ann@wake.example");
	(void)send_to("bob@wake.example");
	apply_policy(two_text);
	IS_INT(decide_propose(T.store, &in, &out, &err), 0, "%s", err.text);
	IS_INT(out.verdict.action, VERDICT_HOLD, "held");
	decide_fini(&out);
	storetest_change(&T, a.message_id, SLOT_CHANGE_RELEASED);
	OK(ops_copy_get(T.store, 501, T.arena, &r) == 0 &&
		r.wait.due_ms <= clock_now_ms(),
	    "woken by a message from before the limit");
	IS_INT(ops_copy_done(T.store, 501, 0, COPY_DROPPED, &err), 0, "done");
}

/* People as they are now. */
static void test_other_company(void)
{
	struct company_id old, globex;
	struct decide_out a;

	apply_policy(two_text);
	a = send_to("ann@hop.example");
	(void)send_to("bob@hop.example");
	old = company_of("ann@hop.example");
	IS_INT((int)slots_of(&old), 2, "two");
	set_company("ann@hop.example", "Globex");
	globex = company_of("ann@hop.example");
	OK(slots_of(&old) == 1 && slots_of(&globex) == 1,
	    "hers are the other company's");
	IS_INT(send_to("eve@hop.example").verdict.action, VERDICT_ALLOW,
	    "room where she was");
	set_company("fred@gmail.com", "Globex");
	IS_INT(send_to("fred@gmail.com").verdict.action, VERDICT_ALLOW,
	    "the second of the other");
	IS_INT(send_to("ann@hop.example").verdict.reason, REASON_COMPANY_CAP,
	    "where it is full");
	storetest_change(&T, a.message_id, SLOT_CHANGE_RELEASED);
	IS_INT(send_to("ann@hop.example").verdict.action, VERDICT_ALLOW,
	    "what becomes of hers is entered there");
	set_company("ann@hop.example", NULL);
	OK(slots_of(&globex) == 1 && slots_of(&old) == 4, "and back");
}

static void test_moved(void)
{
	struct decide_out a;

	apply_policy(many_text);
	a = send_to("ann@from.example");
	storetest_move(&T, "ann@from.example", "ann@to.example", false);
	apply_policy(two_text);
	IS_INT(send_to("bob@to.example").verdict.action, VERDICT_ALLOW,
	    "one place is taken where she is now");
	IS_INT(send_to("eve@to.example").verdict.reason, REASON_COMPANY_CAP,
	    "two");
	storetest_change(&T, a.message_id, SLOT_CHANGE_RELEASED);
	IS_INT(send_to("eve@to.example").verdict.action, VERDICT_ALLOW,
	    "what becomes of it is entered at both");
}

/* --- as if they had always been kept --- */

enum {
	ROWS = 64
};

struct row {
	struct company_id id;
	struct slot_fact v[SLOTLIST_PEOPLE_SLOTS_MAX];
	size_t n;
};
static struct row rows[2][ROWS];

static size_t read_rows(struct row *out)
{
	struct ledger_iter it;
	struct str key, value;
	struct slot_fact *v;
	struct ledger_txn *t;
	size_t n = 0;

	arena_reset(T.arena);
	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    ledger_iter_open(t, TABLE_COMPANY, STR(""), LEDGER_UP, &it) != 0)
		exit(1);
	while (ledger_iter_next(&it, &key, &value) == 0 && n < ROWS) {
		if (key.n != COMPANY_ID_BYTES)
			continue;
		memcpy(out[n].id.b, key.p, COMPANY_ID_BYTES);
		if (company_slots(t, &out[n].id, T.arena, &v, &out[n].n) != 0)
			exit(1);
		for (size_t i = 0; i < out[n].n; i++)
			out[n].v[i] = v[i];
		n += out[n].n > 0;
	}
	ledger_iter_close(&it);
	ledger_read_end(&t);
	return n;
}

static bool is_same_row(const struct row *a, const struct row *b)
{
	bool same = a->n == b->n && memcmp(&a->id, &b->id, sizeof(a->id)) == 0;

	for (size_t i = 0; same && i < a->n; i++)
		same = a->v[i].message_id == b->v[i].message_id &&
		       a->v[i].at_ms == b->v[i].at_ms &&
		       a->v[i].person == b->v[i].person &&
		       a->v[i].label == b->v[i].label &&
		       a->v[i].state == b->v[i].state &&
		       a->v[i].counts == b->v[i].counts;
	return same;
}

static void compare_rows(const char *what)
{
	size_t n = read_rows(rows[1]), same = 0;

	for (size_t i = 0; i < n; i++)
		same += is_same_row(&rows[0][i], &rows[1][i]);
	IS_INT((int)same, (int)n, "%s: each of %zu companies", what, n);
}

static uint64_t rng_state = 42;

static unsigned below(unsigned n)
{
	rng_state = rng_state * UINT64_C(6364136223846793005) + 1;
	return (unsigned)(rng_state >> 33) % n;
}

static uint64_t sent[400];
static size_t n_sent;
static bool gone[40]; /* who goes on as another */

/* Something happens to one of some people. */
static void live(unsigned round)
{
	static const char *const companies[] = {"Initech", "Hooli", NULL};
	unsigned who = below(40);
	char name[40], other[40];
	struct decide_out out;

	(void)snprintf(name, sizeof(name), "p%u@live%u.example", who, who % 7);
	arena_reset(T.arena);
	switch (below(9)) {
	case 0:
		set_company(name, companies[below(3)]);
		break;
	case 1:
		if (n_sent > 0)
			storetest_change(&T, sent[below((unsigned)n_sent)],
			    below(2) == 0 ? SLOT_CHANGE_DELIVERED
					  : SLOT_CHANGE_RELEASED);
		break;
	case 2:
		if (gone[who] || round % 3 != 0)
			break;
		gone[who] = true;
		(void)snprintf(other, sizeof(other), "q%u@live%u.example",
		    round, below(7));
		set_company(name, companies[below(3)]);
		storetest_move(&T, name, other, false);
		break;
	default:
		out = send_to(name);
		if (out.verdict.action == VERDICT_ALLOW && n_sent < 400)
			sent[n_sent++] = out.message_id;
	}
}

static int some_steps(struct door_ctx *ctx, void *arg)
{
	uint32_t n = *(uint32_t *)arg;

	return companies_emit(
	    ctx, n == 0 ? COMPANIES_BEGIN : COMPANIES_STEP, n);
}

static void step(uint32_t n)
{
	struct error err = {0};

	IS_INT(door_propose(T.store->door, some_steps, &n, &err), 0, "%s",
	    err.text);
}

static void test_as_always(void)
{
	apply_policy(many_text);
	for (unsigned i = 0; i < 300; i++)
		live(i);
	OK(read_rows(rows[0]) > 7, "some companies");
	apply_policy(none_text);
	apply_policy(many_text);
	compare_rows("made anew");
	step(0); /* and while life goes on */
	while (state_now() != COMPANY_FILLING)
		step(10);
	for (unsigned i = 301; state_now() != COMPANY_KEPT && i < 2000; i++) {
		live(i);
		if (i % 3 == 0)
			step(1);
	}
	IS_INT(state_now(), COMPANY_KEPT, "whole");
	(void)read_rows(rows[0]);
	apply_policy(other_text);
	step(0); /* somebody began, and was killed */
	step(3);
	apply_policy(two_text);
	compare_rows("made in a quiet hour");
}

/* A ledger of a program that knew nothing of this. */
static void test_check(void)
{
	static const struct company_keeping not_kept;
	atomic_bool stopping = true;
	struct error err = {0};
	struct ledger_txn *t;

	apply_policy(many_text);
	(void)read_rows(rows[0]);
	OK(ledger_write_begin(T.store->ledger, &t) == 0 &&
		company_keeping_set(t, &not_kept) == 0 &&
		ledger_commit(&t) == 0,
	    "not kept");
	T.store->stopping = &stopping;
	IS_INT(ops_companies_check(T.store, &err), ERR_STOPPING,
	    "not while the process goes down");
	T.store->stopping = NULL;
	IS_INT(ops_companies_check(T.store, &err), 0, "%s", err.text);
	IS_INT(state_now(), COMPANY_KEPT, "whole after the check");
	compare_rows("checked");
	apply_policy(other_text);
	IS_INT(ops_companies_check(T.store, &err), 0, "%s", err.text);
	IS_INT(state_now(), COMPANY_NOT_KEPT, "nobody asks");
}

int main(void)
{
	storetest_open(&T);
	test_first_limit();
	test_in_between();
	test_wakes();
	test_other_company();
	test_moved();
	test_as_always();
	apply_policy(two_text);
	rebuilttest_is_same(&T, 100);
	storetest_close(&T);
	storetest_open(&T);
	test_check();
	storetest_close(&T);
	return tap_done();
}
