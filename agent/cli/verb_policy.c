/* verb_policy.c - tendril policy: the rules in force, their history, and how
 * to change them. All through the agent: /v1/policy. */
#include "agent/cli/client.h"
#include "agent/cli/out.h"
#include "agent/cli/policyfile.h"
#include "agent/cli/verbs.h"

#include <stdlib.h>

enum {
	CHANGE_S = 1800 /* the first limit per company: tendril.policy(5) */
};

/* A policy that does not parse is a finding, not wrong usage. */
static int exit_of(int exit_code, int rc)
{
	return rc == ERR_SYNTAX || rc == ERR_LIMIT ? CLI_NO : exit_code;
}

static void print_lines(
    const struct value *reply, const char *key, const char *lead)
{
	const struct value *v = value_get(reply, key);

	for (size_t i = 0; i < value_count(v); i++) {
		struct str line = value_as_str(value_at(v, i));
		out_line("%s%.*s", lead, STR_ARG(line));
	}
}

static const char *orphans_go(const struct value *o)
{
	struct str choice = value_get_str(o, "orphans");

	if (str_eq(choice, STR("bounce")))
		return ": they go back to their senders";
	return str_eq(choice, STR("hold")) ? ": they wait for their deadline"
					   : "";
}

static void print_orphans(const struct value *reply)
{
	const struct value *v = value_get(reply, "orphans");

	for (size_t i = 0; i < value_count(v); i++) {
		const struct value *o = value_at(v, i);
		struct str name = value_get_str(o, "segment");
		int64_t held = 0;

		(void)value_get_i64(o, "held", &held);
		out_line("orphaned: segment %.*s, named by %zu streams of the "
			 "conf, %lld messages held for it%s",
		    STR_ARG(name), value_count(value_get(o, "streams")),
		    (long long)held, held > 0 ? orphans_go(o) : "");
	}
}

static void print_effect(const struct value *reply)
{
	print_lines(reply, "effects", "  ");
	print_lines(reply, "changes", "    ");
	print_lines(reply, "warnings", "warning: ");
	print_orphans(reply);
}

static int show_applied(struct cli *c, const struct value *reply)
{
	int64_t version = 0;
	bool changed = true;

	if (c->json)
		return cli_json(reply);
	(void)value_get_i64(reply, "version", &version);
	(void)value_get_bool(reply, "changed", &changed);
	print_effect(reply);
	out_line("version %lld is in force%s", (long long)version,
	    changed ? "" : " already: nothing was changed");
	return CLI_DONE;
}

/* Sends a change; an answer that orphans segments is told in full. */
static int send_change(struct cli *c, const char *path, struct value *body)
{
	struct str orphans = cli_str(c, "orphans");
	struct value *reply;
	int code, rc;

	if (orphans.n > 0 && !str_eq(orphans, STR("hold")) &&
	    !str_eq(orphans, STR("bounce"))) {
		value_free(&body);
		return cli_fail(CLI_USAGE, "--orphans is hold or bounce");
	}
	cli_put_option(c, body, "orphans");
	cli_put_option(c, body, "base");
	value_put_str(body, "reason", cli_str(c, "reason"));
	code = cli_call(c,
	    &(struct cli_request){.method = "POST",
		.path = path,
		.body = body,
		.timeout_s = CHANGE_S},
	    &reply, &rc);
	if (code == CLI_DONE)
		code = show_applied(c, reply);
	else if (rc == ERR_EXISTS && reply != NULL)
		print_orphans(reply);
	value_free(&reply);
	value_free(&body);
	return exit_of(code, rc);
}

static int put_file(struct cli *c, const char *path, struct value *body)
{
	struct str text;
	int code = policyfile_get(c, path, &text);

	if (code != CLI_DONE)
		return code;
	value_put_str(body, "text", text);
	value_put_str(body, "path", str_of(path));
	return CLI_DONE;
}

static int run_revert(struct cli *c)
{
	struct value *body = value_new_object();

	value_put_str(body, "version", cli_operand(c, 0));
	return send_change(c, "/v1/policy/revert", body);
}

/* Simple requests: path, then what to do with the reply. */
static int ask(struct cli *c, const char *method, const char *path,
    const struct value *body, int (*show)(struct cli *c, const struct value *v))
{
	struct value *reply;
	int rc = 0;
	int code = cli_call(c,
	    &(struct cli_request){.method = method, .path = path, .body = body},
	    &reply, &rc);

	if (code == CLI_DONE)
		code = show(c, reply);
	value_free(&reply);
	return exit_of(code, rc);
}

static int show_check(struct cli *c, const struct value *reply)
{
	size_t findings = value_count(value_get(reply, "warnings")) +
			  value_count(value_get(reply, "orphans"));

	if (c->json)
		return cli_json(reply) != CLI_DONE ? CLI_AGAIN
		       : findings > 0              ? CLI_NO
						   : CLI_DONE;
	print_effect(reply);
	if (value_count(value_get(reply, "changes")) == 0)
		out_line("no rule would change");
	return findings > 0 ? CLI_NO : CLI_DONE;
}

static int run_check(struct cli *c)
{
	struct value *body = value_new_object();
	int code = put_file(c, c->operands[0], body);

	if (code == CLI_DONE)
		code = ask(c, "POST", "/v1/policy/check", body, show_check);
	value_free(&body);
	return code;
}

static int run_apply(struct cli *c)
{
	struct value *body;
	int code;

	if (cli_opt(c, "dry-run") != NULL)
		return run_check(c);
	if (cli_str(c, "reason").n == 0)
		return cli_fail(CLI_USAGE, "--reason TEXT is needed");
	body = value_new_object();
	code = put_file(c, c->operands[0], body);
	if (code != CLI_DONE) {
		value_free(&body);
		return code;
	}
	return send_change(c, "/v1/policy", body);
}

static int show_text(struct cli *c, const struct value *reply)
{
	struct str text = value_get_str(reply, "text");

	if (c->json)
		return cli_json(reply);
	(void)fwrite(text.p, 1, text.n, stdout);
	return CLI_DONE;
}

static int run_show(struct cli *c)
{
	struct buf path;
	int code;

	cli_path(&path, "/v1/policy");
	client_query(&path, "version", cli_operand(c, 0));
	code = ask(c, "GET", path.p, NULL, show_text);
	buf_fini(&path);
	return code;
}

static int show_log(struct cli *c, const struct value *reply)
{
	static const char *const heads[] = {
	    "version", "applied", "author", "reason", NULL};
	const struct value *v = value_get(reply, "versions");
	struct out_table *t = out_table(c, heads);
	int code = CLI_DONE;

	for (size_t i = 0; code == CLI_DONE && i < value_count(v); i++) {
		const struct value *o = value_at(v, i);

		if (c->json) {
			code = cli_json(o);
			continue;
		}
		out_member(t, o, "version");
		out_when(t, o, "applied");
		out_member(t, o, "author");
		out_member(t, o, "reason");
	}
	out_print(t);
	return code;
}

static int run_log(struct cli *c)
{
	return ask(c, "GET", "/v1/policy/log", NULL, show_log);
}

static int show_diff(struct cli *c, const struct value *reply)
{
	size_t n = value_count(value_get(reply, "changes"));

	if (c->json)
		return cli_json(reply);
	print_lines(reply, "effects", "");
	print_lines(reply, "changes", "  ");
	print_lines(reply, "warnings", "warning: ");
	if (n == 0)
		out_line("the same rules");
	return CLI_DONE;
}

static bool is_number(struct str s)
{
	uint64_t v;

	return s.n > 0 && str_u64(s, UINT32_MAX, &v) == 0;
}

/* A and B are versions; B, or A alone, may be a file. */
static int run_diff(struct cli *c)
{
	struct str a = cli_operand(c, 0), b = cli_operand(c, 1);
	struct value *body = NULL;
	int code = CLI_DONE;
	struct buf path;

	if (a.p != NULL && b.p == NULL && !is_number(a)) {
		b = a;
		a = STR_NULL;
	}
	if (a.p != NULL && !is_number(a))
		return cli_fail(CLI_USAGE, "%.*s is no version", STR_ARG(a));
	cli_path(&path, "/v1/policy/diff");
	if (b.p != NULL && !is_number(b)) {
		body = value_new_object();
		code = put_file(c, b.p, body);
		if (a.p != NULL)
			value_put_str(body, "from", a);
	} else {
		client_query(&path, "from", a);
		client_query(&path, "to", b);
	}
	if (code == CLI_DONE)
		code = ask(
		    c, body != NULL ? "POST" : "GET", path.p, body, show_diff);
	value_free(&body);
	buf_fini(&path);
	return code;
}

#define OPTION_ORPHANS                                                         \
	{                                                                      \
		"orphans", "hold|bounce",                                      \
		    "messages held for a segment that goes away: they wait\n"  \
		    "for their deadline, or go back to their senders",         \
		    false                                                      \
	}
#define OPTION_BASE                                                            \
	{                                                                      \
		"base", "N", "refuse unless version N is in force", false      \
	}
#define OPTION_REASON                                                          \
	{                                                                      \
		"reason", "TEXT", "why, for the record", true                  \
	}

static const struct cli_option apply_options[] = {
    {"reason", "TEXT", "why, for the record", false},
    OPTION_BASE,
    OPTION_ORPHANS,
    {"dry-run", NULL, "tell what would change, and change nothing", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option change_options[] = {
    OPTION_REASON,
    OPTION_BASE,
    OPTION_ORPHANS,
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"apply", "FILE", 1, 1, apply_options,
	"puts the rules of FILE in force; tells what changes by that",
	run_apply},
    {"check", "FILE", 1, 1, NULL, "tells what applying FILE would change",
	run_check},
    {"show", "[VERSION]", 0, 1, NULL, "prints the rules in force, or older",
	run_show},
    {"diff", "[A] [B|FILE]", 0, 2, NULL,
	"tells what differs, rule by rule; without words: the last change",
	run_diff},
    {"log", "", 0, 0, NULL, "lists all versions: when, who and why", run_log},
    {"revert", "VERSION", 1, 1, change_options,
	"puts the rules of an older version in force again, as a new one",
	run_revert},
};

const struct cli_verb verb_policy = {
    "policy",
    "the marketer's rules: apply, compare, look back",
    "What changes is told twice: what comes of it for people and then,\n"
    "indented, option by option. The days of a days-file option are put into\n"
    "the policy that is applied. Applying what is in force already changes\n"
    "nothing and succeeds.",
    CLI_COMMANDS(commands),
    "refused (the rules do not parse, or orphan a segment); check: findings",
    "  tendril policy check spring.policy\n"
    "  tendril policy apply spring.policy --reason \"two webinars a month\"\n"
    "  tendril policy revert 3 --reason \"too many complaints\"\n",
};
