/* section_limit.c - limit NAME { }: limits for some people only, and those
 * that need a name. */
#include "policy/conf/section_policy.h"

static const struct option_word scopes[] = {
    {"person", POLICY_PER_PERSON},
    {"company", POLICY_PER_COMPANY},
    {"segment", POLICY_PER_SEGMENT},
    {NULL, 0},
};

static int check_scope(
    const struct option_job *job, int line, const struct policy_limit *l)
{
	if ((l->per == POLICY_PER_SEGMENT) != (l->segment.n > 0))
		return option_fail(job, line, ERR_SYNTAX,
		    "limit %.*s: segment = NAME belongs to per = segment, and "
		    "per = segment needs it",
		    STR_ARG(l->name));
	if (l->caps.n_people > 0 && l->per != POLICY_PER_COMPANY)
		return option_fail(job, line, ERR_SYNTAX,
		    "limit %.*s: at-most-people belongs to per = company",
		    STR_ARG(l->name));
	if (l->caps.n == 0 && l->caps.n_people == 0 && l->caps.apart_ms == 0)
		return option_fail(job, line, ERR_SYNTAX,
		    "limit %.*s limits nothing; it needs at-most, "
		    "at-most-people or apart",
		    STR_ARG(l->name));
	return 0;
}

static int finish_limit(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct policy_limit *l = element;
	int rc = policy_rule_of_section(job, in, &l->rule);

	return rc != 0 ? rc : check_scope(job, in->line, l);
}

#define AT(field) offsetof(struct policy_limit, field)

static const struct option options[] = {
    {.name = "per",
	.type = &option_enum,
	.offset = AT(per),
	.def = "person",
	.words = scopes,
	.help = "What is counted: one person's messages, those of all people "
		"of a company, or one person's messages of one segment."},
    {.name = "segment",
	.type = &option_name,
	.offset = AT(segment),
	.help = "The segment, with per = segment."},
    {.name = "for",
	.type = &option_name,
	.offset = AT(audience),
	.help = "The audience whose people the limit binds; without it all. "
		"What is counted is everything that the person or company "
		"got."},
    {.name = "at-most",
	.type = &policy_windows_type,
	.offset = AT(caps),
	.help = "How many messages."},
    {.name = "at-most-people",
	.type = &policy_people_type,
	.offset = AT(caps),
	.help = "How many different people of one company."},
    {.name = "apart",
	.type = &policy_apart_type,
	.offset = AT(caps),
	.help = "Least time between two messages."},
    {.name = "mode",
	.type = &policy_shadow_type,
	.offset = AT(caps.shadow),
	.def = "enforce",
	.help = "With shadow the limit is tried and logged and does not act."},
};

const struct section_kind section_limit = {
    .name = "limit",
    .times = SECTION_MANY,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .offset = offsetof(struct policy_draft, policy.limits),
    .n_offset = offsetof(struct policy_draft, policy.n_limits),
    .size = sizeof(struct policy_limit),
    .name_offset = offsetof(struct policy_limit, name),
    .help = "A limit besides those of person, company and the segments; all "
	    "of them hold together.",
    .finish = finish_limit,
};
