/* bounce_rules.c - from texts to compiled rules, and which lines of an own file
 * never decide anything. */
#include "policy/rules/bounce_rules.h"

#include "policy/base/fault.h"
#include "policy/rules/bounce_builtin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	RULES_ARENA = 8 << 20,
	HITS = PHRASES_WORDS(PHRASES_MAX),
};

/* ---- order ---- */

static int by_number(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

/* Own files go before what is built in, at the same priority. */
static int by_place(const void *a, const void *b)
{
	const struct bounce_line *x = a, *y = b;
	const struct bounce_section *s = x->section, *t = y->section;
	int c = by_number(s->layer, t->layer);

	if (c == 0)
		c = by_number(s->priority, t->priority);
	if (c == 0)
		c = by_number(t->own, s->own);
	return c != 0 ? c : by_number(x->line, y->line);
}

static void sort_lines(struct bounce_rules *r)
{
	size_t at = 0;

	if (r->n_lines > 0)
		qsort(r->line, r->n_lines, sizeof(*r->line), by_place);
	for (int layer = BOUNCE_WORDS; layer < BOUNCE_LAYERS; layer++) {
		while (
		    at < r->n_lines && (int)r->line[at].section->layer == layer)
			at++;
		r->end[layer] = at;
	}
}

/* ---- phrases ---- */

static int compile(struct bounce_rules *r)
{
	const char **v;
	size_t n = r->n_lines;
	int rc;

	for (size_t i = 0; i < r->n_lines; i++)
		if (r->line[i].also != NULL)
			r->line[i].also_at = n++;
	if (n > PHRASES_MAX)
		return ERR_LIMIT;
	v = fault_alloc() ? NULL : calloc(n + 1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_lines; i++) {
		const struct bounce_line *l = &r->line[i];

		v[i] = l->phrase;
		if (l->phrase == NULL)
			r->always[i / 64] |= (uint64_t)1 << (i % 64);
		if (l->also != NULL)
			v[l->also_at] = l->also;
	}
	rc = phrases_new(v, n, &r->phrases);
	free(v);
	return rc;
}

/* ---- lines that never decide ---- */

static bool is_narrowed(const struct bounce_when *w)
{
	return w->stages != 0 || w->outcomes != 0 || w->of != 0 ||
	       w->code.n > 0 || w->unless.n > 0 || w->said.n > 0 ||
	       w->said_none || w->at.n > 0;
}

/* Is the line `first`, wherever that of number i is? hits: phrases in the
 * words of line i. */
static bool comes_before(
    const struct bounce_rules *r, size_t first, const uint64_t *hits)
{
	const struct bounce_line *l = &r->line[first];

	return phrases_has(hits, first) && !is_narrowed(&l->section->when) &&
	       (l->also == NULL || phrases_has(hits, l->also_at));
}

static void look_at(
    struct bounce_read *read, const struct bounce_rules *r, size_t i)
{
	const struct bounce_line *l = &r->line[i], *first;
	enum bounce_layer layer = l->section->layer;
	uint64_t hits[HITS] = {0};
	struct buf words;

	buf_init(&words, 4096);
	buf_addz(&words, l->phrase);
	if (l->also != NULL)
		buf_printf(&words, " %s", l->also);
	for (size_t k = 0; k < words.n; k++)
		if (words.p[k] == '*')
			words.p[k] = ' ';
	phrases_match(r->phrases, buf_str(&words), hits);
	buf_fini(&words);
	for (size_t k = layer > 0 ? r->end[layer - 1] : 0; k < i; k++) {
		first = &r->line[k];
		if (!comes_before(r, k, hits))
			continue;
		bounce_read_tell(read, false, l->line,
		    "\"%s\" never decides: \"%s\" (%s:%u, %s) comes before it",
		    l->text, first->text, first->section->file, first->line,
		    bounce_reason_name(first->section->reason));
		return;
	}
}

static void look_at_own(struct bounce_read *read, const struct bounce_rules *r)
{
	for (size_t i = 0; i < r->n_lines; i++)
		if (r->line[i].section->own && r->line[i].phrase != NULL)
			look_at(read, r, i);
}

/* ---- life ---- */

static struct bounce_rules *empty(void)
{
	struct bounce_rules *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	atomic_init(&r->refs, 1);
	r->arena = arena_new(RULES_ARENA);
	if (r->arena == NULL)
		bounce_rules_free(&r);
	return r;
}

/* A test reads it too: no error is left in what is released. */
static int read_builtin(struct bounce_rules *r, struct error *err)
{
	struct bounce_read read = {
	    .rules = r, .name = BOUNCE_RULES_BUILTIN, .err = err};
	int rc = bounce_read_text(&read, bounce_builtin());

	return rc == 0 && read.errors > 0 ? ERR_SYNTAX : rc;
}

static int read_own(struct bounce_read *read, const char *name, struct str text)
{
	read->name = arena_z(read->rules->arena, name);
	if (read->name == NULL)
		return ERR_LIMIT;
	if (text.n > BOUNCE_RULES_MAX_BYTES)
		return error_set(read->err, ERR_LIMIT, "%s: more than %d bytes",
		    name, BOUNCE_RULES_MAX_BYTES);
	return bounce_read_text(read, text);
}

static int build(struct bounce_read *read, const char *name, struct str text)
{
	int rc = 0;

	read->own = true;
	if (name != NULL)
		rc = read_own(read, name, text);
	if (rc == 0 && read->errors > 0)
		return ERR_SYNTAX;
	if (rc == 0)
		rc = read_builtin(read->rules, read->err);
	if (rc != 0)
		return rc;
	sort_lines(read->rules);
	rc = compile(read->rules);
	if (rc == 0 && name != NULL)
		look_at_own(read, read->rules);
	return rc;
}

int bounce_rules_read(const char *name, struct str text, bounce_tell_fn *tell,
    void *arg, struct bounce_rules **out, struct error *err)
{
	struct error why = {0};
	struct bounce_read read = {
	    .rules = empty(), .tell = tell, .arg = arg, .err = &why};
	int rc = read.rules != NULL ? build(&read, name, text) : -ENOMEM;

	*out = read.rules;
	if (rc == 0)
		return 0;
	bounce_rules_free(out);
	return error_set(err, rc, "%s",
	    why.text[0] != '\0' ? why.text
	    : rc == ERR_LIMIT   ? "too many rules for bounces"
				: error_text(rc));
}

int bounce_rules_new(struct bounce_rules **out)
{
	return bounce_rules_read(NULL, STR_NULL, NULL, NULL, out, NULL);
}

struct bounce_rules *bounce_rules_ref(struct bounce_rules *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void bounce_rules_free(struct bounce_rules **r)
{
	struct bounce_rules *old = *r;

	*r = NULL;
	if (old == NULL ||
	    atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) != 1)
		return;
	phrases_free(&old->phrases);
	arena_free(&old->arena);
	free(old);
}
