/* api_stats.c - /v1/stats: what was counted: in all, by day or by hour; or what
 * came back, by provider, by reason or by segment. */
#include "agent/api/routes.h"

#include "policy/base/clock.h"
#include "policy/base/when.h"
#include "policy/state/counter.h"

#include <stdlib.h>

enum {
	HOURS_A_DAY = 24,
	ROWS_MAX = 50000,
};

enum group {
	BY_TIME,
	BY_PROVIDER,
	BY_REASON, /* why mail failed or was complained of, in all segments */
	BY_SEGMENT,
};

/* One line of the answer. */
struct sum {
	struct sum *next;
	uint32_t period; /* hours since 1970, cut to the period's begin */
	struct str name, segment, purpose, provider;
	struct str reason; /* BY_REASON: the last word of the name */
	uint64_t count;
};

struct stats {
	struct api_call *c;
	struct str name, segment, purpose; /* wanted; p == NULL: any */
	enum group group;
	uint32_t step;           /* hours of a period; 0: one in all */
	struct sum first, *last; /* first is a head */
	struct sum *period;      /* what stands before the current period */
	struct sum *cursor;      /* where the next match is likely */
	size_t n;
};

/* Is it of the kind that the group is about? */
static bool is_of_group(const struct stats *s, struct str name)
{
	bool answer = str_starts(name, STR("bounce.")) ||
		      str_starts(name, STR("complaint."));

	switch (s->group) {
	case BY_PROVIDER:
		return counter_is_by_provider(name);
	case BY_REASON:
		return answer;
	case BY_SEGMENT:
		return answer || str_starts(name, STR("slot."));
	case BY_TIME:
		break;
	}
	/* The same once more, by provider: only who asks for it. */
	return !counter_is_by_provider(name) ||
	       str_starts(s->name, STR("provider"));
}

static bool is_wanted(const struct stats *s, const struct counter_row *r)
{
	bool by_purpose = counter_is_by_purpose(r->name);
	bool by_provider = counter_is_by_provider(r->name);

	if (!is_of_group(s, r->name))
		return false;
	return (s->segment.p == NULL || (!by_purpose && !by_provider &&
					    str_eq(s->segment, r->segment))) &&
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
		    str_eq(from->purpose, r->purpose) &&
		    str_eq(from->provider, r->provider))
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

/* "bounce.hard.user_unknown" of any segment is one reason. */
static struct counter_row row_of_group(
    const struct stats *s, const struct counter_row *r)
{
	struct counter_row row = *r;

	if (s->group == BY_REASON)
		row.segment = STR("");
	return row;
}

/* Rows come by hour, so only sums of the current period can match. */
static int add_row(void *arg, const struct counter_row *counted)
{
	struct stats *s = arg;
	struct counter_row row = row_of_group(s, counted);
	const struct counter_row *r = &row;
	uint32_t period = s->step == 0 ? 0 : r->hour / s->step * s->step;
	struct sum *sum;

	if (!is_wanted(s, counted))
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
	sum->provider = arena_str(s->c->rq->arena, r->provider);
	sum->count = r->count;
	s->last->next = sum;
	s->last = sum;
	return 0;
}

static int read_by(struct stats *s)
{
	static const struct {
		struct str word;
		enum group group;
		uint32_t step;
	} words[] = {
	    {STR("total"), BY_TIME, 0},
	    {STR("hour"), BY_TIME, 1},
	    {STR("day"), BY_TIME, HOURS_A_DAY},
	    {STR("provider"), BY_PROVIDER, 0},
	    {STR("reason"), BY_REASON, 0},
	    {STR("segment"), BY_SEGMENT, 0},
	};
	struct str by = api_arg(s->c, "by");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(by, words[i].word)) {
			s->group = words[i].group;
			s->step = words[i].step;
			return 0;
		}
	return by.n == 0 ? 0
			 : error_set(&s->c->err, ERR_SYNTAX,
			       "\"by\" is total, day, hour, provider, reason "
			       "or segment");
}

/* What is not counted so would look as if it were none. */
static int check_filters(struct stats *s)
{
	if (s->segment.p != NULL && s->segment.n > 0 && s->group == BY_PROVIDER)
		return error_set(&s->c->err, ERR_SYNTAX,
		    "by provider nothing is counted of a segment");
	if (s->purpose.p != NULL && s->purpose.n > 0 && s->group != BY_TIME)
		return error_set(&s->c->err, ERR_SYNTAX,
		    "of a purpose there are changes of consent: by total, day "
		    "or hour");
	return 0;
}

/* --- groups --- */

static int by_group(const void *a, const void *b)
{
	const struct sum *x = *(const struct sum *const *)a;
	const struct sum *y = *(const struct sum *const *)b;
	int c = str_cmp(x->provider, y->provider);

	if (c == 0)
		c = str_cmp(x->segment, y->segment);
	return c != 0 ? c : str_cmp(x->name, y->name);
}

/* "bounce.hard.user_unknown" is "bounce.hard" for user_unknown. */
static void split_reason(struct sum *sum)
{
	size_t dot = str_rfind(sum->name, '.');

	sum->reason = str_from(sum->name, dot + 1);
	sum->name = str_cut(sum->name, 0, dot);
}

/* In the order of what they are grouped by; as they came, by time. */
static int sort_rows(struct stats *s)
{
	struct sum **v, *r = s->first.next;

	if (s->group == BY_TIME || s->n == 0)
		return 0;
	v = arena_array(s->c->rq->arena, s->n, sizeof(struct sum *));
	if (v == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < s->n; i++, r = r->next)
		v[i] = r;
	qsort(v, s->n, sizeof(struct sum *), by_group);
	s->last = &s->first;
	for (size_t i = 0; i < s->n; i++) {
		if (s->group == BY_REASON)
			split_reason(v[i]);
		s->last->next = v[i];
		s->last = v[i];
	}
	s->last->next = NULL;
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
		if (r->reason.n > 0)
			value_put_str(o, "reason", r->reason);
		else
			value_put_str(o, "segment", r->segment);
		if (counter_is_by_purpose(r->name))
			value_put_str(o, "purpose", r->purpose);
		if (counter_is_by_provider(r->name))
			value_put_str(o, "provider", r->provider);
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
	int rc = read_by(&s);

	if (rc == 0)
		rc = check_filters(&s);
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
		rc = sort_rows(&s);
	if (rc == 0)
		put_rows(&s);
	return rc;
}
