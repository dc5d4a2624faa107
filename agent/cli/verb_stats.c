/* verb_stats.c - tendril stats: what was decided and what became of it, in
 * numbers. */
#include "agent/cli/client.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

static int show_rows(struct cli *c, const struct value *list)
{
	static const char *const with_time[] = {
	    "from", "segment", "what", "count", NULL};
	static const char *const in_all[] = {"segment", "what", "count", NULL};
	bool timed = value_get_str(value_at(list, 0), "at").n > 0;
	struct out_table *t = out_table(c, timed ? with_time : in_all);
	int code = CLI_DONE;

	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		const struct value *o = value_at(list, i);

		if (c->json) {
			code = cli_json(o);
			continue;
		}
		if (timed)
			out_when(t, o, "at");
		out_member(t, o, "segment");
		out_member(t, o, "name");
		out_member(t, o, "count");
	}
	out_print(t);
	if (!c->json && value_count(list) == 0)
		out_line("nothing was counted");
	return code;
}

static int run_stats(struct cli *c)
{
	static const char *const names[] = {
	    "by", "from", "to", "segment", "name"};
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
    {"by", "total|day|hour", "one line for all time (default), a day, an hour",
	false},
    {"from", "TIME", "2026-11-22, 2026-11-22T10:00:00Z, or how long ago: 7d",
	false},
    {"to", "TIME", "the same; default now", false},
    {"segment", "NAME", "this segment only", false},
    {"name", "PREFIX", "only what begins so: verdict.reject, slot...", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "", 0, 0, options, "", run_stats},
};

const struct cli_verb verb_stats = {
    "stats",
    "decisions and outcomes in numbers",
    "Days and hours are of UTC.",
    CLI_COMMANDS(commands),
    NULL,
    "  tendril stats --by day --from 7d --name verdict\n",
};
