/* bounce_read.c - the text of rules (tendril-bounces(5)), line by line. An
 * error ends nothing: the rest is read for more of them. */
#include "policy/rules/bounce_rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	LINE_MAX_BYTES = 1000,
	WORDS_MAX = 16, /* of a section's head */
	LIST_MAX = 64,
	PRIORITY_MAX = 999,
	TOLD_MAX = 100,
	SUGGEST_WITHIN = 3,
};

struct job {
	struct bounce_read *read;
	struct arena *a;
	struct bounce_section *section; /* NULL: none yet, or a bad one */
	bool skip;                      /* lines of a bad section */
	bool filled;                    /* it has lines, good or bad */
	unsigned line;
	struct buf folded; /* of one phrase */
};

/* ---- findings ---- */

void bounce_read_tell(struct bounce_read *read, bool is_error, unsigned line,
    const char *fmt, ...)
{
	char what[200];
	struct error e;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)error_set(&e, ERR_SYNTAX, "%s:%u: %s", read->name, line, what);
	if (is_error && read->errors++ == 0 && read->err != NULL)
		*read->err = e;
	if (read->tell != NULL && read->errors <= TOLD_MAX)
		read->tell(read->arg, is_error, e.text);
}

#define COMPLAIN(j, ...)                                                       \
	bounce_read_tell((j)->read, true, (j)->line, __VA_ARGS__)

/* The name that was meant, perhaps. */
struct nearest {
	struct str word;
	const char *best;
	unsigned distance;
};

static void consider(struct nearest *n, const char *name)
{
	unsigned d = str_distance(n->word, str_of(name));

	if (d < n->distance && d < strlen(name)) {
		n->best = name;
		n->distance = d;
	}
}

static void complain_of_name(
    struct job *j, const char *what, const struct nearest *n)
{
	COMPLAIN(j, "%s \"%.*s\"%s%s%s", what, STR_ARG(n->word),
	    n->best != NULL ? "; did you mean \"" : "",
	    n->best != NULL ? n->best : "", n->best != NULL ? "\"?" : "");
}

/* ---- codes ---- */

static bool read_number(struct str s, unsigned max, unsigned *out)
{
	uint64_t v;

	if (str_u64(s, max, &v) != 0)
		return false;
	*out = (unsigned)v;
	return true;
}

/* "7", "500-503", and "7*" is not among them: ranges say more. */
static bool read_range(struct str s, unsigned max, unsigned *from, unsigned *to)
{
	size_t dash = str_find(s, 0, '-');

	if (!read_number(str_cut(s, 0, dash), max, from))
		return false;
	*to = *from;
	return dash == s.n ||
	       (read_number(str_from(s, dash + 1), max, to) && *from <= *to);
}

/* "550", "550-554", "5.1.1", "x.7.500-503". */
static bool read_code(struct str s, struct bounce_code *out)
{
	struct str class, subject;

	*out = (struct bounce_code){.smtp = str_find(s, 0, '.') == s.n};
	if (out->smtp)
		return read_range(s, 599, &out->from, &out->to) &&
		       out->from >= 400;
	if (!str_next(&s, '.', &class) || !str_next(&s, '.', &subject) ||
	    class.n != 1 || !read_number(subject, 999, &out->subject))
		return false;
	if (class.p[0] != 'x' && !read_number(class, 5, &out->class))
		return false;
	return (class.p[0] == 'x' || out->class >= 4) &&
	       read_range(s, 999, &out->from, &out->to);
}

static bool status_matches(
    const struct bounce_code *c, const struct bounce_status *s)
{
	return (s->class == 4 || s->class == 5) &&
	       (c->class == 0 || c->class == s->class) &&
	       c->subject == s->subject && s->detail >= c->from &&
	       s->detail <= c->to;
}

bool bounce_code_matches(
    const struct bounce_code *c, unsigned smtp, const struct bounce_status *s)
{
	if (c->smtp)
		return smtp >= c->from && smtp <= c->to;
	return status_matches(c, s);
}

/* ---- conditions ---- */

typedef bool take_fn(struct job *j, struct str value, struct bounce_when *when);

/* Room for the values of a list; NULL: too many, or no memory. */
static void *list_room(struct job *j, struct str list, size_t size)
{
	size_t n = 1;

	for (size_t i = 0; i < list.n; i++)
		n += list.p[i] == ',';
	return n > LIST_MAX ? NULL : arena_array(j->a, n, size);
}

static bool take_at(struct job *j, struct str list, struct bounce_when *when)
{
	struct str *v = list_room(j, list, sizeof(*v)), one;

	if (v == NULL)
		return false;
	when->at = (struct strs){v, 0};
	while (str_next(&list, ',', &one)) {
		for (size_t i = 0; i < one.n; i++)
			if (!ascii_is_alnum(one.p[i]) && one.p[i] != '.' &&
			    one.p[i] != '-')
				return false;
		v[when->at.n] = arena_str(j->a, one);
		if (one.n == 0 || v[when->at.n++].p == NULL)
			return false;
	}
	return true;
}

static bool take_list_of_codes(
    struct job *j, struct str list, struct bounce_codes *out)
{
	struct bounce_code *v = list_room(j, list, sizeof(*v));
	struct str one;

	if (v == NULL)
		return false;
	*out = (struct bounce_codes){v, 0};
	while (str_next(&list, ',', &one))
		if (!read_code(one, &v[out->n++]))
			return false;
	return true;
}

static bool take_code(struct job *j, struct str list, struct bounce_when *when)
{
	return take_list_of_codes(j, list, &when->code);
}

static bool take_unless(
    struct job *j, struct str list, struct bounce_when *when)
{
	return take_list_of_codes(j, list, &when->unless);
}

/* "none" stands first, if at all. */
static bool take_said(struct job *j, struct str list, struct bounce_when *when)
{
	if (str_eq(list, STR("none")) || str_starts(list, STR("none,"))) {
		when->said_none = true;
		list = str_from(list, 5);
	}
	if (list.n == 0)
		return when->said_none;
	if (!take_list_of_codes(j, list, &when->said))
		return false;
	for (size_t i = 0; i < when->said.n; i++)
		if (when->said.v[i].smtp)
			return false;
	return true;
}

static bool take_stage(struct job *j, struct str list, struct bounce_when *when)
{
	enum bounce_stage stage;
	struct str one;

	(void)j;
	while (str_next(&list, ',', &one)) {
		if (!bounce_stage_of_name(one, &stage))
			return false;
		when->stages |= 1U << stage;
	}
	return true;
}

static bool take_outcome(struct job *j, struct str s, struct bounce_when *when)
{
	(void)j;
	if (str_eq(s, STR("failed")))
		when->outcomes = 1U << BOUNCE_FAILED;
	else if (str_eq(s, STR("delayed")))
		when->outcomes = 1U << BOUNCE_DELAYED;
	return when->outcomes != 0;
}

static bool take_of(struct job *j, struct str list, struct bounce_when *when)
{
	enum bounce_reason reason;
	struct str one;

	if (j->section->layer != BOUNCE_DOUBT)
		return false;
	while (str_next(&list, ',', &one)) {
		if (!bounce_reason_of_name(one, &reason) ||
		    bounce_class_of(reason) != BOUNCE_CLASS_PERSON)
			return false;
		when->of |= (uint32_t)1 << reason;
	}
	return true;
}

static const struct condition {
	const char *name;
	take_fn *take;
	const char *want;
} conditions[] = {
    {"at", take_at, "domains: \"example.com,example.net\""},
    {"code", take_code, "codes: \"550,5.7.1,x.7.500-503\""},
    {"of", take_of,
	"reasons of class person: \"user_unknown\", in a section of doubt"},
    {"outcome", take_outcome, "\"failed\" or \"delayed\""},
    {"said", take_said, "\"none\" or status codes: \"none,x.0.0\""},
    {"stage", take_stage, "of: connect,helo,mail,rcpt,data,unknown"},
    {"unless", take_unless, "codes: \"x.7.0-999,552\""},
};

static bool read_condition(struct job *j, struct str word)
{
	size_t at = str_find(word, 0, '=');
	struct nearest near = {str_cut(word, 0, at), NULL, SUGGEST_WITHIN};

	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
		const struct condition *c = &conditions[i];

		consider(&near, c->name);
		if (!str_eq(near.word, str_of(c->name)))
			continue;
		if (at + 1 < word.n &&
		    c->take(j, str_from(word, at + 1), &j->section->when))
			return true;
		COMPLAIN(j, "\"%.*s\": %s takes %s", STR_ARG(word), c->name,
		    c->want);
		return false;
	}
	complain_of_name(j, "unknown condition", &near);
	return false;
}

static bool is_narrowed(const struct bounce_when *w)
{
	return w->stages != 0 || w->outcomes != 0 || w->of != 0 ||
	       w->code.n > 0 || w->unless.n > 0 || w->said.n > 0 ||
	       w->said_none || w->at.n > 0;
}

/* ---- heads of sections ---- */

static bool read_layer(struct str word, enum bounce_layer *out)
{
	static const char *const names[BOUNCE_LAYERS] = {
	    NULL, "vague", "doubt", "stage", "codes"};

	for (int i = BOUNCE_VAGUE; i < BOUNCE_LAYERS; i++)
		if (str_eq(word, str_of(names[i]))) {
			*out = (enum bounce_layer)i;
			return true;
		}
	return false;
}

static bool read_name(struct job *j, struct str word)
{
	struct bounce_section *s = j->section;
	struct nearest near = {word, NULL, SUGGEST_WITHIN};
	enum bounce_reason unused;

	if (s->layer == BOUNCE_STAGE) {
		if (bounce_stage_of_name(word, &s->stage) &&
		    s->stage != BOUNCE_STAGE_UNKNOWN)
			return true;
		COMPLAIN(j, "unknown stage \"%.*s\"", STR_ARG(word));
		return false;
	}
	if (bounce_reason_of_name(word, &s->reason)) {
		if (s->layer != BOUNCE_DOUBT ||
		    bounce_class_of(s->reason) != BOUNCE_CLASS_PERSON)
			return true;
		COMPLAIN(j,
		    "doubt is for sparing the person; "
		    "\"%.*s\" blames the person",
		    STR_ARG(word));
		return false;
	}
	for (int r = BOUNCE_OTHER; r <= BOUNCE_OTHER_REPORT; r++) {
		const char *name = bounce_reason_name((enum bounce_reason)r);
		if (bounce_reason_of_name(str_of(name), &unused))
			consider(&near, name);
	}
	complain_of_name(j, "unknown reason", &near);
	return false;
}

static bool read_head_words(struct job *j, const struct str *word, size_t n)
{
	size_t at = 0;

	if (n > 0 && read_layer(word[0], &j->section->layer))
		at++;
	if (at == n) {
		COMPLAIN(j, "the section names no reason");
		return false;
	}
	if (!read_name(j, word[at++]))
		return false;
	if (at < n && str_find(word[at], 0, '=') == word[at].n &&
	    !str_eq(word[at], STR("sure"))) {
		if (!read_number(
			word[at], PRIORITY_MAX, &j->section->priority)) {
			COMPLAIN(j, "\"%.*s\" is no priority: 0 to %d",
			    STR_ARG(word[at]), PRIORITY_MAX);
			return false;
		}
		at++;
	}
	for (; at < n; at++)
		if (!str_eq(word[at], STR("sure"))) {
			if (!read_condition(j, word[at]))
				return false;
		} else if (j->section->layer != BOUNCE_WORDS) {
			COMPLAIN(j, "\"sure\" is for sections of plain words");
			return false;
		} else {
			j->section->when.sure = true;
		}
	return true;
}

/* "[kind reason priority condition=value... sure]" */
static int read_head(struct job *j, struct str text)
{
	struct str word[WORDS_MAX], rest, one;
	size_t n = 0;

	j->skip = true;
	j->filled = false;
	j->section = arena_alloc(j->a, sizeof(*j->section));
	if (j->section == NULL)
		return ERR_LIMIT;
	*j->section = (struct bounce_section){
	    .file = j->read->name, .line = j->line, .own = j->read->own};
	if (!str_ends(text, STR("]"))) {
		COMPLAIN(j, "\"]\" is missing at the end");
		return 0;
	}
	rest = str_cut(text, 1, text.n - 2);
	while (str_next(&rest, ' ', &one)) {
		if (one.n == 0)
			continue;
		if (n == WORDS_MAX) {
			COMPLAIN(j, "more than %d words", WORDS_MAX);
			return 0;
		}
		word[n++] = one;
	}
	j->skip = !read_head_words(j, word, n);
	return 0;
}

/* ---- phrases ---- */

static bool has_letter(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ascii_is_alnum(s.p[i]))
			return true;
	return false;
}

/* Codes and addresses are passed over in texts, so never found. */
static bool has_passed_over(struct str s)
{
	struct str one;

	if (str_find(s, 0, '@') < s.n)
		return true;
	while (str_next(&s, ' ', &one))
		if (has_letter(one) && phrases_is_code(one))
			return true;
	return false;
}

/* "*" at head and end are kept, all else is folded as texts are. */
static int fold_phrase(struct job *j, struct str s, const char **out)
{
	bool head = str_starts(s, STR("*")),
	     end = s.n > 1 && str_ends(s, STR("*"));
	struct str inner = str_cut(s, head, s.n - head - end);

	*out = NULL;
	if (str_find(inner, 0, '*') < inner.n) {
		COMPLAIN(j, "\"*\" stands at the head or the end of a phrase");
		return 0;
	}
	if (has_passed_over(inner)) {
		COMPLAIN(j, "codes and addresses are passed over in texts: a "
			    "phrase has none (code= is for codes)");
		return 0;
	}
	buf_reset(&j->folded);
	phrases_fold(inner, &j->folded);
	if (buf_error(&j->folded) != 0)
		return buf_error(&j->folded);
	inner = str_trim(buf_str(&j->folded));
	if (inner.n == 0) {
		COMPLAIN(j, "no letter or digit in the phrase");
		return 0;
	}
	*out = arena_printf(
	    j->a, "%s%.*s%s", head ? "*" : "", STR_ARG(inner), end ? "*" : "");
	return *out != NULL ? 0 : ERR_LIMIT;
}

static int add(struct job *j, const struct bounce_line *line, bool code)
{
	struct bounce_rules *r = j->read->rules;
	struct bounce_line *v = code ? r->code : r->line;
	size_t *n = code ? &r->n_codes : &r->n_lines;

	v = arena_room(
	    j->a, v, *n, code ? &r->room_codes : &r->room, 64, sizeof(*v));
	if (v == NULL || *n == PHRASES_MAX)
		return ERR_LIMIT;
	*(code ? &r->code : &r->line) = v;
	v[(*n)++] = *line;
	return 0;
}

static int read_phrases(struct job *j, struct str text, struct bounce_line *l)
{
	size_t plus = str_find(text, 0, '+');
	size_t before = j->read->errors;
	int rc;

	if (str_eq(text, STR("*"))) {
		if (!is_narrowed(&j->section->when)) {
			COMPLAIN(j, "\"*\" alone is for sections with a "
				    "condition: it decides everything");
			return 0;
		}
		return add(j, l, false);
	}
	rc = fold_phrase(j, str_trim(str_cut(text, 0, plus)), &l->phrase);
	if (rc == 0 && plus < text.n)
		rc = fold_phrase(
		    j, str_trim(str_from(text, plus + 1)), &l->also);
	return rc != 0 || j->read->errors > before ? rc : add(j, l, false);
}

/* Several may stand in one line. */
static int read_codes(struct job *j, struct str text, struct bounce_line *l)
{
	struct str one;
	int rc = 0;

	while (rc == 0 && str_next(&text, ' ', &one)) {
		if (one.n == 0)
			continue;
		if (!read_code(one, &l->code)) {
			COMPLAIN(j,
			    "\"%.*s\" is no code such as 552, x.1.1 "
			    "or x.7.500-503",
			    STR_ARG(one));
			return 0;
		}
		l->text = arena_printf(j->a, "%.*s", STR_ARG(one));
		rc = l->text != NULL ? add(j, l, true) : ERR_LIMIT;
	}
	return rc;
}

static int read_line(struct job *j, struct str text)
{
	struct bounce_line l = {.section = j->section, .line = j->line};

	if (text.p[0] == '[')
		return read_head(j, text);
	if (j->skip)
		return 0;
	if (j->section == NULL) {
		COMPLAIN(j, "a phrase before the first [section]");
		j->skip = true;
		return 0;
	}
	j->filled = true;
	if (j->section->layer == BOUNCE_CODES)
		return read_codes(j, text, &l);
	l.text = arena_printf(j->a, "%.*s", STR_ARG(text));
	return l.text != NULL ? read_phrases(j, text, &l) : ERR_LIMIT;
}

/* ---- lines ---- */

static struct str without_comment(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '#' && (i == 0 || ascii_is_blank(s.p[i - 1])))
			return str_cut(s, 0, i);
	return s;
}

static bool is_readable(struct job *j, struct str line)
{
	if (line.n > LINE_MAX_BYTES) {
		COMPLAIN(j, "more than %d bytes in a line", LINE_MAX_BYTES);
		return false;
	}
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f) {
			COMPLAIN(j, "a control character");
			return false;
		}
	}
	return true;
}

/* A section that ends without a phrase was meant to have some. */
static void end_section(struct job *j)
{
	const struct bounce_section *s = j->section;

	if (s != NULL && !j->skip && !j->filled)
		bounce_read_tell(
		    j->read, false, s->line, "the section has no phrases");
}

int bounce_read_text(struct bounce_read *read, struct str text)
{
	struct job j = {.read = read, .a = read->rules->arena};
	struct str line;
	int rc = 0;

	buf_init(&j.folded, LINE_MAX_BYTES + 2);
	while (rc == 0 && str_next(&text, '\n', &line)) {
		j.line++;
		if (!is_readable(&j, line))
			continue;
		line = str_trim(without_comment(line));
		if (line.n == 0)
			continue;
		if (line.p[0] == '[')
			end_section(&j);
		rc = read_line(&j, line);
	}
	end_section(&j);
	buf_fini(&j.folded);
	return rc;
}
