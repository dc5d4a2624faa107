/* tell.c - see tell.h. Each pair of old and new is compared by what it does,
 * not by how it is written; one sentence says both sides. */
#include "policy/conf/tell.h"

#include "policy/base/buf.h"
#include "policy/base/when.h"

#include <string.h>

enum {
	SENTENCE_MAX = 64 << 10,
	DAYS_TOLD = 6 /* of a section of holidays */
};

struct teller {
	const struct policy *from, *to;
	void (*emit)(void *arg, const char *line);
	void *arg;
	size_t n;
	struct buf line;
};

static struct buf *begin(struct teller *t)
{
	buf_reset(&t->line);
	return &t->line;
}

static void say(struct teller *t)
{
	t->emit(t->arg, buf_error(&t->line) == 0
			    ? t->line.p
			    : "an effect too long to tell");
	t->n++;
}

/* --- words --- */

static void add_number(struct buf *b, uint32_t n)
{
	static const char *const words[] = {"none", "one", "two", "three",
	    "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
	    "twelve"};

	if (n < sizeof(words) / sizeof(words[0]))
		buf_addz(b, words[n]);
	else
		buf_printf(b, "%lu", (unsigned long)n);
}

static void add_span(struct buf *b, int64_t ms)
{
	if (ms == WHEN_DAY_MS)
		buf_addz(b, "24 hours");
	else if (ms % WHEN_DAY_MS == 0)
		buf_printf(b, "%lld days", (long long)(ms / WHEN_DAY_MS));
	else if (ms % WHEN_HOUR_MS == 0)
		buf_printf(b, "%lld hour%s", (long long)(ms / WHEN_HOUR_MS),
		    ms == WHEN_HOUR_MS ? "" : "s");
	else
		when_format(b, ms);
}

static void add_period(struct buf *b, const struct policy_window *w)
{
	static const char *const units[] = {
	    [CALENDAR_DAY] = "a calendar day",
	    [CALENDAR_WEEK] = "a calendar week",
	    [CALENDAR_MONTH] = "a calendar month",
	};

	if (w->span_ms == 0) {
		buf_addz(b, units[w->unit]);
		return;
	}
	buf_addz(b, "in any ");
	add_span(b, w->span_ms);
}

static void add_names(struct buf *b, const struct str *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addz(b, i + 1 == n ? " and " : ", ");
		buf_add(b, v[i]);
	}
}

/* --- limits --- */

/* Who gets what: "newsletter: each person", " may now get ", "". */
struct subject {
	struct str who;
	const char *get, *of_one, *what;
};

#define GETS(name) ((struct subject){name, " may now get ", "", ""})
#define HAS_PEOPLE(name)                                                       \
	((struct subject){name, " may now have ", " person written to",        \
	    " people written to"})

static void add_what(struct buf *b, const struct subject *who, uint64_t n)
{
	buf_addz(b, n == 1 ? who->of_one : who->what);
}

static void add_amount(
    struct buf *b, const struct subject *who, const struct policy_window *w)
{
	add_number(b, w->max);
	add_what(b, who, w->max);
	if (w->max > 0) {
		buf_addc(b, ' ');
		add_period(b, w);
	}
}

static bool same_period(
    const struct policy_window *a, const struct policy_window *b)
{
	return a->span_ms == b->span_ms &&
	       (a->span_ms > 0 || a->unit == b->unit);
}

struct windows {
	const struct policy_window *v;
	size_t n;
};

static const struct policy_window *partner(
    struct windows in, const struct policy_window *w)
{
	for (size_t i = 0; i < in.n; i++)
		if (same_period(&in.v[i], w))
			return &in.v[i];
	return NULL;
}

/* The only one of `of` whose period `in` does not have. */
static const struct policy_window *lone(struct windows of, struct windows in)
{
	const struct policy_window *found = NULL;

	for (size_t i = 0; i < of.n; i++) {
		if (partner(in, &of.v[i]) != NULL)
			continue;
		if (found != NULL)
			return NULL;
		found = &of.v[i];
	}
	return found;
}

/* who: "newsletter: each person". */
static void tell_other_number(struct teller *t, const struct subject *who,
    const struct policy_window *old, const struct policy_window *new)
{
	struct buf *b = begin(t);

	if (old->max == new->max)
		return;
	buf_add(b, who->who);
	buf_addz(b, who->get);
	add_number(b, new->max);
	add_what(b, who, new->max);
	buf_addz(b, " instead of ");
	add_number(b, old->max);
	buf_addc(b, ' ');
	add_period(b, new);
	say(t);
}

static void tell_other_period(struct teller *t, const struct subject *who,
    const struct policy_window *old, const struct policy_window *new)
{
	struct buf *b = begin(t);

	buf_add(b, who->who);
	buf_addz(b, who->get);
	add_amount(b, who, new);
	buf_addz(b, " instead of ");
	add_amount(b, who, old);
	say(t);
}

static void tell_gone_limit(struct teller *t, const struct subject *who,
    const struct policy_window *old)
{
	struct buf *b = begin(t);

	buf_add(b, who->who);
	buf_addz(b, " is no longer limited to ");
	add_amount(b, who, old);
	say(t);
}

static void tell_new_limit(struct teller *t, const struct subject *who,
    const struct policy_window *new)
{
	struct buf *b = begin(t);

	buf_add(b, who->who);
	buf_addz(b, who->get);
	buf_addz(b, new->max > 0 ? "at most " : "");
	add_amount(b, who, new);
	buf_addz(b, new->max > 0 ? ", which is a new limit" : " any more");
	say(t);
}

static void tell_windows(struct teller *t, const struct subject *who,
    struct windows from, struct windows to)
{
	const struct policy_window *gone = lone(from, to);
	const struct policy_window *come = lone(to, from);
	bool swapped = gone != NULL && come != NULL;

	if (swapped)
		tell_other_period(t, who, gone, come);
	for (size_t i = 0; i < from.n && !swapped; i++)
		if (partner(to, &from.v[i]) == NULL)
			tell_gone_limit(t, who, &from.v[i]);
	for (size_t i = 0; i < to.n; i++) {
		const struct policy_window *old = partner(from, &to.v[i]);

		if (old != NULL)
			tell_other_number(t, who, old, &to.v[i]);
		else if (!swapped)
			tell_new_limit(t, who, &to.v[i]);
	}
}

static void tell_apart(
    struct teller *t, struct str who, int64_t from_ms, int64_t to_ms)
{
	struct buf *b = begin(t);

	if (from_ms == to_ms)
		return;
	buf_add(b, who);
	if (to_ms == 0) {
		buf_addz(b, " may now get two at once, no longer ");
		add_span(b, from_ms);
		buf_addz(b, " apart");
		say(t);
		return;
	}
	buf_addz(b, " now gets two at least ");
	add_span(b, to_ms);
	buf_addz(b, " apart");
	if (from_ms != 0) {
		buf_addz(b, " instead of ");
		add_span(b, from_ms);
	}
	say(t);
}

static void tell_mode(struct teller *t, struct str what, bool from, bool to)
{
	if (from == to)
		return;
	buf_printf(begin(t), "%.*s: limits %s", STR_ARG(what),
	    to ? "are only tried and logged now" : "act from now on");
	say(t);
}

static void tell_caps(struct teller *t, struct str who,
    const struct policy_caps *from, const struct policy_caps *to)
{
	tell_windows(t, &GETS(who), (struct windows){from->windows, from->n},
	    (struct windows){to->windows, to->n});
	tell_windows(t, &HAS_PEOPLE(who),
	    (struct windows){from->people, from->n_people},
	    (struct windows){to->people, to->n_people});
	tell_apart(t, who, from->apart_ms, to->apart_ms);
}

/* --- limit NAME --- */

static const struct policy_limit *find_limit(
    const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->n_limits; i++)
		if (str_eq(p->limits[i].name, name))
			return &p->limits[i];
	return NULL;
}

/* "limit chiefs: each person of audience chiefs". */
static void tell_limit(struct teller *t, const struct policy_limit *old,
    const struct policy_limit *new)
{
	static const struct policy_caps none = {0};
	const struct policy_limit *one = new != NULL ? new : old;
	struct buf who;

	buf_init(&who, SENTENCE_MAX);
	buf_printf(&who, "limit %.*s: %s", STR_ARG(one->name),
	    one->per == POLICY_PER_COMPANY ? "a company" : "each person");
	if (one->audience.n > 0)
		buf_printf(&who, " of audience %.*s", STR_ARG(one->audience));
	if (one->per == POLICY_PER_SEGMENT)
		buf_printf(&who, ", of %.*s,", STR_ARG(one->segment));
	tell_caps(t, buf_str(&who), old != NULL ? &old->caps : &none,
	    new != NULL ? &new->caps : &none);
	buf_fini(&who);
}

static void tell_audience_of(struct teller *t, const struct policy_limit *old,
    const struct policy_limit *new)
{
	if (str_eq(old->audience, new->audience))
		return;
	buf_printf(begin(t), "limit %.*s now binds %s%.*s", STR_ARG(new->name),
	    new->audience.n > 0 ? "audience " : "everybody",
	    STR_ARG(new->audience));
	say(t);
}

static void tell_limits(struct teller *t)
{
	for (size_t i = 0; i < t->from->n_limits; i++)
		if (find_limit(t->to, t->from->limits[i].name) == NULL)
			tell_limit(t, &t->from->limits[i], NULL);
	for (size_t i = 0; i < t->to->n_limits; i++) {
		const struct policy_limit *new = &t->to->limits[i];
		const struct policy_limit *old = find_limit(t->from, new->name);

		tell_limit(t, old, new);
		if (old == NULL)
			continue;
		tell_audience_of(t, old, new);
		tell_mode(t, new->name, old->caps.shadow, new->caps.shadow);
	}
}

/* --- what becomes of a message --- */

static void add_when(struct buf *b, const struct policy_when *w)
{
	static const char *const then[] = {
	    [POLICY_THEN_BOUNCE] = "goes back to its sender",
	    [POLICY_THEN_DROP] = "is discarded",
	    [POLICY_THEN_SEND] = "goes in spite of it",
	};

	switch (w->action) {
	case POLICY_HOLD:
		buf_addz(b, "waits up to ");
		add_span(b, w->hold_ms);
		buf_printf(b, " and then %s", then[w->then]);
		break;
	case POLICY_DEFER:
		buf_addz(b, "is left to the application to try again");
		break;
	case POLICY_REJECT:
		buf_addz(b, "is refused");
		break;
	case POLICY_DROP:
		buf_addz(b, "is discarded");
		break;
	}
}

static void tell_when(struct teller *t, struct str name, const char *where,
    const struct policy_when *old, const struct policy_when *new)
{
	struct buf *b = begin(t);

	if (old->action == new->action &&
	    (new->action != POLICY_HOLD ||
		(old->hold_ms == new->hold_ms && old->then == new->then)))
		return;
	buf_printf(b, "a %.*s %s now ", STR_ARG(name), where);
	add_when(b, new);
	buf_addz(b, "; before, one ");
	add_when(b, old);
	say(t);
}

/* --- hours --- */

static void add_hours(struct buf *b, const struct policy_segment *s)
{
	for (size_t i = 0; i < s->n_ranges; i++) {
		buf_addz(b, i > 0 ? ", " : "");
		hours_print_range(b, &s->ranges[i]);
	}
	if (s->n_ranges == 0)
		buf_addz(b, "at any time");
}

static bool same_hours(
    const struct policy_segment *a, const struct policy_segment *b)
{
	if (a->n_ranges != b->n_ranges)
		return false;
	for (size_t i = 0; i < a->n_ranges; i++)
		if (a->ranges[i].days != b->ranges[i].days ||
		    a->ranges[i].from_min != b->ranges[i].from_min ||
		    a->ranges[i].to_min != b->ranges[i].to_min)
			return false;
	return true;
}

static void tell_hours(struct teller *t, const struct policy_segment *old,
    const struct policy_segment *new)
{
	struct buf *b = begin(t);

	if (same_hours(old, new))
		return;
	buf_printf(b, "%.*s is now sent ", STR_ARG(new->name));
	add_hours(b, new);
	if (new->n_ranges > 0)
		buf_addz(b, " only, where the person lives");
	if (old->n_ranges > 0) {
		buf_addz(b, "; before, ");
		add_hours(b, old);
	}
	say(t);
}

static bool has_name(struct strs in, struct str name)
{
	for (size_t i = 0; i < in.n; i++)
		if (str_eq(in.v[i], name))
			return true;
	return false;
}

static void tell_holidays_of(struct teller *t, const struct policy_segment *old,
    const struct policy_segment *new)
{
	for (size_t i = 0; i < old->holidays.n; i++)
		if (!has_name(new->holidays, old->holidays.v[i])) {
			buf_printf(begin(t),
			    "%.*s now also goes on the holidays %.*s",
			    STR_ARG(new->name), STR_ARG(old->holidays.v[i]));
			say(t);
		}
	for (size_t i = 0; i < new->holidays.n; i++)
		if (!has_name(old->holidays, new->holidays.v[i])) {
			buf_printf(begin(t),
			    "%.*s no longer goes on the holidays %.*s",
			    STR_ARG(new->name), STR_ARG(new->holidays.v[i]));
			say(t);
		}
}

static bool has_day(
    const struct policy_holidays *h, const struct hours_holiday *day)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->days[i].year == day->year &&
		    h->days[i].month == day->month &&
		    h->days[i].day == day->day)
			return true;
	return false;
}

/* The days of one that the other has not. */
static void tell_days(struct teller *t, const struct policy_holidays *of,
    const struct policy_holidays *other, const char *what)
{
	struct buf *b = begin(t);
	size_t n = 0;

	buf_printf(b, "holidays %.*s %s ", STR_ARG(of->name), what);
	for (size_t i = 0; i < of->n; i++) {
		if (has_day(other, &of->days[i]))
			continue;
		if (n++ >= DAYS_TOLD)
			continue;
		buf_addz(b, n > 1 ? ", " : "");
		hours_print_holiday(b, &of->days[i]);
	}
	if (n > DAYS_TOLD)
		buf_printf(b, " and %zu days more", n - DAYS_TOLD);
	if (n > 0)
		say(t);
}

static void tell_holidays(struct teller *t)
{
	for (size_t i = 0; i < t->from->n_holidays; i++)
		for (size_t k = 0; k < t->to->n_holidays; k++) {
			const struct policy_holidays *a = &t->from->holidays[i];
			const struct policy_holidays *b = &t->to->holidays[k];

			if (!str_eq(a->name, b->name))
				continue;
			tell_days(t, b, a, "now has also");
			tell_days(t, a, b, "no longer has");
		}
}

/* --- yield --- */

static bool same_yield(
    const struct policy_yield *a, const struct policy_yield *b)
{
	if (a->span_ms != b->span_ms || a->segments.n != b->segments.n)
		return false;
	for (size_t i = 0; i < a->segments.n; i++)
		if (!has_name(b->segments, a->segments.v[i]))
			return false;
	return true;
}

static void add_yield(struct buf *b, const struct policy_yield *y)
{
	add_names(b, y->segments.v, y->segments.n);
	buf_addz(b, " for ");
	add_span(b, y->span_ms);
}

static void tell_yield(struct teller *t, const struct policy_segment *old,
    const struct policy_segment *new)
{
	struct buf *b = begin(t);

	if (same_yield(&old->yield, &new->yield))
		return;
	buf_printf(b, "%.*s %s gives way to ", STR_ARG(new->name),
	    new->yield.span_ms > 0 ? "now" : "no longer");
	if (new->yield.span_ms > 0)
		add_yield(b, &new->yield);
	else
		add_names(b, old->yield.segments.v, old->yield.segments.n);
	if (new->yield.span_ms > 0 && old->yield.span_ms > 0) {
		buf_addz(b, "; before, to ");
		add_yield(b, &old->yield);
	}
	say(t);
}

/* --- to whom --- */

static void tell_whom(struct teller *t, const struct policy_segment *old,
    const struct policy_segment *new)
{
	if (!str_eq(old->purpose, new->purpose)) {
		buf_printf(begin(t),
		    "%.*s now has the purpose %.*s instead of %.*s: consent "
		    "and opt-outs are looked up there",
		    STR_ARG(new->name), STR_ARG(new->purpose),
		    STR_ARG(old->purpose));
		say(t);
	}
	if (old->basis == new->basis)
		return;
	if (new->basis == POLICY_BASIS_CONSENT)
		buf_printf(begin(t),
		    "%.*s now goes only to people who agreed to %.*s",
		    STR_ARG(new->name), STR_ARG(new->purpose));
	else
		buf_printf(begin(t),
		    "%.*s now also goes to people who never agreed, until "
		    "they object",
		    STR_ARG(new->name));
	say(t);
}

/* --- segments --- */

static void tell_keep_free(struct teller *t, const struct policy_segment *old,
    const struct policy_segment *new)
{
	struct buf *b = begin(t);

	if (old->keep_free == new->keep_free)
		return;
	buf_printf(b, "%.*s now leaves ", STR_ARG(new->name));
	add_number(b, new->keep_free);
	buf_addz(b, " instead of ");
	add_number(b, old->keep_free);
	buf_addz(b, " of a person's places to segments before it");
	say(t);
}

static void add_giveup(struct buf *b, const struct policy_giveup *g)
{
	if (g->count == 0) {
		buf_addz(b, "never");
		return;
	}
	if (g->span_ms == 0) {
		buf_addz(b, "at the first failure");
		return;
	}
	buf_addz(b, "after ");
	add_number(b, g->count);
	buf_printf(
	    b, " failure%s in a row over more than ", g->count == 1 ? "" : "s");
	add_span(b, g->span_ms);
}

static void tell_giveup(struct teller *t, struct str name, const char *who,
    const struct policy_giveup *old, const struct policy_giveup *new)
{
	struct buf *b = begin(t);

	if (old->count == new->count && old->span_ms == new->span_ms)
		return;
	buf_printf(b, "%.*s: people %s are now given up ", STR_ARG(name), who);
	add_giveup(b, new);
	buf_addz(b, "; before, ");
	add_giveup(b, old);
	say(t);
}

static void tell_segment_caps(struct teller *t, const struct policy_segment *s,
    const struct policy_caps *old)
{
	struct buf who;

	buf_init(&who, SENTENCE_MAX);
	buf_printf(&who, "%.*s: each person", STR_ARG(s->name));
	tell_caps(t, buf_str(&who), old, &s->caps);
	buf_fini(&who);
}

static void tell_segment(struct teller *t, const struct policy_segment *old,
    const struct policy_segment *new)
{
	tell_whom(t, old, new);
	tell_segment_caps(t, new, &old->caps);
	tell_keep_free(t, old, new);
	tell_hours(t, old, new);
	tell_holidays_of(t, old, new);
	tell_yield(t, old, new);
	tell_giveup(t, new->name, "whose mailbox does not exist", &old->unknown,
	    &new->unknown);
	tell_giveup(t, new->name, "whose mailbox is disabled", &old->disabled,
	    &new->disabled);
	tell_giveup(
	    t, new->name, "whose mailbox has moved", &old->moved, &new->moved);
	tell_giveup(
	    t, new->name, "with a full mailbox", &old->full, &new->full);
	tell_giveup(t, new->name, "whose domain has no mail server",
	    &old->no_host, &new->no_host);
	tell_when(
	    t, new->name, "over a limit", &old->when_full, &new->when_full);
	if (new->hours != NULL && old->hours != NULL)
		tell_when(t, new->name, "outside its hours", &old->when_closed,
		    &new->when_closed);
	tell_mode(t, new->name, old->shadow, new->shadow);
}

static void tell_new_segment(struct teller *t, const struct policy_segment *s)
{
	struct buf *b = begin(t);

	buf_printf(b, "%.*s is new: for people who ", STR_ARG(s->name));
	buf_printf(b,
	    s->basis == POLICY_BASIS_CONSENT ? "agreed to %.*s"
					     : "did not object to %.*s",
	    STR_ARG(s->purpose));
	for (size_t i = 0; i < s->caps.n; i++) {
		buf_addz(b, i == 0 ? "; each may get at most " : " and ");
		add_amount(b, &GETS(s->name), &s->caps.windows[i]);
	}
	if (s->n_ranges > 0) {
		buf_addz(b, "; sent ");
		add_hours(b, s);
		buf_addz(b, " only");
	}
	say(t);
}

static void tell_segments(struct teller *t)
{
	for (size_t i = 0; i < t->from->n_segments; i++) {
		struct str name = t->from->segments[i].name;

		if (policy_segment_find(t->to, name) != NULL)
			continue;
		buf_printf(begin(t),
		    "%.*s is gone: nothing new of it goes out; what is held "
		    "for it waits for its deadline or goes back, as you say "
		    "with --orphans",
		    STR_ARG(name));
		say(t);
	}
	for (size_t i = 0; i < t->to->n_segments; i++) {
		const struct policy_segment *new = &t->to->segments[i];
		const struct policy_segment *old =
		    policy_segment_find(t->from, new->name);

		if (old != NULL)
			tell_segment(t, old, new);
		else
			tell_new_segment(t, new);
	}
}

/* --- order --- */

/* Both went and go: the first of those that a now stands before, and stood
 * behind. NULL: none. */
static const struct policy_segment *overtaken(
    const struct policy *from, const struct policy *to, size_t i)
{
	const struct policy_segment *was =
	    policy_segment_find(from, to->segments[i].name);

	for (size_t k = i + 1; was != NULL && k < to->n_segments; k++) {
		const struct policy_segment *other =
		    policy_segment_find(from, to->segments[k].name);

		if (other != NULL && other < was)
			return &to->segments[k];
	}
	return NULL;
}

/* One sentence for each that moved up; what it passed moved down by that. */
static void tell_order(struct teller *t)
{
	for (size_t i = 0; i < t->to->n_segments; i++) {
		const struct policy_segment *s = &t->to->segments[i];
		const struct policy_segment *passed =
		    overtaken(t->from, t->to, i);

		if (passed == NULL)
			continue;
		buf_printf(begin(t), "%.*s now goes before %.*s",
		    STR_ARG(s->name), STR_ARG(passed->name));
		say(t);
	}
}

/* --- the rest --- */

static void tell_audiences(struct teller *t)
{
	for (size_t i = 0; i < t->to->n_audiences; i++) {
		const struct policy_audience *new = &t->to->audiences[i];
		const struct policy_audience *old =
		    policy_audience_find(t->from, new->name);

		if (old == NULL || str_eq(old->rule.text, new->rule.text))
			continue;
		buf_printf(begin(t),
		    "audience %.*s now has other people: %.*s; before, %.*s",
		    STR_ARG(new->name), STR_ARG(new->rule.text),
		    STR_ARG(old->rule.text));
		say(t);
	}
}

/* --- breaker --- */

static void tell_lines(struct teller *t, struct str what, enum policy_rate rate,
    const struct policy_lines *from, const struct policy_lines *to)
{
	struct buf *b;

	if (from->warn == to->warn && from->stop == to->stop)
		return;
	b = begin(t);
	buf_printf(b, "%.*s is ", STR_ARG(what));
	if (to->stop == 0) {
		buf_printf(
		    b, "no longer stopped by its %s", policy_rate_name(rate));
		say(t);
		return;
	}
	buf_addz(b, "now warned about at ");
	policy_print_rate(b, to->warn);
	buf_addz(b, " and stopped at ");
	policy_print_rate(b, to->stop);
	buf_printf(b, " of %s", policy_rate_name(rate));
	if (from->stop != 0) {
		buf_addz(b, " instead of ");
		policy_print_rate(b, from->warn);
		buf_addz(b, " and ");
		policy_print_rate(b, from->stop);
	}
	say(t);
}

static void tell_breaker_mode(struct teller *t, struct str what,
    enum policy_breaker_mode from, enum policy_breaker_mode to)
{
	if (from == to)
		return;
	buf_printf(begin(t), "%.*s is %s", STR_ARG(what),
	    to == POLICY_BREAKER_ENFORCE ? "stopped by its rates from now on"
	    : to == POLICY_BREAKER_SHADOW
		? "only warned about from now on, whatever its rates"
		: "not stopped by its rates any more");
	say(t);
}

static void add_resume(struct buf *b, const struct policy_breaker *r)
{
	if (r->resume == POLICY_RESUME_AFTER) {
		buf_addz(b, "after ");
		add_span(b, r->resume_ms);
		return;
	}
	buf_addz(b, r->resume == POLICY_RESUME_BELOW_WARN
			? "when its rates are low again"
			: "by hand");
}

static void tell_resume(struct teller *t, struct str what,
    const struct policy_breaker *from, const struct policy_breaker *to)
{
	struct buf *b;

	if (from->resume == to->resume && from->resume_ms == to->resume_ms)
		return;
	b = begin(t);
	buf_printf(
	    b, "%.*s, stopped by its rates, now goes on ", STR_ARG(what));
	add_resume(b, to);
	buf_addz(b, " instead of ");
	add_resume(b, from);
	say(t);
}

static void tell_sample(struct teller *t, struct str what,
    const struct policy_breaker *from, const struct policy_breaker *to)
{
	struct buf *b;

	if (from->window_ms == to->window_ms &&
	    from->min_sample == to->min_sample &&
	    from->min_count == to->min_count)
		return;
	b = begin(t);
	buf_printf(
	    b, "rates of %.*s are now those of the last ", STR_ARG(what));
	add_span(b, to->window_ms);
	buf_printf(b,
	    ", of %lu messages and %lu complaints, bounces or "
	    "opt-outs at least",
	    (unsigned long)to->min_sample, (unsigned long)to->min_count);
	say(t);
}

static void tell_breaker(struct teller *t, struct str segment)
{
	struct policy_breaker from = policy_breaker_of(t->from, segment);
	struct policy_breaker to = policy_breaker_of(t->to, segment);
	struct str what =
	    segment.n > 0 ? segment : STR("a segment, campaign or From domain");

	tell_breaker_mode(t, what, from.mode, to.mode);
	if (to.mode == POLICY_BREAKER_OFF)
		return;
	for (unsigned i = 0; i < POLICY_RATES; i++)
		tell_lines(
		    t, what, (enum policy_rate)i, &from.lines[i], &to.lines[i]);
	tell_sample(t, what, &from, &to);
	tell_resume(t, what, &from, &to);
}

static bool has_breaker(const struct policy *p, struct str segment)
{
	for (size_t i = 0; i < p->n_breakers; i++)
		if (str_eq(p->breakers[i].name, segment))
			return true;
	return false;
}

/* Segments that are not new, and have or had lines of their own. */
static void tell_breakers(struct teller *t)
{
	tell_breaker(t, STR(""));
	for (size_t i = 0; i < t->to->n_segments; i++) {
		struct str name = t->to->segments[i].name;

		if (policy_segment_find(t->from, name) != NULL &&
		    (has_breaker(t->from, name) || has_breaker(t->to, name)))
			tell_breaker(t, name);
	}
}

static void tell_top(struct teller *t)
{
	if (t->from->shadow != t->to->shadow) {
		buf_addz(begin(t), t->to->shadow
				       ? "all rules are only tried and logged "
					 "now; none acts"
				       : "all rules act from now on");
		say(t);
	}
	if (str_eq(t->from->time_zone, t->to->time_zone))
		return;
	buf_printf(begin(t),
	    "days and hours of people whose zone is not known are now those "
	    "of %.*s instead of %.*s",
	    STR_ARG(t->to->time_zone), STR_ARG(t->from->time_zone));
	say(t);
}

size_t policy_tell(const struct policy *from, const struct policy *to,
    void (*emit)(void *arg, const char *line), void *arg)
{
	struct teller t = {from, to, emit, arg, 0, {0}};

	buf_init(&t.line, SENTENCE_MAX);
	tell_top(&t);
	tell_caps(&t, STR("of all segments together, each person"),
	    &from->person, &to->person);
	tell_mode(&t, STR("person"), from->person.shadow, to->person.shadow);
	tell_caps(&t, STR("a company, all its people together,"),
	    &from->company, &to->company);
	tell_mode(&t, STR("company"), from->company.shadow, to->company.shadow);
	tell_limits(&t);
	tell_segments(&t);
	tell_order(&t);
	tell_holidays(&t);
	tell_audiences(&t);
	tell_breakers(&t);
	buf_fini(&t.line);
	return t.n;
}
