/* verb_hold.c - tendril hold: messages that wait with us. */
#include "agent/cli/client.h"
#include "agent/cli/events.h"
#include "agent/cli/inforce.h"
#include "agent/cli/verb_hold_adopt.h"
#include "agent/cli/verbs.h"

/* In a few words: the table is wide. */
static struct str why(struct cli *c, const struct value *o)
{
	bool forced = false;
	int64_t ahead = 0;
	const char *words = out_reason(value_get_str(o, "reason"));

	(void)value_get_bool(o, "forced", &forced);
	(void)value_get_i64(o, "ahead", &ahead);
	if (forced)
		return STR("let go by an operator");
	if (ahead == 0)
		return str_of(words);
	return str_of(arena_printf(c->arena, "%s%s%lld ahead", words,
	    words[0] != '\0' ? ", " : "", (long long)ahead));
}

static void add_row(struct cli *c, struct out_table *t, const struct value *o)
{
	out_member(t, o, "id");
	out_member(t, o, "segment");
	out_when(t, o, "due");
	out_when(t, o, "deadline");
	out_member(t, o, "then");
	out_member(t, o, "recipients");
	out_member(t, o, "address");
	out_cell(t, why(c, o));
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
	client_query(&path, "company", cli_str(c, "company"));
	client_query(&path, "lead", cli_str(c, "lead"));
	client_query(&path, "after", *next);
	cli_query_flag(c, &path, "redact");
	code = cli_get(c, &path, &reply);
	list = value_get(reply, "holds");
	*n += value_count(list);
	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		if (c->json)
			code = cli_json(value_at(list, i));
		else
			add_row(c, t, value_at(list, i));
	}
	*next = cli_next(c, reply);
	value_free(&reply);
	return code;
}

static int run_list(struct cli *c)
{
	static const char *const heads[] = {"id", "segment", "due",
	    "at the latest", "then", "to", "address", "why", NULL};
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

static void print_ahead(struct cli *c, const struct value *list)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *o = value_at(list, i);

		out_field(i == 0 ? "after" : "",
		    str_of(
			arena_printf(c->arena, "%.*s: %.*s to %.*s, due %.*s",
			    STR_ARG(out_text(c, o, "id")),
			    STR_ARG(out_text(c, o, "segment")),
			    STR_ARG(out_text(c, o, "address")),
			    STR_ARG(out_text(c, o, "due")))));
	}
}

static void print_why(struct cli *c, const struct value *v)
{
	struct str author = out_text(c, v, "author");
	bool forced = false;

	(void)value_get_bool(v, "forced", &forced);
	out_field("held", str_of(out_reason(value_get_str(v, "reason"))));
	out_field("by", event_rule(c, v));
	if (author.n > 0)
		out_field(forced ? "let go" : "released",
		    str_of(arena_printf(c->arena, "by %.*s%s", STR_ARG(author),
			forced ? ", in spite of that" : "")));
	else if (forced)
		out_field("let go", STR("by an operator, in spite of that"));
}

static void print_now(struct cli *c, const struct value *now)
{
	struct str reason = value_get_str(now, "reason");
	struct str demand = value_get_str(now, "compliance");
	const char *words = out_reason(reason);

	if (reason.n == 0)
		return;
	out_field("now", str_of(arena_printf(c->arena, "%.*s: %s%s%s",
			     STR_ARG(out_text(c, now, "verdict")), words,
			     demand.n > 0 ? "; " : "",
			     demand.n > 0 ? out_demand(demand) : "")));
	out_field("not before", out_text(c, now, "earliest"));
	out_field("rule", event_rule(c, now));
}

static int show_hold(struct cli *c, const struct value *v)
{
	static const char *const names[] = {"kind", "address", "segment",
	    "stream", "campaign", "counts_as", "added", "due", "deadline",
	    "then", "recipients", "attempts", "arrived", "queue_id", "sender",
	    "bytes", "file"};

	if (c->json)
		return cli_json(v);
	out_line("copy %.*s", STR_ARG(out_text(c, v, "id")));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		out_field(names[i], out_text(c, v, names[i]));
	print_list(c, "to", value_get(v, "to"));
	print_why(c, v);
	print_ahead(c, value_get(v, "ahead"));
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

/* What may be named in place of an id. */
static const char *const filters[] = {"segment", "company", "lead"};
enum {
	N_FILTERS = sizeof(filters) / sizeof(filters[0])
};

static bool is_filtered(const struct cli *c)
{
	for (size_t i = 0; i < N_FILTERS; i++)
		if (cli_opt(c, filters[i]) != NULL)
			return true;
	return false;
}

static bool is_forced(const struct cli *c)
{
	return str_eq(str_of(c->command->name), STR("release")) &&
	       cli_opt(c, "force") != NULL;
}

/* Those that went meanwhile, and those on their way, were not changed. */
struct changed {
	int64_t changed, sent, busy;
};

/* One call; a segment may need several. */
static int change_page(
    struct cli *c, const char *path, struct str *next, struct changed *n)
{
	struct value *body = value_new_object(), *reply;
	int64_t changed = 0, sent = 0, busy = 0;
	int code;

	for (size_t i = 0; i < N_FILTERS; i++)
		cli_put_option(c, body, filters[i]);
	if (c->n_operands > 0)
		value_put_str(body, "id", cli_operand(c, 0));
	if (is_forced(c))
		value_put_bool(body, "force", true);
	cli_put_option(c, body, "reason");
	if (next->n > 0)
		value_put_str(body, "after", *next);
	code = cli_call(c,
	    &(struct cli_request){.method = "POST", .path = path, .body = body},
	    &reply, NULL);
	(void)value_get_i64(reply, "changed", &changed);
	(void)value_get_i64(reply, "sent", &sent);
	(void)value_get_i64(reply, "busy", &busy);
	n->changed += changed;
	n->sent += sent;
	n->busy += busy;
	*next = cli_next(c, reply);
	value_free(&reply);
	value_free(&body);
	return code;
}

static int tell_changed(
    struct cli *c, const struct changed *n, const char *done)
{
	struct value *v;
	int code = CLI_DONE;

	if (c->json) {
		v = value_new_object();
		value_put_i64(v, "changed", n->changed);
		value_put_i64(v, "sent", n->sent);
		value_put_i64(v, "busy", n->busy);
		code = cli_json(v);
		value_free(&v);
	} else {
		out_line("%lld %s", (long long)n->changed, done);
		if (n->sent > 0)
			out_line("%lld not: sent, or at their end, meanwhile",
			    (long long)n->sent);
	}
	if (code != CLI_DONE || n->busy == 0)
		return code;
	return cli_fail(CLI_AGAIN,
	    "%lld not: they are being given to the MTA; ask again",
	    (long long)n->busy);
}

static int change(struct cli *c, const char *path, const char *done)
{
	struct str next = STR_NULL;
	struct changed n = {0};
	int code;

	if (is_filtered(c) == (c->n_operands > 0))
		return cli_fail(CLI_USAGE,
		    "either an id is wanted, or --segment, --company, --lead");
	do {
		code = change_page(c, path, &next, &n);
		out_progress("%lld %s", (long long)n.changed, done);
	} while (code == CLI_DONE && next.n > 0);
	out_progress_end();
	if (code == CLI_DONE && n.changed == 0)
		inforce_segment(c, cli_str(c, "segment"));
	return code == CLI_DONE ? tell_changed(c, &n, done) : code;
}

static int run_release(struct cli *c)
{
	bool forced = is_forced(c);

	if (forced && cli_opt(c, "reason") == NULL)
		return cli_fail(CLI_USAGE, "--force wants a --reason");
	return change(
	    c, "/v1/holds/release", forced ? "let go" : "released: due now");
}

static int run_drop(struct cli *c)
{
	return change(c, "/v1/holds/drop", "dropped");
}

#define FILTERS                                                                \
	{"segment", "NAME", "of this segment only", false},                    \
	    {"company", "NAME",                                                \
		"of this company only: its domain, its name, "                 \
		"or an address there",                                         \
		false},                                                        \
	{                                                                      \
		"lead", "ADDRESS", "to this person only", false                \
	}

static const struct cli_option list_options[] = {
    FILTERS,
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option show_options[] = {
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option release_options[] = {
    FILTERS,
    {"force", NULL,
	"in spite of limits, order and hours; nothing else is overruled",
	false},
    {"reason", "TEXT", "why: on record with your name; --force wants it",
	false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option drop_options[] = {
    FILTERS,
    {"reason", "TEXT", "why: on record with your name", false},
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
    {"release", "[ID]", 0, 1, release_options,
	"due now: decided again, at once", run_release},
    {"drop", "[ID]", 0, 1, drop_options, "removed for good; nobody is told",
	run_drop},
    {"adopt", "[QUEUEID]", 0, 1, adopt_options,
	"takes sendmail(1)'s mail out of the MTA's hold queue, to be decided",
	verb_hold_adopt},
};

const struct cli_verb verb_hold = {
    "hold",
    "messages that wait with us",
    "Released messages go through their verdict like all others: one that is\n"
    "over a limit waits again. With --force one goes in spite of what it "
    "waits\n"
    "for: limits, apart, order, yield and hours. Nothing overrules a "
    "suppression,\n"
    "a missing or withdrawn consent, a stop, or a message that does not "
    "comply.\n"
    "It counts like any other. The journal has who released, let go or "
    "dropped\n"
    "what, and why.\n"
    "\n"
    "What the MTA has, or is given just now, is not dropped: that is told.\n"
    "\n"
    "Of those that wait for the same limit the earlier kinds go first "
    "(order),\n"
    "of one kind the oldest; \"show\" lists those that go before a message.\n"
    "\n"
    "Mail of local programs goes to the MTA's hold queue when it cannot be\n"
    "decided: while the milter is down, or has neither ledger nor spool. Let\n"
    "it out by \"adopt\", as root: it gets its verdict and signature, once.\n"
    "\"postsuper -H\" would send it without either. The agent may be down.",
    CLI_COMMANDS(commands),
    "no message of that id; drop: it was sent; adopt: it is not on hold, or "
    "none "
    "of ours",
    "  tendril hold list --segment newsletter\n"
    "  tendril hold release --segment newsletter\n"
    "  tendril hold release 912488742020603824 --force --reason \"asked for\"\n"
    "  tendril hold adopt --all\n",
};
