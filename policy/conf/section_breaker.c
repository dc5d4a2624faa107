/* section_breaker.c - breaker { } and breaker-for NAME { }: at which rates of
 * complaints, hard bounces, opt-outs and refusals of us a segment, campaign or From domain is
 * stopped. Rates are kept as whole parts of POLICY_RATE_ALL, so that "0.1%" is
 * exactly that. */
#include "policy/conf/section_policy.h"

#include "policy/base/when.h"

enum {
	DECIMALS = 3, /* of a percentage */
	PER_CENT = POLICY_RATE_ALL / 100,
};
#define WINDOW_LEAST_MS WHEN_HOUR_MS
#define WINDOW_MOST_MS (31 * WHEN_DAY_MS)

static const struct option_word modes[] = {
    {"enforce", POLICY_BREAKER_ENFORCE},
    {"shadow", POLICY_BREAKER_SHADOW},
    {"off", POLICY_BREAKER_OFF},
    {NULL, 0},
};

/* --- rates --- */

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* "0.25%": more than nothing, at most 100 %. */
static bool parse_rate(struct str text, uint32_t *out)
{
	size_t dot = str_find(text, 0, '.');
	struct str whole, part = STR("");
	uint32_t scale = PER_CENT, v = 0;

	if (!str_ends(text, STR("%")))
		return false;
	text = str_cut(text, 0, text.n - 1);
	whole = str_cut(text, 0, dot);
	if (dot < text.n)
		part = str_from(text, dot + 1);
	if (!is_digits(whole) || whole.n > 3 ||
	    (whole.n > 1 && whole.p[0] == '0') || part.n > DECIMALS ||
	    (dot < text.n && !is_digits(part)))
		return false;
	for (size_t i = 0; i < whole.n; i++)
		v = v * 10 + (uint32_t)(whole.p[i] - '0');
	*out = v * PER_CENT;
	for (size_t i = 0; i < part.n; i++) {
		scale /= 10;
		*out += scale * (uint32_t)(part.p[i] - '0');
	}
	return *out > 0 && *out <= POLICY_RATE_ALL;
}

void policy_print_rate(struct buf *out, uint32_t rate)
{
	uint32_t rest = rate % PER_CENT;

	buf_printf(out, "%lu", (unsigned long)(rate / PER_CENT));
	for (uint32_t scale = PER_CENT / 10; rest > 0; scale /= 10) {
		if (scale == PER_CENT / 10)
			buf_addc(out, '.');
		buf_addc(out, (char)('0' + rest / scale));
		rest %= scale;
	}
	buf_addc(out, '%');
}

/* The values of a list, or of one text with a comma, as two. */
static size_t split(const struct read_option *in, struct str v[2])
{
	struct str rest = in->values[0].text, one;
	size_t n = 0;

	if (in->n == 1) {
		while (str_next(&rest, ',', &one)) {
			if (n < 2)
				v[n] = str_trim(one);
			n++;
		}
		return n;
	}
	for (n = 0; n < in->n && n < 2; n++)
		v[n] = in->values[n].text;
	return in->n;
}

static int set_rule(const struct option_job *job, const struct read_option *in,
    const struct str v[2], struct policy_line *rule)
{
	const char *text = arena_printf(job->arena, "%.*s = \"%.*s%s%.*s\"%s",
	    STR_ARG(in->name), STR_ARG(v[0]), v[1].n > 0 ? ", " : "",
	    STR_ARG(v[1]), in->values[0].token.n == 0 ? " (default)" : "");

	if (text == NULL)
		return option_no_memory(job);
	*rule = (struct policy_line){in->line, job->section, str_of(text)};
	return 0;
}

static int parse_lines(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_lines *l = field;
	struct str v[2] = {STR(""), STR("")};
	size_t n = split(in, v);

	l->set = true;
	if (n == 1 && str_eq(v[0], STR("off")))
		return set_rule(job, in, v, &l->rule);
	if (n != 2 || !parse_rate(v[0], &l->warn) ||
	    !parse_rate(v[1], &l->stop))
		return option_unexpected(job, o, &in->values[0]);
	if (l->warn > l->stop)
		return option_refuse(job, o, &in->values[0],
		    "the line to warn at is above the one to stop at");
	return set_rule(job, in, v, &l->rule);
}

static void print_lines(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_lines *l = field;

	(void)o;
	if (!l->set)
		return;
	if (l->stop == 0) {
		buf_addz(out, "\"off\"");
		return;
	}
	buf_addz(out, "{\"");
	policy_print_rate(out, l->warn);
	buf_addz(out, "\", \"");
	policy_print_rate(out, l->stop);
	buf_addz(out, "\"}");
}

static const struct option_type lines_type = {
    "two rates, to warn and to stop at, such as {\"0.1%\", \"0.3%\"}, or "
    "\"off\"",
    true, parse_lines, print_lines};

/* --- window, resume --- */

static int check_window(const struct option_job *job,
    const struct read_option *in, const void *field)
{
	const int64_t *ms = field;

	if (*ms >= WINDOW_LEAST_MS && *ms <= WINDOW_MOST_MS)
		return 0;
	return option_fail(job, in->values[0].line, ERR_SYNTAX,
	    "window = \"%.*s\": from 1h to 31d", STR_ARG(in->values[0].text));
}

static int parse_resume(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct policy_breaker *b = field;
	const struct read_value *v = &in->values[0];
	struct error why = {0};

	b->resume = POLICY_RESUME_AFTER;
	if (str_eq(v->text, STR("by-hand")))
		b->resume = POLICY_RESUME_BY_HAND;
	else if (str_eq(v->text, STR("below-warn")))
		b->resume = POLICY_RESUME_BELOW_WARN;
	else if (!str_starts(v->text, STR("after ")))
		return option_unexpected(job, o, v);
	else if (when_duration(
		     str_trim(str_from(v->text, 6)), &b->resume_ms, &why) != 0)
		return option_refuse(job, o, v, why.text);
	return 0;
}

static void print_resume(
    const struct option *o, const void *field, struct buf *out)
{
	const struct policy_breaker *b = field;

	(void)o;
	switch (b->resume) {
	case POLICY_RESUME_UNSET:
		break;
	case POLICY_RESUME_BY_HAND:
		buf_addz(out, "\"by-hand\"");
		break;
	case POLICY_RESUME_BELOW_WARN:
		buf_addz(out, "\"below-warn\"");
		break;
	case POLICY_RESUME_AFTER:
		buf_addz(out, "\"after ");
		when_format(out, b->resume_ms);
		buf_addc(out, '"');
		break;
	}
}

static const struct option_type resume_type = {
    "\"by-hand\", \"below-warn\" or a time such as \"after 24h\"", false,
    parse_resume, print_resume};

/* Nothing where a segment's own section says nothing. */
static int parse_mode(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_enum.parse(job, o, in, field);
}

static void print_mode(
    const struct option *o, const void *field, struct buf *out)
{
	const enum policy_breaker_mode *mode = field;

	if (*mode != POLICY_BREAKER_UNSET)
		option_enum.print(o, field, out);
}

static const struct option_type mode_type = {
    "one of the words listed", false, parse_mode, print_mode};

static int parse_count(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_count.parse(job, o, in, field);
}

static void print_count(
    const struct option *o, const void *field, struct buf *out)
{
	const uint32_t *n = field;

	if (*n != 0)
		option_count.print(o, field, out);
}

static const struct option_type count_type = {
    "a number", false, parse_count, print_count};

static int finish(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct policy_breaker *b = element;
	const char *text = arena_printf(job->arena, "%.*s {",
	    STR_ARG(job->section.n > 0 ? job->section : STR("breaker")));

	if (text == NULL)
		return option_no_memory(job);
	b->rule = (struct policy_line){in->line, job->section, str_of(text)};
	return 0;
}

/* --- the sections --- */

#define AT(field) offsetof(struct policy_breaker, field)

static const struct option options[] = {
    {.name = "mode",
	.type = &mode_type,
	.offset = AT(mode),
	.def = "enforce",
	.words = modes,
	.help = "With shadow it warns where it would stop; off watches "
		"nothing. What people pause is paused in any mode."},
    {.name = "window",
	.type = &option_duration,
	.offset = AT(window_ms),
	.def = "7d",
	.check = check_window,
	.help = "Messages accepted in that time are looked at, by full "
		"hours."},
    {.name = "min-sample",
	.type = &count_type,
	.offset = AT(min_sample),
	.def = "200",
	.min = 1,
	.max = 1000000000,
	.help = "With fewer messages than that there is no rate."},
    {.name = "min-count",
	.type = &count_type,
	.offset = AT(min_count),
	.def = "3",
	.min = 1,
	.max = 1000000,
	.help = "Fewer complaints, bounces or opt-outs than that never cross "
		"a line: one person's anger is no rate."},
    {.name = "complaints",
	.type = &lines_type,
	.offset = AT(lines[POLICY_COMPLAINTS]),
	.def = "0.1%, 0.3%",
	.help = "Complaints, of the messages that were delivered."},
    {.name = "hard-bounces",
	.type = &lines_type,
	.offset = AT(lines[POLICY_HARD_BOUNCES]),
	.def = "2%, 5%",
	.help = "Bounces that are about the person, of the messages that were "
		"delivered or bounced so."},
    {.name = "unsubscribes",
	.type = &lines_type,
	.offset = AT(lines[POLICY_UNSUBSCRIBES]),
	.def = "1%, 2%",
	.help = "Opt-outs by a message's own link, of the messages that were "
		"delivered."},
    {.name = "our-faults",
	.type = &lines_type,
	.offset = AT(lines[POLICY_OUR_FAULTS]),
	.def = "2%, 5%",
	.help = "Bounces that are about us (reputation, authentication, rate, "
		"relaying), of the messages that were delivered or bounced "
		"so."},
    {.name = "resume",
	.type = &resume_type,
	.offset = 0,
	.def = "by-hand",
	.help = "When what was stopped by a rate goes on: never by itself, "
		"when all rates are below the line to warn at, or after a "
		"time."},
};

enum {
	N_OPTIONS = sizeof(options) / sizeof(options[0])
};

const struct section_kind section_breaker = {
    .name = "breaker",
    .times = SECTION_ONCE,
    .options = options,
    .n_options = N_OPTIONS,
    .offset = offsetof(struct policy_draft, policy.breaker),
    .help = "At which rates a segment, a campaign or a From domain is "
	    "stopped: its new mail is held. In force without being written.",
    .finish = finish,
};

/* The same without defaults. */
static const struct option own_options[] = {
    {.name = "mode",
	.type = &mode_type,
	.offset = AT(mode),
	.words = modes,
	.help = "As in breaker."},
    {.name = "window",
	.type = &option_duration,
	.offset = AT(window_ms),
	.check = check_window,
	.help = "As in breaker."},
    {.name = "min-sample",
	.type = &count_type,
	.offset = AT(min_sample),
	.min = 1,
	.max = 1000000000,
	.help = "As in breaker."},
    {.name = "min-count",
	.type = &count_type,
	.offset = AT(min_count),
	.min = 1,
	.max = 1000000,
	.help = "As in breaker."},
    {.name = "complaints",
	.type = &lines_type,
	.offset = AT(lines[POLICY_COMPLAINTS]),
	.help = "As in breaker."},
    {.name = "hard-bounces",
	.type = &lines_type,
	.offset = AT(lines[POLICY_HARD_BOUNCES]),
	.help = "As in breaker."},
    {.name = "unsubscribes",
	.type = &lines_type,
	.offset = AT(lines[POLICY_UNSUBSCRIBES]),
	.help = "As in breaker."},
    {.name = "our-faults",
	.type = &lines_type,
	.offset = AT(lines[POLICY_OUR_FAULTS]),
	.help = "As in breaker."},
    {.name = "resume",
	.type = &resume_type,
	.offset = 0,
	.help = "As in breaker."},
};

const struct section_kind section_breaker_for = {
    .name = "breaker-for",
    .times = SECTION_MANY,
    .options = own_options,
    .n_options = sizeof(own_options) / sizeof(own_options[0]),
    .offset = offsetof(struct policy_draft, policy.breakers),
    .n_offset = offsetof(struct policy_draft, policy.n_breakers),
    .size = sizeof(struct policy_breaker),
    .name_offset = offsetof(struct policy_breaker, name),
    .help = "A segment's own breaker; what it does not say is as in breaker.",
    .finish = finish,
};

/* --- asking --- */

const char *policy_rate_name(enum policy_rate r)
{
	static const char *const names[] = {
	    [POLICY_COMPLAINTS] = "complaints",
	    [POLICY_HARD_BOUNCES] = "hard-bounces",
	    [POLICY_UNSUBSCRIBES] = "unsubscribes",
	    [POLICY_OUR_FAULTS] = "our-faults",
	};

	return (unsigned)r < POLICY_RATES ? names[r] : "unknown";
}

static void lay_over(struct policy_breaker *b, const struct policy_breaker *own)
{
	b->name = own->name;
	b->rule = own->rule;
	if (own->mode != POLICY_BREAKER_UNSET)
		b->mode = own->mode;
	if (own->window_ms != 0)
		b->window_ms = own->window_ms;
	if (own->min_sample != 0)
		b->min_sample = own->min_sample;
	if (own->min_count != 0)
		b->min_count = own->min_count;
	for (size_t i = 0; i < POLICY_RATES; i++)
		if (own->lines[i].set)
			b->lines[i] = own->lines[i];
	if (own->resume != POLICY_RESUME_UNSET) {
		b->resume = own->resume;
		b->resume_ms = own->resume_ms;
	}
}

struct policy_breaker policy_breaker_of(
    const struct policy *p, struct str segment)
{
	struct policy_breaker b = p->breaker;

	for (size_t i = 0; segment.n > 0 && i < p->n_breakers; i++)
		if (str_eq(p->breakers[i].name, segment))
			lay_over(&b, &p->breakers[i]);
	return b;
}
