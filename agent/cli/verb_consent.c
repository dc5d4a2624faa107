/* verb_consent.c - tendril consent: what a person agreed to, withdrew or
 * objected to, by purpose. */
#include "agent/cli/client.h"
#include "agent/cli/events.h"
#include "agent/cli/inforce.h"
#include "agent/cli/verbs.h"

static int set_state(struct cli *c, const char *state)
{
	struct value *body = value_new_object(), *reply;
	bool changed = false;
	int code;

	value_put_str(body, "address", cli_operand(c, 0));
	value_put_str(body, "purpose", cli_operand(c, 1));
	value_put_str(body, "state", str_of(state));
	cli_put_option(c, body, "origin");
	cli_put_option(c, body, "evidence");
	cli_put_option(c, body, "said");
	code = cli_call(c,
	    &(struct cli_request){
		.method = "POST", .path = "/v1/consent", .body = body},
	    &reply, NULL);
	if (code == CLI_DONE && c->json) {
		code = cli_json(reply);
	} else if (code == CLI_DONE) {
		(void)value_get_bool(reply, "changed", &changed);
		out_line("%s, %s: %s%s", c->operands[0], c->operands[1],
		    changed ? "" : "was already ", state);
	}
	if (code == CLI_DONE)
		inforce_purpose(c, cli_operand(c, 1));
	value_free(&reply);
	value_free(&body);
	return code;
}

static int run_grant(struct cli *c)
{
	return set_state(c, "granted");
}

static int run_withdraw(struct cli *c)
{
	return set_state(c, "withdrawn");
}

static int run_object(struct cli *c)
{
	return set_state(c, "objected");
}

static void show_history(struct cli *c, const struct value *list)
{
	struct out_table *t = event_table(c);

	for (size_t i = 0; i < value_count(list); i++)
		event_row(t, c, value_at(list, i));
	if (value_count(list) > 0)
		out_line("\nevery word, oldest first");
	out_print(t);
}

static int show_purposes(struct cli *c, const struct value *reply)
{
	static const char *const heads[] = {
	    "purpose", "state", "since", "by", "origin", NULL};
	const struct value *v = value_get(reply, "purposes");
	struct out_table *t = out_table(c, heads);
	int code = value_count(v) > 0 ? CLI_DONE : CLI_NO;

	if (c->json)
		return cli_json(reply) == CLI_DONE ? code : CLI_AGAIN;
	for (size_t i = 0; i < value_count(v); i++) {
		const struct value *o = value_at(v, i);
		out_member(t, o, "purpose");
		out_member(t, o, "state");
		out_when(t, o, "since");
		out_member(t, o, "author");
		out_member(t, o, "origin");
	}
	out_print(t);
	show_history(c, value_get(reply, "history"));
	if (code == CLI_NO)
		out_line("%s: nothing on record", c->operands[0]);
	return code;
}

static int run_show(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/consent");
	client_query(&path, "address", cli_operand(c, 0));
	cli_query_flag(c, &path, "redact");
	return cli_show(c, &path, show_purposes);
}

static const struct cli_option set_options[] = {
    {"origin", "TEXT", "how it came: \"form\", \"phone\"... (manual)", false},
    {"evidence", "TEXT",
	"what proves it: form, wording, client address; sealed", false},
    {"said", "TIME",
	"when the person said it: 2026-11-22, 2026-11-22T10:05:32Z\n"
	"or how long ago (\"3d\"); default now",
	false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option show_options[] = {
    {"redact", NULL, "lead ids in place of addresses, no evidence", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"grant", "ADDRESS PURPOSE", 2, 2, set_options, "the person agreed",
	run_grant},
    {"withdraw", "ADDRESS PURPOSE", 2, 2, set_options,
	"the person no longer agrees", run_withdraw},
    {"object", "ADDRESS PURPOSE", 2, 2, set_options,
	"the person objected: also against legitimate interest", run_object},
    {"show", "ADDRESS", 1, 1, show_options, "all purposes of a person",
	run_show},
};

const struct cli_verb verb_consent = {
    "consent",
    "what a person agreed to, withdrew or objected to",
    NULL,
    CLI_COMMANDS(commands),
    "show: nothing is on record",
    "  tendril consent grant jane@a.example newsletter --origin form \\\n"
    "      --evidence \"footer form, 192.0.2.7\" --said 2026-11-20\n"
    "  tendril consent show jane@a.example\n",
};
