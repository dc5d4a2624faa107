/* attribute.c - see attribute.h. Days are counted by the civil calendar without
 * tables: a year that begins in March has its leap day last. */
#include "policy/conf/attribute.h"

#include "policy/base/when.h"
#include "policy/mail/nfc.h"

enum {
	DAYS_TO_1970 = 719468, /* from 1 March of the year 0 */
	DAYS_OF_ERA = 146097   /* 400 years */
};

/* The labels are policy_label() of the names: a test compares. */
static const struct attribute reserved[ATTRIBUTE_RESERVED] = {
    {{"company", 7}, 0xaa62e8bc, ATTRIBUTE_TEXT},
    {{"time-zone", 9}, 0x14f64521, ATTRIBUTE_TEXT},
    {{"language", 8}, 0xb9ef387b, ATTRIBUTE_TEXT},
    {{"name", 4}, 0x8d39bde6, ATTRIBUTE_TEXT},
};

static const char *const type_names[] = {
    [ATTRIBUTE_TEXT] = "text",
    [ATTRIBUTE_NUMBER] = "number",
    [ATTRIBUTE_FLAG] = "flag",
    [ATTRIBUTE_DATE] = "date",
};

const struct attribute *attribute_reserved(void)
{
	return reserved;
}

const char *attribute_type_name(enum attribute_type type)
{
	return type >= ATTRIBUTE_TEXT && type <= ATTRIBUTE_DATE
		   ? type_names[type]
		   : "?";
}

enum attribute_type attribute_type_of(struct str name)
{
	for (int t = ATTRIBUTE_TEXT; t <= ATTRIBUTE_DATE; t++)
		if (str_eq(str_of(type_names[t]), name))
			return (enum attribute_type)t;
	return 0;
}

const struct attribute *attribute_find(
    const struct attribute *v, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i].name, name))
			return &v[i];
	return NULL;
}

const struct attribute *attribute_by_label(
    const struct attribute *v, size_t n, uint32_t label)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].label == label)
			return &v[i];
	return NULL;
}

const struct attribute *attribute_nearest(
    const struct attribute *v, size_t n, struct str name)
{
	const struct attribute *best = NULL;
	unsigned least = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		unsigned d = str_distance(name, v[i].name);

		/* More than a third of the letters wrong is another word. */
		if (d < least && d * 3 <= v[i].name.n + 1) {
			least = d;
			best = &v[i];
		}
	}
	return best;
}

/* --- dates --- */

static int64_t day_of_civil(int64_t y, int64_t m, int64_t d)
{
	int64_t era, of_era, of_year;

	y -= m <= 2;
	era = y / 400; /* y >= 0 */
	of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	of_era = (y % 400) * 365 + y % 400 / 4 - y % 400 / 100 + of_year;
	return era * DAYS_OF_ERA + of_era - DAYS_TO_1970;
}

static void civil_of_day(int64_t day, int64_t *y, int64_t *m, int64_t *d)
{
	int64_t z = day + DAYS_TO_1970, of_era = z % DAYS_OF_ERA;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 -
			   of_era / (DAYS_OF_ERA - 1)) /
		       365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	*d = of_year - (153 * month + 2) / 5 + 1;
	*m = month < 10 ? month + 3 : month - 9;
	*y = year + z / DAYS_OF_ERA * 400 + (*m <= 2);
}

/* "2027-01-31"; false also for a day that its month lacks. */
static bool parse_date(struct str s, int64_t *out)
{
	uint64_t y, m, d;
	int64_t back[3];

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' ||
	    str_u64(str_cut(s, 0, 4), 9999, &y) != 0 ||
	    str_u64(str_cut(s, 5, 2), 12, &m) != 0 ||
	    str_u64(str_cut(s, 8, 2), 31, &d) != 0 || y == 0 || m == 0 ||
	    d == 0)
		return false;
	*out = day_of_civil((int64_t)y, (int64_t)m, (int64_t)d);
	civil_of_day(*out, &back[0], &back[1], &back[2]);
	return back[2] == (int64_t)d;
}

int64_t attribute_day_of(int64_t ms)
{
	return ms / WHEN_DAY_MS - (ms % WHEN_DAY_MS < 0);
}

/* --- values --- */

static bool parse_number(struct str s, int64_t *out)
{
	bool minus = str_starts(s, STR("-"));
	uint64_t u;

	if (str_u64(str_from(s, minus), (uint64_t)INT64_MAX + minus, &u) != 0)
		return false;
	*out = !minus ? (int64_t)u : u == 0 ? 0 : -(int64_t)(u - 1) - 1;
	return true;
}

static bool parse_flag(struct str s, int64_t *out)
{
	static const char *const words[] = {
	    "no", "yes", "false", "true", "0", "1"};

	for (int i = 0; i < 6; i++)
		if (str_ieq(s, str_of(words[i]))) {
			*out = i % 2;
			return true;
		}
	return false;
}

/* Nothing that would break a line or a terminal: no control characters, also
 * not those from U+0080 to U+009F. */
static bool is_one_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0))
			return false;
	}
	return true;
}

static int parse_text(struct str text, struct arena *a,
    struct attribute_value *out, struct error *err)
{
	char form[ATTRIBUTE_TEXT_MAX];
	size_t n = 0;
	int rc;

	if (!nfc_is_utf8(text) || !is_one_line(text))
		return error_set(err, ERR_SYNTAX, "not plain text of one line");
	rc = nfc_normalize(text, form, sizeof(form), &n);
	if (rc == ERR_LIMIT)
		return error_set(err, ERR_SYNTAX, "text longer than %d bytes",
		    ATTRIBUTE_TEXT_MAX);
	if (rc != 0)
		return error_of(err, rc, "text");
	out->text = arena_str(a, (struct str){form, n});
	return out->text.p != NULL ? 0
				   : error_set(err, ERR_LIMIT, "out of memory");
}

int attribute_parse(enum attribute_type type, struct str text, struct arena *a,
    struct attribute_value *out, struct error *err)
{
	*out = (struct attribute_value){.type = type};
	text = str_trim(text);
	if (text.n == 0)
		return error_set(err, ERR_SYNTAX, "an empty value");
	switch (type) {
	case ATTRIBUTE_TEXT:
		return parse_text(text, a, out, err);
	case ATTRIBUTE_NUMBER:
		if (parse_number(text, &out->number))
			return 0;
		return error_set(
		    err, ERR_SYNTAX, "not a whole number such as 200");
	case ATTRIBUTE_FLAG:
		if (parse_flag(text, &out->number))
			return 0;
		return error_set(err, ERR_SYNTAX, "not yes or no");
	case ATTRIBUTE_DATE:
		if (parse_date(text, &out->number))
			return 0;
		return error_set(
		    err, ERR_SYNTAX, "not a date such as 2027-01-31");
	}
	return error_set(err, ERR_SYNTAX, "no such type");
}

void attribute_print(const struct attribute_value *v, struct buf *out)
{
	int64_t y, m, d;

	switch (v->type) {
	case ATTRIBUTE_TEXT:
		buf_add(out, v->text);
		return;
	case ATTRIBUTE_NUMBER:
		buf_printf(out, "%lld", (long long)v->number);
		return;
	case ATTRIBUTE_FLAG:
		buf_addz(out, v->number != 0 ? "yes" : "no");
		return;
	case ATTRIBUTE_DATE:
		civil_of_day(v->number, &y, &m, &d);
		buf_printf(out, "%04lld-%02lld-%02lld", (long long)y,
		    (long long)m, (long long)d);
		return;
	}
}
