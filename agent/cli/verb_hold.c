/* verb_hold.c - tendril hold: messages that wait with us. */
#include "agent/cli/client.h"
#include "agent/cli/events.h"
#include "agent/cli/verb_hold_adopt.h"
#include "agent/cli/verbs.h"

static void add_row(struct out_table *t, const struct value *o)
{
	out_member(t, o, "id");
	out_member(t, o, "kind");
	out_member(t, o, "segment");
	out_when(t, o, "due");
	out_when(t, o, "deadline");
	out_member(t, o, "recipients");
	out_member(t, o, "address");
}

static int list_page(
    struct cli *c, struct out_table *t, struct str *next, size_t *n)
{
	const struct value *list;
	struct value *reply;
	struct buf path;
	int code;

	cli_path(&path, "/v1/holds");
	client_query(&path, "segment", cli_str(c, "segment"));
	client_query(&path, "after", *next);
	cli_query_flag(c, &path, "redact");
	code = cli_get(c, &path, &reply);
	list = value_get(reply, "holds");
	*n += value_count(list);
	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		if (c->json)
			code = cli_json(value_at(list, i));
		else
			add_row(t, value_at(list, i));
	}
	*next = cli_next(c, reply);
	value_free(&reply);
	return code;
}

static int run_list(struct cli *c)
{
	static const char *const heads[] = {"id", "kind", "segment", "due",
	    "at the latest", "to", "address", NULL};
	struct out_table *t = out_table(c, heads);
	struct str next = STR_NULL;
	size_t n = 0;
	int code;

	do
		code = list_page(c, t, &next, &n);
	while (code == CLI_DONE && next.n > 0);
	out_print(t);
	if (code == CLI_DONE && n == 0 && !c->json)
		out_line("nothing waits");
	return code;
}

static void print_list(
    struct cli *c, const char *name, const struct value *list)
{
	for (size_t i = 0; i < value_count(list); i++)
		out_field(i == 0 ? name : "",
		    out_clean(c, value_as_str(value_at(list, i))));
}

static void print_now(struct cli *c, const struct value *now)
{
	struct str reason = value_get_str(now, "reason");
	const char *words = out_reason(reason);

	if (reason.n == 0)
		return;
	out_field("now", str_of(arena_printf(c->arena, "%.*s: %s",
			     STR_ARG(out_text(c, now, "verdict")), words)));
	out_field("not before", out_text(c, now, "earliest"));
	out_field("rule", event_rule(c, now));
}

static int show_hold(struct cli *c, const struct value *v)
{
	static const char *const names[] = {"kind", "address", "segment",
	    "stream", "campaign", "added", "due", "deadline", "then",
	    "recipients", "attempts", "arrived", "queue_id", "sender", "bytes",
	    "file"};

	if (c->json)
		return cli_json(v);
	out_line("copy %.*s", STR_ARG(out_text(c, v, "id")));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		out_field(names[i], out_text(c, v, names[i]));
	print_list(c, "to", value_get(v, "to"));
	print_now(c, value_get(v, "now"));
	return CLI_DONE;
}

static int run_show(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/holds/show");
	client_query(&path, "id", cli_operand(c, 0));
	cli_query_flag(c, &path, "redact");
	return cli_show(c, &path, show_hold);
}

/* One call; a segment may need several. */
static int change_page(
    struct cli *c, const char *path, struct str *next, int64_t *n)
{
	struct value *body = value_new_object(), *reply;
	int64_t changed = 0;
	int code;

	if (cli_opt(c, "segment") != NULL)
		value_put_str(body, "segment", cli_str(c, "segment"));
	else
		value_put_str(body, "id", cli_operand(c, 0));
	if (next->n > 0)
		value_put_str(body, "after", *next);
	code = cli_call(c,
	    &(struct cli_request){.method = "POST", .path = path, .body = body},
	    &reply, NULL);
	(void)value_get_i64(reply, "changed", &changed);
	*n += changed;
	*next = cli_next(c, reply);
	value_free(&reply);
	value_free(&body);
	return code;
}

static int change(struct cli *c, const char *path, const char *done)
{
	struct str next = STR_NULL;
	struct value *v;
	int64_t n = 0;
	int code;

	if ((cli_opt(c, "segment") != NULL) == (c->n_operands > 0))
		return cli_fail(
		    CLI_USAGE, "either an id or --segment is wanted");
	do {
		code = change_page(c, path, &next, &n);
		out_progress("%lld %s", (long long)n, done);
	} while (code == CLI_DONE && next.n > 0);
	out_progress_end();
	if (code != CLI_DONE)
		return code;
	if (!c->json) {
		out_line("%lld %s", (long long)n, done);
		return CLI_DONE;
	}
	v = value_new_object();
	value_put_i64(v, "changed", n);
	code = cli_json(v);
	value_free(&v);
	return code;
}

static int run_release(struct cli *c)
{
	return change(c, "/v1/holds/release", "released: due now");
}

static int run_drop(struct cli *c)
{
	return change(c, "/v1/holds/drop", "dropped");
}

static const struct cli_option list_options[] = {
    {"segment", "NAME", "this segment only", false},
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option show_options[] = {
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option change_options[] = {
    {"segment", "NAME", "all that is held for this segment", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option adopt_options[] = {
    {"all", NULL, "all of the hold queue that is ours; the rest stays", false},
    {"postfix", "DIR", "configuration folder of another Postfix", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"list", "", 0, 0, list_options, "what waits, and until when", run_list},
    {"show", "ID", 1, 1, show_options, "one message, and why it waits",
	run_show},
    {"release", "[ID]", 0, 1, change_options, "due now: decided again, at once",
	run_release},
    {"drop", "[ID]", 0, 1, change_options, "removed for good; nobody is told",
	run_drop},
    {"adopt", "[QUEUEID]", 0, 1, adopt_options,
	"takes sendmail(1)'s mail out of the MTA's hold queue, to be decided",
	verb_hold_adopt},
};

const struct cli_verb verb_hold = {
    "hold",
    "messages that wait with us",
    "Released messages go through their verdict like all others: one that is\n"
    "over a limit waits again.\n"
    "\n"
    "Mail of local programs goes to the MTA's hold queue when it cannot be\n"
    "decided: while the milter is down, or has neither ledger nor spool. Let\n"
    "it out by \"adopt\", as root: it gets its verdict and signature, once.\n"
    "\"postsuper -H\" would send it without either. The agent may be down.",
    CLI_COMMANDS(commands),
    "no message of that id; adopt: it is not on hold, or none of ours",
    "  tendril hold list --segment newsletter\n"
    "  tendril hold release --segment newsletter\n"
    "  tendril hold adopt --all\n",
};
