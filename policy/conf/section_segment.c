/* section_segment.c - segment NAME { }. */
#include "policy/conf/section_policy.h"

static const struct option_word bases[] = {
    {"consent", POLICY_BASIS_CONSENT},
    {"legitimate-interest", POLICY_BASIS_LEGITIMATE_INTEREST},
    {NULL, 0},
};

/* Both rules are kept with their value, for a verdict shows them. */

static int parse_purpose(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_segment *s = field;
	int rc = option_name.parse(job, o, in, &s->purpose);

	return rc != 0 ? rc : policy_rule_of(job, in, &s->purpose_rule);
}

static void print_purpose(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_segment *s = field;

	option_name.print(o, &s->purpose, out);
}

static int parse_basis(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_segment *s = field;
	int rc = option_enum.parse(job, o, in, &s->basis);

	return rc != 0 ? rc : policy_rule_of(job, in, &s->basis_rule);
}

static void print_basis(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_segment *s = field;

	option_enum.print(o, &s->basis, out);
}

static const struct option_type purpose_type = {
    OPTION_NAME_WHAT, false, parse_purpose, print_purpose};
static const struct option_type basis_type = {
    "one of the words listed", false, parse_basis, print_basis};

/* It becomes a header field's phrase. */
static int check_list_id(const struct option_job *job,
    const struct read_option *in, const void *field)
{
	const struct str *s = field;

	if (s->n <= 200 && str_find(*s, 0, '<') == s->n &&
	    str_find(*s, 0, '>') == s->n)
		return 0;
	return option_fail(job, in->values[0].line, ERR_SYNTAX,
	    "list-id: expected up to 200 characters of plain text without "
	    "\"<\" and \">\" such as \"Monthly newsletter\"");
}

static int finish_segment(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct policy_segment *s = element;
	const char *text =
	    arena_printf(job->arena, "segment %.*s {", STR_ARG(s->name));

	if (text == NULL)
		return option_no_memory(job);
	s->rule = (struct policy_line){in->line, job->section, str_of(text)};
	s->label = policy_label(s->name);
	if (s->list_id.n == 0)
		s->list_id = s->name;
	return 0;
}

#define AT(field) offsetof(struct policy_segment, field)

static const struct option options[] = {
    {.name = "purpose",
	.type = &purpose_type,
	.offset = 0,
	.flags = OPTION_REQUIRED,
	.help = "What a person agrees or objects to; several segments may "
		"share one."},
    {.name = "legal-basis",
	.type = &basis_type,
	.offset = 0,
	.def = "consent",
	.words = bases,
	.help = "With consent only people who gave it are written to; with "
		"legitimate-interest all who have not objected."},
    {.name = "at-most",
	.type = &policy_windows_type,
	.offset = AT(caps),
	.help = "How many messages of this segment one person gets; "
		"\"0 per 7d\" is never."},
    {.name = "apart",
	.type = &policy_apart_type,
	.offset = AT(caps),
	.help = "Least time between two messages of this segment to one "
		"person."},
    {.name = "keep-free",
	.type = &option_count,
	.offset = AT(keep_free),
	.def = "0",
	.min = 0,
	.max = 1000,
	.help = "Slots of the person's limits that this segment leaves to "
		"earlier segments."},
    {.name = "when-full",
	.type = &policy_when_type,
	.offset = AT(when_full),
	.def = "hold 5d, then bounce",
	.help = "What a message gets that is over a limit."},
    {.name = "not-compliant",
	.type = &policy_comply_type,
	.offset = AT(not_compliant),
	.def = "reject",
	.help = "What a message gets that lacks something it must have."},
    {.name = "list-id",
	.type = &option_text,
	.offset = AT(list_id),
	.check = check_list_id,
	.help = "Words shown in List-Id; the segment's name if not set."},
    {.name = "postal-address",
	.type = &option_text,
	.offset = AT(postal_address),
	.help = "Text that every message of this segment must contain."},
    {.name = "mode",
	.type = &policy_shadow_type,
	.offset = AT(shadow),
	.def = "enforce",
	.help = "With shadow the limits of this segment are tried and logged "
		"and do not act; suppression and consent do."},
};

const struct section_kind section_segment = {
    .name = "segment",
    .times = SECTION_MANY,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .offset = offsetof(struct policy_draft, policy.segments),
    .n_offset = offsetof(struct policy_draft, policy.n_segments),
    .size = sizeof(struct policy_segment),
    .name_offset = offsetof(struct policy_segment, name),
    .help = "A kind of message with its own rules and one purpose.",
    .finish = finish_segment,
};
