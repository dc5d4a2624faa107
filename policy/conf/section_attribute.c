/* section_attribute.c - attribute NAME { }: what is known of people, so that
 * conditions over it can be checked when the policy is read. */
#include "policy/conf/section_policy.h"

#include <string.h>

static const struct option_word types[] = {
    {"text", ATTRIBUTE_TEXT},
    {"number", ATTRIBUTE_NUMBER},
    {"flag", ATTRIBUTE_FLAG},
    {"date", ATTRIBUTE_DATE},
    {NULL, 0},
};

/* The first three are columns of lists (tendril lead export) of their own. */
static bool is_attribute(struct str name)
{
	return option_is_name(name) && !audience_is_keyword(name) &&
	       !str_eq(name, STR("address")) &&
	       !str_eq(name, STR("suppressed")) &&
	       !str_eq(name, STR("consents")) &&
	       attribute_find(attribute_reserved(), ATTRIBUTE_RESERVED, name) ==
		   NULL;
}

static int finish_attribute(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct attribute *a = element;

	(void)job;
	(void)in;
	a->label = policy_label(a->name);
	return 0;
}

static const struct option options[] = {
    {.name = "type",
	.type = &option_enum,
	.offset = offsetof(struct attribute, type),
	.flags = OPTION_REQUIRED,
	.words = types,
	.help = "What its values are: a text of one line, a whole number, yes "
		"or no, or a day such as 2027-01-31."},
};

const struct section_kind section_attribute = {
    .name = "attribute",
    .times = SECTION_MANY,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .offset = offsetof(struct policy_draft, declared),
    .n_offset = offsetof(struct policy_draft, n_declared),
    .size = sizeof(struct attribute),
    .name_offset = offsetof(struct attribute, name),
    .help = "Something that is known of people, by import or tendril lead "
	    "set, and that audiences ask for. The texts company, time-zone, "
	    "language and name are there without a declaration.",
    .finish = finish_attribute,
    .is_title = is_attribute,
    .title_what =
	OPTION_NAME_WHAT ", and not address, company, consents, language, "
			 "name, suppressed, time-zone or a word of conditions",
};

int policy_set_attributes(const struct option_job *job, struct policy_draft *d)
{
	size_t n = d->n_declared + ATTRIBUTE_RESERVED;
	struct attribute *v = arena_array(job->arena, n, sizeof(*v));

	if (v == NULL)
		return option_no_memory(job);
	if (d->n_declared > 0)
		memcpy(v, d->declared, d->n_declared * sizeof(*v));
	memcpy(v + d->n_declared, attribute_reserved(),
	    ATTRIBUTE_RESERVED * sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		const struct attribute *twin =
		    attribute_by_label(v, i, v[i].label);
		if (twin != NULL)
			return option_fail(job, 1, ERR_SYNTAX,
			    "attributes \"%.*s\" and \"%.*s\" share one "
			    "label; rename one",
			    STR_ARG(twin->name), STR_ARG(v[i].name));
	}
	d->policy.attributes = v;
	d->policy.n_attributes = n;
	return 0;
}
