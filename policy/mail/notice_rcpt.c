/* notice_rcpt.c - see notice.h. Here: which addresses a notice is about, which
 * lines are whose, and what they say. */
#include "policy/mail/notice.h"

#include "policy/mail/notice_line.h"

#include <string.h>

enum {
	FIELD_ADDRESSES_MAX = 20, /* of the notice's own To and From */
	CANDIDATES_MAX = 4 * NOTICE_RECIPIENTS_MAX,
};

/* --- whom the notice itself went to --- */

struct own {
	struct str v[FIELD_ADDRESSES_MAX];
	size_t n;
};

static void add_own(
    struct own *o, const struct header_list *head, struct str name)
{
	const struct header *h = header_find(head, name, 0);
	struct notice_address a;

	if (h == NULL)
		return;
	for (size_t at = 0; o->n < FIELD_ADDRESSES_MAX &&
			    notice_line_address(h->value, at, &a);
	     at = a.to)
		o->v[o->n++] = a.address;
}

static bool is_own(const struct own *o, struct str address)
{
	for (size_t i = 0; i < o->n; i++)
		if (str_ieq(o->v[i], address))
			return true;
	return false;
}

/* --- candidates --- */

struct search {
	struct notice *n;
	struct own own;
	struct notice_recipient v[CANDIDATES_MAX];
	size_t count;
};

static void add_candidate(struct search *s, struct str address, size_t line,
    enum notice_strength strength)
{
	if (strength == NOTICE_NO_ADDRESS || is_own(&s->own, address) ||
	    s->count == CANDIDATES_MAX)
		return;
	s->v[s->count++] = (struct notice_recipient){address, line, strength};
}

/* The text between two addresses of a list: "a@x, <b@x>". */
static bool goes_on(struct str between)
{
	bool comma = false;

	for (size_t i = 0; i < between.n; i++) {
		char c = between.p[i];
		if (c == ',' || c == ';')
			comma = true;
		else if (!ascii_is_blank(c) && strchr("<>\"'", c) == NULL)
			return false;
	}
	return comma;
}

/* The line above in the same paragraph; empty at its beginning. */
static struct str line_above(const struct notice *n, size_t i)
{
	return i > 0 ? n->line[i - 1].text : STR_NULL;
}

static void search_line(struct search *s, size_t i)
{
	struct str line = s->n->line[i].text;
	struct notice_address a;
	enum notice_strength strength = NOTICE_NO_ADDRESS;
	size_t at = 0;
	bool first = true;

	while (s->count < CANDIDATES_MAX && notice_line_address(line, at, &a)) {
		if (first || !goes_on(str_cut(line, at, a.from - at)))
			strength =
			    notice_line_strength(line, &a, line_above(s->n, i));
		if (!first && strength == NOTICE_LISTED &&
		    !goes_on(str_cut(line, at, a.from - at)))
			strength = NOTICE_MENTIONED;
		add_candidate(s, a.address, i, strength);
		at = a.to;
		first = false;
	}
}

/* --- addresses without a domain --- */

/* AOL, GroupWise and Exchange name their users by the local part alone. */
static bool is_bare(struct str line, struct str above, struct str *out)
{
	struct str s = line;
	size_t n = 0;

	if (!str_ends(above, STR(":")) ||
	    !(str_icontains(above, STR("following")) ||
		str_icontains(above, STR("recipient")) ||
		str_icontains(above, STR("because"))))
		return false;
	while (n < s.n && (ascii_is_alnum(s.p[n]) ||
			      (n > 0 && strchr("._-+", s.p[n]) != NULL)))
		n++;
	*out = str_cut(s, 0, n);
	s = str_trim(str_from(s, n));
	return n >= 2 && n <= 64 && (s.n == 0 || str_starts(s, STR("(")));
}

static int search_bare(
    struct search *s, const struct header_list *head, struct arena *a)
{
	const struct header *from = header_find(head, STR("From"), 0);
	struct notice_address mta;
	struct str above = STR_NULL, user;

	if (from == NULL || !notice_line_address(from->value, 0, &mta))
		return 0;
	for (size_t i = 0; i < s->n->n_lines; i++) {
		struct str line = s->n->line[i].text;

		if (line.n == 0)
			continue;
		if (is_bare(line, above, &user)) {
			const char *z =
			    arena_printf(a, "%.*s%.*s", STR_ARG(user),
				STR_ARG(str_from(
				    mta.address, str_rfind(mta.address, '@'))));
			if (z == NULL)
				return ERR_LIMIT;
			add_candidate(s, str_of(z), i, NOTICE_BARE);
		}
		above = line;
	}
	return 0;
}

/* --- the best of them --- */

static bool is_known(const struct notice *n, struct str address)
{
	for (size_t i = 0; i < n->n; i++)
		if (str_ieq(n->rcpt[i].address, address))
			return true;
	return false;
}

static void add_recipient(struct notice *n, const struct notice_recipient *r)
{
	if (is_known(n, r->address))
		return;
	if (n->n == NOTICE_RECIPIENTS_MAX) {
		n->cut = true;
		return;
	}
	n->rcpt[n->n++] = *r;
}

static void choose(struct search *s)
{
	enum notice_strength best = NOTICE_NO_ADDRESS;

	for (size_t i = 0; i < s->count; i++)
		if (s->v[i].strength > best)
			best = s->v[i].strength;
	for (size_t i = 0; best != NOTICE_NO_ADDRESS && i < s->count; i++)
		if (s->v[i].strength == best)
			add_recipient(s->n, &s->v[i]);
}

/* --- whose line is it? --- */

/* The one recipient that the line names; NOTICE_COMMON: none, or several. */
static int named_in(const struct notice *n, size_t k)
{
	struct str line = n->line[k].text;
	bool at = str_find(line, 0, '@') < line.n;
	int found = NOTICE_COMMON;

	for (size_t i = 0; i < n->n; i++) {
		const struct notice_recipient *r = &n->rcpt[i];
		bool is = r->strength == NOTICE_BARE
			      ? r->line == k
			      : at && str_icontains(line, r->address);
		if (is && found != NOTICE_COMMON)
			return NOTICE_COMMON;
		if (is)
			found = (int)i;
	}
	return found;
}

static bool is_rule(struct str line)
{
	return str_starts(line, STR("---")) || str_starts(line, STR("==="));
}

/* Sendmail prints a dialogue and then its verdict on one address: the lines
 * above it that are nobody's are that address's. */
static void own_above(struct notice *n, size_t verdict, int owner)
{
	for (size_t i = verdict; i-- > 0;) {
		struct notice_line *l = &n->line[i];
		if (l->text.n == 0 || is_rule(l->text) ||
		    (l->owner != NOTICE_COMMON && l->owner != owner))
			return;
		l->owner = owner;
	}
}

static void own_lines(struct notice *n)
{
	int current = NOTICE_COMMON;

	for (size_t i = 0; i < n->n_lines; i++) {
		struct notice_line *l = &n->line[i];
		struct notice_address a;
		int named;

		if (l->text.n == 0 || is_rule(l->text)) {
			current = NOTICE_COMMON;
			continue;
		}
		named = named_in(n, i);
		if (named != NOTICE_COMMON) {
			current = named;
			l->owner = named;
			if (notice_line_address(l->text, 0, &a) &&
			    notice_line_is_verdict(l->text, &a)) {
				own_above(n, i, named);
				current = NOTICE_COMMON;
			}
			continue;
		}
		l->owner = current;
	}
}

int notice_find_recipients(
    struct notice *n, const struct header_list *head, struct arena *a)
{
	struct search *s = arena_alloc(a, sizeof(*s));
	int rc = 0;

	n->rcpt = arena_array(a, NOTICE_RECIPIENTS_MAX, sizeof(*n->rcpt));
	if (s == NULL || n->rcpt == NULL)
		return ERR_LIMIT;
	s->n = n;
	add_own(&s->own, head, STR("To"));
	add_own(&s->own, head, STR("From"));
	for (size_t i = 0; i < n->n_lines; i++)
		search_line(s, i);
	if (s->count == 0)
		rc = search_bare(s, head, a);
	choose(s);
	own_lines(n);
	return rc;
}

int notice_set_recipients(
    struct notice *n, const struct str *v, size_t count, struct arena *a)
{
	n->n = 0;
	n->rcpt = arena_array(a, NOTICE_RECIPIENTS_MAX, sizeof(*n->rcpt));
	if (n->rcpt == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		struct notice_recipient r = {v[i], 0, NOTICE_LISTED};
		if (v[i].n > 0 && v[i].n <= NOTICE_ADDRESS_MAX)
			add_recipient(n, &r);
	}
	own_lines(n);
	return 0;
}
