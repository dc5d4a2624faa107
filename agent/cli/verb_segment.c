/* verb_segment.c - tendril segment: the rates of segments, campaigns and From
 * domains, and what is stopped. */
#include "agent/cli/client.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

enum {
	CELL_SPACE = 200,
	RATES = 4,
};

/* --- list --- */

/* "9 of 2000, 0.45 %; 0.1%/0.3%". */
static struct str rate_text(struct cli *c, const struct value *rate)
{
	struct str warn = value_get_str(rate, "warn");
	struct str stop = value_get_str(rate, "stop"), text;
	int64_t count = 0, of = 0;
	struct buf b;

	(void)value_get_i64(rate, "count", &count);
	(void)value_get_i64(rate, "of", &of);
	buf_init(&b, CELL_SPACE);
	buf_printf(&b, "%lld of %lld", (long long)count, (long long)of);
	if (of > 0)
		buf_printf(&b, ", %.2f%%", 100.0 * (double)count / (double)of);
	if (stop.n > 0)
		buf_printf(&b, " (%.*s, %.*s)", STR_ARG(warn), STR_ARG(stop));
	text = arena_str(c->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

static struct str state_text(struct cli *c, const struct value *o)
{
	const struct value *stop = value_get(o, "stop");
	struct str level = value_get_str(o, "level");
	struct str until = out_text(c, stop, "until");

	if (stop != NULL)
		return str_of(arena_printf(c->arena, "stopped%s%.*s",
		    until.n > 0 ? " until " : "", STR_ARG(until)));
	return str_eq(level, STR("ok")) ? STR("running")
					: STR("running, over a line");
}

static void add_row(struct out_table *t, struct cli *c, const struct value *o)
{
	const struct value *rates = value_get(o, "rates");

	out_member(t, o, "scope");
	out_member(t, o, "name");
	out_cell(t, state_text(c, o));
	out_member(t, o, "held");
	for (size_t i = 0; i < RATES; i++)
		out_cell(t, rate_text(c, value_at(rates, i)));
}

/* Below the table, where there is room. */
static void tell_stop(struct cli *c, const struct value *o)
{
	const struct value *stop = value_get(o, "stop");
	struct str reason = out_text(c, stop, "reason");

	if (stop == NULL)
		return;
	out_line("%.*s %.*s is stopped since %.*s by %.*s: %.*s",
	    STR_ARG(out_text(c, o, "scope")), STR_ARG(out_text(c, o, "name")),
	    STR_ARG(out_text(c, stop, "since")),
	    STR_ARG(out_text(c, stop, "author")), STR_ARG(reason));
}

static int show_list(struct cli *c, const struct value *reply)
{
	static const char *const heads[] = {"scope", "name", "state", "held",
	    "complaints", "hard bounces", "unsubscribes", "our faults", NULL};
	const struct value *list = value_get(reply, "segments");
	struct out_table *t = out_table(c, heads);
	bool more = false;
	int code = CLI_DONE;

	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		if (c->json)
			code = cli_json(value_at(list, i));
		else
			add_row(t, c, value_at(list, i));
	}
	if (c->json)
		return code;
	out_print(t);
	for (size_t i = 0; i < value_count(list); i++)
		tell_stop(c, value_at(list, i));
	if (value_count(list) == 0)
		out_line("no segments: no policy was applied yet");
	if (value_get_bool(reply, "more", &more) && more)
		out_line("there is more than is shown");
	return code;
}

static int run_list(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/segments");
	cli_query_flag(c, &path, "all");
	return cli_show(c, &path, show_list);
}

/* --- pause, resume --- */

/* Into the body, and *name_out for what is told. */
static int put_scope(struct cli *c, struct value *body, struct str *name_out)
{
	static const char *const others[] = {"campaign", "domain"};
	size_t n = c->n_operands;

	*name_out = cli_operand(c, 0);
	if (c->n_operands > 0)
		value_put_str(body, "segment", *name_out);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (cli_opt(c, others[i]) == NULL)
			continue;
		*name_out = cli_str(c, others[i]);
		value_put_str(body, others[i], *name_out);
		n++;
	}
	return n == 1 ? CLI_DONE
		      : cli_fail(CLI_USAGE,
			    "wanted: a segment, --campaign or --domain");
}

/* Takes body. */
static int change(struct cli *c, const char *path, struct value *body,
    const char *done, const char *nothing)
{
	struct value *reply = NULL;
	bool changed = false;
	struct str name;
	int code = put_scope(c, body, &name);

	cli_put_option(c, body, "reason");
	if (code == CLI_DONE)
		code = cli_call(c,
		    &(struct cli_request){
			.method = "POST", .path = path, .body = body},
		    &reply, NULL);
	if (code == CLI_DONE && c->json) {
		code = cli_json(reply);
	} else if (code == CLI_DONE) {
		(void)value_get_bool(reply, "changed", &changed);
		out_line("%.*s: %s", STR_ARG(name), changed ? done : nothing);
	}
	value_free(&reply);
	value_free(&body);
	return code;
}

static int run_pause(struct cli *c)
{
	struct value *body = value_new_object();

	cli_put_option(c, body, "until");
	return change(c, "/v1/segments/pause", body,
	    "stopped: new mail of it is held", "was stopped like this already");
}

static int run_resume(struct cli *c)
{
	return change(c, "/v1/segments/resume", value_new_object(),
	    "goes on: what was held is decided again", "was not stopped");
}

#define OPTION_SCOPES                                                          \
	{"campaign", "NAME", "a campaign, of whatever segment", false},        \
	{                                                                      \
		"domain", "NAME", "all nurture mail with that domain in From", \
		    false                                                      \
	}
#define OPTION_REASON                                                          \
	{                                                                      \
		"reason", "TEXT", "for the record", true                       \
	}

static const struct cli_option list_options[] = {
    {"all", NULL, "also campaigns that are below all lines", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option pause_options[] = {
    OPTION_REASON,
    {"until", "TIME",
	"when it goes on by itself: 2027-01-31, 2027-01-31T12:00:00Z,\n"
	"or 2d from now",
	false},
    OPTION_SCOPES,
    {NULL, NULL, NULL, false},
};
static const struct cli_option resume_options[] = {
    OPTION_REASON,
    OPTION_SCOPES,
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"list", "", 0, 0, list_options,
	"rates, the lines to warn and to stop at, and what is stopped",
	run_list},
    {"pause", "[NAME]", 0, 1, pause_options,
	"new mail of the segment, campaign or domain is held", run_pause},
    {"resume", "[NAME]", 0, 1, resume_options,
	"goes on, and what was held is decided again", run_resume},
};

const struct cli_verb verb_segment = {
    "segment",
    "rates of segments, campaigns and domains; pause and resume",
    "The breaker of the policy stops by itself what has too many complaints,\n"
    "hard bounces or opt-outs, or is refused for what we are too often. What "
    "was\nresumed is counted from nothing.\n"
    "Without a time a pause lasts until it is resumed; held messages still\n"
    "end at their deadline.",
    CLI_COMMANDS(commands),
    "no such segment or domain",
    "  tendril segment pause newsletter --reason \"wrong prices\" --until 2d\n"
    "  tendril segment resume --campaign spring-sale --reason \"list "
    "cleaned\"\n"
    "  tendril segment list --json\n",
};
