/* verb_stats.c - tendril stats: what was decided and what became of it, in
 * numbers. */
#include "agent/cli/client.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

/* Changes of consent are counted by purpose, some things by provider or reason,
 * all else by segment: a column of its own where there are such. */
static bool has(const struct value *list, const char *key)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (value_get_str(value_at(list, i), key).n > 0)
			return true;
	return false;
}

static void add_row(
    struct out_table *t, const struct value *o, const char *const *columns)
{
	for (size_t i = 0; columns[i] != NULL; i++)
		if (str_eq(str_of(columns[i]), STR("from")))
			out_when(t, o, "at");
		else if (str_eq(str_of(columns[i]), STR("what")))
			out_member(t, o, "name");
		else
			out_member(t, o, columns[i]);
}

static int show_rows(struct cli *c, const struct value *list)
{
	bool timed = value_get_str(value_at(list, 0), "at").n > 0;
	const char *columns[8];
	struct out_table *t;
	size_t n = 0;
	int code = CLI_DONE;

	if (timed)
		columns[n++] = "from";
	if (has(list, "provider"))
		columns[n++] = "provider";
	else if (!has(list, "reason"))
		columns[n++] = "segment";
	if (has(list, "purpose"))
		columns[n++] = "purpose";
	columns[n] = "reason";
	n += has(list, "reason");
	columns[n++] = "what";
	columns[n++] = "count";
	columns[n] = NULL;
	t = out_table(c, columns);
	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++)
		if (c->json)
			code = cli_json(value_at(list, i));
		else
			add_row(t, value_at(list, i), columns);
	out_print(t);
	if (!c->json && value_count(list) == 0)
		out_line("nothing was counted");
	return code;
}

static int run_stats(struct cli *c)
{
	static const char *const names[] = {
	    "by", "from", "to", "segment", "purpose", "name"};
	struct value *reply;
	struct buf path;
	int code;

	cli_path(&path, "/v1/stats");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		client_query(&path, names[i], cli_str(c, names[i]));
	code = cli_get(c, &path, &reply);
	if (code == CLI_DONE)
		code = show_rows(c, value_get(reply, "rows"));
	value_free(&reply);
	return code;
}

static const struct cli_option options[] = {
    {"by", "WORD",
	"total (default), day, hour; or what came back, by provider,\nreason, "
	"segment",
	false},
    {"from", "TIME", "2026-11-22, 2026-11-22T10:00:00Z, or how long ago: 7d",
	false},
    {"to", "TIME", "the same; default now", false},
    {"segment", "NAME", "this segment only", false},
    {"purpose", "NAME", "changes of consent to this purpose only", false},
    {"name", "PREFIX", "only what begins so: verdict.reject, slot...", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "", 0, 0, options, "", run_stats},
};

const struct cli_verb verb_stats = {
    "stats",
    "decisions and outcomes in numbers",
    "Days and hours are of UTC. Changes of consent are counted by purpose, "
    "all\n"
    "else by segment. By provider is who has the mailbox: google, or a domain;\n"
    "with reasons (tendril-bounces(5)) of what was refused or complained of.",
    CLI_COMMANDS(commands),
    NULL,
    "  tendril stats --by day --from 7d --name verdict\n"
    "  tendril stats --by provider --from 30d\n",
};
