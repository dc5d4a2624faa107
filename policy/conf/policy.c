/* policy.c - see policy.h: from tree to model. Options of later versions are
 * in one table and refused by name: whoever writes a rule may rely on it. */
#include "policy/conf/policy.h"

#include "policy/base/digest.h"
#include "policy/base/fault.h"
#include "policy/conf/diff.h"
#include "policy/conf/section_policy.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	POLICY_ARENA = 64 << 20
};

struct box {
	struct policy_draft draft; /* first: a policy is its box */
	struct arena *arena;
	atomic_long refs;
};

static const struct section_kind *const kinds[] = {
    &section_policy,
    &section_person,
    &section_segment,
};

#define NOT_YET "not supported by this version"

static const struct section_refused refused[] = {
    {"", "company", NOT_YET},
    {"", "audience", NOT_YET},
    {"", "track", NOT_YET},
    {NULL, "audience", NOT_YET},
    {NULL, "for", NOT_YET},
    {NULL, "send-on", NOT_YET},
    {NULL, "when-closed", NOT_YET},
    {NULL, "yield", NOT_YET},
    {NULL, "track-opens", NOT_YET},
    {NULL, "track-clicks", NOT_YET},
    {NULL, "at-most-people", NOT_YET},
};

static const struct section_schema schema = {
    .kinds = kinds,
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .refused = refused,
    .n_refused = sizeof(refused) / sizeof(refused[0]),
};

const char *policy_action_name(enum policy_action a)
{
	static const char *const names[] = {"hold", "defer", "reject", "drop"};

	return (unsigned)a < 4 ? names[a] : "?";
}

uint32_t policy_label(struct str name)
{
	uint32_t h = 2166136261;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619;
	return h != 0 ? h : 1; /* 0 means all segments */
}

/* --- order --- */

/* Histories, suppressions and consents are kept by label. */
static int check_labels(const struct option_job *job, const struct policy *p)
{
	for (size_t i = 0; i < p->n_segments; i++)
		for (size_t k = 0; k < i; k++)
			if (p->segments[i].label == p->segments[k].label)
				return option_fail(job,
				    p->segments[i].rule.line, ERR_SYNTAX,
				    "segments \"%.*s\" and \"%.*s\" share one "
				    "label; rename one",
				    STR_ARG(p->segments[k].name),
				    STR_ARG(p->segments[i].name));
	return 0;
}

static int check_purposes(const struct option_job *job, const struct policy *p)
{
	for (size_t i = 0; i < p->n_segments; i++)
		for (size_t k = 0; k < i; k++) {
			struct str a = p->segments[k].purpose;
			struct str b = p->segments[i].purpose;

			if (!str_eq(a, b) && policy_label(a) == policy_label(b))
				return option_fail(job,
				    p->segments[i].purpose_rule.line,
				    ERR_SYNTAX,
				    "purposes \"%.*s\" and \"%.*s\" share one "
				    "label; rename one",
				    STR_ARG(a), STR_ARG(b));
		}
	return 0;
}

/* What `order` amounts to: that is printed and compared. */
static int set_order(const struct option_job *job, struct policy_draft *d)
{
	struct str *names =
	    arena_array(job->arena, d->policy.n_segments, sizeof(*names));

	if (names == NULL)
		return option_no_memory(job);
	for (size_t i = 0; i < d->policy.n_segments; i++)
		names[i] = d->policy.segments[i].name;
	d->order = (struct strs){names, d->policy.n_segments};
	return 0;
}

/* Segments that `order` names come first, in its order. */
static int sort_segments(const struct option_job *job,
    const struct read_option *order, struct policy_draft *d)
{
	struct policy *p = &d->policy;
	struct policy_segment *v =
	    arena_array(job->arena, p->n_segments, sizeof(*v));
	bool *taken = arena_array(job->arena, p->n_segments, sizeof(*taken));
	size_t n = 0;

	if (v == NULL || taken == NULL)
		return option_no_memory(job);
	for (size_t i = 0; order != NULL && i < order->n; i++) {
		struct str name = order->values[i].text;
		const struct policy_segment *s = policy_segment_find(p, name);
		if (s == NULL)
			return option_fail(job, order->values[i].line,
			    ERR_SYNTAX, "order: there is no segment \"%.*s\"",
			    STR_ARG(name));
		taken[s - p->segments] = true;
		v[n++] = *s;
	}
	for (size_t i = 0; i < p->n_segments; i++)
		if (!taken[i])
			v[n++] = p->segments[i];
	p->segments = v;
	return set_order(job, d);
}

/* --- rules that cannot work --- */

/* keep-free leaves that many of the person's slots to others; where it leaves
 * none for the segment itself the rule means "never", said unawares. */
static int check_keep_free(const struct option_job *job, const struct policy *p)
{
	for (size_t i = 0; i < p->n_segments; i++) {
		const struct policy_segment *s = &p->segments[i];
		for (size_t k = 0; k < p->person.n; k++) {
			const struct policy_window *w = &p->person.windows[k];
			if (s->keep_free == 0 || w->max == 0 ||
			    s->keep_free < w->max)
				continue;
			return option_fail(job, s->rule.line, ERR_SYNTAX,
			    "segment %.*s: keep-free = %lu leaves nothing of "
			    "the person's %.*s (line %d)",
			    STR_ARG(s->name), (unsigned long)s->keep_free,
			    STR_ARG(w->rule.text), w->rule.line);
		}
	}
	return 0;
}

/* --- life --- */

static void box_free(struct box **b)
{
	if (*b == NULL)
		return;
	arena_free(&(*b)->arena);
	free(*b);
	*b = NULL;
}

static struct box *box_new(void)
{
	struct box *b = fault_alloc() ? NULL : calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	atomic_init(&b->refs, 1);
	b->arena = arena_new(POLICY_ARENA);
	if (b->arena == NULL)
		box_free(&b);
	return b;
}

static int keep_source(
    const struct option_job *job, struct str text, struct policy *p)
{
	p->path = arena_str(job->arena, str_of(job->path));
	p->text = arena_str(job->arena, text);
	if (p->path.p == NULL || p->text.p == NULL)
		return option_no_memory(job);
	if (digest_sha256(text, p->hash) != 0)
		return error_set(
		    job->err, ERR_CRYPTO, "%s: SHA-256 failed", job->path);
	return 0;
}

static int fill(
    struct box *b, const char *path, struct str text, struct error *err)
{
	struct option_job job = {.path = path, .arena = b->arena, .err = err};
	struct policy *p = &b->draft.policy;
	const struct read_tree *tree;
	int rc = read_text(b->arena, path, text, &tree, err);

	if (rc == 0)
		rc = section_build(&job, &schema, tree, &b->draft);
	if (rc == 0)
		rc = check_labels(&job, p);
	if (rc == 0)
		rc = check_purposes(&job, p);
	if (rc == 0)
		rc = check_keep_free(&job, p);
	if (rc == 0)
		rc = sort_segments(
		    &job, read_find(&tree->top, STR("order")), &b->draft);
	return rc != 0 ? rc : keep_source(&job, text, p);
}

int policy_parse(const struct policy **out, const char *path, struct str text,
    uint32_t version, struct error *err)
{
	struct box *b = box_new();
	int rc;

	*out = NULL;
	if (b == NULL)
		return error_set(err, ERR_LIMIT, "%s: out of memory", path);
	b->draft.policy.version = version;
	rc = fill(b, path, text, err);
	if (rc != 0)
		box_free(&b);
	else
		*out = &b->draft.policy;
	return rc;
}

/* The count is the one thing of a policy that changes. */
static struct box *box_of(const struct policy *p)
{
	return (struct box *)(uintptr_t)p;
}

const struct policy *policy_ref(const struct policy *p)
{
	(void)atomic_fetch_add_explicit(
	    &box_of(p)->refs, 1, memory_order_relaxed);
	return p;
}

void policy_unref(const struct policy **p)
{
	struct box *b = *p != NULL ? box_of(*p) : NULL;

	*p = NULL;
	if (b != NULL &&
	    atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		box_free(&b);
}

const struct policy_segment *policy_segment_find(
    const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->n_segments; i++)
		if (str_eq(p->segments[i].name, name))
			return &p->segments[i];
	return NULL;
}

size_t policy_diff(const struct policy *from, const struct policy *to,
    void (*emit)(void *arg, const char *line), void *arg)
{
	return diff_models(
	    &schema, &box_of(from)->draft, &box_of(to)->draft, emit, arg);
}

void policy_print(const struct policy *p, struct buf *out)
{
	section_print(&schema, &box_of(p)->draft, out);
}

void policy_describe(struct buf *out)
{
	section_describe(&schema, out);
}
