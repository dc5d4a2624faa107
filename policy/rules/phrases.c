/* phrases.c - see phrases.h.
 *
 * The automaton is a dense table next[state][letter]. Letters are the bytes
 * that occur in phrases, numbered from 2; 0 is any other byte and 1 the gap.
 * Each phrase is entered with a gap in front and behind it, but where it has a
 * "*", and the text is fed with single gaps round its words: so whole words need
 * no code of their own. hit[] chains the phrases that end in a state, also those
 * of its suffixes; a chain that was followed once in a text is not again, so
 * that phrases within phrases cost no more than themselves. */
#include "policy/rules/phrases.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OTHER,
	GAP,
	FIRST_LETTER,
	MAX_STATES = 65000
};
enum {
	NONE = -1
};

struct state {
	int hit;        /* first phrase that ends here, or NONE */
	unsigned fail;  /* longest proper suffix that is a state */
	unsigned chain; /* nearest state along fail with a hit; 0: none */
};

struct phrases {
	size_t n;       /* phrases */
	size_t letters; /* width of a row */
	size_t states, cap;
	unsigned char letter[256];
	uint16_t *next; /* states * letters */
	struct state *state;
	int *same; /* next phrase that ends in the same state */
};

static bool is_word_byte(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80;
}

/* Numbers the bytes in use and counts the states that are needed at most:
 * beginnings that phrases share make it fewer. */
static int survey(struct phrases *p, const char *const *v)
{
	p->letters = FIRST_LETTER;
	p->letter[' '] = GAP;
	p->cap = 1;
	for (size_t i = 0; i < p->n; i++) {
		const char *z = v[i] != NULL ? v[i] : "";
		size_t len = strlen(z);
		for (size_t k = 0; k < len; k++) {
			unsigned char c = (unsigned char)z[k];
			bool star = c == '*' && len > 1 &&
				    (k == 0 || k + 1 == len) &&
				    !(len == 2 && z[1 - k] == '*');
			bool gap = c == ' ' && k > 0 && k + 1 < len &&
				   z[k - 1] != '*' && z[k + 1] != ' ' &&
				   z[k + 1] != '*';
			if (star || gap)
				continue;
			if (!is_word_byte(z[k]) || ascii_lower(z[k]) != z[k])
				return ERR_SYNTAX;
			if (p->letter[c] == OTHER)
				p->letter[c] = (unsigned char)p->letters++;
		}
		p->cap += len + 2;
	}
	if (p->cap > MAX_STATES)
		p->cap = MAX_STATES;
	return 0;
}

static int allocate(struct phrases *p)
{
	if (fault_alloc())
		return -ENOMEM;
	p->next = calloc(p->cap * p->letters, sizeof(*p->next));
	p->state = calloc(p->cap, sizeof(*p->state));
	p->same = calloc(p->n + 1, sizeof(*p->same));
	if (p->next == NULL || p->state == NULL || p->same == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < p->cap; i++)
		p->state[i].hit = NONE;
	p->states = 1;
	return 0;
}

/* 0: no room. */
static unsigned step(struct phrases *p, unsigned s, unsigned char letter)
{
	uint16_t *to = &p->next[s * p->letters + letter];

	if (*to == 0 && p->states < p->cap)
		*to = (uint16_t)p->states++;
	return *to;
}

static int enter(struct phrases *p, const char *z, int i)
{
	unsigned s = 0;

	if (*z == '*')
		z++;
	else if ((s = step(p, 0, GAP)) == 0)
		return ERR_LIMIT;
	for (; *z != '\0' && *z != '*'; z++)
		if ((s = step(p, s, p->letter[(unsigned char)*z])) == 0)
			return ERR_LIMIT;
	if (*z == '\0' && (s = step(p, s, GAP)) == 0)
		return ERR_LIMIT;
	p->same[i] = p->state[s].hit;
	p->state[s].hit = i;
	return 0;
}

/* Completes one row: absent edges go where the failure state goes. */
static void link_row(struct phrases *p, unsigned s, unsigned *queue, size_t *n)
{
	const uint16_t *back = &p->next[p->state[s].fail * p->letters];
	uint16_t *row = &p->next[s * p->letters];

	for (size_t c = 0; c < p->letters; c++) {
		unsigned to = row[c];
		if (to == 0) {
			row[c] = s == 0 ? 0 : back[c];
			continue;
		}
		struct state *t = &p->state[to];
		t->fail = s == 0 ? 0 : back[c];
		t->chain = p->state[t->fail].hit != NONE
			       ? t->fail
			       : p->state[t->fail].chain;
		queue[(*n)++] = to;
	}
}

/* Breadth first, so that a failure state is complete before its users. */
static int link_states(struct phrases *p)
{
	unsigned *queue =
	    fault_alloc() ? NULL : calloc(p->states, sizeof(*queue));
	size_t n = 1;

	if (queue == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		link_row(p, queue[i], queue, &n);
	free(queue);
	return 0;
}

/* Phrases share their beginnings: fewer states than were provided for. */
static void shrink(struct phrases *p)
{
	uint16_t *next =
	    realloc(p->next, p->states * p->letters * sizeof(*next));
	struct state *state = realloc(p->state, p->states * sizeof(*state));

	p->next = next != NULL ? next : p->next;
	p->state = state != NULL ? state : p->state;
}

int phrases_new(const char *const *v, size_t n, struct phrases **out)
{
	struct phrases *p;
	int rc;

	*out = NULL;
	if (n > PHRASES_MAX)
		return ERR_LIMIT;
	p = fault_alloc() ? NULL : calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->n = n;
	rc = survey(p, v);
	if (rc == 0)
		rc = allocate(p);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (v[i] != NULL && v[i][0] != '\0')
			rc = enter(p, v[i], (int)i);
	if (rc == 0)
		rc = link_states(p);
	if (rc == 0) {
		shrink(p);
		*out = p;
	} else {
		phrases_free(&p);
	}
	return rc;
}

void phrases_free(struct phrases **p)
{
	if (*p == NULL)
		return;
	free((*p)->next);
	free((*p)->state);
	free((*p)->same);
	free(*p);
	*p = NULL;
}

bool phrases_has(const uint64_t *hits, size_t i)
{
	return (hits[i / 64] >> (i % 64) & 1) != 0;
}

/* ---- folding ---- */

/* U+00C0 to U+017F without case and accents; a blank is no letter. */
static const char latin[] =
    "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
_Static_assert(sizeof(latin) == 0x180 - 0xc0 + 1, "one for each");

enum {
	LATIN_FIRST = 0xc0,
	LATIN_END = 0x180,
	NOT_UTF8 = 0,
};

/* The length of the UTF-8 sequence that begins at s and its code point; of
 * what is no such sequence NOT_UTF8, and *cp stays. */
static size_t read_utf8(struct str s, unsigned *cp)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	unsigned value = c & (0x7fU >> n);

	if (c < 0xc2 || c > 0xf4 || n > s.n)
		return NOT_UTF8;
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)s.p[i];
		if ((next & 0xc0) != 0x80)
			return NOT_UTF8;
		value = value << 6 | (next & 0x3f);
	}
	*cp = value;
	return n;
}

static unsigned lower(unsigned cp)
{
	if (cp >= 0x391 && cp <= 0x3a9) /* Greek */
		return cp + 0x20;
	if (cp >= 0x410 && cp <= 0x42f) /* Cyrillic */
		return cp + 0x20;
	if (cp >= 0x400 && cp <= 0x40f)
		cp += 0x50;
	return cp == 0x451 ? 0x435 : cp; /* io is written as ie */
}

/* Punctuation beyond ASCII: Latin-1's, general, CJK, of full width. */
static bool is_gap_point(unsigned cp)
{
	return cp < LATIN_FIRST || (cp >= 0x2000 && cp <= 0x206f) ||
	       (cp >= 0x3000 && cp <= 0x303f) ||
	       (cp >= 0xff01 && cp <= 0xff0f) ||
	       (cp >= 0xff1a && cp <= 0xff20) || cp == 0xfeff;
}

/* One character off s, folded to at most its own length; none: a gap. */
static struct str fold_one(struct str s, char out[4], size_t *used)
{
	unsigned cp = (unsigned char)s.p[0];
	size_t n = cp < 0x80 ? 1 : read_utf8(s, &cp);

	*used = n == NOT_UTF8 ? 1 : n;
	if (cp < 0x80) {
		out[0] = ascii_lower(s.p[0]);
		return (struct str){out, is_word_byte(out[0]) ? 1 : 0};
	}
	if (is_gap_point(cp))
		return (struct str){out, 0};
	if (cp < LATIN_END) {
		out[0] = latin[cp - LATIN_FIRST];
		return (struct str){out, out[0] != ' ' ? 1 : 0};
	}
	if (n != 2)
		return str_cut(s, 0, n);
	cp = lower(cp);
	out[0] = (char)(0xc0 | cp >> 6);
	out[1] = (char)(0x80 | (cp & 0x3f));
	return (struct str){out, 2};
}

/* ---- the text ---- */

struct feed {
	const struct phrases *p; /* NULL: to be copied only */
	uint64_t *hits;
	phrases_fn *fn; /* instead of hits */
	void *arg;
	struct buf *copy;
	unsigned s;
	unsigned word; /* the words that were begun */
	bool in_gap;
};

/* Each place: a chain is as long as phrases are phrases' ends, no longer. */
static void tell(struct feed *f, unsigned at)
{
	const struct phrases *p = f->p;

	for (; at != 0; at = p->state[at].chain)
		for (int i = p->state[at].hit; i != NONE; i = p->same[i])
			f->fn(f->arg, (size_t)i, f->word);
}

static void hit(struct feed *f)
{
	const struct phrases *p = f->p;
	unsigned at = p->state[f->s].hit != NONE ? f->s : p->state[f->s].chain;

	if (f->fn != NULL) {
		tell(f, at);
		return;
	}
	for (; at != 0; at = p->state[at].chain) {
		int i = p->state[at].hit;
		if (phrases_has(f->hits, (size_t)i))
			return; /* been here: the rest of the chain as well */
		for (; i != NONE; i = p->same[i])
			f->hits[i / 64] |= (uint64_t)1 << (i % 64);
	}
}

static void feed_byte(struct feed *f, char c)
{
	if (f->p == NULL) {
		buf_addc(f->copy, c);
		return;
	}
	f->s =
	    f->p->next[f->s * f->p->letters + f->p->letter[(unsigned char)c]];
	hit(f);
}

static void feed_gap(struct feed *f)
{
	if (!f->in_gap) {
		feed_byte(f, ' ');
		f->word++;
	}
	f->in_gap = true;
}

static void feed_piece(struct feed *f, struct str piece)
{
	if (str_find(piece, 0, '@') < piece.n)
		return;
	for (size_t i = 0, used; i < piece.n; i += used) {
		char room[4];
		struct str c = fold_one(str_from(piece, i), room, &used);

		if (c.n == 0)
			feed_gap(f);
		for (size_t k = 0; k < c.n; k++)
			feed_byte(f, c.p[k]);
		f->in_gap = f->in_gap && c.n == 0;
	}
}

static bool is_space(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n' || c == '\0';
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* Splits at brackets, so that "to:<a@b>..." loses the address alone. */
static void feed_word(struct feed *f, struct str word)
{
	size_t from = 0;

	if (phrases_is_code(word))
		return;
	for (size_t i = 0; i <= word.n; i++) {
		if (i < word.n && !is_one_of(word.p[i], "<>()[]\"',;:"))
			continue;
		feed_piece(f, str_cut(word, from, i - from));
		feed_gap(f);
		from = i + 1;
	}
}

static bool digits(struct str s, size_t max)
{
	size_t i = 0;

	while (i < s.n && ascii_is_digit(s.p[i]))
		i++;
	return i == s.n && i > 0 && i <= max;
}

static bool is_class(char c)
{
	return c == '2' || c == '4' || c == '5';
}

static bool is_status(struct str s)
{
	struct str class, subject;

	return str_next(&s, '.', &class) && str_next(&s, '.', &subject) &&
	       class.n == 1 && is_class(class.p[0]) && digits(subject, 3) &&
	       digits(s, 3);
}

bool phrases_is_code(struct str word)
{
	while (word.n > 0 && is_one_of(word.p[0], "(#["))
		word = str_from(word, 1);
	while (word.n > 0 && is_one_of(word.p[word.n - 1], ")]:,;."))
		word.n--;
	if (word.n >= 3 && is_class(word.p[0]) &&
	    digits(str_cut(word, 0, 3), 3)) {
		word = str_from(word, 3);
		if (word.n == 0)
			return true;
		if (word.p[0] != '-')
			return false;
		word = str_from(word, 1);
	}
	return word.n == 0 || is_status(word);
}

static void feed_text(struct feed *f, struct str text)
{
	struct str s = str_cut(text, 0, PHRASES_TEXT_MAX);
	size_t at = 0;

	feed_gap(f);
	while (at < s.n) {
		size_t end = at;
		while (end < s.n && !is_space(s.p[end]))
			end++;
		if (end > at)
			feed_word(f, str_cut(s, at, end - at));
		at = end + 1;
	}
}

void phrases_match(const struct phrases *p, struct str text, uint64_t *hits)
{
	struct feed f = {.p = p, .hits = hits};

	feed_text(&f, text);
}

unsigned phrases_each(
    const struct phrases *p, struct str text, phrases_fn *fn, void *arg)
{
	struct feed f = {.p = p, .fn = fn, .arg = arg};

	feed_text(&f, text);
	return f.word - 1; /* the first gap stands before any */
}

void phrases_fold(struct str text, struct buf *out)
{
	struct feed f = {.copy = out};

	feed_text(&f, text);
}
