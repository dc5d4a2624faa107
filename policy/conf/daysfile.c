/* daysfile.c - see daysfile.h. */
#include "policy/conf/daysfile.h"

#include "policy/base/calendar.h"
#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/conf/lint.h"
#include "policy/mail/nfc.h"

#include <string.h>

struct reader {
	struct arena *arena;
	const char *path;
	struct error *err;
	struct daysfile_day *days;
	size_t n;
	int line;
};

static int refuse(struct reader *r, const char *why)
{
	return error_set(
	    r->err, ERR_SYNTAX, "%s:%d: %s", r->path, r->line, why);
}

static int no_memory(struct reader *r)
{
	return error_set(r->err, ERR_LIMIT, "%s: out of memory", r->path);
}

static bool same_day(
    const struct hours_holiday *a, const struct hours_holiday *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day;
}

/* What can stand between quotes in a policy, in one piece. A policy is UTF-8;
 * a file that is not has its days all the same. */
static struct str clean_name(struct reader *r, struct str name)
{
	struct str in = str_trim(name);
	size_t n = in.n < DAYSFILE_NAME_MAX ? in.n : DAYSFILE_NAME_MAX;
	char *p = arena_alloc(r->arena, DAYSFILE_NAME_MAX);
	bool is_utf8;

	if (p == NULL)
		return STR_NULL;
	while (n < in.n && n > 0 && ((unsigned char)in.p[n] & 0xc0) == 0x80)
		n--;
	is_utf8 = nfc_is_utf8((struct str){in.p, n});
	for (size_t i = 0; i < n; i++) {
		char c = in.p[i];

		p[i] = c;
		if ((unsigned char)c < ' ' || c == 0x7f || c == '"' ||
		    c == '\\' || c == '$')
			p[i] = ' ';
		else if (!is_utf8 && (unsigned char)c > 0x7f)
			p[i] = '?';
	}
	return str_trim((struct str){p, n});
}

/* Calendars of several regions have the same day again and again. */
static int add_day(
    struct reader *r, const struct hours_holiday *day, struct str name)
{
	struct str kept;

	for (size_t i = 0; i < r->n; i++)
		if (same_day(&r->days[i].day, day))
			return 0;
	if (r->n == DAYSFILE_MAX_DAYS)
		return error_set(r->err, ERR_LIMIT, "%s:%d: at most %d days",
		    r->path, r->line, DAYSFILE_MAX_DAYS);
	kept = clean_name(r, name);
	if (kept.p == NULL)
		return no_memory(r);
	r->days[r->n++] = (struct daysfile_day){*day, kept};
	return 0;
}

/* --- a day a line --- */

static int read_line(struct reader *r, struct str line)
{
	struct str text = str_trim(str_cut(line, 0, str_find(line, 0, '#')));
	struct hours_holiday day;
	struct error why = {0};

	if (text.n == 0)
		return 0;
	if (hours_parse_holiday(text, &day, &why) != 0)
		return refuse(r, why.text);
	return add_day(r, &day, str_from(text, str_find(text, 0, ' ')));
}

static int read_lines(struct reader *r, struct str text)
{
	struct str line;
	int rc = 0;

	while (rc == 0 && str_next(&text, '\n', &line)) {
		r->line++;
		rc = read_line(r, line);
	}
	return rc;
}

/* --- iCalendar --- */

struct event {
	int line; /* of its BEGIN */
	bool is_open, is_cancelled;
	struct str start, end, summary;
};

/* RFC 5545, 3.1: a line that begins with a blank goes on with the one before.
 * Lines of a file are counted by their first one. */
static bool next_content_line(
    struct reader *r, struct str *rest, struct buf *folded, int *more)
{
	struct str line;

	buf_reset(folded);
	r->line += *more + 1;
	*more = 0;
	if (!str_next(rest, '\n', &line))
		return false;
	buf_add(folded, str_trim(line));
	while (rest->n > 0 && ascii_is_blank(rest->p[0]) &&
	       str_next(rest, '\n', &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		buf_add(folded, str_from(line, 1));
		(*more)++;
	}
	return true;
}

/* "DTSTART;VALUE=DATE:20261225": name, parameters, value. */
struct property {
	struct str name, parameters, value;
};

static struct property split_property(struct str line)
{
	struct property p;
	size_t colon = 0, semicolon;
	bool quoted = false;

	while (colon < line.n && (quoted || line.p[colon] != ':')) {
		quoted = quoted != (line.p[colon] == '"');
		colon++;
	}
	p.name = str_cut(line, 0, colon);
	p.value = str_from(line, colon + 1);
	semicolon = str_find(p.name, 0, ';');
	p.parameters = str_from(p.name, semicolon);
	p.name = str_cut(p.name, 0, semicolon);
	return p;
}

/* 20261225 to days since 1970; a date that there is. */
static bool parse_date(struct str s, int64_t *out)
{
	struct calendar_date back;
	uint64_t v;
	int year, month, day;

	if (s.n != 8 || str_u64(s, 99991231, &v) != 0)
		return false;
	year = (int)(v / 10000);
	month = (int)(v / 100 % 100);
	day = (int)(v % 100);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*out = calendar_days(year, month, day);
	calendar_civil(*out, &back);
	return back.month == month;
}

static int close_event(struct reader *r, struct event *e)
{
	int64_t first, end;
	int rc = 0, at = r->line;

	e->is_open = false;
	if (e->is_cancelled)
		return 0;
	r->line = e->line;
	if (e->start.n == 0)
		return refuse(r, "an event without DTSTART");
	if (!parse_date(e->start, &first))
		return refuse(r, "DTSTART: there is no such day");
	end = first + 1;
	if (e->end.n > 0 && (!parse_date(e->end, &end) || end < first))
		return refuse(r, "DTEND: no day, or one before DTSTART");
	/* Some write the day itself as its end. */
	for (int64_t d = first; rc == 0 && (d < end || d == first); d++) {
		struct calendar_date date;

		calendar_civil(d, &date);
		rc = add_day(r,
		    &(struct hours_holiday){(int16_t)date.year,
			(uint8_t)date.month, (uint8_t)date.day},
		    e->summary);
	}
	r->line = at;
	return rc;
}

static int take_day(struct reader *r, const struct property *p, struct str *out)
{
	if (!str_icontains(p->parameters, STR("VALUE=DATE")) ||
	    str_icontains(p->parameters, STR("VALUE=DATE-TIME")) ||
	    p->value.n != 8)
		return refuse(r,
		    "an event with a time of day; a holiday is a whole day "
		    "(DTSTART;VALUE=DATE:20261225)");
	*out = arena_str(r->arena, p->value);
	return out->p != NULL ? 0 : no_memory(r);
}

static int take_property(
    struct reader *r, struct event *e, const struct property *p)
{
	if (str_ieq(p->name, STR("DTSTART")))
		return take_day(r, p, &e->start);
	if (str_ieq(p->name, STR("DTEND")))
		return take_day(r, p, &e->end);
	if (str_ieq(p->name, STR("DURATION")))
		return refuse(r, "DURATION: write DTEND;VALUE=DATE instead");
	if (str_ieq(p->name, STR("RRULE")) || str_ieq(p->name, STR("RDATE")))
		return refuse(r,
		    "an event that repeats; write each of its days, or in a "
		    "file of lines \"12-25\" for each year");
	if (str_ieq(p->name, STR("STATUS")))
		e->is_cancelled = str_ieq(p->value, STR("CANCELLED"));
	if (str_ieq(p->name, STR("SUMMARY"))) {
		e->summary = arena_str(r->arena, p->value);
		return e->summary.p != NULL ? 0 : no_memory(r);
	}
	return 0;
}

/* depth: components within the event, such as alarms, which say nothing of its
 * day. */
static int take_content(
    struct reader *r, struct event *e, size_t *depth, struct str line)
{
	struct property p = split_property(line);
	bool begins = str_ieq(p.name, STR("BEGIN"));
	bool ends = str_ieq(p.name, STR("END"));

	if (!e->is_open) {
		if (begins && str_ieq(p.value, STR("VEVENT")))
			*e = (struct event){.line = r->line, .is_open = true};
		*depth = 0;
		return 0;
	}
	if (begins && str_ieq(p.value, STR("VEVENT")))
		return refuse(r, "an event within an event");
	if (begins)
		(*depth)++;
	else if (ends && *depth > 0)
		(*depth)--;
	else if (ends)
		return close_event(r, e);
	else if (*depth == 0)
		return take_property(r, e, &p);
	return 0;
}

static int read_calendar(struct reader *r, struct str text)
{
	struct event e = {0};
	size_t depth = 0;
	int more = 0, rc = 0;
	struct buf line;

	buf_init(&line, DAYSFILE_MAX_BYTES);
	while (rc == 0 && next_content_line(r, &text, &line, &more)) {
		rc = buf_error(&line) != 0 ? no_memory(r) : 0;
		if (rc == 0)
			rc = take_content(r, &e, &depth, buf_str(&line));
	}
	buf_fini(&line);
	if (rc == 0 && e.is_open) {
		r->line = e.line;
		rc = refuse(r, "an event without END:VEVENT: is the file cut?");
	}
	return rc;
}

static bool is_calendar(struct str text)
{
	return str_istarts(text, STR("BEGIN:VCALENDAR"));
}

int daysfile_read(struct arena *arena, const char *path, struct str text,
    struct daysfile *out, struct error *err)
{
	struct reader r = {.arena = arena, .path = path, .err = err};
	int rc;

	*out = (struct daysfile){0};
	if (text.n > DAYSFILE_MAX_BYTES)
		return error_set(err, ERR_LIMIT, "%s: more than %d KB", path,
		    DAYSFILE_MAX_BYTES >> 10);
	r.days = arena_array(arena, DAYSFILE_MAX_DAYS, sizeof(*r.days));
	if (r.days == NULL)
		return no_memory(&r);
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_from(text, 3);
	rc = is_calendar(text) ? read_calendar(&r, text) : read_lines(&r, text);
	if (rc == 0 && r.n == 0)
		rc = error_set(err, ERR_SYNTAX, "%s: no day", path);
	if (rc == 0)
		*out = (struct daysfile){r.days, r.n};
	return rc;
}

/* --- into a policy --- */

enum {
	OUT_MAX = LINT_MAX_BYTES,
	ROOM = LINT_MAX_LINE / 2 /* of a line, for the days and their names */
};

struct expand {
	struct arena *arena;
	const char *path;
	struct str text;
	daysfile_open_fn *open;
	void *arg;
	struct error *err;
	size_t done; /* bytes of text that are in out */
	struct buf out;
};

static void add_days(struct buf *b, const struct daysfile *f, bool named)
{
	buf_addz(b, "days = {");
	for (size_t i = 0; i < f->n; i++) {
		buf_addz(b, i > 0 ? ", \"" : "\"");
		hours_print_holiday(b, &f->days[i].day);
		if (named && f->days[i].name.n > 0) {
			buf_addc(b, ' ');
			buf_add(b, f->days[i].name);
		}
		buf_addc(b, '"');
	}
	buf_addc(b, '}');
}

/* A line has a limit; the names are for people and may go. */
static void put_days(struct expand *x, const struct daysfile *f)
{
	size_t before = x->out.n;

	add_days(&x->out, f, true);
	if (buf_error(&x->out) != 0 || x->out.n - before <= ROOM)
		return;
	buf_truncate(&x->out, before);
	add_days(&x->out, f, false);
}

/* The name goes into a comment. */
static bool is_plain_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n < 256 && !str_contains(s, STR("*/"));
}

static int refuse_option(struct expand *x, int line, const char *why)
{
	return error_set(
	    x->err, ERR_SYNTAX, "%s:%d: days-file %s", x->path, line, why);
}

static int put_file(struct expand *x, const struct lint_option *o)
{
	const struct lint_value *v = &o->values[0];
	unsigned char hash[DIGEST_SHA256];
	char digits[2 * DIGEST_SHA256 + 1];
	struct daysfile f;
	struct str name, text;
	int rc;

	if (o->n_values != 1 || !is_plain_name(v->text))
		return refuse_option(
		    x, o->line, "is the name of one file, in quotes");
	name = arena_str(x->arena, v->text);
	if (name.p == NULL)
		return error_set(
		    x->err, ERR_LIMIT, "%s: out of memory", x->path);
	rc = x->open(x->arg, name, &text, x->err);
	if (rc != 0)
		error_prefix(x->err, "%s:%d: days-file", x->path, o->line);
	if (rc == 0)
		rc = daysfile_read(x->arena, name.p, text, &f, x->err);
	if (rc != 0)
		return rc;
	if (digest_sha256(text, hash) != 0)
		return error_set(
		    x->err, ERR_CRYPTO, "%s: SHA-256 failed", x->path);
	put_days(x, &f);
	codec_hex(hash, sizeof(hash), digits);
	buf_printf(
	    &x->out, " /* %.*s, SHA-256 %.12s */", STR_ARG(v->text), digits);
	return 0;
}

/* Up to the end of the option's value; it may stand in braces. */
static size_t end_of(const struct expand *x, const struct lint_option *o)
{
	const struct lint_value *v = &o->values[o->n_values - 1];
	size_t end = (size_t)(v->token.p + v->token.n - x->text.p);

	if (!o->braces)
		return end;
	end = str_find(x->text, end, '}');
	return end + (end < x->text.n);
}

static int put_option(struct expand *x, const struct lint_option *o)
{
	size_t at = (size_t)(o->name.p - x->text.p), end = end_of(x, o);
	struct str between = str_cut(x->text, at, end - at);
	int rc;

	if (str_contains(between, STR("\n")))
		return refuse_option(
		    x, o->line, "and its file stand on a line");
	buf_add(&x->out, str_cut(x->text, x->done, at - x->done));
	rc = put_file(x, o);
	x->done = end;
	return rc;
}

static int put_section(struct expand *x, const struct lint_section *s)
{
	const struct lint_option *file = NULL;

	if (!str_eq(s->kind, STR("holidays")))
		return 0;
	for (const struct lint_option *o = s->options; o; o = o->next)
		if (str_eq(o->name, STR("days-file")))
			file = o;
	for (const struct lint_option *o = s->options; file && o; o = o->next)
		if (str_eq(o->name, STR("days")))
			return refuse_option(x, file->line,
			    "and days: one of them; or two sections, and "
			    "holidays = {a, b}");
	return file != NULL ? put_option(x, file) : 0;
}

int daysfile_expand(struct arena *arena, const char *path, struct str text,
    daysfile_open_fn *open, void *arg, struct str *out, struct error *err)
{
	struct expand x = {arena, path, text, open, arg, err, 0, {0}};
	struct lint_outline *outline;
	int rc = 0;

	*out = text;
	if (lint_check(arena, path, text, &outline, NULL) != 0)
		return 0;
	buf_init(&x.out, OUT_MAX);
	for (const struct lint_section *s = outline->top.next; rc == 0 && s;
	     s = s->next)
		rc = put_section(&x, s);
	buf_add(&x.out, str_from(text, x.done));
	if (rc == 0 && buf_error(&x.out) != 0)
		rc = error_set(err, ERR_LIMIT, "%s: too large", path);
	if (rc == 0 && x.done > 0) {
		*out = arena_str(arena, buf_str(&x.out));
		rc = out->p != NULL
			 ? 0
			 : error_set(err, ERR_LIMIT, "%s: out of memory", path);
	}
	buf_fini(&x.out);
	return rc;
}
