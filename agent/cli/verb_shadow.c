/* verb_shadow.c - tendril shadow: what rules in shadow mode would have done. */
#include "agent/cli/client.h"
#include "agent/cli/events.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

static struct str example(struct cli *c, const struct value *row)
{
	const struct value *list = value_get(row, "examples");

	return value_count(list) > 0 ? out_text(c, value_at(list, 0), "address")
				     : STR("");
}

static void add_row(struct out_table *t, struct cli *c, const struct value *row)
{
	out_member(t, row, "segment");
	out_member(t, row, "would");
	out_member(t, row, "messages");
	out_cell(t, example(c, row));
	out_cell(t, str_of(arena_printf(c->arena, "%s; %.*s",
			out_reason(value_get_str(row, "reason")),
			STR_ARG(event_rule(c, row)))));
}

static int show_report(struct cli *c, const struct value *reply)
{
	static const char *const heads[] = {
	    "segment", "would", "messages", "for example", "why", NULL};
	const struct value *list = value_get(reply, "rows");
	struct out_table *t = out_table(c, heads);
	bool more = false;

	if (c->json)
		return cli_json(reply);
	for (size_t i = 0; i < value_count(list); i++)
		add_row(t, c, value_at(list, i));
	out_print(t);
	if (value_count(list) == 0)
		out_line("no rule in shadow had anything to say since %.*s",
		    STR_ARG(out_text(c, reply, "since")));
	if (value_get_bool(reply, "more", &more) && more)
		out_line("up to %.*s: for more, ask with --since",
		    STR_ARG(out_text(c, reply, "until")));
	return CLI_DONE;
}

static int run_shadow(struct cli *c)
{
	static const char *const names[] = {"since", "until", "segment"};
	struct buf path;

	cli_path(&path, "/v1/shadow");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		client_query(&path, names[i], cli_str(c, names[i]));
	cli_query_flag(c, &path, "redact");
	return cli_show(c, &path, show_report);
}

static const struct cli_option options[] = {
    {"since", "TIME", "from then on: 30d (default), 2026-11-22...", false},
    {"until", "TIME", "and up to then; default now", false},
    {"segment", "NAME", "this segment only", false},
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "", 0, 0, options, "", run_shadow},
};

const struct cli_verb verb_shadow = {
    "shadow",
    "what rules in shadow mode would have done",
    "Of a limit or segment with mode = shadow: what it would have held, "
    "refused\n"
    "or dropped, by line of the policy. Where the policy or tendril.conf has\n"
    "mode = shadow: all decisions. Each is judged by what was really sent; "
    "what\n"
    "a rule would do to its own history is told by tendril simulate.",
    CLI_COMMANDS(commands),
    NULL,
    "  tendril shadow --since 7d\n",
};
