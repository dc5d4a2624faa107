/* verb_lead.c - tendril lead: what is known of a person, and all that
 * happened. */
#include "agent/cli/client.h"
#include "agent/cli/events.h"
#include "agent/cli/leads_file.h"
#include "agent/cli/verbs.h"

enum {
	TEXT_MAX = 8192
};

/* An address, or "lead:HEX" as redacted output has it. */
static void query_person(struct cli *c, struct buf *path)
{
	struct str who = cli_operand(c, 0);

	if (str_starts(who, STR("lead:")))
		client_query(path, "lead", str_from(who, 5));
	else
		client_query(path, "address", who);
	cli_query_flag(c, path, "redact");
}

static struct str value_text(struct cli *c, const struct value *o)
{
	struct str text = out_text(c, o, "value");
	bool unknown = false;

	(void)value_get_bool(o, "unknown_zone", &unknown);
	return unknown ? str_of(arena_printf(c->arena,
			     "%.*s (unknown here: counted by the policy's "
			     "zone)",
			     STR_ARG(text)))
		       : text;
}

static void show_attributes(struct cli *c, const struct value *list)
{
	static const char *const heads[] = {"attribute", "type", "value", NULL};
	struct out_table *t = out_table(c, heads);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *o = value_at(list, i);
		out_member(t, o, "name");
		out_member(t, o, "type");
		out_cell(t, value_text(c, o));
	}
	if (value_count(list) > 0)
		out_line("%s", "");
	out_print(t);
}

static void show_consents(struct cli *c, const struct value *list)
{
	static const char *const heads[] = {
	    "purpose", "state", "since", "by", "origin", NULL};
	struct out_table *t = out_table(c, heads);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *o = value_at(list, i);
		out_member(t, o, "purpose");
		out_member(t, o, "state");
		out_when(t, o, "since");
		out_member(t, o, "author");
		out_member(t, o, "origin");
	}
	if (value_count(list) > 0)
		out_line("\nwhat the person said");
	out_print(t);
}

static void show_suppressions(struct cli *c, const struct value *list)
{
	static const char *const heads[] = {"suppressed by", "reason",
	    "segment", "since", "until", "author", NULL};
	struct out_table *t = out_table(c, heads);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *o = value_at(list, i);
		out_member(t, o, "target");
		out_member(t, o, "reason");
		out_member(t, o, "segment");
		out_when(t, o, "since");
		out_when(t, o, "until");
		out_member(t, o, "author");
	}
	if (value_count(list) > 0)
		out_line("%s", "");
	out_print(t);
}

static struct str limits_text(struct cli *c, const struct value *list)
{
	struct str text;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *o = value_at(list, i);
		int64_t used = 0, most = 0;

		(void)value_get_i64(o, "used", &used);
		(void)value_get_i64(o, "most", &most);
		buf_printf(&b, "%s%lld of %lld (%.*s)", i > 0 ? ", " : "",
		    (long long)used, (long long)most,
		    STR_ARG(out_text(c, o, "rule")));
	}
	text = arena_str(c->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

static struct str now_text(struct cli *c, const struct value *o)
{
	struct str reason = value_get_str(o, "reason");
	struct str earliest = out_text(c, o, "earliest");
	struct str limits = limits_text(c, value_get(o, "limits"));
	const char *words = out_reason(reason), *shadow = out_shadow(o);

	return str_of(arena_printf(c->arena, "%s%s%.*s%s%.*s%s%s",
	    words[0] != '\0' ? words : "-",
	    earliest.n > 0 ? "; not before " : "", STR_ARG(earliest),
	    limits.n > 0 ? "; used: " : "", STR_ARG(limits),
	    shadow[0] != '\0' ? "; " : "", shadow));
}

static void show_segments(struct cli *c, const struct value *reply)
{
	static const char *const heads[] = {
	    "segment", "purpose", "now", "why", NULL};
	const struct value *list = value_get(reply, "segments");
	const struct value *all = value_get(reply, "person");
	const char *shadow = out_shadow(reply),
		   *person_shadow = out_shadow(all);
	struct str person = limits_text(c, value_get(all, "limits"));
	struct out_table *t = out_table(c, heads);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *o = value_at(list, i);
		out_member(t, o, "segment");
		out_member(t, o, "purpose");
		out_member(t, o, "verdict");
		out_cell(t, now_text(c, o));
	}
	if (value_count(list) > 0)
		out_line("\nwhat would be decided now");
	out_print(t);
	if (person.n > 0)
		out_line("all segments: used %.*s%s%s", STR_ARG(person),
		    person_shadow[0] != '\0' ? "; " : "", person_shadow);
	if (shadow[0] != '\0')
		out_line("%s", shadow);
}

static void show_messages(struct cli *c, const struct value *list)
{
	static const char *const heads[] = {"accepted", "segment", "state",
	    "since", "queue id", "campaign", NULL};
	struct out_table *t = out_table(c, heads);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *o = value_at(list, i);
		out_when(t, o, "proposed");
		out_member(t, o, "segment");
		out_member(t, o, "state");
		out_when(t, o, "at");
		out_member(t, o, "queue_id");
		out_member(t, o, "campaign");
	}
	if (value_count(list) > 0)
		out_line("\nmessages, newest first");
	out_print(t);
}

static int show_lead(struct cli *c, const struct value *v)
{
	bool known = false;

	(void)value_get_bool(v, "known", &known);
	if (c->json) {
		int code = cli_json(v);
		return code != CLI_DONE ? code : known ? CLI_DONE : CLI_NO;
	}
	out_line("%.*s", STR_ARG(out_text(c, v, "address")));
	out_field("lead id", out_text(c, v, "lead"));
	out_field(
	    "first seen", known ? out_text(c, v, "created")
				: STR("never; refusals stand in its timeline"));
	out_field("goes on as", out_text(c, v, "moved_to"));
	show_attributes(c, value_get(v, "attributes"));
	show_consents(c, value_get(v, "consents"));
	show_suppressions(c, value_get(v, "suppressions"));
	show_segments(c, v);
	show_messages(c, value_get(v, "messages"));
	return known ? CLI_DONE : CLI_NO;
}

static int run_show(struct cli *c)
{
	struct buf path;

	cli_path(&path, "/v1/leads");
	query_person(c, &path);
	return cli_show(c, &path, show_lead);
}

/* One page; *after is the number of its last event, 0 at the end. */
static int timeline_page(
    struct cli *c, struct out_table *t, int64_t *after, size_t *n)
{
	const struct value *list;
	struct value *reply;
	char number[24];
	struct buf path;
	int code;

	cli_path(&path, "/v1/leads/timeline");
	query_person(c, &path);
	(void)snprintf(number, sizeof(number), "%lld", (long long)*after);
	client_query(&path, "after", str_of(number));
	code = cli_get(c, &path, &reply);
	list = value_get(reply, "events");
	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		if (c->json)
			code = cli_json(value_at(list, i));
		else
			event_row(t, c, value_at(list, i));
		(*n)++;
	}
	*after = 0;
	(void)value_get_i64(reply, "next", after);
	value_free(&reply);
	return code;
}

static int run_timeline(struct cli *c)
{
	struct out_table *t = event_table(c);
	int64_t after = 0;
	size_t n = 0;
	int code;

	do
		code = timeline_page(c, t, &after, &n);
	while (code == CLI_DONE && after > 0);
	out_print(t);
	if (code == CLI_DONE && n == 0) {
		if (!c->json)
			out_line("%s: nothing is on record", c->operands[0]);
		code = CLI_NO;
	}
	return code;
}

/* --- changes --- */

/* ADDRESS name=value...; "name=" takes it away. */
static int put_values(struct cli *c, struct value *attributes)
{
	for (size_t i = 1; i < c->n_operands; i++) {
		struct str word = cli_operand(c, i);
		size_t equals = str_find(word, 0, '=');
		struct str name = arena_str(c->arena, str_cut(word, 0, equals));

		if (equals == word.n || name.n == 0)
			return cli_fail(CLI_USAGE,
			    "\"%.*s\": expected NAME=VALUE, or NAME= to take "
			    "it away",
			    STR_ARG(word));
		if (name.p == NULL)
			return cli_fail(CLI_AGAIN, "out of memory");
		value_put_str(attributes, name.p, str_from(word, equals + 1));
	}
	return CLI_DONE;
}

static int tell_set(struct cli *c, const struct value *reply)
{
	const struct value *bad = value_at(value_get(reply, "bad"), 0);
	int64_t n = 0;

	if (bad != NULL)
		return cli_fail(CLI_NO, "%.*s",
		    STR_ARG(out_clean(c, value_get_str(bad, "error"))));
	if (c->json)
		return cli_json(reply);
	(void)value_get_i64(reply, "unchanged", &n);
	out_line(
	    "%s: %s", c->operands[0], n > 0 ? "that was known already" : "set");
	return CLI_DONE;
}

static int run_set(struct cli *c)
{
	struct value *body = value_new_object(), *list = value_new_array();
	struct value *lead = value_new_object();
	struct value *attributes = value_new_object(), *reply = NULL;
	int code = put_values(c, attributes);

	value_put_str(lead, "address", cli_operand(c, 0));
	value_put(lead, "attributes", attributes);
	value_add(list, lead);
	value_put(body, "leads", list);
	value_put_str(body, "origin", STR("cli"));
	if (code == CLI_DONE)
		code = cli_call(c,
		    &(struct cli_request){
			.method = "POST", .path = "/v1/leads", .body = body},
		    &reply, NULL);
	if (code == CLI_DONE)
		code = tell_set(c, reply);
	value_free(&body);
	value_free(&reply);
	return code;
}

static int move(struct cli *c, bool merge)
{
	struct value *body = value_new_object(), *reply;
	int code;

	value_put_str(body, "from", cli_operand(c, 0));
	value_put_str(body, "to", cli_operand(c, 1));
	value_put_bool(body, "merge", merge);
	code = cli_call(c,
	    &(struct cli_request){
		.method = "POST", .path = "/v1/leads/move", .body = body},
	    &reply, NULL);
	if (code == CLI_DONE && c->json)
		code = cli_json(reply);
	else if (code == CLI_DONE)
		out_line("%s goes on as %s", c->operands[0], c->operands[1]);
	value_free(&body);
	value_free(&reply);
	return code;
}

static int run_merge(struct cli *c)
{
	return move(c, true);
}

static int run_readdress(struct cli *c)
{
	return move(c, false);
}

static const struct cli_option options[] = {
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option import_options[] = {
    {"map", "LIST",
	"what columns are called here: \"Job title=role,E-Mail=address\"",
	false},
    {"ignore", NULL, "columns that are no attribute are passed over", false},
    {"dry-run", NULL, "only say what would change", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option export_options[] = {
    {"audience", "CONDITION",
	"those alone; a condition, or the name of an audience", false},
    {"format", "csv|json", "json is one person a line", false},
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"show", "ADDRESS", 1, 1, options,
	"consents, suppressions, messages, limits, and what would be decided",
	run_show},
    {"timeline", "ADDRESS", 1, 1, options,
	"every event about the person, oldest first", run_timeline},
    {"set", "ADDRESS [NAME=VALUE...]", 1, SIZE_MAX, NULL,
	"attributes of the policy; NAME= takes one away", run_set},
    {"import", "FILE", 1, 1, import_options,
	"the same for a list: CSV with a heading, or a JSON object a line",
	leads_import},
    {"export", "", 0, 0, export_options,
	"people with their attributes, suppression and consents", leads_export},
    {"merge", "FROM TO", 2, 2, NULL, "two people are one: FROM goes on as TO",
	run_merge},
    {"re-address", "OLD NEW", 2, 2, NULL,
	"the person has a new address; the old one gets no more",
	run_readdress},
};

const struct cli_verb verb_lead = {
    "lead",
    "what is known of a person",
    "show and timeline also take lead:HEX, as redacted output has it. Nothing "
    "here undoes\nan opt-out: what a person said goes along with the person.",
    CLI_COMMANDS(commands),
    "nothing is on record; a value or a row was refused",
    "  tendril lead show jane@a.example\n"
    "  tendril lead timeline jane@a.example --json\n"
    "  tendril lead set jane@a.example role=cto employees=200\n"
    "  tendril lead import people.csv --map \"Job title=role\" --dry-run\n"
    "  tendril lead export --audience \"role = cto\" > cto.csv\n",
};
