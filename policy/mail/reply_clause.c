/* reply_clause.c - see reply_clause.h.
 *
 * Phrases of languages with blanks between words go through one automaton
 * (phrases.h), in which "ae" for an umlaut counts as the umlaut; the others, some
 * hundreds, are looked for one by one, in text that holds any such letter. */
#include "policy/mail/reply_clause.h"

#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/mail/nfc.h"
#include "policy/rules/phrases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FOLDED_MAX = 1 << 19,
	PHRASE_MAX = 100,
	WRAP_MIN = 50,   /* bytes of a line that may go on in the next */
	DENSE_TIMES = 4, /* places of one phrase that are looked at */
};

struct rule {
	uint64_t word;
	unsigned length;  /* in places */
	struct str dense; /* empty: it is in the automaton */
};

struct reply_rules {
	struct phrases *phrases;
	struct arena *a;            /* holds what is below */
	struct rule *v;             /* of all tables, numbered as in phrases */
	struct reply_phrase *texts; /* the same as they stand there */
	size_t n;
};

/* --- letters --- */

/* Of a language that has no blanks between words. */
static bool is_dense(const char *z)
{
	return (unsigned char)z[0] >= 0xe3 && (unsigned char)z[0] < 0xf0;
}

static bool has_dense(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_dense(s.p + i))
			return true;
	return false;
}

/* Without the blanks beside letters that need none. */
static size_t squeeze(char *p, size_t n)
{
	size_t out = 0;
	bool after = true;

	for (size_t i = 0; i < n; i++) {
		bool blank = ascii_is_blank(p[i]) || p[i] == '\n';

		if (blank && (after || (i + 1 < n && is_dense(p + i + 1))))
			continue;
		if (!blank)
			after = (unsigned char)p[i] >= 0x80 &&
				(after || is_dense(p + i));
		p[out++] = p[i];
	}
	return out;
}

static char full_width(const char *p)
{
	unsigned char b = (unsigned char)p[1], c = (unsigned char)p[2];
	unsigned at = (b - 0xbcU) * 64 + (c - 0x80U); /* from U+FF00 */

	if ((unsigned char)p[0] != 0xef || b < 0xbc || b > 0xbd || at < 1 ||
	    at > 0x5e)
		return '\0';
	return ascii_lower((char)(at + 0x20));
}

/* Takes off what typing makes of lower case letters; in place. */
static size_t plain(char *p, size_t n)
{
	static const struct {
		const char *from;
		size_t n;
		const char *to;
	} marks[] = {{"\342\200\231", 3, "'"}, {"\342\200\230", 3, "'"},
	    {"\302\240", 2, " "}, {"\342\200\221", 3, "-"},
	    {"\343\200\200", 3, " "}, {"\314\207", 2, ""},
	    {"\316\254", 2, "\316\261"}, {"\316\255", 2, "\316\265"},
	    {"\316\256", 2, "\316\267"}, {"\316\257", 2, "\316\271"},
	    {"\317\214", 2, "\316\277"}, {"\317\215", 2, "\317\205"},
	    {"\317\216", 2, "\317\211"}, {"\317\202", 2, "\317\203"}};
	enum {
		MARKS = sizeof(marks) / sizeof(marks[0])
	};
	size_t out = 0;

	for (size_t i = 0; i < n;) {
		size_t k = 0;
		char ascii = n - i >= 3 ? full_width(p + i) : '\0';

		if (ascii != '\0') {
			p[out++] = ascii;
			i += 3;
			continue;
		}
		while (k < MARKS &&
		       (n - i < marks[k].n ||
			   memcmp(p + i, marks[k].from, marks[k].n) != 0))
			k++;
		if (k == MARKS) {
			p[out++] = p[i++];
			continue;
		}
		i += marks[k].n; /* which is not less than what it becomes */
		for (const char *z = marks[k].to; *z != '\0'; z++)
			p[out++] = *z;
	}
	return out;
}

void clause_lower(struct str s, char out[CLAUSE_LOWER_MAX], size_t *n_out)
{
	size_t n = 0;

	*n_out = 0;
	if (nfc_lower(s, out, CLAUSE_LOWER_MAX, &n) == 0)
		*n_out = plain(out, n);
}

/* --- the rules --- */

/* As phrases.h wants it: folded as the text will be, its "*" kept. */
static int fold(struct reply_rules *r, const char *phrase, struct rule *rule,
    struct buf *b, const char **out)
{
	char lowered[PHRASE_MAX];
	struct str text = str_of(phrase), low = {lowered, 0};
	bool open = str_ends(text, STR("*"));

	*out = NULL;
	text = str_cut(text, 0, text.n - open);
	if (text.n > sizeof(lowered))
		return ERR_LIMIT;
	memcpy(lowered, text.p, text.n);
	low.n = plain(lowered, text.n);
	if (is_dense(phrase)) {
		low.n = squeeze(lowered, low.n);
		rule->dense = arena_str(r->a, low);
		rule->length = (unsigned)(low.n / 3);
		return rule->dense.p != NULL ? 0 : -ENOMEM;
	}
	buf_reset(b);
	phrases_fold(low, b);
	text = str_trim(buf_str(b));
	rule->length = 1;
	for (size_t i = 0; i < text.n; i++)
		rule->length += text.p[i] == ' ';
	*out = arena_printf(r->a, "%.*s%s", STR_ARG(text), open ? "*" : "");
	return *out == NULL ? -ENOMEM : buf_error(b);
}

static const struct reply_words *const tables[] = {&reply_words_wish,
    &reply_words_pair, &reply_words_no_more, &reply_words_halves,
    &reply_words_deny, &reply_words_other, &reply_words_auto, &reply_words_left,
    &reply_words_stay};
enum {
	TABLES = sizeof(tables) / sizeof(tables[0])
};

static int compile(struct reply_rules *r)
{
	size_t n = 0;
	const char **v;
	struct buf b;
	int rc = 0;

	buf_init(&b, CLAUSE_MAX);
	for (size_t i = 0; i < TABLES; i++)
		n += tables[i]->n;
	r->v = arena_array(r->a, n, sizeof(*r->v));
	r->texts = arena_array(r->a, n, sizeof(*r->texts));
	v = arena_array(r->a, n, sizeof(*v));
	if (r->v == NULL || r->texts == NULL || v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < TABLES; i++)
		for (size_t k = 0; rc == 0 && k < tables[i]->n; k++) {
			const struct reply_phrase *p = &tables[i]->v[k];

			r->texts[r->n] = *p;
			r->v[r->n] = (struct rule){.word = p->word};
			rc = fold(r, p->text, &r->v[r->n], &b, &v[r->n]);
			r->n++;
		}
	buf_fini(&b);
	return rc == 0 ? phrases_new(v, r->n, &r->phrases) : rc;
}

int reply_rules_new(struct reply_rules **out)
{
	struct reply_rules *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));
	int rc = -ENOMEM;

	if (r != NULL && (r->a = arena_new(FOLDED_MAX)) != NULL)
		rc = compile(r);
	if (rc != 0)
		reply_rules_free(&r);
	*out = r;
	return rc;
}

void reply_rules_free(struct reply_rules **r)
{
	if (*r == NULL)
		return;
	phrases_free(&(*r)->phrases);
	arena_free(&(*r)->a);
	free(*r);
	*r = NULL;
}

const struct reply_phrase *clause_phrases(
    const struct reply_rules *r, size_t *n_out)
{
	*n_out = r->n;
	return r->texts;
}

/* --- where a clause ends --- */

/* The length of a mark that ends a clause at s, or 0. An apostrophe is none, nor
 * a point or colon within a word. */
static size_t mark_at(struct str s, enum clause_end *end)
{
	static const struct {
		const char *mark;
		enum clause_end end;
	} wide[] = {{"\343\200\202", ENDS_SENTENCE}, {"\343\200\201", 0},
	    {"\357\274\201", ENDS_SENTENCE}, {"\357\274\237", ENDS_SENTENCE},
	    {"\357\274\214", 0}, {"\342\200\223", 0}, {"\342\200\224", 0}};
	bool ends = s.n < 2 || s.p[1] == ' ' || s.p[1] == '\n';

	*end = s.p[0] == '!' || s.p[0] == '?' || s.p[0] == '.' ? ENDS_SENTENCE
							       : ENDS_CLAUSE;
	if (s.p[0] == '\n' || s.p[0] == '!' || s.p[0] == '?' || s.p[0] == ';' ||
	    s.p[0] == '(' || s.p[0] == ')')
		return 1;
	if ((s.p[0] == '.' || s.p[0] == ',' || s.p[0] == ':') && ends)
		return 1;
	if (str_starts(s, STR(" - ")))
		return 3;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		*end = wide[i].end;
		if (str_starts(s, str_of(wide[i].mark)))
			return strlen(wide[i].mark);
	}
	return 0;
}

/* A wrapped line goes on in the next: its end is no end of a clause unless what
 * stands before it is short, or the next one is empty. */
static bool is_wrap(struct str text, size_t at, size_t from)
{
	return text.p[at] == '\n' && at - from > WRAP_MIN && at + 1 < text.n &&
	       text.p[at + 1] != '\n';
}

/* Does an empty line begin at at, just behind a mark? */
static bool is_paragraph_end(struct str text, size_t at)
{
	size_t lines = at > 0 && text.p[at - 1] == '\n';

	while (at < text.n && (ascii_is_blank(text.p[at]) ||
				  text.p[at] == '\n' || text.p[at] == '\r'))
		lines += text.p[at++] == '\n';
	return lines > 1 || at >= text.n;
}

bool clause_next(struct str text, size_t *at, struct clause *out)
{
	size_t from = *at, line = *at, i;

	out->end = ENDS_CLAUSE;
	if (from >= text.n)
		return false;
	for (i = from; i < text.n && i - from < CLAUSE_MAX; i++) {
		enum clause_end end;
		size_t n = mark_at(str_from(text, i), &end);

		if (n == 0)
			continue;
		if (is_wrap(text, i, line)) {
			line = i + 1;
			continue;
		}
		out->text = str_trim(str_cut(text, from, i - from));
		out->end = (text.p[i] == '\n' || end == ENDS_SENTENCE) &&
				   is_paragraph_end(text, i + n)
			       ? ENDS_PARAGRAPH
			       : end;
		*at = i + n;
		return true;
	}
	while (i > from + 1 && i < text.n &&
	       ((unsigned char)text.p[i] & 0xc0) == 0x80)
		i--; /* not within a character */
	out->text = str_trim(str_cut(text, from, i - from));
	*at = i;
	return true;
}

/* --- its words --- */

struct finder {
	const struct reply_rules *r;
	struct clause *c;
};

static void add(struct clause *c, uint64_t word, unsigned from, unsigned end)
{
	c->words |= word;
	if (c->n < CLAUSE_HITS_MAX)
		c->v[c->n++] = (struct clause_hit){word, from, end, false};
}

static void on_phrase(void *arg, size_t i, unsigned word)
{
	struct finder *f = arg;
	const struct rule *rule = &f->r->v[i];

	/* Latin words within others have no place there */
	if (f->c->dense)
		f->c->words |= rule->word;
	else
		add(f->c, rule->word,
		    word >= rule->length ? word - rule->length + 1 : 1, word);
}

static void find_dense(struct finder *f, struct str s)
{
	for (size_t i = 0; i < f->r->n; i++) {
		const struct rule *rule = &f->r->v[i];
		const char *p = s.p, *end = s.p + s.n;

		if (rule->dense.n == 0)
			continue;
		for (int times = 0; times < DENSE_TIMES; times++) {
			p = memmem(
			    p, (size_t)(end - p), rule->dense.p, rule->dense.n);
			if (p == NULL)
				break;
			add(f->c, rule->word, (unsigned)(p - s.p) / 3 + 1,
			    (unsigned)(p - s.p) / 3 + rule->length);
			p += rule->dense.n;
		}
	}
}

/* "ae", "oe", "ue" as the umlauts that they may be: folded these are "a", "o",
 * "u". False: there is none. */
static bool fold_umlauts(char *p, size_t *n)
{
	size_t out = 0;

	for (size_t i = 0; i < *n; i++) {
		p[out++] = p[i];
		if (i + 1 < *n && p[i + 1] == 'e' &&
		    (p[i] == 'a' || p[i] == 'o' || p[i] == 'u'))
			i++;
	}
	if (out == *n)
		return false;
	*n = out;
	return true;
}

/* What of c->v is part of a longer phrase that says something else. */
static void mask(struct clause *c)
{
	static const uint64_t masks =
	    WORD_IDLE | WORD_NO_MORE | WORD_IF | WORD_HOLD;

	for (size_t m = 0; m < c->n; m++) {
		const struct clause_hit *by = &c->v[m];

		for (size_t i = 0; (by->word & masks) != 0 && i < c->n; i++) {
			struct clause_hit *h = &c->v[i];

			if (h->from >= by->from && h->end <= by->end &&
			    h->end - h->from < by->end - by->from)
				h->denied = true;
		}
	}
}

void clause_read(const struct reply_rules *r, struct clause *c)
{
	char text[CLAUSE_LOWER_MAX];
	struct finder f = {r, c};
	struct str s = {text, 0};

	c->words = 0;
	c->n = 0;
	clause_lower(c->text, text, &s.n);
	c->dense = has_dense(s);
	c->length = phrases_each(r->phrases, s, on_phrase, &f);
	if (c->dense) {
		s.n = squeeze(text, s.n);
		c->length = (unsigned)(s.n + 2) / 3;
		find_dense(&f, s);
	} else if (fold_umlauts(text, &s.n)) {
		(void)phrases_each(r->phrases, s, on_phrase, &f);
	}
	mask(c);
}
