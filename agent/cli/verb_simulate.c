/* verb_simulate.c - tendril simulate: what another policy would have made of
 * what came. The agent does it; here is the page that tells of it. */
#include "agent/cli/client.h"
#include "agent/cli/out.h"
#include "agent/cli/policyfile.h"
#include "agent/cli/verbs.h"
#include "policy/base/when.h"

#include <signal.h>
#include <time.h>

enum {
	POLL_MS = 300,
	ROWS = 10, /* of a kind, for people */
	RULES = 12,
	FATES = 6,
};

/* Fates, and what people read. */
static const struct {
	const char *key, *words, *row;
} fates[FATES] = {
    {"sent", "sent at once", "sent at once"},
    {"held", "held, then sent", "held"},
    {"bounced", "bounced", "bounced"},
    {"dropped", "dropped", "dropped"},
    {"deferred", "deferred", "deferred"},
    {"refused", "refused", "refused"},
};

static int64_t number(const struct value *o, const char *key)
{
	int64_t n = 0;

	(void)value_get_i64(o, key, &n);
	return n;
}

/* "18 000" */
static struct str grouped(struct cli *c, int64_t n)
{
	char plain[24], text[32];
	size_t digits, at = 0;

	digits = (size_t)snprintf(plain, sizeof(plain), "%lld", (long long)n);
	for (size_t i = 0; i < digits; i++) {
		if (i > 0 && (digits - i) % 3 == 0)
			text[at++] = ' ';
		text[at++] = plain[i];
	}
	return arena_str(c->arena, (struct str){text, at});
}

/* "3 d", "14 h", "25 min" */
static struct str span(struct cli *c, int64_t s)
{
	if (s >= 2 * 86400)
		return str_of(
		    arena_printf(c->arena, "%lld d", (long long)(s / 86400)));
	if (s >= 2 * 3600)
		return str_of(
		    arena_printf(c->arena, "%lld h", (long long)(s / 3600)));
	return str_of(
	    arena_printf(c->arena, "%lld min", (long long)((s + 59) / 60)));
}

/* --- the page --- */

static bool is_compared(const struct value *v)
{
	return value_get(v, "compared_policy") != NULL;
}

static void show_total(struct cli *c, const struct value *v)
{
	static const char *const with[] = {
	    "", "recorded", "policy of today", "this policy", NULL};
	static const char *const without[] = {
	    "", "recorded", "this policy", NULL};
	struct out_table *t = out_table(c, is_compared(v) ? with : without);
	struct str all = grouped(c, number(v, "messages"));

	for (size_t f = 0; f < FATES; f++) {
		const char *key = fates[f].key;
		int64_t was = number(value_get(v, "recorded"), key);
		int64_t now = number(value_get(v, "compared"), key);
		int64_t then = number(value_get(v, "simulated"), key);

		if (was == 0 && now == 0 && then == 0)
			continue;
		out_cell(t, str_of(fates[f].words));
		out_cell(t, grouped(c, was));
		if (is_compared(v))
			out_cell(t, grouped(c, now));
		out_cell(t, grouped(c, then));
	}
	for (size_t column = 0; column < (is_compared(v) ? 4U : 3U); column++)
		out_cell(t, column > 0 ? all : STR("in all"));
	out_print(t);
}

static void show_waits(struct cli *c, const struct value *v)
{
	const struct value *w = value_get(value_get(v, "waited"), "simulated");
	int64_t longest = number(w, "longest_s");

	if (longest == 0)
		return;
	out_line("Those that waited: half of them up to %.*s, nine of ten up "
		 "to %.*s, the longest %.*s.",
	    STR_ARG(span(c, number(w, "median_s"))),
	    STR_ARG(span(c, number(w, "p90_s"))), STR_ARG(span(c, longest)));
}

/* Those whom a pause or the circuit breaker held. */
static void show_stops(struct cli *c, const struct value *v)
{
	const struct value *o = value_get(v, "held_by_stops");

	if (o == NULL)
		return;
	out_line("Held until a stop ended: %.*s; recorded: %.*s%s%.*s.",
	    STR_ARG(grouped(c, number(o, "simulated"))),
	    STR_ARG(grouped(c, number(o, "recorded"))),
	    is_compared(v) ? "; policy of today: " : "",
	    STR_ARG(
		is_compared(v) ? grouped(c, number(o, "compared")) : STR("")));
}

/* "held 900, bounced 30" */
static struct str what_it_did(struct cli *c, const struct value *rule)
{
	struct str text = STR("");

	for (size_t f = 0; f < FATES; f++) {
		int64_t n = number(rule, fates[f].key);
		const char *word = f == 0 ? "let go" : fates[f].key;

		if (n > 0)
			text = str_of(arena_printf(c->arena, "%.*s%s%s %.*s",
			    STR_ARG(text), text.n > 0 ? ", " : "", word,
			    STR_ARG(grouped(c, n))));
	}
	return text;
}

static void show_rules(struct cli *c, const struct value *v)
{
	static const char *const heads[] = {
	    "line", "what it would have done", "why", "rule", NULL};
	const struct value *list =
	    value_get(value_get(v, "rules"), "simulated");
	struct out_table *t = out_table(c, heads);
	size_t n = value_count(list);

	for (size_t i = 0; i < n && i < RULES; i++) {
		const struct value *o = value_at(list, i);
		struct str section = out_text(c, o, "section");
		struct str rule = out_text(c, o, "rule");
		bool shadow = false;

		(void)value_get_bool(o, "shadow", &shadow);
		out_member(t, o, "line");
		out_cell(t, what_it_did(c, o));
		out_cell(t, str_of(out_reason(value_get_str(o, "reason"))));
		out_cell(t, str_of(arena_printf(c->arena, "%s%.*s%s%.*s",
				shadow ? "(in shadow) " : "", STR_ARG(section),
				section.n > 0 && rule.n > 0 ? ": " : "",
				STR_ARG(rule))));
	}
	if (n == 0)
		return;
	out_line("%s", "");
	out_print(t);
}

/* How many of a way went otherwise than at once. */
static int64_t count(const struct value *row, const char *fate)
{
	return number(value_get(row, "simulated"), fate);
}

static struct str row_name(struct cli *c, const struct value *row)
{
	struct str name = out_text(c, row, "name");
	struct str segment = out_text(c, row, "segment");

	if (name.n == 0)
		name = segment.n > 0 ? STR("no campaign") : STR("(none)");
	return segment.n == 0 ? name
			      : str_of(arena_printf(c->arena, "%.*s (%.*s)",
				    STR_ARG(name), STR_ARG(segment)));
}

/* What rows show beside messages and changes; a fate that no row has has no
 * column. */
static size_t row_fates(
    const struct value *list, size_t most, size_t out[FATES])
{
	size_t n = 0;

	for (size_t f = 0; f < FATES; f++) {
		bool any = f == 0;

		for (size_t i = 0; !any && i < most; i++)
			any = count(value_at(list, i), fates[f].key) > 0;
		if (any)
			out[n++] = f;
	}
	return n;
}

static void show_row(struct cli *c, struct out_table *t,
    const struct value *row, const size_t *shown, size_t n)
{
	out_cell(t, row_name(c, row));
	out_cell(t, grouped(c, number(row, "messages")));
	out_cell(t, grouped(c, number(row, "changed")));
	for (size_t k = 0; k < n; k++)
		out_cell(t, grouped(c, count(row, fates[shown[k]].key)));
}

static void show_rows(
    struct cli *c, const struct value *v, const char *key, const char *head)
{
	const char *heads[3 + FATES + 1] = {head, "messages", "changed"};
	const struct value *list = value_get(v, key);
	size_t n = value_count(list), shown[FATES], n_shown;
	size_t most = str_eq(str_of(key), STR("hours")) ? 24 : (size_t)ROWS;
	struct out_table *t;

	most = n < most ? n : most;
	if (n == 0)
		return;
	n_shown = row_fates(list, most, shown);
	for (size_t k = 0; k < n_shown; k++)
		heads[3 + k] = fates[shown[k]].row;
	t = out_table(c, heads);
	for (size_t i = 0; i < most; i++)
		show_row(c, t, value_at(list, i), shown, n_shown);
	out_line("%s", "");
	out_print(t);
	if (n > most)
		out_line("and %zu more (--json has them)", n - most);
}

/* The names of the rows with most that changed. */
static struct str first_names(
    struct cli *c, const struct value *v, const char *key)
{
	const struct value *list = value_get(v, key);
	struct str text = STR("");

	for (size_t i = 0; i < value_count(list) && i < 3; i++) {
		const struct value *row = value_at(list, i);

		if (number(row, "changed") == 0 ||
		    value_get_str(row, "name").n == 0)
			continue;
		text =
		    str_of(arena_printf(c->arena, "%.*s%s%.*s", STR_ARG(text),
			text.n > 0 ? ", " : "", STR_ARG(row_name(c, row))));
	}
	return text;
}

static void show_sum(struct cli *c, const struct value *v)
{
	static const char *const kinds[][2] = {{"segments", "segment"},
	    {"campaigns", "campaign"}, {"companies", "company"}};
	int64_t all = number(v, "messages");
	int64_t held = count(v, "held"), stopped;

	stopped = count(v, "bounced") + count(v, "dropped") +
		  count(v, "deferred") + count(v, "refused");
	out_line("%s", "");
	out_line("It would have held %.*s of %.*s and not sent %.*s; for "
		 "%.*s the end differs%s.",
	    STR_ARG(grouped(c, held)), STR_ARG(grouped(c, all)),
	    STR_ARG(grouped(c, stopped)),
	    STR_ARG(grouped(c, number(v, "changed"))),
	    is_compared(v) ? " from that by the policy of today"
			   : " from what happened");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct str names = first_names(c, v, kinds[i][0]);

		if (names.n > 0)
			out_line("Most of them, by %s: %.*s.", kinds[i][1],
			    STR_ARG(names));
	}
}

/* What is asked about and was before the journal began is not known. */
static void show_cover(struct cli *c, const struct value *v)
{
	struct str begins = value_get_str(v, "journal_begins");

	/* Both in UTC, of one form. */
	if (begins.n > 0 && str_cmp(begins, value_get_str(v, "since")) > 0)
		out_line("The journal begins %.*s: what came before is not "
			 "known.",
		    STR_ARG(out_text(c, v, "journal_begins")));
}

static int show_page(struct cli *c, const struct value *v)
{
	struct str path = out_text(c, value_get(v, "policy"), "path");

	if (c->json)
		return cli_json(v);
	out_line("%.*s", STR_ARG(path));
	out_line("for %.*s messages to %.*s people from %.*s to %.*s",
	    STR_ARG(grouped(c, number(v, "messages"))),
	    STR_ARG(grouped(c, number(v, "people"))),
	    STR_ARG(out_text(c, v, "since")), STR_ARG(out_text(c, v, "until")));
	show_cover(c, v);
	if (number(v, "messages") == 0) {
		out_line("%s", "Nothing came in that time.");
		return CLI_DONE;
	}
	out_line("%s", "");
	show_total(c, v);
	show_waits(c, v);
	show_stops(c, v);
	show_rules(c, v);
	out_line("%s", "");
	out_line("By this policy; changed: those with another end than %s:",
	    is_compared(v) ? "by the policy of today" : "recorded");
	show_rows(c, v, "segments", "segment");
	show_rows(c, v, "campaigns", "campaign");
	show_rows(c, v, "companies", "company");
	show_rows(c, v, "hours", "hour");
	show_sum(c, v);
	return CLI_DONE;
}

/* --- the job --- */

static int put_memory(struct cli *c, struct value *body)
{
	struct error err = {0};
	size_t bytes;

	if (when_size(cli_str(c, "memory"), &bytes, &err) != 0)
		return cli_fail(CLI_USAGE, "--memory: %s", err.text);
	value_put_i64(body, "memory", (int64_t)bytes);
	return CLI_DONE;
}

static int begin(struct cli *c, int64_t *id_out)
{
	static const char *const options[] = {"since", "until", "by"};
	const char *file = cli_opt(c, "policy");
	struct value *body = value_new_object(), *reply = NULL;
	struct str text = STR_NULL;
	int code = policyfile_get(c, file, &text), rc = 0;

	value_put_str(body, "text", text);
	value_put_str(body, "path", str_of(file));
	value_put_bool(body, "diff", cli_opt(c, "diff") != NULL);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		cli_put_option(c, body, options[i]);
	if (code == CLI_DONE && cli_opt(c, "memory") != NULL)
		code = put_memory(c, body);
	if (code == CLI_DONE)
		code = cli_call(c,
		    &(struct cli_request){
			.method = "POST", .path = "/v1/simulate", .body = body},
		    &reply, &rc);
	if (code == CLI_DONE)
		*id_out = number(reply, "id");
	value_free(&reply);
	value_free(&body);
	return rc == ERR_SYNTAX ? CLI_NO : code;
}

static int ask(
    struct cli *c, const char *method, int64_t id, struct value **reply_out)
{
	struct cli_request rq = {.method = method, .quiet = ERR_NOT_FOUND};
	char path[64];
	int code, rc;

	(void)snprintf(
	    path, sizeof(path), "/v1/simulate?id=%lld", (long long)id);
	rq.path = path;
	code = cli_call(c, &rq, reply_out, &rc);
	return rc != ERR_NOT_FOUND
		   ? code
		   : cli_fail(CLI_AGAIN,
			 "the simulation is gone: the agent was started anew, "
			 "or another has begun since");
}

/* Whoever asked wants it no more: nor should the agent work on. */
static int give_up(struct cli *c, int64_t id)
{
	struct value *reply = NULL;
	int code;

	out_progress_end();
	code = ask(c, "DELETE", id, &reply);
	value_free(&reply);
	return code == CLI_DONE ? cli_fail(CLI_AGAIN,
				      "interrupted; the simulation is stopped")
				: code;
}

/* Until it ends: the answer in *reply_out. Signals are blocked: one that comes
 * is found here. */
static int wait_for(struct cli *c, int64_t id, const sigset_t *signals,
    struct value **reply_out)
{
	const struct timespec poll = {.tv_nsec = POLL_MS * 1000000};
	int code;

	for (;;) {
		code = ask(c, "GET", id, reply_out);
		if (code != CLI_DONE ||
		    !str_eq(value_get_str(*reply_out, "state"), STR("running")))
			break;
		out_progress("simulating: %lld %%",
		    (long long)number(*reply_out, "share"));
		value_free(reply_out);
		if (sigtimedwait(signals, NULL, &poll) > 0)
			return give_up(c, id);
	}
	out_progress_end();
	return code;
}

static int show_end(struct cli *c, const struct value *reply)
{
	struct str state = value_get_str(reply, "state");
	struct str why = value_get_str(reply, "error");

	if (str_eq(state, STR("done")))
		return show_page(c, reply);
	if (str_eq(state, STR("stopped")))
		return cli_fail(CLI_AGAIN, "the simulation was stopped");
	return cli_fail(CLI_AGAIN, "the simulation failed: %.*s", STR_ARG(why));
}

static int run_simulate(struct cli *c)
{
	struct value *reply = NULL;
	sigset_t signals, before;
	int64_t id = 0;
	int code;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &signals, &before);
	code = begin(c, &id);
	if (code == CLI_DONE)
		code = wait_for(c, id, &signals, &reply);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (code == CLI_DONE)
		code = show_end(c, reply);
	value_free(&reply);
	return code;
}

static const struct cli_option options[] = {
    {"policy", "FILE", "the policy that is asked about", true},
    {"since", "TIME", "messages from then on: 30d (default), 2026-11-01...",
	false},
    {"until", "TIME", "and up to then; default now", false},
    {"diff", NULL, "compare with the policy in force, simulated too", false},
    {"by", "LIST",
	"segment, campaign, company, hour; by comma (default:\n"
	"segment,campaign)",
	false},
    {"memory", "SIZE", "what the agent may take, about, up to 2G; default 1G",
	false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "", 0, 0, options, "", run_simulate},
};

const struct cli_verb verb_simulate = {
    "simulate",
    "what another policy would have made of what was sent",
    "Plays the messages that applications handed in with another policy: what\n"
    "it would have sent is the history by which it decides the next, what it\n"
    "would have held is released when it may go. Changes nothing. Suppression\n"
    "and consent are as they were then, stops too, attributes as they are "
    "today;\n"
    "what bounced bounces again.",
    CLI_COMMANDS(commands),
    "the policy has mistakes",
    "  tendril simulate --policy spring.policy --since 30d --diff\n"
    "  tendril simulate --policy spring.policy --by company,hour --json\n",
};
