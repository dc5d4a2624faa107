/* authentic.c - see authentic.h. */
#include "policy/mail/authentic.h"

#include "policy/mail/psl.h"

static const char *const names[AUTHENTIC_RESULTS] = {"none", "pass", "fail",
    "softfail", "neutral", "policy", "temperror", "permerror"};

const char *authentic_name(enum authentic_result r)
{
	return names[r];
}

static enum authentic_word word_of(enum authentic_result r)
{
	if (r == AUTHENTIC_PASS)
		return AUTHENTIC_YES;
	return r == AUTHENTIC_TEMPERROR ? AUTHENTIC_LATER : AUTHENTIC_NO;
}

enum authentic_word authentic_judge(
    const struct authentic *a, struct str from_domain, enum authentic_of what)
{
	enum authentic_word best = AUTHENTIC_NO, word;

	if (psl_is_aligned(a->spf_domain, from_domain))
		best = word_of(a->spf);
	for (size_t i = 0; i < a->n && best != AUTHENTIC_YES; i++) {
		const struct authentic_signature *s = &a->v[i];
		if (s->partial || what == AUTHENTIC_OF_CLIENT ||
		    (s->loose && what == AUTHENTIC_OF_MAIL) ||
		    (s->unbound && what == AUTHENTIC_OF_BODY) ||
		    !psl_is_aligned(s->domain, from_domain))
			continue;
		word = word_of(s->result);
		if (word != AUTHENTIC_NO)
			best = word;
	}
	return best;
}

static bool is_below(struct str name, struct str domain)
{
	return name.n > domain.n && str_iends(name, domain) &&
	       name.p[name.n - domain.n - 1] == '.';
}

bool authentic_is_declared(
    const struct strs *declared, struct str address, struct str domain)
{
	for (size_t i = 0; i < declared->n; i++) {
		struct str d = declared->v[i];
		if (str_find(d, 0, '@') < d.n
			? str_eq(d, address)
			: str_ieq(d, domain) || is_below(domain, d))
			return true;
	}
	return false;
}
