/* suppress_show.c - see suppress_show.h. */
#include "agent/cli/suppress_show.h"

#include "agent/cli/client.h"
#include "agent/cli/events.h"

/* --- show --- */

/* "by the MTA's log, status 5.1.1: 550 no such user". */
static struct str evidence_text(struct cli *c, const struct value *ev)
{
	struct str by = value_get_str(ev, "by");
	struct str text = event_text(c, ev),
		   way = STR("a report of a provider");

	if (str_eq(by, STR("log")))
		way = STR("the MTA's log");
	else if (str_eq(by, STR("api")))
		way = STR("the application's word");
	else if (by.n > 0)
		way = STR("a report of non-delivery");
	return str_of(arena_printf(c->arena, "%.*s; by %.*s, event %.*s",
	    STR_ARG(text), STR_ARG(way), STR_ARG(out_text(c, ev, "seq"))));
}

static struct str sent_text(struct cli *c, const struct value *sent)
{
	struct str queue = out_text(c, sent, "queue_id");
	struct str campaign = out_text(c, sent, "campaign");

	return str_of(arena_printf(c->arena,
	    "%.*s of segment %.*s%s%.*s, %.*s%s%.*s, policy %.*s",
	    STR_ARG(out_text(c, sent, "message")),
	    STR_ARG(out_text(c, sent, "segment")),
	    campaign.n > 0 ? ", campaign " : "", STR_ARG(campaign),
	    STR_ARG(out_text(c, sent, "proposed")),
	    queue.n > 0 ? ", queue id " : "", STR_ARG(queue),
	    STR_ARG(out_text(c, sent, "policy"))));
}

static struct str scope_text(struct cli *c, const struct value *row)
{
	struct str segment = out_text(c, row, "segment");
	bool provisional = false;

	(void)value_get_bool(row, "provisional", &provisional);
	return str_of(arena_printf(c->arena, "%s%.*s%s",
	    segment.n > 0 ? "segment " : "all nurture mail", STR_ARG(segment),
	    provisional ? "; provisional, another failure decides" : ""));
}

static void print_row(struct cli *c, const struct value *row)
{
	const struct value *evidence = value_get(row, "evidence");
	const struct value *sent = value_get(row, "sent");
	bool in_force = true;

	(void)value_get_bool(row, "in_force", &in_force);
	out_line("%.*s: %.*s%s", STR_ARG(out_text(c, row, "target")),
	    STR_ARG(out_text(c, row, "reason")), in_force ? "" : " (ended)");
	out_field("for", scope_text(c, row));
	out_field("since", out_text(c, row, "since"));
	out_field("until", out_text(c, row, "until"));
	out_field("origin", out_text(c, row, "origin"));
	out_field("by", out_text(c, row, "author"));
	out_field("note", out_text(c, row, "note"));
	if (evidence != NULL)
		out_field("evidence", evidence_text(c, evidence));
	if (sent != NULL)
		out_field("message", sent_text(c, sent));
}

static void print_history(struct cli *c, const struct value *events)
{
	struct out_table *t = event_table(c);

	if (value_count(events) == 0)
		return;
	out_line("%s", "");
	for (size_t i = 0; i < value_count(events); i++)
		event_row(t, c, value_at(events, i));
	out_print(t);
}

const char *suppress_state(const struct value *reply)
{
	bool suppressed = false, paused = false;

	(void)value_get_bool(reply, "suppressed", &suppressed);
	(void)value_get_bool(reply, "paused", &paused);
	return suppressed ? "suppressed"
	       : paused   ? "paused, not suppressed"
			  : "not suppressed";
}

/* As it was given, or as a redacted answer names it. */
static struct str target_text(struct cli *c, const struct value *reply)
{
	struct str target = out_text(c, reply, "target");

	return target.n > 0 ? target : out_clean(c, cli_operand(c, 0));
}

/* Purposes that the person wants nothing of: not a suppression, and as good a
 * reason why there is no mail. */
static void print_opt_outs(struct cli *c, const struct value *reply)
{
	const struct value *list = value_get(reply, "opt_outs");

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *o = value_at(list, i);

		out_line("%.*s: purpose %.*s: %.*s since %.*s (tendril consent "
			 "show)",
		    STR_ARG(target_text(c, reply)),
		    STR_ARG(out_text(c, o, "purpose")),
		    STR_ARG(out_text(c, o, "state")),
		    STR_ARG(out_time(c, value_get_str(o, "since"))));
	}
}

static int print_all(struct cli *c, const struct value *reply)
{
	const struct value *rows = value_get(reply, "suppressions");
	bool yes = false;

	(void)value_get_bool(reply, "suppressed", &yes);
	if (c->json)
		return cli_json(reply) != CLI_DONE ? CLI_AGAIN
		       : yes                       ? CLI_DONE
						   : CLI_NO;
	if (!yes)
		out_line("%.*s: %s", STR_ARG(target_text(c, reply)),
		    suppress_state(reply));
	for (size_t i = 0; i < value_count(rows); i++)
		print_row(c, value_at(rows, i));
	print_opt_outs(c, reply);
	print_history(c, value_get(reply, "events"));
	return yes ? CLI_DONE : CLI_NO;
}

int suppress_show(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/suppressions/show");
	client_query(&path, "target", cli_operand(c, 0));
	cli_query_flag(c, &path, "redact");
	return cli_show(c, &path, print_all);
}

/* --- undo --- */

struct undone {
	struct str next; /* p NULL: all was looked at */
	int64_t found, undone;
};

static int undo_page(struct cli *c, struct undone *u)
{
	static const char *const names[] = {
	    "reason", "provider", "since", "until", "note"};
	struct value *body = value_new_object(), *reply;
	int64_t found = 0, undone = 0;
	int code;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cli_put_option(c, body, names[i]);
	value_put_bool(body, "dry_run", cli_opt(c, "dry-run") != NULL);
	if (u->next.n > 0)
		value_put_str(body, "after", u->next);
	code = cli_call(c,
	    &(struct cli_request){.method = "POST",
		.path = "/v1/suppressions/undo",
		.body = body},
	    &reply, NULL);
	u->next = STR_NULL;
	if (code == CLI_DONE) {
		(void)value_get_i64(reply, "found", &found);
		(void)value_get_i64(reply, "undone", &undone);
		u->found += found;
		u->undone += undone;
		u->next = cli_next(c, reply);
	}
	value_free(&reply);
	value_free(&body);
	return code;
}

static int tell_undone(struct cli *c, const struct undone *u)
{
	struct value *o;
	int code;

	if (!c->json) {
		if (cli_opt(c, "dry-run") != NULL)
			out_line("%lld would be undone", (long long)u->found);
		else
			out_line("%lld undone", (long long)u->undone);
		return CLI_DONE;
	}
	o = value_new_object();
	value_put_i64(o, "found", u->found);
	value_put_i64(o, "undone", u->undone);
	code = cli_json(o);
	value_free(&o);
	return code;
}

int suppress_undo(struct cli *c)
{
	struct undone u = {.next = STR_NULL};
	int code;

	if (cli_opt(c, "note") == NULL && cli_opt(c, "dry-run") == NULL)
		return cli_fail(
		    CLI_USAGE, "--note is wanted: why, for the record");
	do
		code = undo_page(c, &u);
	while (code == CLI_DONE && u.next.n > 0);
	return code == CLI_DONE ? tell_undone(c, &u) : code;
}
