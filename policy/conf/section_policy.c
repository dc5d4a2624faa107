/* section_policy.c - the policy's top and person { }, and the types that its
 * sections share. */
#include "policy/conf/section_policy.h"

#include "policy/base/when.h"

#include <string.h>

/* --- rules --- */

static int make_rule(const struct option_job *job, int line, const char *text,
    struct policy_line *out)
{
	if (text == NULL)
		return option_no_memory(job);
	*out = (struct policy_line){line, job->section, str_of(text)};
	return 0;
}

/* A value that stands in no file is a default: it has no token. */
static int default_rule(const struct option_job *job,
    const struct read_option *in, struct policy_line *out)
{
	return make_rule(job, in->line,
	    arena_printf(job->arena, "%.*s = \"%.*s\" (default)",
		STR_ARG(in->name), STR_ARG(in->values[0].text)),
	    out);
}

int policy_rule_of_value(const struct option_job *job,
    const struct read_option *in, size_t i, struct policy_line *out)
{
	const struct read_value *v = &in->values[i];

	if (v->token.n == 0)
		return default_rule(job, in, out);
	return make_rule(job, v->line,
	    arena_printf(job->arena, "%.*s = %.*s", STR_ARG(in->name),
		STR_ARG(v->token)),
	    out);
}

int policy_rule_of(const struct option_job *job, const struct read_option *in,
    struct policy_line *out)
{
	int rc = policy_rule_of_value(job, in, 0, out);

	out->line = in->line;
	return rc;
}

int policy_rule_of_section(const struct option_job *job,
    const struct read_section *in, struct policy_line *out)
{
	return make_rule(job, in->line,
	    arena_printf(job->arena, "%.*s %.*s {", STR_ARG(in->kind),
		STR_ARG(in->title)),
	    out);
}

/* --- mode --- */

static int parse_shadow(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	bool *shadow = field;

	*shadow = str_eq(in->values[0].text, STR("shadow"));
	if (*shadow || str_eq(in->values[0].text, STR("enforce")))
		return 0;
	return option_unexpected(job, o, &in->values[0]);
}

static void print_shadow(
    const struct option *o, const void *field, struct buf *out)
{
	const bool *shadow = field;

	(void)o;
	buf_addz(out, *shadow ? "\"shadow\"" : "\"enforce\"");
}

const struct option_type policy_shadow_type = {
    "\"enforce\" or \"shadow\"", false, parse_shadow, print_shadow};

/* --- at-most --- */

static int parse_window(const struct option_job *job, const struct option *o,
    const struct read_option *in, size_t i, struct policy_window *w)
{
	struct when_limit limit;
	struct error why = {0};

	if (when_limit(in->values[i].text, &limit, &why) != 0)
		return option_fail(job, in->values[i].line, ERR_SYNTAX,
		    "%s = \"%.*s\": %s", o->name, STR_ARG(in->values[i].text),
		    why.text);
	if (limit.n > POLICY_MAX_PER_WINDOW)
		return option_fail(job, in->values[i].line, ERR_SYNTAX,
		    "%s = \"%.*s\": at most %d; a history goes back no "
		    "further",
		    o->name, STR_ARG(in->values[i].text),
		    POLICY_MAX_PER_WINDOW);
	*w = (struct policy_window){
	    .max = limit.n, .span_ms = limit.span_ms, .unit = limit.unit};
	return policy_rule_of_value(job, in, i, &w->rule);
}

static bool is_same_time(
    const struct policy_window *a, const struct policy_window *b)
{
	return a->span_ms == b->span_ms &&
	       (a->span_ms > 0 || a->unit == b->unit);
}

static int check_twins(const struct option_job *job, const struct option *o,
    const struct read_option *in, const struct policy_window *v, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (is_same_time(&v[k], &v[i]))
			return option_fail(job, in->values[i].line, ERR_SYNTAX,
			    "%s: two limits for the same time, \"%.*s\" and "
			    "\"%.*s\"",
			    o->name, STR_ARG(in->values[k].text),
			    STR_ARG(in->values[i].text));
	return 0;
}

static int parse_each_window(const struct option_job *job,
    const struct option *o, const struct read_option *in,
    const struct policy_window **out)
{
	struct policy_window *v = arena_array(job->arena, in->n, sizeof(*v));
	int rc = 0;

	if (v == NULL)
		return option_no_memory(job);
	if (in->n > POLICY_MAX_WINDOWS)
		return option_fail(job, in->line, ERR_SYNTAX,
		    "%s: at most %d windows", o->name, POLICY_MAX_WINDOWS);
	for (size_t i = 0; rc == 0 && i < in->n; i++) {
		rc = parse_window(job, o, in, i, &v[i]);
		if (rc == 0)
			rc = check_twins(job, o, in, v, i);
	}
	*out = v;
	return rc;
}

static int parse_windows(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_caps *caps = field;

	caps->n = in->n;
	return parse_each_window(job, o, in, &caps->windows);
}

static int parse_people(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_caps *caps = field;

	caps->n_people = in->n;
	return parse_each_window(job, o, in, &caps->people);
}

static void print_unit(struct buf *out, const struct policy_window *w)
{
	static const char *const units[] = {
	    [CALENDAR_DAY] = "day",
	    [CALENDAR_WEEK] = "week",
	    [CALENDAR_MONTH] = "month",
	};

	if (w->span_ms > 0)
		when_format(out, w->span_ms);
	else
		buf_addz(out, units[w->unit]);
}

void policy_print_window(struct buf *out, const struct policy_window *w)
{
	buf_printf(out, "\"%lu per ", (unsigned long)w->max);
	print_unit(out, w);
	buf_addc(out, '"');
}

static void print_each(struct buf *out, const struct policy_window *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		option_print_open(out, i, n);
		policy_print_window(out, &v[i]);
	}
	option_print_close(out, n);
}

static void print_windows(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_caps *caps = field;

	(void)o;
	print_each(out, caps->windows, caps->n);
}

static void print_people(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_caps *caps = field;

	(void)o;
	print_each(out, caps->people, caps->n_people);
}

#define WINDOWS_WHAT                                                           \
	"limits such as \"1 per 7d\", \"1 per week\" or {\"2 per 7d\", "       \
	"\"6 per month\"}"

const struct option_type policy_windows_type = {
    WINDOWS_WHAT, true, parse_windows, print_windows};
const struct option_type policy_people_type = {
    WINDOWS_WHAT, true, parse_people, print_people};

/* --- apart --- */

static int parse_apart(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_caps *caps = field;
	int rc = option_duration.parse(job, o, in, &caps->apart_ms);

	return rc != 0 ? rc : policy_rule_of(job, in, &caps->apart_rule);
}

static void print_apart(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_caps *caps = field;

	option_duration.print(o, &caps->apart_ms, out);
}

const struct option_type policy_apart_type = {
    "a duration such as \"20h\"", false, parse_apart, print_apart};

/* --- when-full, not-compliant --- */

static const char *const then_names[] = {
    [POLICY_THEN_BOUNCE] = "bounce",
    [POLICY_THEN_DROP] = "drop",
    [POLICY_THEN_SEND] = "send",
};
enum {
	N_THEN = sizeof(then_names) / sizeof(then_names[0])
};

/* "5d, then bounce" behind "hold"; both parts may be missing. */
static int parse_hold(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct policy_when *w)
{
	struct str rest = str_from(v->text, 4);
	size_t comma = str_find(rest, 0, ',');
	struct str span = str_trim(str_cut(rest, 0, comma));
	struct str then = str_trim(str_from(rest, comma + 1));
	struct error why = {0};
	size_t i = 0;

	if (comma == rest.n && str_contains(span, STR("then")))
		return option_unexpected(job, o, v); /* no comma */
	if (span.n > 0 && when_duration(span, &w->hold_ms, &why) != 0)
		return option_fail(job, v->line, ERR_SYNTAX,
		    "%s = \"%.*s\": %s", o->name, STR_ARG(v->text), why.text);
	if (comma == rest.n)
		return 0;
	if (!str_starts(then, STR("then ")))
		return option_unexpected(job, o, v);
	then = str_trim(str_from(then, 5));
	while (i < N_THEN && !str_eq(then, str_of(then_names[i])))
		i++;
	if (i == N_THEN)
		return option_unexpected(job, o, v);
	w->then = (enum policy_then)i;
	return 0;
}

static int parse_any(const struct option_job *job, const struct option *o,
    const struct read_option *in, struct policy_when *w)
{
	const struct read_value *v = &in->values[0];
	int rc = 0;

	*w = (struct policy_when){.hold_ms = 5 * WHEN_DAY_MS};
	if (str_eq(v->text, STR("reject")))
		w->action = POLICY_REJECT;
	else if (str_eq(v->text, STR("defer")))
		w->action = POLICY_DEFER;
	else if (str_eq(v->text, STR("drop")))
		w->action = POLICY_DROP;
	else if (str_eq(v->text, STR("hold")) ||
		 str_starts(v->text, STR("hold ")) ||
		 str_starts(v->text, STR("hold,")))
		rc = parse_hold(job, o, v, w);
	else
		rc = option_unexpected(job, o, v);
	return rc != 0 ? rc : policy_rule_of(job, in, &w->rule);
}

/* A limit that ends when it has held long enough would be none. */
static int parse_when(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_when *w = field;
	int rc = parse_any(job, o, in, w);

	return rc == 0 && w->then == POLICY_THEN_SEND
		   ? option_unexpected(job, o, &in->values[0])
		   : rc;
}

static int parse_closed(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return parse_any(job, o, in, field);
}

/* A message that lacks what the law asks for can wait for its repair or go
 * back, but never be lost or tried again unchanged. */
static int parse_comply(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_when *w = field;
	int rc = parse_when(job, o, in, field);

	if (rc == 0 && w->action != POLICY_HOLD && w->action != POLICY_REJECT)
		return option_unexpected(job, o, &in->values[0]);
	return rc;
}

void policy_print_when(struct buf *out, const struct policy_when *w)
{
	buf_printf(out, "\"%s", policy_action_name(w->action));
	if (w->action == POLICY_HOLD) {
		buf_addc(out, ' ');
		when_format(out, w->hold_ms);
		buf_printf(out, ", then %s", then_names[w->then]);
	}
	buf_addc(out, '"');
}

static void print_when(
    const struct option *o, const void *field, struct buf *out)
{
	(void)o;
	policy_print_when(out, field);
}

const struct option_type policy_when_type = {
    "\"hold 5d, then bounce\" (or drop), \"defer\", \"reject\" or \"drop\"",
    false, parse_when, print_when};
const struct option_type policy_closed_type = {
    "\"hold 5d, then bounce\" (or drop, or send), \"defer\", \"reject\" or "
    "\"drop\"",
    false, parse_closed, print_when};
const struct option_type policy_comply_type = {
    "\"reject\" or \"hold 5d, then bounce\" (or drop)", false, parse_comply,
    print_when};

/* --- time-zone --- */

/* The form of an IANA name; the zone files are not ours to read here. */
static int parse_zone(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct str s = in->values[0].text, *zone = field;
	bool good = s.n > 0 && s.n <= 64 && s.p[0] >= 'A' && s.p[0] <= 'Z' &&
		    !str_contains(s, STR("//")) && s.p[s.n - 1] != '/';

	for (size_t i = 0; good && i < s.n; i++)
		good =
		    ascii_is_alnum(s.p[i]) || memchr("/_+-", s.p[i], 4) != NULL;
	if (!good)
		return option_unexpected(job, o, &in->values[0]);
	*zone = s;
	return 0;
}

static void print_zone(
    const struct option *o, const void *field, struct buf *out)
{
	option_text.print(o, field, out);
}

const struct option_type policy_zone_type = {
    "a zone such as \"Europe/Berlin\" or \"UTC\"", false, parse_zone,
    print_zone};

/* --- the sections --- */

#define AT(field) offsetof(struct policy_draft, field)

static const struct option top_options[] = {
    {.name = "mode",
	.type = &policy_shadow_type,
	.offset = AT(policy.shadow),
	.def = "enforce",
	.help = "With shadow every rule is tried and logged and none acts."},
    {.name = "time-zone",
	.type = &policy_zone_type,
	.offset = AT(policy.time_zone),
	.def = "UTC",
	.help = "The zone of people whose own is not known: for limits by the "
		"calendar and for hours."},
    {.name = "reply-pause",
	.type = &option_duration,
	.offset = AT(policy.reply_pause_ms),
	.def = "30d",
	.help = "How long nurture to a person is paused after a reply that a "
		"person wrote; \"0s\" is not at all. What comes meanwhile "
		"waits, as when-full says."},
    {.name = "review-within",
	.type = &option_duration,
	.offset = AT(policy.review_ms),
	.def = "48h",
	.help = "When a request in plain words, found in a reply, must be "
		"decided: tendril review. The time runs from when the MTA "
		"delivered the reply, also where the agent was down. The "
		"person is paused until somebody decides; when the time is "
		"over it is an alarm."},
    {.name = "order",
	.type = &option_names,
	.offset = AT(order),
	.help = "Segments from the most to the least important; those not "
		"named follow in the order of the file."},
};

const struct section_kind section_policy = {
    .name = "",
    .times = SECTION_TOP,
    .options = top_options,
    .n_options = sizeof(top_options) / sizeof(top_options[0]),
    .help = "Options that stand before and outside all sections.",
};

#undef AT
#define AT(field) offsetof(struct policy_caps, field)

static const struct option person_options[] = {
    {.name = "at-most",
	.type = &policy_windows_type,
	.offset = 0,
	.help = "How many nurture messages one person gets, of all segments "
		"together. \"per 7d\" holds in every stretch of seven days; "
		"\"per day\", \"per week\" (from Monday) and \"per month\" go "
		"by the calendar of the person's zone; \"0 per 7d\" is never."},
    {.name = "apart",
	.type = &policy_apart_type,
	.offset = 0,
	.help = "Least time between two nurture messages to one person."},
    {.name = "mode",
	.type = &policy_shadow_type,
	.offset = AT(shadow),
	.def = "enforce",
	.help = "With shadow the limits of this section are tried and logged "
		"and do not act."},
};

const struct section_kind section_person = {
    .name = "person",
    .times = SECTION_ONCE,
    .options = person_options,
    .n_options = sizeof(person_options) / sizeof(person_options[0]),
    .offset = offsetof(struct policy_draft, policy.person),
    .help = "Limits over all segments.",
};

static const struct option company_options[] = {
    {.name = "at-most",
	.type = &policy_windows_type,
	.offset = 0,
	.help = "How many nurture messages the people of one company get, all "
		"together. \"per day\", \"per week\" and \"per month\" go by "
		"the policy's time-zone, for its people may live in several."},
    {.name = "at-most-people",
	.type = &policy_people_type,
	.offset = 0,
	.help = "How many different people of one company are written to."},
    {.name = "apart",
	.type = &policy_apart_type,
	.offset = 0,
	.help = "Least time between two nurture messages to one company."},
    {.name = "mode",
	.type = &policy_shadow_type,
	.offset = AT(shadow),
	.def = "enforce",
	.help = "With shadow the limits of this section are tried and logged "
		"and do not act."},
};

const struct section_kind section_company = {
    .name = "company",
    .times = SECTION_ONCE,
    .options = company_options,
    .n_options = sizeof(company_options) / sizeof(company_options[0]),
    .offset = offsetof(struct policy_draft, policy.company),
    .help = "Limits over all people of one company: of those whose attribute "
	    "company is the same, else whose addresses have the same "
	    "registrable domain. Domains of free-mail providers are no "
	    "company. What counts is what those were sent who belong to it "
	    "now: somebody whose company changes, by lead set or import, "
	    "brings along what came before, and the company of before loses "
	    "it. A policy with the first such limit comes in force when all "
	    "that was sent before is counted: some minutes, where there are "
	    "millions of people.",
};
