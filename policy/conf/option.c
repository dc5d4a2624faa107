/* option.c - see option.h. The types that know no network; the others are in
 * option_host.c. What print writes, parse reads back to the same value: diff.c
 * compares models by it, and the fuzzers check it. Each refusal shows the value, what is expected and an
 * example. */
#include "policy/conf/option.h"

#include "policy/base/when.h"
#include "policy/conf/lint.h"

#include <stdio.h>
#include <string.h>

enum {
	LINE_FULL = 4096 /* and one value more is below LINT_MAX_LINE */
};

int option_fail(
    const struct option_job *job, int line, int code, const char *fmt, ...)
{
	char text[sizeof(job->err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(job->err, code, "%s:%d: %s", job->path, line, text);
}

int option_no_memory(const struct option_job *job)
{
	return error_set(job->err, ERR_LIMIT, "%s: out of memory", job->path);
}

int option_refuse(const struct option_job *job, const struct option *o,
    const struct read_value *v, const char *why)
{
	return option_fail(job, v->line, ERR_SYNTAX, "%s = \"%.*s\": %s",
	    o->name, STR_ARG(lint_excerpt(v->text)), why);
}

int option_unexpected(const struct option_job *job, const struct option *o,
    const struct read_value *v)
{
	return option_fail(job, v->line, ERR_SYNTAX,
	    "%s = \"%.*s\": expected %s", o->name,
	    STR_ARG(lint_excerpt(v->text)), o->type->what);
}

void option_print_quoted(struct buf *out, struct str s)
{
	buf_printf(out, "\"%.*s\"", STR_ARG(s));
}

/* Bytes since the last line end, or limit if there are more. */
static size_t line_length(const struct buf *out, size_t limit)
{
	size_t n = 0;

	while (n < limit && n < out->n && out->p[out->n - n - 1] != '\n')
		n++;
	return n;
}

/* One value needs no braces. */
void option_print_open(struct buf *out, size_t i, size_t n)
{
	bool full = line_length(out, LINE_FULL) >= LINE_FULL;

	if (i > 0)
		buf_addz(out, full ? ",\n    " : ", ");
	else
		buf_addz(out, n > 1 ? "{" : "");
}

void option_print_close(struct buf *out, size_t n)
{
	if (n > 1)
		buf_addc(out, '}');
}

/* --- text and names --- */

static int one_text(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	if (v->text.n == 0)
		return option_unexpected(job, o, v);
	*out = v->text;
	return 0;
}

bool option_is_token(struct str s)
{
	if (s.n == 0 || s.n > OPTION_NAME_MAX || !ascii_is_alnum(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' &&
		    s.p[i] != '.')
			return false;
	return true;
}

/* Small letters only: Newsletter and newsletter must not be two segments. */
bool option_is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ascii_lower(s.p[i]) != s.p[i])
			return false;
	return option_is_token(s);
}

static int one_name(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	if (!option_is_name(v->text))
		return option_unexpected(job, o, v);
	*out = v->text;
	return 0;
}

static int one_token(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	if (!option_is_token(v->text))
		return option_unexpected(job, o, v);
	*out = v->text;
	return 0;
}

/* RFC 5322 section 2.2: printable ASCII without the colon. */
static int one_field(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	bool good = v->text.n > 0 && v->text.n <= OPTION_NAME_MAX;

	for (size_t i = 0; good && i < v->text.n; i++)
		good = v->text.p[i] > ' ' && v->text.p[i] < 0x7f &&
		       v->text.p[i] != ':';
	if (!good)
		return option_unexpected(job, o, v);
	*out = v->text;
	return 0;
}

int option_parse_each(const struct option_job *job, const struct option *o,
    const struct read_option *in, option_one_fn *one, struct strs *out)
{
	struct str *v = arena_array(job->arena, in->n, sizeof(*v));

	if (v == NULL)
		return option_no_memory(job);
	for (size_t i = 0; i < in->n; i++) {
		int rc = one(job, o, &in->values[i], &v[i]);
		if (rc != 0)
			return rc;
		for (size_t k = 0; k < i; k++)
			if (str_eq(v[k], v[i]))
				return option_fail(job, in->values[i].line,
				    ERR_SYNTAX, "%s: \"%.*s\" is given twice",
				    o->name, STR_ARG(lint_excerpt(v[k])));
	}
	*out = (struct strs){v, in->n};
	return 0;
}

static int parse_text(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return one_text(job, o, &in->values[0], field);
}

static int parse_texts(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_text, field);
}

static int parse_name(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return one_name(job, o, &in->values[0], field);
}

static int parse_names(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_name, field);
}

static int parse_token(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return one_token(job, o, &in->values[0], field);
}

static int parse_tokens(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_token, field);
}

static int parse_fields(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_field, field);
}

void option_print_text(
    const struct option *o, const void *field, struct buf *out)
{
	const struct str *s = field;

	(void)o;
	if (s->n > 0)
		option_print_quoted(out, *s);
}

void option_print_texts(
    const struct option *o, const void *field, struct buf *out)
{
	const struct strs *list = field;

	(void)o;
	for (size_t i = 0; i < list->n; i++) {
		option_print_open(out, i, list->n);
		option_print_quoted(out, list->v[i]);
	}
	option_print_close(out, list->n);
}

const struct option_type option_text = {
    "a text", false, parse_text, option_print_text};
const struct option_type option_texts = {
    "one or more texts", true, parse_texts, option_print_texts};
const struct option_type option_name = {
    OPTION_NAME_WHAT, false, parse_name, option_print_text};
const struct option_type option_names = {
    "names of small letters, digits, \"-\", \"_\" and \".\" such as "
    "\"win-back\"",
    true, parse_names, option_print_texts};
const struct option_type option_token = {
    "a name of letters, digits, \"-\", \"_\" and \".\" such as \"tendril\"",
    false, parse_token, option_print_text};
const struct option_type option_tokens = {
    "names of letters, digits, \"-\", \"_\" and \".\" such as \"smtpd\"", true,
    parse_tokens, option_print_texts};
const struct option_type option_fields = {
    "names of header fields such as \"X-Tendril-Segment\"", true, parse_fields,
    option_print_texts};

/* --- words --- */

static int parse_enum(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	char list[200];
	size_t n = 0;

	list[0] = '\0';
	for (const struct option_word *w = o->words; w->name != NULL; w++) {
		int more;
		if (str_eq(in->values[0].text, str_of(w->name))) {
			memcpy(field, &w->value, sizeof(w->value));
			return 0;
		}
		more = snprintf(list + n, sizeof(list) - n, "%s%s",
		    n > 0 ? ", " : "", w->name);
		n += more > 0 && (size_t)more < sizeof(list) - n ? (size_t)more
								 : 0;
	}
	return option_fail(job, in->values[0].line, ERR_SYNTAX,
	    "%s = \"%.*s\": expected one of %s", o->name,
	    STR_ARG(lint_excerpt(in->values[0].text)), list);
}

static void print_enum(
    const struct option *o, const void *field, struct buf *out)
{
	int value;

	memcpy(&value, field, sizeof(value));
	for (const struct option_word *w = o->words; w->name != NULL; w++)
		if (w->value == value)
			option_print_quoted(out, str_of(w->name));
}

const struct option_type option_enum = {
    "one of the words listed", false, parse_enum, print_enum};

static int parse_flag(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct str s = in->values[0].text;
	bool *flag = field;

	*flag = str_eq(s, STR("yes")) || str_eq(s, STR("true"));
	if (*flag || str_eq(s, STR("no")) || str_eq(s, STR("false")))
		return 0;
	return option_unexpected(job, o, &in->values[0]);
}

static void print_flag(
    const struct option *o, const void *field, struct buf *out)
{
	const bool *flag = field;

	(void)o;
	buf_addz(out, *flag ? "yes" : "no");
}

const struct option_type option_flag = {
    "\"yes\" or \"no\"", false, parse_flag, print_flag};

/* --- numbers --- */

static int parse_number(const struct option_job *job, const struct option *o,
    const struct read_option *in, uint64_t *out)
{
	struct str s = in->values[0].text;
	int rc =
	    s.n > 1 && s.p[0] == '0' ? ERR_SYNTAX : str_u64(s, INT64_MAX, out);

	if (rc == ERR_SYNTAX)
		return option_unexpected(job, o, &in->values[0]);
	if (rc != 0 || (int64_t)*out < o->min || (int64_t)*out > o->max)
		return option_fail(job, in->values[0].line, ERR_SYNTAX,
		    "%s = \"%.*s\": must be between %lld and %lld", o->name,
		    STR_ARG(lint_excerpt(s)), (long long)o->min,
		    (long long)o->max);
	return 0;
}

static int parse_count(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	uint32_t *n = field;
	uint64_t v = 0;
	int rc = parse_number(job, o, in, &v);

	*n = (uint32_t)v;
	return rc;
}

static void print_count(
    const struct option *o, const void *field, struct buf *out)
{
	const uint32_t *n = field;

	(void)o;
	buf_printf(out, "%lu", (unsigned long)*n);
}

static int parse_limit(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	size_t *n = field;
	uint64_t v = 0;
	int rc = parse_number(job, o, in, &v);

	*n = (size_t)v;
	return rc;
}

static void print_limit(
    const struct option *o, const void *field, struct buf *out)
{
	const size_t *n = field;

	(void)o;
	buf_printf(out, "%zu", *n);
}

const struct option_type option_count = {
    "a whole number such as 10", false, parse_count, print_count};
const struct option_type option_limit = {
    "a whole number such as 10", false, parse_limit, print_limit};

void option_print_size(struct buf *out, size_t n)
{
	static const char letters[] = "\0KMGT";
	size_t i = 0;

	while (n > 0 && n % 1024 == 0 && i < 4) {
		n /= 1024;
		i++;
	}
	buf_printf(out, "%zu", n);
	if (i > 0)
		buf_addc(out, letters[i]);
}

static int parse_size(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct error why = {0};
	size_t *n = field;
	int rc = when_size(in->values[0].text, n, &why);
	struct buf range;

	if (rc != 0)
		return option_refuse(job, o, &in->values[0], why.text);
	if (*n >= (size_t)o->min && *n <= (size_t)o->max)
		return 0;
	buf_init(&range, 100);
	option_print_size(&range, (size_t)o->min);
	buf_addz(&range, " and ");
	option_print_size(&range, (size_t)o->max);
	rc = option_fail(job, in->values[0].line, ERR_SYNTAX,
	    "%s = \"%.*s\": must be between %.*s", o->name,
	    STR_ARG(in->values[0].text), STR_ARG(buf_str(&range)));
	buf_fini(&range);
	return rc;
}

static void print_size(
    const struct option *o, const void *field, struct buf *out)
{
	const size_t *n = field;

	(void)o;
	buf_addc(out, '"');
	option_print_size(out, *n);
	buf_addc(out, '"');
}

const struct option_type option_size = {
    "a size such as \"50M\"", false, parse_size, print_size};

static int parse_duration(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct error why = {0};

	if (when_duration(in->values[0].text, field, &why) != 0)
		return option_refuse(job, o, &in->values[0], why.text);
	return 0;
}

static void print_duration(
    const struct option *o, const void *field, struct buf *out)
{
	const int64_t *ms = field;

	(void)o;
	if (*ms == 0)
		return;
	buf_addc(out, '"');
	when_format(out, *ms);
	buf_addc(out, '"');
}

const struct option_type option_duration = {
    "a duration such as \"20h\"", false, parse_duration, print_duration};

static int parse_mode(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct str s = in->values[0].text;
	unsigned *mode = field, v = 0;

	if (s.n != 4 || s.p[0] != '0')
		return option_unexpected(job, o, &in->values[0]);
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7')
			return option_unexpected(job, o, &in->values[0]);
		v = v * 8 + (unsigned)(s.p[i] - '0');
	}
	*mode = v;
	return 0;
}

static void print_mode(
    const struct option *o, const void *field, struct buf *out)
{
	const unsigned *mode = field;

	(void)o;
	buf_printf(out, "\"%04o\"", *mode);
}

const struct option_type option_mode = {
    "the mode of a file in four octal digits and quotes such as \"0660\"",
    false, parse_mode, print_mode};
