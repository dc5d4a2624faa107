/* verb_review.c - tendril review: requests in plain words that wait for a person. */
#include "agent/cli/client.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

static void add_row(struct out_table *t, struct cli *c, const struct value *o)
{
	bool overdue = false;

	(void)value_get_bool(o, "overdue", &overdue);
	out_member(t, o, "id");
	out_member(t, o, "address");
	out_member(t, o, "kind");
	out_cell(t, overdue ? STR("overdue") : out_text(c, o, "state"));
	out_when(t, o, "deadline");
	out_member(t, o, "quote");
}

static int show_list(struct cli *c, const struct value *reply)
{
	static const char *const heads[] = {
	    "id", "address", "kind", "state", "deadline", "what it says", NULL};
	const struct value *list = value_get(reply, "reviews");
	struct out_table *t = out_table(c, heads);
	int64_t overdue = 0;
	bool more = false;
	int code = CLI_DONE;

	(void)value_get_i64(reply, "overdue", &overdue);
	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		if (c->json)
			code = cli_json(value_at(list, i));
		else
			add_row(t, c, value_at(list, i));
	}
	out_print(t);
	if (!c->json && value_count(list) == 0)
		out_line("nothing waits for review");
	if (!c->json && value_get_bool(reply, "more", &more) && more)
		out_line("there is more than is shown");
	if (overdue > 0 && code == CLI_DONE)
		code = cli_fail(
		    CLI_NO, "%lld beyond the deadline", (long long)overdue);
	return code;
}

static int run_list(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/reviews");
	cli_query_flag(c, &path, "all");
	cli_query_flag(c, &path, "redact");
	return cli_show(c, &path, show_list);
}

static int show_one(struct cli *c, const struct value *o)
{
	static const char *const keys[] = {"id", "address", "kind", "state",
	    "quote", "message", "opened", "deadline", "decided", "author",
	    "why"};

	if (c->json)
		return cli_json(o);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct str text = out_text(c, o, keys[i]);

		if (text.n > 0)
			out_field(keys[i], text);
	}
	return CLI_DONE;
}

static int run_show(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/reviews/show");
	client_query(&path, "id", cli_operand(c, 0));
	cli_query_flag(c, &path, "redact");
	return cli_show(c, &path, show_one);
}

static int change(
    struct cli *c, const char *path, const char *done, const char *nothing)
{
	struct value *body = value_new_object(), *reply = NULL;
	struct str who = cli_operand(c, 0);
	bool changed = false;
	int code;

	value_put_str(
	    body, str_find(who, 0, '@') < who.n ? "address" : "id", who);
	cli_put_option(c, body, "reason");
	code = cli_call(c,
	    &(struct cli_request){.method = "POST", .path = path, .body = body},
	    &reply, NULL);
	if (code == CLI_DONE && c->json) {
		code = cli_json(reply);
	} else if (code == CLI_DONE) {
		(void)value_get_bool(reply, "changed", &changed);
		out_line("%.*s: %s", STR_ARG(who), changed ? done : nothing);
	}
	value_free(&reply);
	value_free(&body);
	return code;
}

static int run_unsubscribe(struct cli *c)
{
	return change(c, "/v1/reviews/unsubscribe",
	    "suppressed for all nurture mail, for good",
	    "was suppressed like this already");
}

static int run_resume(struct cli *c)
{
	return change(c, "/v1/reviews/resume",
	    "no longer paused: what was held is decided again",
	    "was not paused");
}

#define OPTION_REASON                                                          \
	{                                                                      \
		"reason", "TEXT", "for the record", true                       \
	}
#define OPTION_REDACT                                                          \
	{                                                                      \
		"redact", NULL, "addresses as lead:HEX, no words of theirs",   \
		    false                                                      \
	}

static const struct cli_option list_options[] = {
    {"all", NULL, "also those that are decided, the newest first", false},
    OPTION_REDACT,
    {NULL, NULL, NULL, false},
};
static const struct cli_option show_options[] = {
    OPTION_REDACT,
    {NULL, NULL, NULL, false},
};
static const struct cli_option decide_options[] = {
    OPTION_REASON,
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"list", "", 0, 0, list_options,
	"what waits, by deadline; exits with 1 where one is beyond it",
	run_list},
    {"show", "ID", 1, 1, show_options, "one of them, with what was written",
	run_show},
    {"unsubscribe", "ID|ADDRESS", 1, 1, decide_options,
	"it is a wish: no nurture mail any more, of any kind", run_unsubscribe},
    {"resume", "ID|ADDRESS", 1, 1, decide_options,
	"it is none, or all is said: nurture mail goes on", run_resume},
};

const struct cli_verb verb_review = {
    "review",
    "wishes in plain words, found in replies, and whoever is paused",
    "A reply that seems to ask for no more mail, or to say that the person "
    "has\n"
    "left the company, pauses the person at once and waits here for somebody\n"
    "to decide, within review-within of the policy. Beyond that it is an "
    "alarm.\n"
    "With an address, resume also ends the pause after an ordinary reply.",
    CLI_COMMANDS(commands),
    "one is beyond its deadline; no such review",
    "  tendril review list\n"
    "  tendril review unsubscribe 912750883074897934 --reason \"asks to be "
    "removed\"\n"
    "  tendril review resume jane@a.example --reason \"call is done\"\n",
};
