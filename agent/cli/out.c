/* out.c - see out.h. */
#include "agent/cli/out.h"

#include "agent/cli/plain.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
	COLUMNS_MAX = 12,
	GAP = 2,
	FIELD_WIDTH = 12,
	LAST_MIN = 20, /* the last column gets at least this */
	WIDTH_MIN = 40,
	WIDTH_MAX = 200,
};

struct row {
	struct row *next;
	struct str cell[COLUMNS_MAX];
};

struct out_table {
	struct cli *c;
	const char *const *heads;
	size_t n, at; /* columns; the next cell */
	struct row first, *last;
	size_t width[COLUMNS_MAX];
};

/* Columns of a terminal: code points, near enough. */
static size_t width_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

struct str out_clean(struct cli *c, struct str text)
{
	struct str copy = arena_str(c->arena, text);

	if (copy.p == NULL)
		return STR("?");
	copy.n = plain_text((char *)(uintptr_t)copy.p, copy.n);
	return copy;
}

struct out_table *out_table(struct cli *c, const char *const *heads)
{
	struct out_table *t = arena_alloc(c->arena, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->c = c;
	t->heads = heads;
	t->last = &t->first;
	while (t->n < COLUMNS_MAX && heads[t->n] != NULL) {
		t->width[t->n] = strlen(heads[t->n]);
		t->n++;
	}
	return t;
}

void out_cell(struct out_table *t, struct str text)
{
	struct str clean;
	size_t w;

	if (t == NULL)
		return;
	if (t->at == 0) {
		struct row *r = arena_alloc(t->c->arena, sizeof(*r));
		if (r == NULL)
			return;
		t->last = t->last->next = r;
	}
	clean = str_trim(out_clean(t->c, text));
	t->last->cell[t->at] = clean;
	w = width_of(clean);
	if (w > t->width[t->at])
		t->width[t->at] = w;
	t->at = (t->at + 1) % t->n;
}

void out_member(struct out_table *t, const struct value *o, const char *key)
{
	struct str s = t != NULL ? out_text(t->c, o, key) : STR_NULL;

	out_cell(t, s.n > 0 ? s : STR("-"));
}

void out_when(struct out_table *t, const struct value *o, const char *key)
{
	struct str s = t != NULL ? value_get_str(o, key) : STR_NULL;

	out_cell(t, s.n > 0 ? out_time(t->c, s) : STR("-"));
}

static void put(struct str s)
{
	if (s.n > 0)
		(void)fwrite(s.p, 1, s.n, stdout);
}

static void pad(size_t n)
{
	while (n-- > 0)
		(void)fputc(' ', stdout);
}

/* The bytes that fit into `width` columns, cut at a blank where there is
 * one; all of it when it fits. No blanks at its end. */
static struct str take_line(struct str *rest, size_t width)
{
	struct str line = *rest;
	size_t columns = 0, blank = 0, i = 0;

	for (; i < rest->n; i++) {
		bool starts = ((unsigned char)rest->p[i] & 0xc0) != 0x80;
		if (starts && columns == width)
			break;
		columns += starts;
		if (rest->p[i] == ' ')
			blank = i;
	}
	if (i < rest->n)
		line = str_cut(*rest, 0, blank > 0 ? blank : i);
	*rest = str_trim(str_from(*rest, line.n));
	return str_trim(line);
}

/* Columns for people: those of the terminal; files look alike everywhere. */
static size_t line_width(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return CLI_WIDTH;
	return w.ws_col < WIDTH_MIN   ? WIDTH_MIN
	       : w.ws_col > WIDTH_MAX ? WIDTH_MAX
				      : w.ws_col;
}

static void print_wrapped(struct str text, size_t indent)
{
	size_t width = line_width();
	size_t room = indent + LAST_MIN < width ? width - indent : LAST_MIN;

	put(take_line(&text, room));
	while (text.n > 0) {
		(void)fputc('\n', stdout);
		pad(indent);
		put(take_line(&text, room));
	}
	(void)fputc('\n', stdout);
}

static void print_row(const struct out_table *t, const struct str *cells)
{
	size_t indent = 0, used = t->n;

	while (used > 1 && cells[used - 1].n == 0)
		used--;
	for (size_t i = 0; i + 1 < used; i++) {
		put(cells[i]);
		pad(t->width[i] - width_of(cells[i]) + GAP);
		indent += t->width[i] + GAP;
	}
	print_wrapped(cells[used - 1], indent);
}

void out_print(struct out_table *t)
{
	struct str heads[COLUMNS_MAX];

	if (t == NULL || t->first.next == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		heads[i] = str_of(t->heads[i]);
	print_row(t, heads);
	for (const struct row *r = t->first.next; r != NULL; r = r->next)
		print_row(t, r->cell);
}

void out_field(const char *name, struct str value)
{
	char *clean = value.n > 0 ? strndup(value.p, value.n) : NULL;

	if (clean == NULL)
		return;
	value = (struct str){clean, plain_text(clean, strlen(clean))};
	(void)printf("  %-*s", FIELD_WIDTH, name);
	print_wrapped(value, FIELD_WIDTH + 2);
	free(clean);
}

void out_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out_plain(stdout, fmt, ap);
	va_end(ap);
}

void out_plain(FILE *to, const char *fmt, va_list ap)
{
	char *text = NULL;
	int n = vasprintf(&text, fmt, ap);

	if (n >= 0) {
		(void)fwrite(text, 1, plain_lines(text, (size_t)n), to);
		free(text);
	}
	(void)fputc('\n', to);
}

/* "2026-11-24T08:00:00Z", as the agent writes times. */
static bool read_iso(struct str iso, struct tm *out)
{
	char z[32];

	if (iso.n == 0 || iso.n >= sizeof(z))
		return false;
	memcpy(z, iso.p, iso.n);
	z[iso.n] = '\0';
	*out = (struct tm){0};
	return strptime(z, "%Y-%m-%dT%H:%M:%SZ", out) != NULL;
}

struct str out_time(struct cli *c, struct str iso)
{
	struct tm tm;
	char text[64];
	time_t t;

	if (!read_iso(iso, &tm))
		return out_clean(c, iso);
	t = timegm(&tm);
	if (c->local && localtime_r(&t, &tm) == NULL)
		return out_clean(c, iso);
	if (strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S ", &tm) == 0)
		return out_clean(c, iso);
	if (!c->local)
		return str_of(arena_printf(c->arena, "%sUTC", text));
	return str_of(arena_printf(
	    c->arena, "%s%s", text, tm.tm_zone != NULL ? tm.tm_zone : ""));
}

struct str out_text(struct cli *c, const struct value *o, const char *key)
{
	struct str s = value_get_str(o, key);
	int64_t n;
	bool yes;

	if (s.p != NULL) {
		struct tm tm;
		return s.n == 20 && read_iso(s, &tm) ? out_time(c, s)
						     : out_clean(c, s);
	}
	if (value_get_i64(o, key, &n))
		return str_of(arena_printf(c->arena, "%lld", (long long)n));
	if (value_get_bool(o, key, &yes))
		return yes ? STR("yes") : STR("no");
	return STR("");
}

struct words {
	const char *name, *words;
};

static const struct words reasons[] = {
    {"allowed", "nothing stands against it"},
    {"suppressed", "suppressed: no nurture mail at all"},
    {"suppressed_segment", "suppressed for this segment"},
    {"objected", "the person objected to its purpose"},
    {"withdrawn", "consent to its purpose was withdrawn"},
    {"no_consent", "no consent to its purpose is on record"},
    {"not_compliant", "the message is not what the rules demand"},
    {"stopped", "sending is stopped"},
    {"segment_cap", "the segment's limit is reached"},
    {"person_cap", "the person's limit is reached"},
    {"unknown_segment", "the policy has no such segment"},
    {"duplicate", "the same message went out already"},
    {"in_flight", "the same message is on its way"},
    {"no_policy", "no policy was applied yet"},
    {"taken", "several recipients: each is decided alone"},
    {"not_nurture", "not nurture mail"},
    {"trouble", "trouble of our own"},
    {"company_cap", "the company's limit is reached"},
    {"order", "what is free is left to those before it"},
    {"yield", "it lets another segment go first"},
    {"closed", "outside the segment's hours"},
    {"paused", "mail to this person is paused"},
};

static const struct words causes[] = {
    {"manual", "an entry by hand"},
    {"user_unknown", "an unknown user"},
    {"mailbox_disabled", "a disabled mailbox"},
    {"mailbox_moved", "a mailbox that moved"},
    {"host_unknown", "an unknown host"},
    {"complaint", "a complaint"},
    {"opt_out", "an opt-out"},
    {"imported", "an import"},
    {"mailbox_full", "a mailbox that was full for weeks"},
    {"left", "having left the company"},
    {"replied", "a reply"},
    {"in_review", "a wish that waits for review"},
};

static const struct words demands[] = {
    {"no_from", "not exactly one From"},
    {"from_not_allowed", "its origin may not sign for the From domain"},
    {"not_aligned", "From and signing domain are not aligned"},
    {"no_unsubscribe", "no way to unsubscribe"},
    {"no_postal_address", "without the segment's postal address"},
    {"no_key", "no key signs for the From domain"},
};

/* NULL: not in the table. */
static const char *find(const struct words *t, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(name, str_of(t[i].name)))
			return t[i].words;
	return NULL;
}

const char *out_reason(struct str reason)
{
	const char *words =
	    find(reasons, sizeof(reasons) / sizeof(reasons[0]), reason);

	return words != NULL ? words : "";
}

const char *out_cause(struct str reason)
{
	const char *words =
	    find(causes, sizeof(causes) / sizeof(causes[0]), reason);

	return words != NULL ? words : "a reason unknown here";
}

const char *out_demand(struct str compliance)
{
	const char *words =
	    find(demands, sizeof(demands) / sizeof(demands[0]), compliance);

	return words != NULL ? words : "a demand unknown here";
}

static bool is_member(const struct value *o, const char *key, bool want)
{
	bool yes;

	return value_get_bool(o, key, &yes) && yes == want;
}

const char *out_shadow(const struct value *o)
{
	if (is_member(o, "enforced", false))
		return str_eq(value_get_str(o, "shadow_by"), STR("conf"))
			   ? "nothing is enforced: tendril.conf has mode = "
			     "shadow"
			   : "nothing is enforced: the policy has mode = "
			     "shadow";
	if (is_member(o, "shadow", true))
		return "this limit is not enforced: its section has mode = "
		       "shadow";
	if (is_member(o, "limits_enforced", false))
		return "its limits are not enforced: mode = shadow";
	return "";
}

void out_progress(const char *fmt, ...)
{
	va_list ap;

	if (isatty(STDERR_FILENO) == 0)
		return;
	(void)fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fflush(stderr);
}

void out_progress_end(void)
{
	if (isatty(STDERR_FILENO) != 0)
		(void)fputs("\r\033[K", stderr);
}
