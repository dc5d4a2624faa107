/* reply_wish.c - see reply_wish.h.
 *
 * What asks for no more stands in one clause: a word that says it (WORD_STOP,
 * WORD_NO_MORE), or two or three that say it together. It is no wish
 *   where a denial stands a few words before it ("not"), or just behind, as some
 *   languages have it: further away it denies something else
 *   below a condition ("if you"), which holds to the end of the sentence, and in a
 *   notice of confidentiality, which holds to the end of the paragraph
 *   beside words by which it is an instruction, or of other people or things.
 * But who names themselves as the object ("remove me") asks for it there as well:
 * no footer says that. */
#include "policy/mail/reply_wish.h"

#include "policy/mail/reply_clause.h"

enum {
	CLAUSES_MAX = 200,
	NOT_REACH = 3, /* places between a denial and what it denies */
	NOT_REACH_DENSE = 3,
	HALVES_REACH = 5, /* between "stop" and "mails" */
	MINE_REACH = 3,   /* between "delete" and "my address" */
	BEHIND_REACH = 1,
	BEHIND_REACH_DENSE = 5,
	ALONE_MAX = 60, /* places of a clause that is one word */
	ALONE_TEXT_MAX = 200,
	ALONE_WORDS = 8,
};

/* What a clause says, before its neighbours are looked at. */
struct sense {
	struct str text;
	enum clause_end end;
	bool asks;     /* unless a condition or a notice holds */
	bool asks_for; /* for whoever writes: whatever holds */
	bool cond, legal;
};

static bool has_both(uint64_t words, uint64_t a, uint64_t b)
{
	return (words & a) != 0 && (words & b) != 0;
}

static bool is_between(unsigned from, unsigned end, unsigned reach)
{
	return from > end && from - end - 1 <= reach;
}

/* The end of the last word before h that begins something new. */
static unsigned last_break(const struct clause *c, const struct clause_hit *h)
{
	unsigned at = 0;

	for (size_t i = 0; i < c->n; i++)
		if ((c->v[i].word & (WORD_BREAK | WORD_POLITE)) != 0 &&
		    c->v[i].end < h->from && c->v[i].end > at)
			at = c->v[i].end;
	return at;
}

static bool is_denied(const struct clause *c, const struct clause_hit *h)
{
	unsigned after = last_break(c, h),
		 reach = c->dense ? NOT_REACH_DENSE : NOT_REACH,
		 behind = c->dense ? BEHIND_REACH_DENSE : BEHIND_REACH;

	for (size_t i = 0; i < c->n; i++) {
		const struct clause_hit *k = &c->v[i];

		if (k->denied || (k->word & (WORD_NOT | WORD_REFUSE)) == 0)
			continue;
		if ((k->word & WORD_AFTER) != 0
			? is_between(k->from, h->end, behind)
			: k->end > after && is_between(h->from, k->end, reach))
			return true;
	}
	return false;
}

/* Is who writes the object: "remove me", "mich austragen"? */
static bool is_mine(const struct clause *c, const struct clause_hit *h)
{
	if ((h->word & WORD_ME) != 0)
		return true;
	for (size_t i = 0; i < c->n; i++) {
		const struct clause_hit *me = &c->v[i];

		if ((me->word & WORD_ME) == 0 || me->denied)
			continue;
		if ((me->from >= h->from && me->end <= h->end) ||
		    me->from == h->end + 1 || me->end + 1 == h->from)
			return true;
	}
	return false;
}

/* "click here to remove me", "did you take me off": what makes it no wish stands
 * before it. "Remove me and my colleagues" is one. */
static bool is_led(const struct clause *c, const struct clause_hit *h)
{
	for (size_t i = 0; i < c->n; i++)
		if ((c->v[i].word & WORD_IF) != 0 && c->v[i].from <= h->from)
			return true;
	return false;
}

/* Is one of those words at most a few places from h? */
static bool is_near(const struct clause *c, const struct clause_hit *h,
    uint64_t words, unsigned reach)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct clause_hit *k = &c->v[i];

		if ((k->word & words) != 0 && k->from <= h->end + reach &&
		    h->from <= k->end + reach)
			return true;
	}
	return false;
}

/* Words that ask for no more, together with others of the clause. */
static bool asks_together(const struct clause *c, const struct clause_hit *h)
{
	uint64_t w = c->words;

	if ((h->word & WORD_HALT) != 0)
		return (w & WORD_HOLD) == 0 &&
		       is_near(c, h, WORD_MAILS | WORD_SEND, HALVES_REACH);
	if ((h->word & WORD_REMOVE) == 0)
		return false;
	return (w & WORD_LIST) != 0 || has_both(w, WORD_ME, WORD_ROLL) ||
	       is_near(c, h, WORD_MINE, MINE_REACH);
}

static bool is_asking(const struct clause *c, const struct clause_hit *h)
{
	if (h->denied)
		return false;
	if ((h->word & WORD_NO_MORE) != 0)
		return (c->words & WORD_HOLD) == 0;
	return ((h->word & WORD_STOP) != 0 || asks_together(c, h)) &&
	       !is_denied(c, h);
}

/* "I want no mails", "no more mails": which word stands where is no matter. But
 * not "I do not want to be removed from your mails". */
static bool refuses(uint64_t words)
{
	if ((words & (WORD_STOP | WORD_REMOVE | WORD_HOLD)) != 0)
		return false;
	if (has_both(words, WORD_REFUSE, WORD_MAILS))
		return true;
	return (words & WORD_MORE) != 0 &&
	       has_both(words, WORD_NOT, WORD_MAILS) &&
	       (words & WORD_HALT) == 0;
}

/* "To unsubscribe, write"; not "I want to unsubscribe". */
static bool is_instruction(uint64_t words)
{
	return (words & WORD_IF) != 0 ||
	       ((words & WORD_TO) != 0 && (words & WORD_WANT) == 0);
}

/* Are they things that shall stop: an order, an appointment? Not mails of them. */
static bool is_of_things(uint64_t words, uint64_t by)
{
	return (words & WORD_OTHER) != 0 &&
	       ((words & WORD_MAILS) == 0 ||
		   (by & (WORD_STOP | WORD_NO_MORE)) == 0);
}

static bool has_condition(const struct clause *c)
{
	for (size_t i = 0; i < c->n; i++)
		if ((c->v[i].word & WORD_COND) != 0 && !c->v[i].denied)
			return true;
	return c->dense && (c->words & WORD_COND) != 0;
}

static void understand(const struct clause *c, struct sense *out)
{
	bool instruction = is_instruction(c->words);

	*out = (struct sense){.text = c->text,
	    .end = c->end,
	    .cond = has_condition(c),
	    .legal = (c->words & WORD_LEGAL) != 0};
	for (size_t i = 0; i < c->n && !out->asks_for; i++) {
		const struct clause_hit *h = &c->v[i];

		if (!is_asking(c, h))
			continue;
		out->asks = out->asks ||
			    (!instruction && !is_of_things(c->words, h->word));
		out->asks_for = is_mine(c, h) && !is_led(c, h);
	}
	out->asks = out->asks ||
		    (!instruction && (c->words & WORD_OTHER) == 0 &&
			refuses(c->words)) ||
		    has_both(c->words, WORD_STOP, WORD_BROKEN);
}

/* Does the sentence that begins at i have a word of a notice in it? */
static bool is_notice(const struct sense *v, size_t n, size_t i)
{
	for (; i < n; i++) {
		if (v[i].legal)
			return true;
		if (v[i].end != ENDS_CLAUSE)
			return false;
	}
	return false;
}

/* The first clause that is a wish, or NULL. */
static const struct sense *find_wish(const struct sense *v, size_t n)
{
	bool cond = false, legal = false;

	for (size_t i = 0; i < n; i++) {
		bool begins = i == 0 || v[i - 1].end != ENDS_CLAUSE;

		if (begins)
			cond = false;
		if (i > 0 && v[i - 1].end == ENDS_PARAGRAPH)
			legal = false;
		if (begins && !legal)
			legal = is_notice(v, n, i);
		cond = cond || v[i].cond;
		if (v[i].asks_for || (v[i].asks && !cond && !legal))
			return &v[i];
	}
	return NULL;
}

/* Is what stands before `at` the end of a sentence, or of a line? */
static bool ends_sentence(struct str text, size_t at)
{
	static const char *const ends[] = {".", "!", "?", "\n", "\343\200\202",
	    "\357\274\201", "\357\274\237"};
	struct str before = str_cut(text, 0, at);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (str_ends(before, str_of(ends[i])))
			return true;
	return false;
}

void wish_read(
    const struct reply_rules *r, struct str text, struct wish_reading *out)
{
	struct sense v[CLAUSES_MAX];
	const struct sense *wish;
	struct clause c;
	size_t at = 0, n = 0;

	out->found = 0;
	out->opt_out = STR_NULL;
	while (n < CLAUSES_MAX && clause_next(text, &at, &c)) {
		clause_read(r, &c);
		understand(&c, &v[n++]);
		out->found |= c.words;
		reply_left_add(&out->left, c.text, (unsigned)c.words,
		    ends_sentence(text, at));
	}
	reply_left_end(&out->left);
	wish = find_wish(v, n);
	if (wish != NULL)
		out->opt_out = wish->text;
}

/* --- one word --- */

/* The places of c that words of those kinds fill. */
static uint64_t filled_by(const struct clause *c, uint64_t words)
{
	uint64_t places = 0;

	for (size_t i = 0; i < c->n; i++)
		for (unsigned k = c->v[i].from;
		     (c->v[i].word & words) != 0 && k <= c->v[i].end &&
		     k <= ALONE_MAX;
		     k++)
			places |= (uint64_t)1 << k;
	return places;
}

static bool is_filled_by(const struct clause *c, uint64_t words)
{
	uint64_t all = ((uint64_t)1 << (c->length + 1)) - 2;

	return c->length > 0 && c->length <= ALONE_MAX &&
	       filled_by(c, words) == all;
}

bool wish_is_one_word(
    const struct reply_rules *r, struct str text, struct str *clause_out)
{
	struct clause c;
	size_t at = 0;

	if (text.n > ALONE_TEXT_MAX || str_words(text) > ALONE_WORDS)
		return false;
	while (clause_next(text, &at, &c)) {
		clause_read(r, &c);
		*clause_out = c.text;
		if ((c.words & WORD_ALONE) != 0 &&
		    is_filled_by(&c, WORD_ALONE | WORD_POLITE | WORD_IDLE))
			return true;
		if (c.text.n == 0 || is_filled_by(&c, WORD_POLITE | WORD_IDLE))
			continue;
		if (c.dense || (c.words & WORD_POLITE) == 0)
			return false;
	}
	return false;
}
