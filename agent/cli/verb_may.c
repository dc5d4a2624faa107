/* verb_may.c - tendril may: who of these may be written to now. What
 * /v1/check answers, for lists of any length. */
#include "agent/cli/events.h"
#include "agent/cli/inforce.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

enum {
	AT_ONCE = 10000,
	ARENA_MAX = 64 << 20, /* of what one answer prints */
};

struct may {
	struct cli *c;
	struct value *recipients; /* of the next call */
	uint64_t n, allowed, errors;
};

static void show_row(struct cli *c, const struct value *o)
{
	struct str error = value_get_str(o, "error");
	struct str verdict =
	    error.p != NULL ? STR("error") : value_get_str(o, "verdict");
	struct str address = out_text(c, o, "address");
	struct str when = out_text(c, o, "earliest"), rule = event_rule(c, o);
	const char *why = out_reason(value_get_str(o, "reason"));

	if (str_eq(verdict, STR("allow"))) {
		out_line("allow   %.*s", STR_ARG(address));
		return;
	}
	if (error.p != NULL)
		why = arena_printf(c->arena, "%.*s", STR_ARG(error));
	out_line("%-7.*s %.*s  %s%s%.*s%s%.*s", STR_ARG(verdict),
	    STR_ARG(address), why != NULL ? why : "",
	    when.n > 0 ? "; not before " : "", STR_ARG(when),
	    rule.n > 0 ? "; " : "", STR_ARG(rule));
}

static int show_rows(struct may *m, const struct value *list)
{
	int code = CLI_DONE;

	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		const struct value *o = value_at(list, i);

		m->n++;
		m->allowed += str_eq(value_get_str(o, "verdict"), STR("allow"));
		m->errors += value_get(o, "error") != NULL;
		if (m->c->json)
			code = cli_json(o);
		else
			show_row(m->c, o);
	}
	return code;
}

/* All that is printed lives as long as this answer. */
static int show_reply(struct may *m, const struct value *reply)
{
	const struct value *list = value_get(reply, "results");
	struct arena *all = m->c->arena;
	int code;

	m->c->arena = arena_new(ARENA_MAX);
	if (m->c->arena == NULL) {
		m->c->arena = all;
		return cli_fail(CLI_AGAIN, "out of memory");
	}
	code = show_rows(m, list);
	arena_free(&m->c->arena);
	m->c->arena = all;
	return code;
}

static int ask(struct may *m)
{
	struct value *body = value_new_object(), *reply = NULL;
	int code;

	value_put_str(body, "segment", cli_operand(m->c, 0));
	cli_put_option(m->c, body, "campaign");
	cli_put_option(m->c, body, "at");
	value_put(body, "recipients", m->recipients);
	m->recipients = value_new_array();
	code = cli_call(m->c,
	    &(struct cli_request){
		.method = "POST", .path = "/v1/check", .body = body},
	    &reply, NULL);
	if (code == CLI_DONE)
		code = show_reply(m, reply);
	value_free(&reply);
	value_free(&body);
	return code;
}

static int add(struct may *m, struct str address)
{
	value_add_str(m->recipients, address);
	return value_count(m->recipients) == AT_ONCE ? ask(m) : CLI_DONE;
}

static int add_file(struct may *m, const char *path)
{
	struct str rest, line;
	int code = cli_read(m->c, path, &rest);

	while (code == CLI_DONE && str_next(&rest, '\n', &line))
		if (str_trim(line).n > 0)
			code = add(m, str_trim(line));
	return code;
}

static int ask_all(struct may *m)
{
	const char *file = cli_opt(m->c, "file");
	int code = CLI_DONE;

	for (size_t i = 1; code == CLI_DONE && i < m->c->n_operands; i++)
		code = add(m, cli_operand(m->c, i));
	if (code == CLI_DONE && file != NULL)
		code = add_file(m, file);
	if (code == CLI_DONE && value_count(m->recipients) > 0)
		code = ask(m);
	if (code != CLI_DONE)
		return code;
	if (m->allowed < m->n)
		inforce_segment(m->c, cli_operand(m->c, 0));
	if (m->n > 1 && !m->c->json)
		out_line("%llu of %llu may be written to",
		    (unsigned long long)m->allowed, (unsigned long long)m->n);
	return m->allowed == m->n ? CLI_DONE : CLI_NO;
}

static int run_may(struct cli *c)
{
	struct may m = {.c = c};
	int code;

	if (c->n_operands == 1 && cli_opt(c, "file") == NULL)
		return cli_fail(
		    CLI_USAGE, "who? addresses, or --file with one a line");
	m.recipients = value_new_array();
	code = ask_all(&m);
	value_free(&m.recipients);
	return code;
}

static const struct cli_option options[] = {
    {"file", "FILE", "addresses, one a line; \"-\" is standard input", false},
    {"campaign", "NAME", "as messages of this campaign", false},
    {"at", "TIME", "at another instant, by what is known now: a time, or 3h",
	false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "SEGMENT [ADDRESS...]", 1, SIZE_MAX, options, "", run_may},
};

const struct cli_verb verb_may = {
    "may",
    "who of many may be written to now",
    "Answers as explain does, for lists of any length. Changes nothing and\n"
    "reserves nothing: the answer is that of the moment.",
    CLI_COMMANDS(commands),
    "not all may, or a line of the file is no address",
    "  tendril may newsletter jane@a.example jo@b.example\n"
    "  tendril may newsletter --file list.txt --json\n",
};
