/* section_segment.c - segment NAME { }. */
#include "policy/conf/section_policy.h"

#include "policy/base/when.h"

enum {
	GIVEUP_COUNT_MAX = 1000
};
#define GIVEUP_SPAN_MAX (365 * WHEN_DAY_MS)

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

/* --- send-on --- */

static int parse_ranges(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_segment *s = field;
	/* A range over midnight is two. */
	struct hours_range *v = arena_array(job->arena, 2 * in->n, sizeof(*v));

	if (v == NULL)
		return option_no_memory(job);
	if (in->n > POLICY_MAX_RANGES)
		return option_fail(job, in->line, ERR_SYNTAX,
		    "%s: at most %d times", o->name, POLICY_MAX_RANGES);
	for (size_t i = 0; i < in->n; i++) {
		struct error why = {0};
		size_t n;

		if (hours_parse_range(
			in->values[i].text, &v[s->n_ranges], &n, &why) != 0)
			return option_refuse(job, o, &in->values[i], why.text);
		s->n_ranges += n;
	}
	s->ranges = v;
	return policy_rule_of(job, in, &s->hours_rule);
}

static void print_ranges(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_segment *s = field;

	(void)o;
	for (size_t i = 0; i < s->n_ranges; i++) {
		option_print_open(out, i, s->n_ranges);
		buf_addc(out, '"');
		hours_print_range(out, &s->ranges[i]);
		buf_addc(out, '"');
	}
	option_print_close(out, s->n_ranges);
}

static const struct option_type ranges_type = {
    "times such as \"mon-fri 08:00-18:00\"", true, parse_ranges, print_ranges};

static int parse_holidays(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_segment *s = field;
	int rc = option_names.parse(job, o, in, &s->holidays);

	return rc != 0 || s->n_ranges > 0
		   ? rc
		   : policy_rule_of(job, in, &s->hours_rule);
}

static void print_holidays(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_segment *s = field;

	option_names.print(o, &s->holidays, out);
}

static const struct option_type holidays_type = {
    "names of holidays sections such as de or {de, at}", true, parse_holidays,
    print_holidays};

/* --- yield --- */

/* "{a, b}" or "a". */
static int split_segments(
    const struct option_job *job, struct str in, struct policy_yield *y)
{
	struct str rest = str_trim(in), one;
	struct str *v = arena_array(job->arena, POLICY_MAX_YIELD, sizeof(*v));

	if (v == NULL)
		return option_no_memory(job);
	if (rest.n >= 2 && rest.p[0] == '{' && rest.p[rest.n - 1] == '}')
		rest = str_cut(rest, 1, rest.n - 2);
	while (rest.n > 0 && y->n < POLICY_MAX_YIELD) {
		size_t comma = str_find(rest, 0, ',');

		one = str_trim(str_cut(rest, 0, comma));
		rest = str_from(rest, comma + (comma < rest.n));
		if (!option_is_name(one))
			return ERR_SYNTAX;
		v[y->n++] = arena_str(job->arena, one);
	}
	y->segments = (struct strs){v, y->n};
	return y->n > 0 && rest.n == 0 ? 0 : ERR_SYNTAX;
}

static int parse_yield(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_yield *y = field;
	struct str text = in->values[0].text;
	size_t to = 0;
	struct error why = {0};

	while (to < text.n && !str_starts(str_from(text, to), STR(" to ")))
		to++;
	if (to == text.n)
		return option_unexpected(job, o, &in->values[0]);
	if (when_duration(str_cut(text, 0, to), &y->span_ms, &why) != 0)
		return option_refuse(job, o, &in->values[0], why.text);
	if (split_segments(job, str_from(text, to + 4), y) != 0)
		return option_unexpected(job, o, &in->values[0]);
	return policy_rule_of(job, in, &y->rule);
}

static void print_yield(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_yield *y = field;

	(void)o;
	if (y->span_ms == 0)
		return;
	buf_addc(out, '"');
	when_format(out, y->span_ms);
	buf_addz(out, " to {");
	for (size_t i = 0; i < y->segments.n; i++)
		buf_printf(out, "%s%.*s", i > 0 ? ", " : "",
		    STR_ARG(y->segments.v[i]));
	buf_addz(out, "}\"");
}

static const struct option_type yield_type = {
    "a duration and segments such as \"2d to {demo-followup}\"", false,
    parse_yield, print_yield};

/* --- user-unknown and the like --- */

static int parse_giveup(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_giveup *g = field;
	struct str text = in->values[0].text, rest = text, number;
	struct error why = {0};
	uint64_t n;

	*g = (struct policy_giveup){0};
	if (str_eq(text, STR("never")))
		return 0;
	if (str_eq(text, STR("at once"))) {
		g->count = 1;
		return 0;
	}
	if (!str_next(&rest, ' ', &number) || !str_starts(rest, STR("over ")) ||
	    str_u64(number, GIVEUP_COUNT_MAX, &n) != 0 || n == 0)
		return option_unexpected(job, o, &in->values[0]);
	if (when_duration(str_from(rest, 5), &g->span_ms, &why) != 0)
		return option_refuse(job, o, &in->values[0], why.text);
	if (g->span_ms > GIVEUP_SPAN_MAX)
		return option_refuse(
		    job, o, &in->values[0], "must be at most 365d");
	g->count = (uint32_t)n;
	return 0;
}

static void print_giveup(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_giveup *g = field;

	(void)o;
	if (g->count == 0) {
		buf_addz(out, "\"never\"");
		return;
	}
	if (g->span_ms == 0) {
		buf_addz(out, "\"at once\"");
		return;
	}
	buf_printf(out, "\"%lu over ", (unsigned long)g->count);
	when_format(out, g->span_ms);
	buf_addc(out, '"');
}

static const struct option_type giveup_type = {
    "\"at once\", \"never\", or failures and a time such as \"5 over 14d\"",
    false, parse_giveup, print_giveup};

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

	s->label = policy_label(s->name);
	if (s->list_id.n == 0)
		s->list_id = s->name;
	return policy_rule_of_section(job, in, &s->rule);
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
    {.name = "send-on",
	.type = &ranges_type,
	.offset = 0,
	.help = "Days and times, in the person's zone, at which a message may "
		"be handed to the MTA: \"business-days 08:00-18:00\", "
		"\"tue-thu 09:00-17:00\", \"daily 09:00-20:00\". It says "
		"nothing of when the MTA delivers it. "
		"Without it at any time."},
    {.name = "holidays",
	.type = &holidays_type,
	.offset = 0,
	.help = "Sections of days on which nothing is sent."},
    {.name = "when-closed",
	.type = &policy_closed_type,
	.offset = AT(when_closed),
	.def = "hold 7d, then bounce",
	.help = "What a message gets that comes at another time; with \"then "
		"send\" it goes after that long although it is closed."},
    {.name = "yield",
	.type = &yield_type,
	.offset = AT(yield),
	.help = "\"2d to {demo-followup}\": waits while a message of those "
		"segments waits for the person and until 2d after the last "
		"one, but never longer than 2d from when it came."},
    {.name = "user-unknown",
	.type = &giveup_type,
	.offset = AT(unknown),
	.def = "at once",
	.help = "When a person is given up whose mailbox does not exist: at "
		"the first failure, never, or at so many in a row, of messages "
		"of any segment, if the first is longer ago than that. A "
		"delivery or a person's own reply in between starts anew."},
    {.name = "mailbox-disabled",
	.type = &giveup_type,
	.offset = AT(disabled),
	.def = "at once",
	.help = "When a person is given up whose mailbox is there, but shut: "
		"likewise."},
    {.name = "mailbox-moved",
	.type = &giveup_type,
	.offset = AT(moved),
	.def = "at once",
	.help = "When a person is given up whose mailbox has moved: likewise."},
    {.name = "mailbox-full",
	.type = &giveup_type,
	.offset = AT(full),
	.def = "5 over 14d",
	.help = "When a person is given up whose mailbox is full: likewise."},
    {.name = "host-unknown",
	.type = &giveup_type,
	.offset = AT(no_host),
	.def = "3 over 3d",
	.help = "When a person is given up whose domain has no mail server, or "
		"does not exist: likewise."},
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
