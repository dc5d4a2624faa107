/* section_audience.c - audience NAME { }: a condition with a name. It is
 * compiled after all sections are read, since attributes may be declared behind
 * it. */
#include "policy/conf/lint.h"
#include "policy/conf/section_policy.h"

static int parse_condition(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_audience *a = field;

	(void)o;
	return policy_rule_of(job, in, &a->rule);
}

static void print_condition(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_audience *a = field;

	(void)o;
	buf_addc(out, '"');
	audience_print(a->condition, out);
	buf_addc(out, '"');
}

static const struct option_type condition_type = {
    "a condition such as \"role in {cto, it} and employees >= 200\"", false,
    parse_condition, print_condition};

static const struct option options[] = {
    {.name = "condition",
	.type = &condition_type,
	.offset = 0,
	.flags = OPTION_REQUIRED,
	.help = "Who belongs to it, by attributes; see CONDITIONS."},
};

const struct section_kind section_audience = {
    .name = "audience",
    .times = SECTION_MANY,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .offset = offsetof(struct policy_draft, policy.audiences),
    .n_offset = offsetof(struct policy_draft, policy.n_audiences),
    .size = sizeof(struct policy_audience),
    .name_offset = offsetof(struct policy_audience, name),
    .help = "People that a rule may be for.",
};

/* The canonical form may be longer than what was written, and must fit in a
 * policy as well. */
static bool is_printable(const struct audience *x)
{
	struct buf text;
	int rc;

	buf_init(&text, LINT_MAX_STRING);
	audience_print(x, &text);
	rc = buf_error(&text);
	buf_fini(&text);
	return rc == 0;
}

static int compile(const struct option_job *job, const struct policy *p,
    const struct read_option *in, struct policy_audience *a)
{
	struct error why = {0};
	int rc = audience_parse(job->arena, p->attributes, p->n_attributes,
	    in->values[0].text, &a->condition, &why);

	if (rc == 0 && !is_printable(a->condition))
		rc = error_set(&why, ERR_LIMIT,
		    "longer than %d bytes when written out", LINT_MAX_STRING);
	return rc == 0 ? 0
		       : option_fail(job, in->values[0].line, rc,
			     "audience %.*s: condition: %s", STR_ARG(a->name),
			     why.text);
}

int policy_set_audiences(const struct option_job *job,
    const struct read_tree *tree, struct policy_draft *d)
{
	size_t n = d->policy.n_audiences, at = 0;
	struct policy_audience *v = arena_array(job->arena, n, sizeof(*v));
	int rc = 0;

	if (v == NULL)
		return option_no_memory(job);
	for (size_t i = 0; i < tree->n_sections && rc == 0; i++) {
		const struct read_section *s = &tree->sections[i];
		if (!str_eq(s->kind, STR("audience")))
			continue;
		v[at] = d->policy.audiences[at];
		rc = compile(
		    job, &d->policy, read_find(s, STR("condition")), &v[at]);
		at++;
	}
	d->policy.audiences = v;
	return rc;
}
