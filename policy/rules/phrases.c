/* phrases.c - see phrases.h.
 *
 * The automaton is a dense table next[state][letter]. Letters are the bytes
 * that occur in phrases, numbered from 2; 0 is any other byte and 1 the gap.
 * Each phrase is entered with a gap in front and, without "*", behind it, and
 * the text is fed with single gaps round its words: so whole words need no
 * code of their own. hit[] chains the phrases that end in a state, also those
 * of its suffixes. */
#include "policy/rules/phrases.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OTHER,
	GAP,
	FIRST_LETTER,
	MAX_STATES = 60000
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

/* Numbers the bytes in use and counts the states that could be needed. */
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
			bool star = c == '*' && k > 0 && k + 1 == len;
			bool gap = c == ' ' && k > 0 && k + 1 < len &&
				   z[k + 1] != ' ' && z[k + 1] != '*';
			if (star || gap)
				continue;
			if (!is_word_byte(z[k]) || ascii_lower(z[k]) != z[k])
				return ERR_SYNTAX;
			if (p->letter[c] == OTHER)
				p->letter[c] = (unsigned char)p->letters++;
		}
		p->cap += len + 2;
	}
	return p->cap <= MAX_STATES ? 0 : ERR_LIMIT;
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

static unsigned step(struct phrases *p, unsigned s, unsigned char letter)
{
	uint16_t *to = &p->next[s * p->letters + letter];

	if (*to == 0)
		*to = (uint16_t)p->states++;
	return *to;
}

static void enter(struct phrases *p, const char *z, int i)
{
	unsigned s = step(p, 0, GAP);

	for (; *z != '\0' && *z != '*'; z++)
		s = step(p, s, p->letter[(unsigned char)*z]);
	if (*z == '\0')
		s = step(p, s, GAP);
	p->same[i] = p->state[s].hit;
	p->state[s].hit = i;
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
			enter(p, v[i], (int)i);
	if (rc == 0)
		rc = link_states(p);
	if (rc == 0)
		*out = p;
	else
		phrases_free(&p);
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

/* ---- the text ---- */

struct feed {
	const struct phrases *p;
	uint64_t *hits;
	unsigned s;
	bool in_gap;
};

static void feed_letter(struct feed *f, unsigned char letter)
{
	const struct phrases *p = f->p;
	unsigned at;

	f->s = p->next[f->s * p->letters + letter];
	at = p->state[f->s].hit != NONE ? f->s : p->state[f->s].chain;
	for (; at != 0; at = p->state[at].chain)
		for (int i = p->state[at].hit; i != NONE; i = p->same[i])
			f->hits[i / 64] |= (uint64_t)1 << (i % 64);
}

static void feed_gap(struct feed *f)
{
	if (!f->in_gap)
		feed_letter(f, GAP);
	f->in_gap = true;
}

static void feed_piece(struct feed *f, struct str piece)
{
	if (str_find(piece, 0, '@') < piece.n)
		return;
	for (size_t i = 0; i < piece.n; i++) {
		char c = piece.p[i];
		if (!is_word_byte(c)) {
			feed_gap(f);
			continue;
		}
		feed_letter(f, f->p->letter[(unsigned char)ascii_lower(c)]);
		f->in_gap = false;
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

void phrases_match(const struct phrases *p, struct str text, uint64_t *hits)
{
	struct feed f = {.p = p, .hits = hits};
	struct str s = str_cut(text, 0, PHRASES_TEXT_MAX);
	size_t at = 0;

	feed_gap(&f);
	while (at < s.n) {
		size_t end = at;
		while (end < s.n && !is_space(s.p[end]))
			end++;
		if (end > at)
			feed_word(&f, str_cut(s, at, end - at));
		at = end + 1;
	}
}
