/* reply_left.c - see reply_left.h.
 *
 * To be called gone is for good, so it takes either an unmistakable verb ("has
 * retired") or that the employer is named right beside the verb: "no longer work for
 * Acme Ltd", not "no longer work on the offer that Acme Ltd has". Whoever is gone
 * and is missed here is found by the first bounce. */
#include "policy/mail/reply_left.h"

#include "policy/base/buf.h"
#include "policy/rules/phrases.h"

#include <string.h>

enum {
	FOLDED_MAX = 4096,
	NEAR_WORDS = 3, /* between verb and employer */
	LOOKS_MAX = 8,  /* clauses of a text that are looked at so closely */
	FIRM_MIN = 3,
};

/* --- the employer beside the verb --- */

/* A place in the folded clause, in bytes; from after to: none. */
struct place {
	size_t from, to;
};

static const struct place nowhere = {1, 0};

/* The first place of a phrase, which is as phrases.h has it. */
static struct place find(struct str folded, const char *phrase)
{
	struct str text = str_of(phrase);
	bool open = str_ends(text, STR("*"));
	char bytes[200];
	struct str want = {bytes, 0};
	struct place p = nowhere;
	struct buf b;

	buf_init(&b, sizeof(bytes));
	phrases_fold(str_cut(text, 0, text.n - open), &b);
	if (buf_error(&b) == 0 && b.n > 2) {
		want.n = b.n - open; /* " word " or " word" */
		memcpy(bytes, b.p, want.n);
	}
	buf_fini(&b);
	for (size_t at = 0; want.n > 0 && at + want.n <= folded.n; at++)
		if (str_starts(str_from(folded, at), want)) {
			p = (struct place){at + 1, at + want.n};
			while (p.to > p.from && p.to < folded.n &&
			       folded.p[p.to - 1] != ' ')
				p.to++;
			break;
		}
	return p;
}

static bool is_near(
    struct str folded, struct place a, struct place b, size_t words)
{
	struct place first = a.from <= b.from ? a : b,
		     next = a.from <= b.from ? b : a;

	if (a.from > a.to || b.from > b.to)
		return false;
	if (next.from <= first.to)
		return true;
	return str_words(str_cut(folded, first.to, next.from - first.to)) <=
	       words;
}

/* The employer's own name ends the clause, one word after the verb: "no longer
 * work for Acme", not "on the Acme site". */
static struct place find_name(struct str folded, struct str firm)
{
	char word[80];

	if (firm.n < FIRM_MIN || firm.n >= sizeof(word) ||
	    !str_ends(str_trim(folded), firm))
		return nowhere;
	memcpy(word, firm.p, firm.n);
	word[firm.n] = '\0';
	return find(folded, word);
}

static bool has_near_firm(
    const struct reply_left *l, struct str folded, struct place verb)
{
	if (is_near(folded, verb, find_name(folded, l->firm), 1))
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].word == WORD_FIRM &&
		    is_near(
			folded, verb, find(folded, l->v[i].text), NEAR_WORDS))
			return true;
	return false;
}

/* Is the employer named beside what says that somebody is there no more? */
static bool names_firm(struct reply_left *l, struct str clause, unsigned words)
{
	struct buf b;
	bool yes = false;

	if (((words & WORD_FIRM) == 0 && l->firm.n == 0) ||
	    l->looks++ >= LOOKS_MAX)
		return false;
	buf_init(&b, FOLDED_MAX);
	phrases_fold(clause, &b);
	for (size_t i = 0; buf_error(&b) == 0 && !yes && i < l->n; i++)
		if ((l->v[i].word & (WORD_LEFT | WORD_GONE)) != 0) {
			struct place verb = find(buf_str(&b), l->v[i].text);

			yes = verb.from <= verb.to &&
			      has_near_firm(l, buf_str(&b), verb);
		}
	buf_fini(&b);
	return yes;
}

/* --- what only begins like an employer --- */

static struct str next_word(struct str folded, size_t at)
{
	struct str rest = str_trim(str_from(folded, at));

	return str_cut(rest, 0, str_find(rest, 0, ' '));
}

/* May it stand behind "I have left the company"? */
static bool may_follow(struct str word)
{
	static const char *const small[] = {"and", "as", "at", "since", "in",
	    "on", "to", "for", "from", "after", "with", "due", "effective",
	    "last", "this", "please", "so", "but", "or", "because", "any",
	    "anymore", "permanently", "already", "now", "per", "by", "who",
	    "which", "where", "a", "some", "several", "it", "he", "she", "they",
	    "his", "her", "their", "my", "all", "if", "is", "was", "has",
	    "will", "you", "we", "ltd", "inc"};

	if (word.n == 0 || ascii_is_digit(word.p[0]))
		return true;
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (str_eq(word, str_of(small[i])))
			return true;
	return false;
}

/* "The company car": English puts what a firm has behind it. */
static bool is_of_firm(struct str clause)
{
	static const char *const nouns[] = {"company", "firm", "business",
	    "organisation", "organization", "university", "school", "bank"};
	struct buf b;
	bool yes = false;

	buf_init(&b, FOLDED_MAX);
	phrases_fold(clause, &b);
	for (size_t i = 0;
	     buf_error(&b) == 0 && i < sizeof(nouns) / sizeof(nouns[0]) && !yes;
	     i++) {
		struct place p = find(buf_str(&b), nouns[i]);

		yes =
		    p.from <= p.to && !may_follow(next_word(buf_str(&b), p.to));
	}
	buf_fini(&b);
	return yes;
}

/* --- clause by clause --- */

static void take(struct reply_left *l, struct str clause, unsigned words)
{
	bool sure = (words & WORD_QUIT) != 0, myself;

	if ((words & (WORD_PART | WORD_IF)) != 0 ||
	    (words & (WORD_LEFT | WORD_GONE | WORD_QUIT)) == 0)
		return;
	if (!sure)
		sure = names_firm(l, clause, words);
	if ((!sure && (words & WORD_LEFT) == 0) || is_of_firm(clause))
		return;
	l->left_in = l->sentence;
	myself = sure && (words & WORD_MYSELF) != 0;
	if (l->clause.p != NULL && sure + myself <= l->sure + l->myself)
		return;
	l->clause = clause;
	l->sure = sure;
	l->myself = myself;
}

void reply_left_add(
    struct reply_left *l, struct str clause, unsigned words, bool ends)
{
	if (l->sentence == 0)
		l->sentence = 1;
	if ((words & WORD_PASS) != 0) {
		l->passes = true;
		l->passes_in = l->sentence;
	}
	take(l, clause, words);
	/* of the same sentence, or of two that follow each other */
	if (l->left_in > 0 && l->passes_in > 0 &&
	    l->left_in <= l->passes_in + 1 && l->passes_in <= l->left_in + 1)
		l->taken_back = true;
	l->sentence += ends && clause.n > 0;
}

void reply_left_end(struct reply_left *l)
{
	if (l->taken_back)
		l->clause = STR_NULL;
	if (l->clause.p == NULL || l->passes)
		l->sure = l->myself = false;
}

/* --- the employer's name --- */

struct str reply_left_firm(struct str address)
{
	static const char *const nobody[] = {"gmail", "googlemail", "outlook",
	    "hotmail", "yahoo", "icloud", "gmx", "web", "live", "msn", "aol",
	    "mail", "email", "proton", "protonmail", "yandex", "office", "work",
	    "home", "team", "naver", "orange", "free", "wanadoo"};
	size_t at = str_rfind(address, '@');
	struct str domain = str_from(address, at < address.n ? at + 1 : at),
		   label = STR("");

	/* the last label but one, or what stands before "co.uk" */
	for (int i = 0; i < 3 && domain.n > 0; i++) {
		size_t dot = str_rfind(domain, '.');

		label = dot < domain.n ? str_from(domain, dot + 1) : domain;
		domain = dot < domain.n ? str_cut(domain, 0, dot) : STR("");
		if (i > 0 && label.n > FIRM_MIN)
			break;
	}
	for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++)
		if (str_ieq(label, str_of(nobody[i])))
			return STR("");
	return label;
}
