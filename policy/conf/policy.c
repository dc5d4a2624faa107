/* policy.c - see policy.h: from tree to model. Options of later versions are
 * in one table and refused by name: whoever writes a rule may rely on it. */
#include "policy/conf/policy.h"

#include "policy/base/digest.h"
#include "policy/conf/diff.h"
#include "policy/conf/model.h"
#include "policy/conf/section_policy.h"

enum {
	POLICY_ARENA = 64 << 20
};

static const struct section_kind *const kinds[] = {
    &section_policy,
    &section_person,
    &section_company,
    &section_limit,
    &section_holidays,
    &section_segment,
    &section_purpose,
    &section_attribute,
    &section_audience,
    &section_breaker,
    &section_breaker_for,
};

#define NOT_YET "not supported by this version"

static const struct section_refused refused[] = {
    {"", "track", NOT_YET},
    {NULL, "track-opens", NOT_YET},
    {NULL, "track-clicks", NOT_YET},
    {"holidays", "days-file",
	"only \"tendril policy apply\" and \"tendril check\" read such a file, "
	"and put its days in here; apply the policy that way, or write days = "
	"{...}"},
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
	/* 0 means all segments, the last one is that of pauses */
	return h != 0 && h != UINT32_MAX ? h : 1;
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

/* A name with a slip of the pen would leave its segment to the common lines,
 * unawares. */
static int check_breakers(const struct option_job *job, const struct policy *p)
{
	for (size_t i = 0; i < p->n_breakers; i++)
		if (policy_segment_find(p, p->breakers[i].name) == NULL)
			return option_fail(job, p->breakers[i].rule.line,
			    ERR_SYNTAX,
			    "breaker-for: there is no segment \"%.*s\"",
			    STR_ARG(p->breakers[i].name));
	return 0;
}

/* --- life --- */

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
    const struct option_job *job, struct str text, struct policy_draft *d)
{
	const struct read_tree *tree;
	int rc = read_text(job->arena, job->path, text, &tree, job->err);

	if (rc == 0)
		rc = section_build(job, &schema, tree, d);
	if (rc == 0)
		rc = check_labels(job, &d->policy);
	if (rc == 0)
		rc = check_purposes(job, &d->policy);
	if (rc == 0)
		rc = check_keep_free(job, &d->policy);
	if (rc == 0)
		rc = check_breakers(job, &d->policy);
	if (rc == 0)
		rc = policy_set_attributes(job, d);
	if (rc == 0)
		rc = policy_set_audiences(job, tree, d);
	if (rc == 0)
		rc = sort_segments(job, read_find(&tree->top, STR("order")), d);
	if (rc == 0)
		rc = policy_resolve(job, &d->policy);
	return rc != 0 ? rc : keep_source(job, text, &d->policy);
}

int policy_parse(const struct policy **out, const char *path, struct str text,
    uint32_t version, struct error *err)
{
	struct option_job job = {.path = path, .err = err};
	struct policy_draft *d =
	    model_new(sizeof(*d), POLICY_ARENA, &job.arena);
	int rc;

	*out = NULL;
	if (d == NULL)
		return error_set(err, ERR_LIMIT, "%s: out of memory", path);
	d->policy.version = version;
	rc = fill(&job, text, d);
	if (rc != 0)
		model_unref(d);
	else
		*out = &d->policy;
	return rc;
}

const struct policy *policy_ref(const struct policy *p)
{
	model_ref(p);
	return p;
}

void policy_unref(const struct policy **p)
{
	model_unref(*p);
	*p = NULL;
}

static const struct policy_draft *draft_of(const struct policy *p)
{
	return (const struct policy_draft *)p;
}

const struct policy_segment *policy_segment_find(
    const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->n_segments; i++)
		if (str_eq(p->segments[i].name, name))
			return &p->segments[i];
	return NULL;
}

const struct policy_audience *policy_audience_find(
    const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->n_audiences; i++)
		if (str_eq(p->audiences[i].name, name))
			return &p->audiences[i];
	return NULL;
}

size_t policy_diff(const struct policy *from, const struct policy *to,
    void (*emit)(void *arg, const char *line), void *arg)
{
	return diff_models(&schema, draft_of(from), draft_of(to), emit, arg);
}

void policy_print(const struct policy *p, struct buf *out)
{
	section_print(&schema, draft_of(p), out);
}

void policy_describe(struct buf *out)
{
	section_describe(&schema, out);
}
