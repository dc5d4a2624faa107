/* verb_journal.c - tendril journal: what happened, event by event. */
#include "agent/cli/client.h"
#include "agent/cli/events.h"
#include "agent/cli/verbs.h"

#include <time.h>

enum {
	WAIT_S = 25,
	TAIL = 20, /* events shown at first by --follow */
};

struct journal {
	struct cli *c;
	int64_t after; /* -1: not known yet */
	uint64_t left; /* events still to show */
	bool follow, idle;
};

static int show_events(struct journal *j, const struct value *list)
{
	int code = CLI_DONE;

	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++) {
		if (j->left == 0)
			return CLI_DONE;
		j->left--;
		if (j->c->json)
			code = cli_json(value_at(list, i));
		else
			event_line(j->c, value_at(list, i));
	}
	j->idle = value_count(list) == 0;
	if (fflush(stdout) != 0)
		code = cli_out_failed();
	return code;
}

static void make_path(const struct journal *j, struct buf *path)
{
	char text[24];

	cli_path(path, "/v1/journal");
	if (j->after >= 0) {
		(void)snprintf(text, sizeof(text), "%lld", (long long)j->after);
		client_query(path, "after", str_of(text));
	} else if (j->follow) {
		(void)snprintf(text, sizeof(text), "%d", TAIL);
		client_query(path, "tail", str_of(text));
	}
	client_query(path, "from", cli_str(j->c, "from"));
	client_query(path, "to", cli_str(j->c, "to"));
	client_query(path, "type", cli_str(j->c, "type"));
	cli_query_flag(j->c, path, "redact");
	if (j->follow && j->after >= 0) {
		(void)snprintf(text, sizeof(text), "%d", WAIT_S);
		client_query(path, "wait", str_of(text));
	}
}

/* One call; more_out: there may be more at once. */
static int next_page(struct journal *j, bool *more_out)
{
	struct value *reply;
	int64_t next = 0, last = 0;
	struct buf path;
	int code;

	*more_out = false;
	make_path(j, &path);
	code = cli_get(j->c, &path, &reply);
	if (code == CLI_DONE)
		code = show_events(j, value_get(reply, "events"));
	if (value_get_i64(reply, "next", &next) &&
	    value_get_i64(reply, "last", &last)) {
		j->after = next;
		*more_out = next < last && j->left > 0;
	}
	value_free(&reply);
	return code;
}

/* The arena would grow for ever: what one page needed is given back. */
static int run_pages(struct journal *j)
{
	bool more = true;
	int code = CLI_DONE;

	while (code == CLI_DONE && (more || (j->follow && j->left > 0))) {
		struct arena *kept = j->c->arena;

		j->c->arena = arena_new(CLI_ARENA_MAX);
		if (j->c->arena == NULL) {
			j->c->arena = kept;
			return cli_fail(CLI_AGAIN, "out of memory");
		}
		code = next_page(j, &more);
		arena_free(&j->c->arena);
		j->c->arena = kept;
		if (j->follow && j->idle && !more)
			(void)nanosleep(
			    &(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return code;
}

static int run_journal(struct cli *c)
{
	struct journal j = {.c = c,
	    .after = -1,
	    .left = UINT64_MAX,
	    .follow = cli_opt(c, "follow") != NULL};
	uint64_t after;

	if (cli_opt(c, "after") != NULL) {
		if (str_u64(cli_str(c, "after"), INT64_MAX, &after) != 0)
			return cli_fail(CLI_USAGE, "--after wants a number");
		j.after = (int64_t)after;
	}
	if (cli_opt(c, "limit") != NULL &&
	    str_u64(cli_str(c, "limit"), UINT64_MAX, &j.left) != 0)
		return cli_fail(CLI_USAGE, "--limit wants a number");
	return run_pages(&j);
}

static const struct cli_option options[] = {
    {"follow", NULL, "goes on as events come, after the last 20", false},
    {"after", "N", "events behind number N only", false},
    {"limit", "N", "at most N events", false},
    {"from", "TIME", "not before 2026-11-22, 2026-11-22T10:00:00Z, or 7d ago",
	false},
    {"to", "TIME", "not after; the same forms", false},
    {"type", "NAME,...",
	"these types only: consent, suppressed... (without it, all but\n"
	"mtalog: how far the MTA's log was read)",
	false},
    {"redact", NULL, "lead ids in place of addresses", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "", 0, 0, options, "", run_journal},
};

const struct cli_verb verb_journal = {
    "journal",
    "what happened, event by event",
    "Number, time, what, who, segment and details of every event that the\n"
    "ledger holds, oldest first.",
    CLI_COMMANDS(commands),
    NULL,
    "  tendril journal --follow\n"
    "  tendril journal --from 2026-11-01 --to 2026-12-01 --type consent\n"
    "  tendril journal --type suppressed,unsuppressed --json\n",
};
