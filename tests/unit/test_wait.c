/* test_wait.c - queues of held copies: who stands in them, in what order, and
 * who is woken when there is room; histories of companies. */
#include "tests/unit/storetest.h"

#include "policy/base/clock.h"
#include "policy/state/company.h"
#include "policy/state/message.h"
#include "policy/state/ops_copy.h"
#include "policy/state/wait.h"

#include <string.h>

#define FAR_MS INT64_C(9000000000000) /* due when nobody wakes it */

static struct storetest T;
static struct lead_id ann, bob;
static struct company_id acme;

static struct copy_new held(uint64_t id, const char *segment,
    const struct lead_id *who, unsigned queues)
{
	return (struct copy_new){.id = id,
	    .kind = COPY_HELD,
	    .lead = *who,
	    .segment = str_of(segment),
	    .stream = STR("apps"),
	    .arrived_ms = 77,
	    .wait = {.due_ms = FAR_MS,
		.deadline_ms = FAR_MS + 1,
		.reason = REASON_PERSON_CAP,
		.queues = queues,
		.company = acme,
		.rank = 3,
		.policy_version = 2,
		.line = 9},
	    .recipients = 1};
}

static void add(uint64_t id, const char *segment, const struct lead_id *who,
    unsigned queues)
{
	struct copy_new c = held(id, segment, who, queues);
	struct error err = {0};

	IS_INT(ops_copy_add(T.store, &c, &err), 0, "add %d: %s", (int)id,
	    err.text);
}

static struct copy_record row(uint64_t id)
{
	struct copy_record r = {0};

	if (ops_copy_get(T.store, id, T.arena, &r) != 0)
		OK(false, "no row %d", (int)id);
	return r;
}

/* Ids of a segment's queue as digits. */
static int queue(const struct wait_queue *q, const char *segment)
{
	struct waiting_fact v[9];
	struct wait_list list = {v, 0, 9};
	struct ledger_txn *t;
	int digits = 0;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    wait_of_segment(
		t, q, policy_label(str_of(segment)), UINT64_MAX, &list) != 0)
		return -1;
	ledger_read_end(&t);
	for (size_t i = 0; i < list.n; i++)
		digits = digits * 10 + (int)v[i].copy_id;
	return digits;
}

static bool is_empty(const struct wait_queue *q)
{
	struct ledger_txn *t;
	bool empty = false;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    wait_is_empty(t, q, &empty) != 0)
		return false;
	ledger_read_end(&t);
	return empty;
}

static bool is_woken(uint64_t id)
{
	return row(id).wait.due_ms <= clock_now_ms();
}

static void done(uint64_t id)
{
	struct error err = {0};

	IS_INT(ops_copy_done(T.store, id, 0, COPY_REMOVED, &err), 0, "done");
}

static void wait_anew(uint64_t id, unsigned queues)
{
	struct copy_record r = row(id);
	struct copy_decided d = {id, r.wakes, r.wait};
	struct error err = {0};

	d.wait.due_ms = FAR_MS;
	d.wait.queues = queues;
	d.wait.reason = queues != 0 ? REASON_SEGMENT_CAP : REASON_STOPPED;
	d.wait.deadline_ms = FAR_MS + 5;
	IS_INT(ops_copy_wait(T.store, &d, 1, &err), 0, "wait: %s", err.text);
}

static void test_row(void)
{
	struct copy_record r;
	struct error err = {0};

	add(1, "news", &ann, COPY_WAITS_FOR_PERSON);
	r = row(1);
	OK(r.arrived_ms == 77 && r.added_ms > 77, "arrived before it was held");
	OK(r.wait.reason == REASON_PERSON_CAP && r.wait.rank == 3 &&
		r.wait.policy_version == 2 && r.wait.line == 9 &&
		memcmp(&r.wait.company, &acme, sizeof(acme)) == 0 && !r.forced,
	    "why it waits");
	IS_INT(ops_copy_due(T.store, 1, FAR_MS - 5, &err), 0, "an attempt");
	r = row(1);
	OK(r.attempts == 1 && r.wait.reason == REASON_PERSON_CAP,
	    "the reason stays");
	wait_anew(1, COPY_WAITS_FOR_PERSON);
	r = row(1);
	OK(r.attempts == 0 && r.wait.reason == REASON_SEGMENT_CAP &&
		r.wait.deadline_ms == FAR_MS + 5,
	    "decided again: another reason, no attempt");
	IS_INT(ops_copy_say(T.store, OPS_COPY_FORCE,
		   &(struct event_copy_word){1, STR("jo"), STR("fair")}, &err),
	    0, "let");
	r = row(1);
	OK(r.forced && is_woken(1), "let go: due now");
	IS_INT(ops_copy_say(T.store, OPS_COPY_FORCE,
		   &(struct event_copy_word){99, STR("jo"), STR("x")}, &err),
	    ERR_NOT_FOUND, "one that is gone");
	done(1);
}

static void test_order(void)
{
	struct wait_queue a = wait_queue_of(WAIT_PERSON, ann.b);
	struct wait_queue c = wait_queue_of(WAIT_COMPANY, acme.b);
	struct waiting_fact v[2];
	struct wait_list list = {v, 0, 2};
	struct ledger_txn *t;

	OK(is_empty(&a) && is_empty(&c), "nobody waits");
	add(4, "news", &ann, COPY_WAITS_FOR_PERSON);
	add(2, "news", &bob, COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY);
	add(3, "news", &ann, COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY);
	add(5, "demo", &ann, COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY);
	add(6, "news", &ann, 0);
	IS_INT(queue(&a, "news"), 34, "of a person: the oldest first");
	IS_INT(queue(&a, "demo"), 5, "by segment");
	IS_INT(queue(&c, "news"), 23, "of the company");
	IS_INT(queue(&c, "none"), 0, "of another segment");
	if (ledger_read_begin(T.store->ledger, &t) != 0)
		exit(1);
	IS_INT(wait_of_segment(t, &c, policy_label(STR("news")), 3, &list), 0,
	    "before 3");
	OK(list.n == 1 && v[0].copy_id == 2 && v[0].person == lead_id_tag(&bob),
	    "the older one, and whose it is");
	IS_INT(wait_of_segment(
		   t, &c, policy_label(STR("news")), UINT64_MAX, &list),
	    0, "full list");
	IS_INT((int)list.n, 2, "no more than there is room for");
	ledger_read_end(&t);
}

/* After test_order(). */
static void test_wake(void)
{
	struct wait_queue a = wait_queue_of(WAIT_PERSON, ann.b);
	struct wait_queue c = wait_queue_of(WAIT_COMPANY, acme.b);

	OK(!is_woken(2) && !is_woken(3) && !is_woken(4) && !is_woken(5),
	    "all sleep");
	done(2);
	IS_INT(queue(&c, "news"), 3, "left");
	OK(is_woken(3) && is_woken(5) && !is_woken(4),
	    "the first of each segment of the company, no more");
	wait_anew(3, COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY);
	wait_anew(5, COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY);
	OK(!is_woken(3) && !is_woken(5),
	    "decided again in the same queues: nobody is woken");
	wait_anew(3, COPY_WAITS_FOR_PERSON);
	OK(is_woken(5) && !is_woken(3) && !is_woken(4),
	    "out of the company's queue: its first is woken, not the person's");
	IS_INT(queue(&c, "news"), 0, "nobody of news");
	wait_anew(5, COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY);
	wait_anew(3, 0);
	OK(is_woken(4) && is_woken(5), "out of the person's too");
	OK(!is_woken(6), "one that competes for nothing sleeps on");
	IS_INT(queue(&a, "news"), 4, "one waits");
	done(3);
	done(4);
	done(5);
	done(6);
	OK(is_empty(&a) && is_empty(&c), "nobody waits any more");
}

/* There was room between the decision and its record: it must not sleep. */
static void test_lost_wake(void)
{
	struct copy_decided d = {.id = 8};
	struct error err = {0};

	add(7, "news", &ann, COPY_WAITS_FOR_PERSON);
	add(8, "demo", &ann, COPY_WAITS_FOR_PERSON);
	d.wait = row(8).wait;
	for (int i = 0; i < 2; i++) { /* asleep, and due already */
		d.wakes = row(8).wakes;
		add(9, "news", &ann, COPY_WAITS_FOR_PERSON);
		done(9);
		IS_INT(ops_copy_wait(T.store, &d, 1, &err), 0, "too late");
		OK(is_woken(8), "it is due, and is decided again");
	}
	d.wakes = row(8).wakes;
	IS_INT(ops_copy_wait(T.store, &d, 1, &err), 0, "decided since");
	OK(!is_woken(8), "then it sleeps");
	done(7);
	done(8);
}

static void test_due_order(void)
{
	struct copy_cursor cur = {0};
	struct copy_record r;
	struct ledger_txn *t;
	int digits = 0;

	for (uint64_t id = 1; id <= 4; id++) {
		struct copy_new c = held(id, "news", &ann, 0);
		struct error err = {0};

		c.wait.due_ms = 100;
		c.wait.rank = (uint32_t)(id % 2) + 70000 * (id == 4);
		IS_INT(ops_copy_add(T.store, &c, &err), 0, "add");
	}
	if (ledger_read_begin(T.store->ledger, &t) != 0)
		exit(1);
	while (copy_next_due(t, 100, &cur, &r, NULL) == 0)
		digits = digits * 10 + (int)r.id;
	ledger_read_end(&t);
	IS_INT(digits, 2134, "by the order of segments, then by age");
	for (uint64_t id = 1; id <= 4; id++)
		done(id);
}

/* By the stream's rule a name that the policy has not counts as a segment: in
 * the queue of that segment it stands. */
static void test_counts_as(void)
{
	struct wait_queue a = wait_queue_of(WAIT_PERSON, ann.b);
	struct copy_new c = held(2, "odd", &ann, COPY_WAITS_FOR_PERSON);
	struct copy_decided d = {.id = 2};
	struct error err = {0};

	c.wait.label = policy_label(STR("news"));
	add(1, "news", &ann, COPY_WAITS_FOR_PERSON);
	IS_INT(ops_copy_add(T.store, &c, &err), 0, "counts as news");
	add(3, "news", &ann, COPY_WAITS_FOR_PERSON);
	IS_INT(queue(&a, "news"), 123, "in the queue of news");
	IS_INT(queue(&a, "odd"), 0, "not in one of its own");
	OK(str_eq(row(2).segment, STR("odd")) &&
		copy_label(&(struct copy_record){.wait = row(2).wait}) ==
		    policy_label(STR("news")),
	    "the name that it came with stays");
	IS_INT(ops_copy_due(T.store, 2, FAR_MS, &err), 0, "an attempt");
	IS_INT(queue(&a, "news"), 123, "still");
	done(1);
	OK(is_woken(2) && !is_woken(3), "it is the first now");
	d.wait = row(2).wait;
	d.wakes = row(2).wakes;
	d.wait.label = policy_label(STR("demo"));
	d.wait.due_ms = FAR_MS;
	IS_INT(ops_copy_wait(T.store, &d, 1, &err), 0, "another rule");
	IS_INT(queue(&a, "news"), 3, "left");
	IS_INT(queue(&a, "demo"), 2, "there");
	d.wait.label = 0;
	IS_INT(ops_copy_wait(T.store, &d, 1, &err), 0, "no rule");
	IS_INT(queue(&a, "odd"), 2, "by its own name");
	done(2);
	done(3);
	OK(is_empty(&a), "nobody waits any more");
}

/* Of more segments than are woken at once the first by the order have it,
 * whatever their labels are: here each of the reverse order in turn. */
static void test_wake_order(void)
{
	enum {
		KINDS = 3 * COPY_WAKE_MAX
	};
	uint32_t labels[KINDS];
	char name[KINDS][8];
	unsigned n = 0, low = 0;

	for (unsigned i = 0; i < KINDS; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "k%u", i);
		labels[i] = policy_label(str_of(name[i]));
	}
	for (unsigned i = 0; i < KINDS; i++) {
		struct copy_new c =
		    held(100 + i, name[i], &bob, COPY_WAITS_FOR_COMPANY);
		struct error err = {0};

		c.wait.rank = 0; /* before it those of a higher label */
		for (unsigned k = 0; k < KINDS; k++)
			c.wait.rank += labels[k] > labels[i];
		low += c.wait.rank < COPY_WAKE_MAX;
		IS_INT(ops_copy_add(T.store, &c, &err), 0, "add");
	}
	add(99, "news", &ann, COPY_WAITS_FOR_COMPANY);
	done(99);
	for (unsigned i = 0; i < KINDS; i++) {
		struct copy_record r = row(100 + i);

		n += is_woken(100 + i);
		if (is_woken(100 + i) != (r.wait.rank < COPY_WAKE_MAX))
			OK(false, "%s of rank %u", name[i], r.wait.rank);
	}
	OK(n == COPY_WAKE_MAX && low == n, "those that go first, and no more");
	for (unsigned i = 0; i < KINDS; i++)
		done(100 + i);
}

/* --- company --- */

struct put {
	uint64_t from, n;
	int64_t before_ms;
};

static uint64_t ids[SLOTLIST_PEOPLE_SLOTS_MAX];
static size_t n_ids;

static void read_company(struct slot_fact *first)
{
	struct slot_fact *v = NULL;
	struct ledger_txn *t;
	size_t n = 0;

	n_ids = 0;
	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    company_slots(t, &acme, T.arena, &v, &n) != 0)
		exit(1);
	ledger_read_end(&t);
	for (size_t i = 0; i < n; i++)
		ids[n_ids++] = v[i].message_id;
	if (n > 0)
		*first = v[0];
}

static int write_company(int (*fn)(struct ledger_txn *t, void *arg), void *arg)
{
	struct ledger_txn *t;
	int rc = ledger_write_begin(T.store->ledger, &t);

	if (rc == 0)
		rc = fn(t, arg);
	if (rc == 0)
		return ledger_commit(&t);
	ledger_abort(&t);
	return rc;
}

static int put_slots(struct ledger_txn *t, void *arg)
{
	const struct put *p = arg;
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < p->n; i++) {
		struct slot_fact s = {.message_id = p->from + i,
		    .at_ms = (int64_t)(p->from + i),
		    .label = 5,
		    .state = SLOT_DELIVERED,
		    .person = lead_id_tag(&bob),
		    .counts = true};
		rc = company_slot_put(t, &acme, &s, p->before_ms);
	}
	return rc;
}

static int keep(struct ledger_txn *t, void *unused)
{
	static const struct company_keeping k = {.state = COMPANY_FILLING};

	(void)unused;
	return company_keeping_set(t, &k);
}

static int release_slot(struct ledger_txn *t, void *arg)
{
	return company_slot_set(t, &acme, *(uint64_t *)arg, SLOT_RELEASED, 9);
}

static void test_company(void)
{
	struct slot_fact first = {0};
	struct put p = {1, 3, 0};
	uint64_t id = 1;

	IS_INT(write_company(put_slots, &p), 0, "while none are kept");
	read_company(&first);
	IS_INT((int)n_ids, 0, "nothing is");
	IS_INT(write_company(keep, NULL), 0, "from now on");
	IS_INT(write_company(put_slots, &p), 0, "three");
	read_company(&first);
	OK(n_ids == 3 && first.message_id == 1 && first.at_ms == 1 &&
		first.label == 5 && first.state == SLOT_DELIVERED &&
		first.person == lead_id_tag(&bob) && first.counts,
	    "all of a slot");
	IS_INT(write_company(release_slot, &id), 0, "released");
	read_company(&first);
	OK(first.state == SLOT_RELEASED && first.at_ms == 9 &&
		first.person == lead_id_tag(&bob),
	    "changed");
	id = 44;
	IS_INT(write_company(release_slot, &id), 0, "not there: nothing");
	p = (struct put){4, 1, 3};
	IS_INT(write_company(put_slots, &p), 0, "and one");
	read_company(&first);
	OK(n_ids == 3 && ids[0] == 1 && ids[1] == 3 && ids[2] == 4,
	    "what cannot count any more is gone (1 is of instant 9 now)");
	p = (struct put){100, SLOTLIST_PEOPLE_SLOTS_MAX + 20, 0};
	IS_INT(write_company(put_slots, &p), 0, "very many");
	read_company(&first);
	OK(n_ids == SLOTLIST_PEOPLE_SLOTS_MAX && first.message_id == 120 &&
		ids[n_ids - 1] == 119 + SLOTLIST_PEOPLE_SLOTS_MAX,
	    "the youngest are kept");
}

int main(void)
{
	struct address a, b;

	storetest_open(&T);
	a = storetest_address(&T, "ann@b.example");
	b = storetest_address(&T, "bob@b.example");
	if (lead_id_of(T.store->lead_key, &a, &ann) != 0 ||
	    lead_id_of(T.store->lead_key, &b, &bob) != 0)
		exit(1);
	memset(acme.b, 7, sizeof(acme.b));
	test_row();
	test_order();
	test_wake();
	test_lost_wake();
	test_due_order();
	test_counts_as();
	test_wake_order();
	test_company();
	storetest_close(&T);
	return tap_done();
}
