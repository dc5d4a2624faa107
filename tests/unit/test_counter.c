/* test_counter.c - counts in all and by hour, with clocks far off. */
#include "tests/unit/storetest.h"

#include "policy/ledger/event.h"
#include "policy/state/counter.h"
#include "policy/state/spikes.h"
#include "policy/state/tables.h"

static struct storetest T;

struct seen {
	int n;
	uint64_t sum;
};

static int see(void *arg, const struct counter_row *r)
{
	struct seen *s = arg;

	s->n++;
	s->sum += r->count;
	return 0;
}

static struct seen rows(struct ledger_txn *t, uint32_t from, uint32_t to)
{
	struct seen s = {0};

	IS_INT(
	    counter_each(t, from, to, see, &s), 0, "rows %u to %u", from, to);
	return s;
}

/* No clock, however wrong, may count into the totals twice. */
static void test_hours(struct ledger_txn *t)
{
	static const int64_t times[] = {INT64_MIN, -1, 0, 1, 3599999, 3600000,
	    INT64_C(1790000000000),
	    (INT64_C(1) << 32) * 3600000, /* hour 0 in 32 bits */
	    INT64_MAX};
	enum {
		N = sizeof(times) / sizeof(times[0])
	};
	struct seen s;

	for (int i = 0; i < N; i++)
		IS_INT(counter_add(t, times[i], "a.b", STR("s")), 0, "at %lld",
		    (long long)times[i]);
	s = rows(t, 0, 0);
	OK(s.n == 1 && s.sum == N, "one row of totals: %d, %d", s.n,
	    (int)s.sum);
	s = rows(t, 1, UINT32_MAX);
	IS_INT(s.sum, N, "and as many by hour");
}

/* The segment is part of the row that the count goes to. */
static void test_borrowed(struct ledger_txn *t)
{
	struct ledger_iter it;
	struct str key = STR_NULL, value;

	OK(ledger_iter_open(t, TABLE_COUNTER, STR_NULL, LEDGER_UP, &it) == 0 &&
		ledger_iter_next(&it, &key, &value) == 0,
	    "a row of the table");
	ledger_iter_close(&it);
	IS_INT(counter_add(t, 0, "a.b", str_from(key, key.n - 1)), 0,
	    "its own segment");
	IS_INT(rows(t, 0, 0).n, 1, "no other row");
}

static void test_long(struct ledger_txn *t)
{
	char name[COUNTER_NAME_MAX + 2], segment[300];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memset(segment, 's', sizeof(segment));
	IS_INT(counter_add(t, 0, name, STR("")), ERR_LIMIT, "name too long");
	IS_INT(counter_add(t, 0, "long", (struct str){segment, 300}), 0,
	    "a long segment is cut");
}

/* Each hour has its own number of failures and deliveries, so that each sum tells
 * which hours are in it. */
static void test_spikes(struct ledger_txn *t)
{
	const uint32_t now = 500000; /* hour */
	const int64_t hour_ms = 3600000;
	static const struct {
		uint32_t ago;
		uint64_t unknown, delivered;
	} hours[] = {
	    {0, 30, 1},
	    {1, 50, 2},
	    {2, 100, 4},
	    {SPIKE_BASE_HOURS + SPIKE_WINDOW_HOURS - 1, 200, 8},
	    {SPIKE_BASE_HOURS + SPIKE_WINDOW_HOURS, 400, 16},
	};
	struct spike_facts f;

	for (size_t i = 0; i < sizeof(hours) / sizeof(*hours); i++) {
		int64_t at_ms = (int64_t)(now - hours[i].ago) * hour_ms;

		IS_INT(counter_add_n(t, at_ms, "provider.user_unknown",
			   STR("p.example"), hours[i].unknown),
		    0, "failures");
		IS_INT(counter_add_n(t, at_ms, "provider.delivered",
			   STR("p.example"), hours[i].delivered),
		    0, "deliveries");
	}
	IS_INT(spikes_read(t, STR("p.example"), now * hour_ms, &f), 0, "read");
	IS_INT(f.now.unknown, 30 + 50 + 1, "the window, and the one that asks");
	IS_INT(f.now.delivered, 1 + 2, "deliveries of the window");
	IS_INT(f.base.unknown, 100 + 200, "what was before, to the last hour");
	IS_INT(f.base.delivered, 4 + 8, "and its deliveries");
	IS_INT(f.base_hours, 2, "hours with failures");
	IS_INT(spikes_read(t, STR("q.example"), now * hour_ms, &f), 0, "read");
	IS_INT(f.now.unknown, 1, "of another provider nothing");
}

int main(void)
{
	struct ledger_txn *t = NULL;

	storetest_open(&T);
	if (ledger_write_begin(T.store->ledger, &t) != 0)
		return 1;
	test_hours(t);
	test_borrowed(t);
	test_long(t);
	test_spikes(t);
	ledger_abort(&t);
	storetest_close(&T);
	return tap_done();
}
