/* api_stats.c - /v1/stats: what was counted, in all, by day or by hour. */
#include "agent/api/routes.h"

#include "policy/base/clock.h"
#include "policy/base/when.h"
#include "policy/state/counter.h"

enum {
	HOURS_A_DAY = 24,
	ROWS_MAX = 50000,
};

/* One line of the answer. */
struct sum {
	struct sum *next;
	uint32_t period; /* hours since 1970, cut to the period's begin */
	struct str name, segment, purpose;
	uint64_t count;
};

struct stats {
	struct api_call *c;
	struct str name, segment, purpose; /* wanted; p == NULL: any */
	uint32_t step;           /* hours of a period; 0: one in all */
	struct sum first, *last; /* first is a head */
	struct sum *period;      /* what stands before the current period */
	struct sum *cursor;      /* where the next match is likely */
	size_t n;
};

static bool is_wanted(const struct stats *s, const struct counter_row *r)
{
	bool by_purpose = counter_is_by_purpose(r->name);

	return (s->segment.p == NULL ||
		   (!by_purpose && str_eq(s->segment, r->segment))) &&
	       (s->purpose.p == NULL ||
		   (by_purpose && str_eq(s->purpose, r->purpose))) &&
	       (s->name.p == NULL || str_starts(r->name, s->name));
}

static struct sum *search(
    struct sum *from, const struct sum *to, const struct counter_row *r)
{
	for (; from != to; from = from->next)
		if (str_eq(from->name, r->name) &&
		    str_eq(from->segment, r->segment) &&
		    str_eq(from->purpose, r->purpose))
			return from;
	return NULL;
}

/* Each hour has its rows in the same order: the one behind the last match is
 * nearly always the one. */
static struct sum *find(struct stats *s, const struct counter_row *r)
{
	struct sum *found = search(s->cursor, NULL, r);

	if (found == NULL)
		found = search(s->period->next, s->cursor, r);
	if (found != NULL)
		s->cursor = found->next;
	return found;
}

static void begin_period(struct stats *s)
{
	s->period = s->last;
	s->cursor = NULL;
}

/* Rows come by hour, so only sums of the current period can match. */
static int add_row(void *arg, const struct counter_row *r)
{
	struct stats *s = arg;
	uint32_t period = s->step == 0 ? 0 : r->hour / s->step * s->step;
	struct sum *sum;

	if (!is_wanted(s, r))
		return 0;
	if (s->last->period != period)
		begin_period(s);
	sum = find(s, r);
	if (sum != NULL) {
		sum->count += r->count;
		return 0;
	}
	sum = arena_alloc(s->c->rq->arena, sizeof(*sum));
	if (sum == NULL || ++s->n > ROWS_MAX)
		return error_set(&s->c->err, ERR_LIMIT,
		    "more than %d rows: ask for a shorter time", ROWS_MAX);
	sum->period = period;
	sum->name = arena_str(s->c->rq->arena, r->name);
	sum->segment = arena_str(s->c->rq->arena, r->segment);
	sum->purpose = arena_str(s->c->rq->arena, r->purpose);
	sum->count = r->count;
	s->last->next = sum;
	s->last = sum;
	return 0;
}

static int read_step(struct api_call *c, uint32_t *out)
{
	struct str by = api_arg(c, "by");

	*out = 0;
	if (by.n == 0 || str_eq(by, STR("total")))
		return 0;
	if (str_eq(by, STR("hour")))
		*out = 1;
	else if (str_eq(by, STR("day")))
		*out = HOURS_A_DAY;
	else
		return error_set(
		    &c->err, ERR_SYNTAX, "\"by\" is total, day or hour");
	return 0;
}

static void put_rows(const struct stats *s)
{
	struct value *list = value_new_array();

	for (const struct sum *r = s->first.next; r != NULL; r = r->next) {
		struct value *o = value_new_object();

		if (s->step != 0)
			value_put_time(o, "at", r->period * WHEN_HOUR_MS);
		value_put_str(o, "name", r->name);
		value_put_str(o, "segment", r->segment);
		if (counter_is_by_purpose(r->name))
			value_put_str(o, "purpose", r->purpose);
		value_put_i64(o, "count", (int64_t)r->count);
		value_add(list, o);
	}
	value_put(s->c->reply, "rows", list);
}

int api_stats(struct api_call *c)
{
	struct stats s = {.c = c,
	    .name = api_arg(c, "name"),
	    .segment = api_arg(c, "segment"),
	    .purpose = api_arg(c, "purpose")};
	int64_t from_ms = 0, to_ms = clock_now_ms();
	bool all = api_arg(c, "from").n == 0 && api_arg(c, "to").n == 0;
	struct ledger_txn *t = NULL;
	int rc = read_step(c, &s.step);

	s.last = s.period = &s.first;
	if (rc == 0)
		rc = api_time(c, "from", &from_ms);
	if (rc == 0)
		rc = api_time(c, "to", &to_ms);
	if (rc == 0 && from_ms > to_ms)
		rc =
		    error_set(&c->err, ERR_SYNTAX, "\"from\" is behind \"to\"");
	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0 && all && s.step == 0)
		rc = counter_each(t, 0, 0, add_row, &s);
	else if (rc == 0)
		rc = counter_each(
		    t, counter_hour(from_ms), counter_hour(to_ms), add_row, &s);
	ledger_read_end(&t);
	if (rc == 0)
		put_rows(&s);
	return rc;
}
