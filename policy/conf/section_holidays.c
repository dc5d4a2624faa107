/* section_holidays.c - holidays NAME { }: days on which nothing of a segment
 * that names them is sent. */
#include "policy/conf/section_policy.h"

static int parse_days(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_holidays *h = field;
	struct hours_holiday *v = arena_array(job->arena, in->n, sizeof(*v));

	if (v == NULL)
		return option_no_memory(job);
	if (in->n > POLICY_MAX_HOLIDAYS)
		return option_fail(job, in->line, ERR_SYNTAX,
		    "%s: at most %d days", o->name, POLICY_MAX_HOLIDAYS);
	for (size_t i = 0; i < in->n; i++) {
		struct error why = {0};

		if (hours_parse_holiday(in->values[i].text, &v[i], &why) != 0)
			return option_refuse(job, o, &in->values[i], why.text);
	}
	h->days = v;
	h->n = in->n;
	return 0;
}

static void print_days(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_holidays *h = field;

	(void)o;
	for (size_t i = 0; i < h->n; i++) {
		option_print_open(out, i, h->n);
		buf_addc(out, '"');
		hours_print_holiday(out, &h->days[i]);
		buf_addc(out, '"');
	}
	option_print_close(out, h->n);
}

static const struct option_type days_type = {
    "days such as {\"12-25 Christmas\", \"2027-03-26\"}", true, parse_days,
    print_days};

static int finish_holidays(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct policy_holidays *h = element;

	return policy_rule_of_section(job, in, &h->rule);
}

static const struct option options[] = {
    {.name = "days",
	.type = &days_type,
	.offset = 0,
	.flags = OPTION_REQUIRED,
	.help = "The days, with the year or for every year; a name may "
		"follow."},
};

const struct section_kind section_holidays = {
    .name = "holidays",
    .times = SECTION_MANY,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .offset = offsetof(struct policy_draft, policy.holidays),
    .n_offset = offsetof(struct policy_draft, policy.n_holidays),
    .size = sizeof(struct policy_holidays),
    .name_offset = offsetof(struct policy_holidays, name),
    .help = "Days on which segments that name them in holidays are closed, "
	    "from midnight to midnight where the person lives.",
    .finish = finish_holidays,
};
