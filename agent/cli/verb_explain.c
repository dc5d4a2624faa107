/* verb_explain.c - tendril explain: may this person get a message of that
 * segment now, and by which line of the policy. */
#include "agent/cli/client.h"
#include "agent/cli/events.h"
#include "agent/cli/inforce.h"
#include "agent/cli/verbs.h"

#include <string.h>

static struct str why_text(struct cli *c, const struct value *v)
{
	struct str reason = value_get_str(v, "reason");
	struct str detail = value_get_str(v, "suppression");
	const char *words = out_reason(reason);

	if (words[0] == '\0')
		return reason;
	return str_of(arena_printf(c->arena, "%s%s%s", words,
	    detail.n > 0 ? ", because of " : "",
	    detail.n > 0 ? out_cause(detail) : ""));
}

static struct str stop_text(struct cli *c, const struct value *stop)
{
	if (stop == NULL)
		return STR("");
	return str_of(
	    arena_printf(c->arena, "%.*s %.*s, since %.*s by %.*s: %.*s",
		STR_ARG(out_text(c, stop, "scope")),
		STR_ARG(out_text(c, stop, "name")),
		STR_ARG(out_text(c, stop, "since")),
		STR_ARG(out_text(c, stop, "author")),
		STR_ARG(out_text(c, stop, "reason"))));
}

/* "Mon 2026-11-30 09:00 (Europe/Berlin), 2026-11-30 08:00 UTC" */
static struct str when_text(struct cli *c, const struct value *v)
{
	struct str utc = out_text(c, v, "earliest");
	struct str local = out_text(c, v, "earliest_local");

	if (local.n == 0)
		return utc;
	return str_of(
	    arena_printf(c->arena, "%.*s (%.*s), %.*s", STR_ARG(local),
		STR_ARG(out_text(c, v, "time_zone")), STR_ARG(utc)));
}

static struct str ahead_text(struct cli *c, const struct value *v)
{
	int64_t n = 0;

	if (!value_get_i64(v, "ahead", &n) || n == 0)
		return STR("");
	return n == 1 ? STR("1 held message goes before it")
		      : str_of(arena_printf(c->arena,
			    "%lld held messages go before it", (long long)n));
}

static void show_verdict(struct cli *c, const struct value *v)
{
	struct str address = out_text(c, v, "address");
	struct str segment = out_text(c, v, "segment");
	struct str verdict = out_text(c, v, "verdict");

	out_line("%.*s, segment %.*s: %.*s", STR_ARG(address), STR_ARG(segment),
	    STR_ARG(verdict));
	out_field("because", why_text(c, v));
	out_field("stopped", stop_text(c, value_get(v, "stop")));
	out_field("not before", when_text(c, v));
	out_field("after", ahead_text(c, v));
	out_field("held until", out_text(c, v, "deadline"));
	out_field("rule", event_rule(c, v));
	out_field("shadow", str_of(out_shadow(v)));
}

static int show_history(struct cli *c, const struct value *reply)
{
	const struct value *list = value_get(reply, "events");
	struct out_table *t;
	int code = CLI_DONE;

	for (size_t i = 0; c->json && i < value_count(list); i++)
		code = code == CLI_DONE ? cli_json(value_at(list, i)) : code;
	if (c->json)
		return code;
	out_line("queue id %s", c->operands[0]);
	t = event_table(c);
	for (size_t i = 0; i < value_count(list); i++)
		event_row(t, c, value_at(list, i));
	out_print(t);
	return code;
}

static int explain_queue(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/explain");
	client_query(&path, "queue_id", cli_operand(c, 0));
	return cli_show(c, &path, show_history);
}

static int run_explain(struct cli *c)
{
	struct value *reply;
	struct buf path;
	int code;

	if (c->n_operands == 1 && strchr(c->operands[0], '@') != NULL)
		return cli_fail(CLI_USAGE,
		    "which segment? tendril lead show %s has all of them",
		    c->operands[0]);
	if (c->n_operands == 1)
		return explain_queue(c);
	cli_path(&path, "/v1/explain");
	client_query(&path, "address", cli_operand(c, 0));
	client_query(&path, "segment", cli_operand(c, 1));
	client_query(&path, "campaign", cli_str(c, "campaign"));
	client_query(&path, "at", cli_str(c, "at"));
	client_query(&path, "domain", cli_str(c, "domain"));
	code = cli_get(c, &path, &reply);
	if (code == CLI_DONE && c->json)
		code = cli_json(reply);
	else if (code == CLI_DONE)
		show_verdict(c, reply);
	if (code == CLI_DONE &&
	    str_eq(value_get_str(reply, "reason"), STR("unknown_segment")))
		inforce_segment(c, cli_operand(c, 1));
	if (code == CLI_DONE &&
	    !str_eq(value_get_str(reply, "verdict"), STR("allow")))
		code = CLI_NO;
	value_free(&reply);
	return code;
}

static const struct cli_option options[] = {
    {"at", "TIME",
	"at another instant, by what is known now: a time, or\n3h (from now)",
	false},
    {"campaign", "NAME", "a message of this campaign", false},
    {"domain", "NAME", "one with that domain in From", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "ADDRESS SEGMENT | QUEUEID", 1, 2, options, "", run_explain},
};

const struct cli_verb verb_explain = {
    "explain",
    "may this person be written to now, and why not",
    "Tells the reason, the line of the policy that gives it, and from when\n"
    "on the answer would be yes. By queue id: what was decided then, by the\n"
    "policy of that day, and what became of the message. One that waited or\n"
    "had several recipients goes on under another queue id for each of\n"
    "them; what became of it there is told too (of the first thousand).",
    CLI_COMMANDS(commands),
    "not now, or never; nothing is on record of that queue id",
    "  tendril explain jane@a.example newsletter\n"
    "  tendril explain 4ZqXw72mbkz1x\n",
};
