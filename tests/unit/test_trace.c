/* test_trace.c - events of a person, found by tags: against a scan of all. */
#include "tests/unit/storetest.h"

#include "policy/state/copy.h"
#include "policy/state/message.h"
#include "policy/state/ops_move.h"
#include "policy/state/reducers.h"
#include "policy/state/trace.h"

enum {
	PEOPLE = 7,
	ROUNDS = 60, /* more than a block of events */
};

static void suppress(struct storetest *s, const char *address, bool on)
{
	struct ops_suppress in = {.reason = SUPPRESSION_MANUAL};
	struct error err = {0};
	bool changed;

	in.target.kind = SUPPRESS_LEAD;
	in.target.address = storetest_address(s, address);
	if ((on ? ops_suppress_add(s->store, &in, &changed, &err)
		: ops_suppress_remove(s->store, &in, &changed, &err)) != 0)
		tap_ok(false, __FILE__, __LINE__, "suppress: %s", err.text);
}

static void send(struct storetest *s, const char *address, const char *queue)
{
	struct decide_in in = {.mode = DECIDE_ONE_TO_ONE,
	    .recipient = storetest_address(s, address),
	    .segment = STR("news"),
	    .stream = STR("crm"),
	    .queue_id = str_of(queue),
	    .log_followed = true};
	struct slot_change change = {.kind = SLOT_CHANGE_QUEUED,
	    .queue_id = str_of(queue),
	    .at_ms = 1000};
	struct decide_out out;
	struct error err = {0};

	if (decide_propose(s->store, &in, &out, &err) != 0)
		tap_ok(false, __FILE__, __LINE__, "decide: %s", err.text);
	decide_fini(&out);
	if (ops_slot_apply(s->store, &change, &err) != 0)
		tap_ok(false, __FILE__, __LINE__, "slot: %s", err.text);
}

static void fill(struct storetest *s)
{
	char address[64], queue[32];

	for (int round = 0; round < ROUNDS; round++) {
		(void)snprintf(
		    address, sizeof(address), "p%d@b.example", round % PEOPLE);
		(void)snprintf(queue, sizeof(queue), "4Q%d", round);
		suppress(s, address, true);
		suppress(s, address, false);
		send(s, address, queue);
	}
}

/* The same question by reading every event. */
static bool is_one_of(const struct trace_want *want, uint32_t tag)
{
	for (size_t i = 0; i < want->n_queues; i++)
		if (want->queues[i] == tag)
			return true;
	return false;
}

static size_t scan(const struct ledger_txn *t, const struct trace_want *want,
    uint64_t from, uint64_t *out, size_t cap)
{
	struct trace_about about;
	struct ledger_iter it;
	struct event ev;
	size_t n = 0;

	if (event_iter_open(t, from, LEDGER_UP, &it) != 0)
		return 0;
	while (event_iter_next(&it, &ev) == 0 && n < cap) {
		struct trace_tags tags = {0};

		if (trace_about(t, &ev, &about) == 0)
			tags = trace_tags(&about);
		if ((want->lead != 0 && (tags.lead == want->lead ||
					    tags.queue == want->lead)) ||
		    is_one_of(want, tags.queue))
			out[n++] = ev.seq;
	}
	ledger_iter_close(&it);
	return n;
}

static size_t find(const struct ledger_txn *t, const struct trace_want *want,
    uint64_t from, uint64_t *out, size_t cap)
{
	struct trace_iter it;
	size_t n = 0;

	if (trace_open(t, want, from, &it) != 0)
		return 0;
	while (n < cap && trace_next(&it, &out[n]) == 0)
		n++;
	trace_close(&it);
	trace_close(&it);
	return n;
}

static void same(const struct ledger_txn *t, const struct trace_want *want,
    uint64_t from, size_t least, const char *name)
{
	uint64_t a[1000], b[1000];
	size_t n = find(t, want, from, a, 1000);
	size_t m = scan(t, want, from, b, 1000);

	OK(n >= least, "%s: %zu events are found", name, n);
	OK(n == m && memcmp(a, b, n * sizeof(*a)) == 0,
	    "%s: the same as by reading all", name);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The tags of the first n, rising. */
static size_t many_queues(uint32_t *out, size_t n)
{
	char id[16];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "4Q%zu", i);
		out[i] = trace_tag_queue(str_of(id));
	}
	qsort(out, n, sizeof(*out), by_value);
	return n;
}

/* Whoever goes on as another: found from both. */
static void test_moved(struct storetest *s)
{
	struct ops_move m = {.from = storetest_address(s, "p3@b.example"),
	    .to = storetest_address(s, "new@b.example"),
	    .author = STR("ann")};
	struct trace_want want = {0};
	struct ledger_txn *t = NULL;
	struct error err = {0};
	struct lead_id to;
	uint64_t seq[100];
	struct event ev = {0};
	size_t n = 0;

	IS_INT(ops_move(s->store, &m, &err), 0, "move: %s", err.text);
	OK(ledger_read_begin(s->store->ledger, &t) == 0 &&
		lead_id_of(s->store->lead_key, &m.to, &to) == 0,
	    "begin");
	want.lead = trace_tag_lead(&to);
	same(t, &want, 0, 2, "the new one");
	n = find(t, &want, 0, seq, 100);
	while (n > 0 && ev.type != EV_LEAD_MERGED)
		(void)!event_get(t, seq[--n], &ev);
	IS_INT(ev.type, EV_LEAD_MERGED, "whom it was before is among them");
	ledger_read_end(&t);
}

static void test_find(struct storetest *s)
{
	struct ledger_txn *t = NULL;
	struct lead_id id;
	struct address address = storetest_address(s, "p3@b.example");
	struct trace_want want = {0};
	uint32_t queues[40];
	uint64_t seq;

	OK(ledger_read_begin(s->store->ledger, &t) == 0 &&
		lead_id_of(s->store->lead_key, &address, &id) == 0,
	    "begin");
	want.lead = trace_tag_lead(&id);
	same(t, &want, 0, 30, "a person");
	same(t, &want, 100, 10, "from number 100 on");
	same(t, &want, TRACE_BLOCK, 10, "from a block's first");
	same(t, &want, TRACE_BLOCK - 1, 10, "from a block's last");
	same(t, &want, 100000, 0, "behind the end");
	queues[0] = trace_tag_queue(STR("4Q17"));
	want = (struct trace_want){.queues = queues, .n_queues = 1};
	same(t, &want, 0, 2, "a queue id");
	want.n_queues = many_queues(queues, 40);
	same(t, &want, 0, 80, "many queue ids");
	want = (struct trace_want){.lead = 0xdeadbeef};
	OK(find(t, &want, 0, &seq, 1) == 0, "nobody");
	want = (struct trace_want){0};
	OK(find(t, &want, 0, &seq, 1) == 0, "no tag matches nothing");
	ledger_read_end(&t);
}

static void test_tags(void)
{
	struct lead_id zero = {{0}}, one = {{0, 0, 0, 7}};

	IS_INT(trace_tag_lead(&zero), 1, "a tag is never 0");
	IS_INT(trace_tag_lead(&one), 7, "the first four bytes");
	IS_INT(trace_tag_queue(STR("")), 0, "no queue id");
	OK(trace_tag_queue(STR("4abc")) != trace_tag_queue(STR("4abd")),
	    "queue ids differ");
}

static void test_broken(struct storetest *s)
{
	struct trace_about about;
	struct ledger_txn *t = NULL;
	struct event ev = {.payload = STR("\xff\xff")};

	OK(ledger_read_begin(s->store->ledger, &t) == 0, "begin");
	for (size_t i = 0; i < reducers.n; i++) {
		int rc;

		ev.type = reducers.v[i].type;
		rc = trace_about(t, &ev, &about);
		if (ev.type == EV_POLICY_APPLIED || ev.type == EV_MTALOG ||
		    ev.type == EV_STOPPED || ev.type == EV_RESUMED ||
		    ev.type == EV_COMPANIES || ev.type == EV_SPIKE)
			IS_INT(rc, 0, "%u is about nobody", ev.type);
		else
			OK(rc != 0, "%u: a broken payload is found", ev.type);
	}
	ev.type = 15;
	IS_INT(trace_about(t, &ev, &about), 0, "unknown types are nobody's");
	ledger_read_end(&t);
}

int main(void)
{
	struct storetest s;

	storetest_open(&s);
	fill(&s);
	test_find(&s);
	test_moved(&s);
	test_tags();
	test_broken(&s);
	storetest_close(&s);
	return tap_done();
}
