/* test_counter.c - counts in all and by hour, with clocks far off. */
#include "tests/unit/storetest.h"

#include "policy/ledger/event.h"
#include "policy/state/counter.h"
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

int main(void)
{
	struct ledger_txn *t = NULL;

	storetest_open(&T);
	if (ledger_write_begin(T.store->ledger, &t) != 0)
		return 1;
	test_hours(t);
	test_borrowed(t);
	test_long(t);
	ledger_abort(&t);
	storetest_close(&T);
	return tap_done();
}
