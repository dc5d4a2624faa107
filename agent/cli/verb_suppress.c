/* verb_suppress.c - tendril suppress: who must not be written to. */
#include "agent/cli/client.h"
#include "agent/cli/inforce.h"
#include "agent/cli/out.h"
#include "agent/cli/suppress_file.h"
#include "agent/cli/suppress_show.h"
#include "agent/cli/verbs.h"
#include "policy/mail/domain.h"
#include "policy/mail/freemail.h"
#include "policy/mail/psl.h"

static int report_change(struct cli *c, const struct value *reply,
    const char *done, const char * not )
{
	bool changed = false;

	if (c->json)
		return cli_json(reply);
	(void)value_get_bool(reply, "changed", &changed);
	out_line("%s: %s", c->operands[0], changed ? done : not );
	return CLI_DONE;
}

/* None may be what was meant: everybody in a country, all users of a provider,
 * or nearly nobody. */
static void note_domain(struct cli *c, struct str target)
{
	struct str domain;

	if (!str_starts(target, STR("@")) ||
	    domain_parse(c->arena, str_from(target, 1), &domain, NULL) != 0)
		return;
	if (str_find(domain, 0, '.') == domain.n)
		(void)cli_fail(CLI_DONE,
		    "note: \"%.*s\" has no dot: this binds addresses at that "
		    "very name, and nobody below it",
		    STR_ARG(domain));
	else if (psl_org_domain(domain).n == 0)
		(void)cli_fail(CLI_DONE,
		    "note: \"%.*s\" is a public suffix: this binds every "
		    "domain below it",
		    STR_ARG(domain));
	else if (freemail_is_one(domain))
		(void)cli_fail(CLI_DONE,
		    "note: \"%.*s\" has mailboxes for everybody: this binds "
		    "all people there",
		    STR_ARG(domain));
}

/* Which is over by an answer of ours, and another thing than a suppression. */
static bool is_pause(struct str reason)
{
	return str_eq(reason, STR("replied")) ||
	       str_eq(reason, STR("in_review"));
}

static int run_add(struct cli *c)
{
	struct value *body = value_new_object(), *reply;
	int code;

	value_put_str(body, "target", cli_operand(c, 0));
	cli_put_option(c, body, "reason");
	cli_put_option(c, body, "segment");
	cli_put_option(c, body, "until");
	cli_put_option(c, body, "note");
	code = cli_call(c,
	    &(struct cli_request){
		.method = "POST", .path = "/v1/suppressions", .body = body},
	    &reply, NULL);
	if (code == CLI_DONE)
		code = report_change(c, reply,
		    is_pause(cli_str(c, "reason")) ? "paused" : "suppressed",
		    "was suppressed like this already");
	if (code == CLI_DONE) {
		inforce_segment(c, cli_str(c, "segment"));
		note_domain(c, cli_operand(c, 0));
	}
	value_free(&reply);
	value_free(&body);
	return code;
}

static int run_remove(struct cli *c)
{
	struct value *body = value_new_object(), *reply;
	int code;

	value_put_str(body, "target", cli_operand(c, 0));
	cli_put_option(c, body, "segment");
	cli_put_option(c, body, "note");
	code = cli_call(c,
	    &(struct cli_request){
		.method = "DELETE", .path = "/v1/suppressions", .body = body},
	    &reply, NULL);
	if (code == CLI_DONE)
		code = report_change(c, reply, "no longer suppressed",
		    "was not suppressed by itself: see tendril suppress check "
		    "(a pause is ended by tendril review resume)");
	value_free(&reply);
	value_free(&body);
	return code;
}

static const char *const heads[] = {
    "target", "reason", "segment", "since", "until", "by", "origin", NULL};

/* Until when; marked where that is over, or where it is for a trial only. */
static void add_until(struct cli *c, struct out_table *t, const struct value *o)
{
	struct str until = value_get_str(o, "until");
	bool in_force = true, provisional = false;

	(void)value_get_bool(o, "in_force", &in_force);
	(void)value_get_bool(o, "provisional", &provisional);
	if (until.n == 0 || (in_force && !provisional))
		out_when(t, o, "until");
	else
		out_cell(t, str_of(arena_printf(c->arena, "%.*s, %s",
				STR_ARG(out_time(c, until)),
				in_force ? "provisional" : "ended")));
}

static void add_row(struct cli *c, struct out_table *t, const struct value *o)
{
	out_member(t, o, "target");
	out_member(t, o, "reason");
	out_member(t, o, "segment");
	out_when(t, o, "since");
	add_until(c, t, o);
	out_member(t, o, "author");
	out_member(t, o, "origin");
}

static int show_rows(struct cli *c, const struct value *list)
{
	struct out_table *t = out_table(c, heads);
	int code = CLI_DONE;

	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		if (c->json)
			code = cli_json(value_at(list, i));
		else
			add_row(c, t, value_at(list, i));
	}
	out_print(t);
	return code;
}

static int show_check(struct cli *c, const struct value *reply)
{
	bool yes = false;
	int code;

	(void)value_get_bool(reply, "suppressed", &yes);
	if (c->json) {
		code = cli_json(reply);
	} else {
		out_line("%s: %s", c->operands[0], suppress_state(reply));
		code = show_rows(c, value_get(reply, "suppressions"));
	}
	return code != CLI_DONE ? code : yes ? CLI_DONE : CLI_NO;
}

static int run_check(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/suppressions/check");
	client_query(&path, "target", cli_operand(c, 0));
	return cli_show(c, &path, show_check);
}

/* One page; *next is where the following one begins, empty at the end. */
static int list_page(struct cli *c, struct str *next)
{
	struct value *reply;
	struct buf path;
	int code;

	cli_path(&path, "/v1/suppressions");
	client_query(&path, "reason", cli_str(c, "reason"));
	client_query(&path, "segment", cli_str(c, "segment"));
	client_query(&path, "after", *next);
	cli_query_flag(c, &path, "redact");
	code = cli_get(c, &path, &reply);
	*next = STR_NULL;
	if (code == CLI_DONE)
		code = show_rows(c, value_get(reply, "suppressions"));
	if (code == CLI_DONE)
		*next = cli_next(c, reply);
	value_free(&reply);
	return code;
}

static int run_list(struct cli *c)
{
	struct str next = STR_NULL;
	int code;

	do
		code = list_page(c, &next);
	while (code == CLI_DONE && next.n > 0);
	return code;
}

#define OPTION_SEGMENT                                                         \
	{                                                                      \
		"segment", "NAME", "this segment only, not all nurture mail",  \
		    false                                                      \
	}
#define OPTION_NOTE                                                            \
	{                                                                      \
		"note", "TEXT", "for the record", false                        \
	}

static const struct cli_option add_options[] = {
    {"reason", "WORD",
	"manual (default), user_unknown, mailbox_disabled,\n"
	"mailbox_moved, host_unknown, mailbox_full, complaint,\n"
	"opt_out, imported, left; pauses of all nurture:\n"
	"replied, in_review",
	false},
    OPTION_SEGMENT,
    {"until", "TIME",
	"when it ends: 2027-01-31, 2027-01-31T12:00:00Z, or 90d\nfrom now",
	false},
    OPTION_NOTE,
    {NULL, NULL, NULL, false},
};
static const struct cli_option remove_options[] = {
    OPTION_SEGMENT,
    OPTION_NOTE,
    {NULL, NULL, NULL, false},
};
static const struct cli_option list_options[] = {
    {"reason", "WORD", "only these", false},
    {"segment", "NAME", "only those of this segment", false},
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option import_options[] = {
    {"reason", "WORD", "where the file has none (default: imported)", false},
    {"segment", "NAME", "where the file has none: this segment only", false},
    {"until", "TIME", "where the file has none: when they end", false},
    OPTION_NOTE,
    {"origin", "TEXT", "where they came from (default: import)", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option show_options[] = {
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option undo_options[] = {
    {"reason", "WORD",
	"user_unknown, mailbox_disabled, mailbox_moved,\nhost_unknown or "
	"mailbox_full",
	true},
    {"provider", "DOMAIN", "only mailboxes there, or below it", false},
    {"since", "TIME", "made at that instant or later: 2026-11-22, 3h ago: 3h",
	true},
    {"until", "TIME", "made before that instant (default: now)", false},
    {"note", "TEXT", "why, for the record", false},
    {"dry-run", NULL, "tell how many, and change nothing", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"add", "TARGET", 1, 1, add_options, "no nurture mail to TARGET any more",
	run_add},
    {"remove", "TARGET", 1, 1, remove_options, "takes that back", run_remove},
    {"check", "TARGET", 1, 1, NULL,
	"tells whether TARGET is suppressed, by itself, by its domain or by a "
	"hash",
	run_check},
    {"show", "TARGET", 1, 1, show_options,
	"the same with report, message, who and why, opt-outs, what was before",
	suppress_show},
    {"undo", "", 0, 0, undo_options,
	"takes back what failed deliveries did, and nothing else",
	suppress_undo},
    {"list", "", 0, 0, list_options,
	"lists all, also what has ended, and says so", run_list},
    {"import", "FILE", 1, 1, import_options,
	"adds those of a file that have not ended: lines, or columns with a "
	"heading",
	suppress_import},
    {"export", "", 0, 0, list_options, "all as CSV, to be imported again",
	suppress_export},
};

const struct cli_verb verb_suppress = {
    "suppress",
    "who must not be written to",
    "TARGET is an address, @domain (with its subdomains), sha256:HEX or\n"
    "md5:HEX of an address. Pauses (replied, in_review) are no suppressions,\n"
    "but keep nurture mail away while they last.",
    CLI_COMMANDS(commands),
    "check, show: not suppressed; import: lines that were not understood",
    "  tendril suppress add jane@a.example --note \"asked by phone\"\n"
    "  tendril suppress add @competitor.example\n"
    "  tendril suppress show jane@a.example\n"
    "  tendril suppress undo --reason user_unknown --provider b.example \\\n"
    "      --since 2026-11-22T10:00:00Z --note \"their outage\"\n"
    "  tendril suppress import old-tool.csv --origin \"old tool\"\n",
};
