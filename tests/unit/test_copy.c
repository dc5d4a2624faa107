/* test_copy.c - rows of copies: what each proposal does, and to what order
 * they come due. */
#include "tests/unit/storetest.h"

#include "policy/state/copy.h"
#include "policy/state/counter.h"
#include "policy/state/lead.h"
#include "policy/state/ops_copy.h"

#include <errno.h>

static struct storetest T;

static struct copy_new copy(uint64_t id, int64_t due_ms, uint32_t recipients)
{
	return (struct copy_new){.id = id,
	    .kind = COPY_TAKEN,
	    .segment = STR("news"),
	    .stream = STR("apps"),
	    .wait.due_ms = due_ms,
	    .wait.deadline_ms = due_ms + 1000,
	    .wait.then = POLICY_THEN_DROP,
	    .recipients = recipients,
	    .campaign = STR("spring"),
	    .from_domain = STR("news.example")};
}

static void add(const struct copy_new *c, int want)
{
	struct error err = {0};

	IS_INT(ops_copy_add(T.store, c, &err), want, "add: %s", err.text);
}

static int get(uint64_t id, struct copy_record *out)
{
	return ops_copy_get(T.store, id, T.arena, out);
}

/* The ids that are due, in order, as one number of digits. */
static int due_order(int64_t now_ms, int64_t *next_out)
{
	struct copy_cursor c = {0};
	struct ledger_txn *t;
	struct copy_record r;
	int digits = 0;

	if (ledger_read_begin(T.store->ledger, &t) != 0)
		return -1;
	while (copy_next_due(t, now_ms, &c, &r, next_out) == 0)
		digits = digits * 10 + (int)r.id;
	ledger_read_end(&t);
	return digits;
}

static void test_life(void)
{
	struct copy_new c = copy(1, 100, 2);
	struct copy_record r;
	struct error err = {0};

	add(&c, 0);
	add(&c, ERR_EXISTS);
	IS_INT(get(1, &r), 0, "read");
	OK(r.kind == COPY_TAKEN && r.next == 0 && r.recipients == 2 &&
		r.wait.due_ms == 100 && r.wait.deadline_ms == 1100 &&
		r.wait.then == POLICY_THEN_DROP && r.attempts == 0,
	    "as added");
	IS_S(r.segment, STR("news"), "segment");
	IS_S(r.stream, STR("apps"), "stream");
	IS_S(r.campaign, STR("spring"), "campaign");
	IS_S(r.from_domain, STR("news.example"), "From domain");
	IS_INT(ops_copy_due(T.store, 1, 500, &err), 0, "another instant");
	IS_INT(get(1, &r), 0, "read");
	OK(r.wait.due_ms == 500 && r.attempts == 1, "moved, one attempt");
	IS_INT(ops_copy_done(T.store, 1, 0, COPY_SENT, &err), 0, "first");
	IS_INT(get(1, &r), 0, "read");
	OK(r.next == 1 && r.attempts == 0, "the second's turn");
	IS_INT(ops_copy_done(T.store, 1, 0, COPY_BOUNCED, &err), 0, "again");
	IS_INT(get(1, &r), 0, "still there");
	IS_INT(r.next, 1, "doing one twice changes nothing");
	IS_INT(ops_copy_done(T.store, 1, 1, COPY_SENT, &err), 0, "the last");
	IS_INT(get(1, &r), ERR_NOT_FOUND, "gone");
	IS_INT(ops_copy_done(T.store, 1, 1, COPY_SENT, &err), 0, "twice");
	IS_INT(ops_copy_due(T.store, 1, 9, &err), 0, "of a gone one: nothing");
	IS_INT(due_order(INT64_MAX, NULL), 0, "nothing is due");
}

static void test_order(void)
{
	struct error err = {0};
	int64_t next;

	for (uint64_t id = 1; id <= 5; id++) {
		struct copy_new c = copy(id, 1000 - 100 * (int64_t)id, 1);
		add(&c, 0);
	}
	IS_INT(due_order(700, &next), 543, "due ones, the oldest first");
	IS_INT(next, 800, "when the next one is");
	IS_INT(ops_copy_due(T.store, 5, 10000, &err), 0, "later");
	IS_INT(due_order(700, &next), 43, "not any more");
	IS_INT(ops_copy_due(T.store, 1, 600, &err), 0, "with another");
	IS_INT(due_order(700, &next), 143, "the same instant: by id");
	IS_INT(due_order(10, &next), 0, "none yet");
	for (uint64_t id = 1; id <= 5; id++)
		IS_INT(ops_copy_done(T.store, id, 0, COPY_REMOVED, &err), 0,
		    "removed");
}

static void test_split(void)
{
	struct address who = storetest_address(&T, "new@b.example");
	struct copy_new c = copy(7, 100, 3), held = copy(8, 900, 2);
	struct copy_record r;
	struct error err = {0};
	struct ledger_txn *t;
	struct str text;

	held.kind = COPY_HELD;
	held.first = 1;
	IS_INT(lead_id_of(T.store->lead_key, &who, &held.lead), 0, "lead");
	add(&c, 0);
	IS_INT(ops_copy_done(T.store, 7, 0, COPY_SENT, &err), 0, "first");
	IS_INT(ops_copy_split(T.store, 7, 1, &who, &held, &err), 0, "split: %s",
	    err.text);
	IS_INT(get(7, &r), 0, "read");
	IS_INT(r.next, 2, "done there");
	IS_INT(get(8, &r), 0, "a copy of its own");
	OK(r.kind == COPY_HELD && r.next == 1 && r.recipients == 2 &&
		r.wait.due_ms == 900 && lead_id_eq(&r.lead, &held.lead),
	    "for the second recipient of the file");
	IS_INT(ops_copy_split(T.store, 7, 1, &who, &held, &err), ERR_NOT_FOUND,
	    "he is done");
	held.id = 9;
	IS_INT(ops_copy_split(T.store, 77, 1, &who, &held, &err), ERR_NOT_FOUND,
	    "no such copy");
	IS_INT(get(9, &r), ERR_NOT_FOUND, "nothing was added");
	if (ledger_read_begin(T.store->ledger, &t) != 0)
		exit(1);
	IS_INT(person_address(T.store, t, &held.lead, T.arena, &text), 0,
	    "a known lead now");
	ledger_read_end(&t);
	IS_S(text, STR("new@b.example"), "by address");
	IS_INT(ops_copy_done(T.store, 8, 1, COPY_SENT, &err), 0, "held: done");
	IS_INT(get(8, &r), ERR_NOT_FOUND, "gone with its one recipient");
	IS_INT(ops_copy_done(T.store, 7, 2, COPY_SENT, &err), 0, "the last");
}

/* The queue id that the application was told stays through everything. */
static void test_queue_id(void)
{
	struct address who = storetest_address(&T, "q@b.example");
	struct copy_new c = copy(17, 100, 2), held = copy(18, 900, 2);
	struct copy_record r;
	struct error err = {0};

	c.queue_id = held.queue_id = STR("4QC");
	held.kind = COPY_HELD;
	held.first = 1;
	add(&c, 0);
	IS_INT(ops_copy_due(T.store, 17, 300, &err), 0, "put off");
	IS_INT(get(17, &r), 0, "read");
	IS_S(r.queue_id, STR("4QC"), "kept");
	IS_INT(ops_copy_sent(T.store, 17, 0, STR("4QD"), &err), 0, "sent");
	IS_INT(get(17, &r), 0, "read");
	OK(r.next == 1 && str_eq(r.queue_id, STR("4QC")), "and kept");
	IS_INT(ops_copy_split(T.store, 17, 1, &who, &held, &err), 0, "split");
	IS_INT(get(18, &r), 0, "read");
	IS_S(r.queue_id, STR("4QC"), "of the same message");
	IS_INT(ops_copy_sent(T.store, 18, 1, STR(""), &err), 0, "not told");
	IS_INT(get(18, &r), ERR_NOT_FOUND, "gone");
}

struct sums {
	uint64_t held, taken, sent, split;
};

static int sum(void *arg, const struct counter_row *r)
{
	struct sums *s = arg;

	if (str_eq(r->name, STR("copy.added.held")))
		s->held += r->count;
	if (str_eq(r->name, STR("copy.added.taken")))
		s->taken += r->count;
	if (str_eq(r->name, STR("copy.done.sent")))
		s->sent += r->count;
	if (str_eq(r->name, STR("copy.done.split")))
		s->split += r->count;
	return str_eq(r->segment, STR("news")) ? 0 : -EINVAL;
}

static void test_counters(void)
{
	struct sums s = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(T.store->ledger, &t) != 0)
		exit(1);
	IS_INT(counter_each(t, 0, 0, sum, &s), 0, "all by their segment");
	ledger_read_end(&t);
	OK(s.taken == 8 && s.held == 2, "added");
	OK(s.sent == 7 && s.split == 2, "done");
}

static void test_names(void)
{
	IS_STR(copy_kind_name(COPY_UNDECIDED), "undecided", "kind");
	IS_STR(copy_outcome_name(COPY_SPLIT), "split", "outcome");
	IS_STR(copy_outcome_name((enum copy_outcome)99), "unknown", "none");
}

int main(void)
{
	storetest_open(&T);
	test_life();
	test_order();
	test_split();
	test_queue_id();
	test_counters();
	test_names();
	storetest_close(&T);
	return tap_done();
}
