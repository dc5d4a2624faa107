/* hold_check.c - see hold_check.h. */
#include "policy/conf/hold_check.h"

#include "policy/base/when.h"

#include <stdio.h>

enum {
	TEXT_SPACE = 60,
	TOLD_MAX = 900
};
#define YEAR_MS (366 * WHEN_DAY_MS)
/* No zone's clock is put back by more. */
#define FOLD_MS (3 * WHEN_HOUR_MS)

struct text {
	char p[TEXT_SPACE];
};

static struct text in_words(int64_t ms)
{
	struct text t = {""};
	struct buf b;

	buf_init(&b, TEXT_SPACE);
	when_format(&b, ms);
	(void)snprintf(t.p, sizeof(t.p), "%.*s", STR_ARG(buf_str(&b)));
	buf_fini(&b);
	return t;
}

/* In whole hours, or whole days where there are many. */
static int64_t rounded(int64_t ms, bool up)
{
	int64_t unit = ms > 2 * WHEN_DAY_MS ? WHEN_DAY_MS : WHEN_HOUR_MS;

	return (ms + (up ? unit - 1 : 0)) / unit * unit;
}

static const char *fate(const struct policy_when *w)
{
	return w->then == POLICY_THEN_DROP ? "dropped" : "refused";
}

/* --- a full limit --- */

struct full {
	const struct policy_segment *segment;
	hold_check_fn *emit;
	void *arg;
};

/* The time after which all of a window's places are free again. */
static int64_t span_of(const struct policy_window *w)
{
	static const int64_t units_ms[] = {
	    [CALENDAR_DAY] = WHEN_DAY_MS,
	    [CALENDAR_WEEK] = 7 * WHEN_DAY_MS,
	    [CALENDAR_MONTH] = 31 * WHEN_DAY_MS,
	};

	return w->span_ms != 0 ? w->span_ms : units_ms[w->unit];
}

static const char *unit_of(const struct policy_window *w)
{
	return w->unit == CALENDAR_DAY    ? "day"
	       : w->unit == CALENDAR_WEEK ? "week"
					  : "month";
}

/* n places in so long, taken evenly: who comes at a full limit waits at most
 * for one part. "0 per ..." is to keep nothing. */
static void check_limit(
    const struct full *f, const char *limit, uint32_t n, int64_t span_ms)
{
	const struct policy_when *w = &f->segment->when_full;
	char text[TOLD_MAX];

	if (n == 0 || w->hold_ms >= span_ms / n / 2)
		return;
	(void)snprintf(text, sizeof(text),
	    "segment %.*s: a limit of %s with hold %s: a place is free only "
	    "every %s or so; whoever has longer than %s to wait does not get "
	    "the message later, it is refused at once (550), and that is most "
	    "of them; hold %s keeps all, \"then drop\" refuses none",
	    STR_ARG(f->segment->name), limit, in_words(w->hold_ms).p,
	    in_words(rounded(span_ms / n, false)).p, in_words(w->hold_ms).p,
	    in_words(rounded(span_ms, true)).p);
	f->emit(f->arg, w->rule.line, text);
}

static void check_windows(
    const struct full *f, const struct policy_window *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct text span = in_words(span_of(&w[i]));
		char limit[2 * TEXT_SPACE];

		(void)snprintf(limit, sizeof(limit), "%u per %s", w[i].max,
		    w[i].span_ms != 0 ? span.p : unit_of(&w[i]));
		check_limit(f, limit, w[i].max, span_of(&w[i]));
	}
}

static void check_caps(const struct full *f, const struct policy_caps *c)
{
	char limit[TEXT_SPACE + 20];

	if (c->shadow)
		return;
	check_windows(f, c->windows, c->n);
	check_windows(f, c->people, c->n_people);
	(void)snprintf(
	    limit, sizeof(limit), "apart = %s", in_words(c->apart_ms).p);
	if (c->apart_ms > 0)
		check_limit(f, limit, 1, c->apart_ms);
}

void hold_check_full(const struct policy *p, const struct policy_segment *s,
    hold_check_fn *emit, void *arg)
{
	struct full f = {s, emit, arg};

	if (s->when_full.action != POLICY_HOLD ||
	    s->when_full.then != POLICY_THEN_BOUNCE || s->shadow)
		return;
	check_caps(&f, &s->caps);
	check_caps(&f, &p->person);
	check_caps(&f, &p->company);
	for (size_t i = 0; i < p->n_limits; i++)
		if (p->limits[i].per != POLICY_PER_SEGMENT ||
		    p->limits[i].label == s->label)
			check_caps(&f, &p->limits[i].caps);
}

/* --- closed hours --- */

struct stretch {
	int64_t ms, start_ms;
	const struct zone *zone;
};

static void look_in(const struct hours *h, struct zones *zones, struct str name,
    int64_t now_ms, struct stretch *longest)
{
	const struct zone *z = zone_utc();
	int64_t start, ms;

	if (zones != NULL && zones_find(zones, name, &z) != 0)
		return;
	ms = hours_longest_closed_ms(h, z, now_ms, now_ms + YEAR_MS, &start);
	if (ms > longest->ms)
		*longest = (struct stretch){ms, start, z};
}

/* The policy's zone comes first, so that it is named where others have as
 * much. */
static void look_everywhere(const struct policy *p, const struct hours *h,
    struct zones *zones, int64_t now_ms, struct stretch *longest)
{
	static const struct str others[] = {
	    {"Europe/Berlin", 13},
	    {"America/New_York", 16},
	    {"Australia/Sydney", 16},
	};

	longest->ms = 0;
	look_in(h, zones, p->time_zone, now_ms, longest);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		look_in(h, zones, others[i], now_ms, longest);
	look_in(h, NULL, STR(""), now_ms, longest);
}

static void tell_stretch(const struct policy_segment *s,
    const struct stretch *l, hold_check_fn *emit, void *arg)
{
	static const char *const days[] = {"Monday", "Tuesday", "Wednesday",
	    "Thursday", "Friday", "Saturday", "Sunday"};
	const struct policy_when *w = &s->when_closed;
	int64_t local = l->start_ms + zone_offset_ms(l->zone, l->start_ms);
	int64_t minute = local / WHEN_MINUTE_MS % 1440;
	struct calendar_date d;
	char text[TOLD_MAX];

	calendar_date_of(l->zone, l->start_ms, &d);
	(void)snprintf(text, sizeof(text),
	    "segment %.*s: from %s, %04d-%02d-%02d %02d:%02d (%.*s) on it is "
	    "closed for %s, and when-closed is hold %s: what comes in the "
	    "first %s of that is %s at once and never sent; hold %s keeps all",
	    STR_ARG(s->name), days[d.weekday], d.year, d.month, d.day,
	    (int)(minute / 60), (int)(minute % 60), STR_ARG(zone_name(l->zone)),
	    in_words(l->ms).p, in_words(w->hold_ms).p,
	    in_words(l->ms - w->hold_ms).p, fate(w),
	    in_words(rounded(l->ms, true)).p);
	emit(arg, w->rule.line, text);
}

static void tell_never(
    const struct policy_segment *s, hold_check_fn *emit, void *arg)
{
	char text[200];

	(void)snprintf(text, sizeof(text),
	    "segment %.*s: its hours and holidays leave no time at which "
	    "anything goes",
	    STR_ARG(s->name));
	emit(arg, s->hours_rule.line, text);
}

void hold_check_closed(const struct policy *p, const struct policy_segment *s,
    int64_t now_ms, hold_check_fn *emit, void *arg)
{
	const struct policy_when *w = &s->when_closed;
	struct stretch longest = {0};
	struct zones *zones = NULL;

	if (s->hours == NULL)
		return;
	look_in(s->hours, NULL, STR(""), now_ms, &longest);
	if (longest.ms == HOURS_NEVER) {
		tell_never(s, emit, arg);
		return;
	}
	if (w->action != POLICY_HOLD || w->then == POLICY_THEN_SEND ||
	    s->shadow || w->hold_ms >= longest.ms + FOLD_MS)
		return;
	if (zones_open(&zones) == 0)
		look_everywhere(p, s->hours, zones, now_ms, &longest);
	if (w->hold_ms < longest.ms)
		tell_stretch(s, &longest, emit, arg);
	zones_close(&zones);
}
