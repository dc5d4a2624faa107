/* verb_ledger.c - tendril ledger: is it whole, how large is it, and its tables
 * again from the events. Works beside the daemons and without them. */
#include "agent/cli/offline.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

#include "policy/ledger/meta.h"
#include "policy/ledger/rebuild.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 0: whole. Findings are CLI_NO, trouble is CLI_AGAIN. */
static int exit_of(int rc)
{
	return rc == 0 ? CLI_DONE
	       : rc == ERR_CORRUPT || rc == ERR_VERSION ||
		       rc == ERR_NOT_FOUND || rc == ERR_EXISTS
		   ? CLI_NO
		   : CLI_AGAIN;
}

static int tell(int rc, const struct error *err)
{
	if (rc != 0)
		(void)cli_fail(CLI_NO, "%s",
		    err->text[0] != '\0' ? err->text : error_text(rc));
	return exit_of(rc);
}

/* Whether the check ran far enough to say something of the ledger: not where
 * it could not be opened for want of rights, memory or the right version. */
static bool has_verdict(int rc, const struct check_report *r)
{
	return rc == 0 || rc == ERR_CORRUPT ||
	       (rc == ERR_VERSION && r->unknown > 0);
}

static int run_check(struct cli *c)
{
	struct check_options co = offline_check_options();
	struct check_report r = {0};
	struct ledger_options lo;
	struct error err = {0};
	int rc, code;

	code = offline_options(c, cli_opt(c, "folder"), LEDGER_READ_ONLY, &lo);
	if (code != CLI_DONE)
		return code;
	rc = check_folder(&lo, &co, &r, &err);
	out_progress_end();
	if (!has_verdict(rc, &r))
		return tell(rc, &err);
	if (c->json) {
		struct value *o = value_new_object();
		offline_put_report(o, &r);
		value_put_bool(o, "whole", rc == 0);
		(void)cli_json(o);
		value_free(&o);
	} else {
		offline_print_report(&r);
		out_line("%s: %s", lo.dir, rc == 0 ? "whole" : "NOT whole");
	}
	return tell(rc, &err);
}

/* --- rebuild --- */

static int compare(struct cli *c, const struct rebuild_source *s)
{
	char scratch[] = "/var/tmp/tendril-rebuild.XXXXXX";
	struct check_options co = offline_check_options();
	const char *dir = cli_opt(c, "scratch");
	struct rebuild_report r = {0};
	struct error err = {0};
	struct value *o;
	int rc;

	if (dir == NULL)
		dir = mkdtemp(scratch);
	if (dir == NULL)
		return cli_fail(CLI_AGAIN, "%s: cannot be made", scratch);
	rc = rebuild_compare(s, dir, &co, &r, &err);
	out_progress_end();
	if (dir == scratch)
		(void)rmdir(scratch);
	if (!c->json) {
		out_line("%llu events replayed: %llu rows are the same, %llu "
			 "differ, %llu are only in the ledger, %llu only in "
			 "the replay",
		    (unsigned long long)r.events, (unsigned long long)r.same,
		    (unsigned long long)r.differ,
		    (unsigned long long)r.only_live,
		    (unsigned long long)r.only_rebuilt);
		return tell(rc, &err);
	}
	o = value_new_object();
	value_put_i64(o, "events", (int64_t)r.events);
	value_put_i64(o, "same", (int64_t)r.same);
	value_put_i64(o, "differ", (int64_t)r.differ);
	value_put_i64(o, "only_ledger", (int64_t)r.only_live);
	value_put_i64(o, "only_replay", (int64_t)r.only_rebuilt);
	(void)cli_json(o);
	value_free(&o);
	return tell(rc, &err);
}

static int write_new(
    struct cli *c, const struct rebuild_source *s, const char *dir)
{
	struct check_options co = offline_check_options();
	struct error err = {0};
	int rc = rebuild_write(s, dir, &co, &err);

	out_progress_end();
	if (rc == 0 && !c->json)
		out_line("%s: the tables again, from the events. Stop the "
			 "daemons and put it in the ledger's place",
		    dir);
	return tell(rc, &err);
}

static int run_rebuild(struct cli *c)
{
	const char *out = cli_opt(c, "write"), *base = cli_opt(c, "base");
	unsigned flags = LEDGER_READ_ONLY | (out != NULL ? LEDGER_OLDER : 0);
	struct rebuild_source s = {0};
	int code = offline_open(c, cli_opt(c, "folder"), flags, &s.from);

	if (code == CLI_DONE && base != NULL)
		code = offline_open(c, base, LEDGER_READ_ONLY, &s.base);
	if (code == CLI_DONE)
		code = out != NULL ? write_new(c, &s, out) : compare(c, &s);
	ledger_close(&s.base);
	ledger_close(&s.from);
	return code;
}

/* --- stat --- */

static int add_tables(struct cli *c, struct ledger *l,
    const struct ledger_txn *t, struct value *list, struct out_table *table)
{
	size_t n = ledger_n_tables(l);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i <= n; i++) {
		unsigned at = i < n ? (unsigned)i : (unsigned)LEDGER_EVENT;
		struct ledger_table_stat ts;
		struct value *o = value_new_object();

		rc = ledger_table_stat(t, at, &ts);
		value_put_str(o, "table", str_of(ledger_table_name(l, at)));
		value_put_i64(o, "rows", (int64_t)ts.rows);
		value_put_i64(o, "pages", (int64_t)ts.pages);
		value_put_i64(o, "depth", ts.depth);
		if (!c->json) {
			out_member(table, o, "table");
			out_member(table, o, "rows");
			out_member(table, o, "pages");
			out_member(table, o, "depth");
		}
		value_add(list, o);
	}
	return rc;
}

static void put_stat(struct value *o, struct ledger *l, const struct meta *m,
    uint64_t free_pages)
{
	struct ledger_stat s;
	char uuid[2 * META_UUID + 1];

	ledger_stat(l, &s);
	for (size_t i = 0; i < META_UUID; i++)
		(void)snprintf(uuid + 2 * i, 3, "%02x", m->uuid[i]);
	value_put_str(o, "uuid", str_of(uuid));
	value_put_i64(o, "schema", m->schema);
	value_put_time(o, "created", m->created_ms);
	value_put_i64(o, "epoch", (int64_t)m->epoch);
	value_put_i64(o, "last_event", (int64_t)m->last_seq);
	value_put_i64(o, "pruned_to", (int64_t)m->pruned_seq);
	value_put_i64(o, "backup_to", (int64_t)m->snapshot_seq);
	value_put_i64(o, "map_bytes", (int64_t)s.map_size);
	value_put_i64(o, "used_bytes", (int64_t)s.used);
	value_put_i64(o, "free_bytes", (int64_t)(free_pages * s.page_size));
	value_put_i64(o, "readers", s.readers);
}

static void print_stat(struct cli *c, const struct value *o)
{
	static const char *const names[] = {"uuid", "schema", "created",
	    "epoch", "last_event", "pruned_to", "backup_to", "map_bytes",
	    "used_bytes", "free_bytes", "readers"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		out_field(names[i], out_text(c, o, names[i]));
}

static int stat_ledger(struct cli *c, struct ledger *l)
{
	static const char *const heads[] = {
	    "table", "rows", "pages", "depth", NULL};
	struct value *o = value_new_object(), *list = value_new_array();
	struct out_table *table = out_table(c, heads);
	struct ledger_txn *t = NULL;
	struct error err = {0};
	uint64_t free_pages = 0;
	struct meta m = {0};
	int rc = ledger_read_begin(l, &t);

	if (rc == 0)
		rc = meta_read(t, &m);
	if (rc == 0)
		rc = ledger_free_pages(t, &free_pages);
	if (rc == 0)
		rc = add_tables(c, l, t, list, table);
	ledger_read_end(&t);
	put_stat(o, l, &m, free_pages);
	value_put(o, "tables", list);
	if (rc == 0 && c->json)
		(void)cli_json(o);
	if (rc == 0 && !c->json) {
		print_stat(c, o);
		out_print(table);
	}
	value_free(&o);
	return tell(rc, &err);
}

static int run_stat(struct cli *c)
{
	struct ledger *l;
	int code = offline_open(c, cli_opt(c, "folder"), LEDGER_READ_ONLY, &l);

	if (code == CLI_DONE)
		code = stat_ledger(c, l);
	ledger_close(&l);
	return code;
}

#define OPTION_FOLDER                                                          \
	{                                                                      \
		"folder", "DIR", "this ledger or backup, not conf's", false    \
	}

static const struct cli_option folder_options[] = {
    OPTION_FOLDER,
    {NULL, NULL, NULL, false},
};
static const struct cli_option rebuild_options[] = {
    OPTION_FOLDER,
    {"base", "DIR", "a backup that holds the events pruned since", false},
    {"write", "DIR", "make a ledger here; default: compare only", false},
    {"scratch", "DIR", "for comparing: an empty folder with room", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"check", "", 0, 0, folder_options,
	"reads every event and row and tells what is damaged", run_check},
    {"rebuild", "", 0, 0, rebuild_options,
	"makes the tables again from the events, and compares", run_rebuild},
    {"stat", "", 0, 0, folder_options, "sizes, rows, numbers of events",
	run_stat},
};

const struct cli_verb verb_ledger = {
    "ledger",
    "is the ledger whole, and how large",
    "Needs no agent; may run beside the daemons. rebuild --write takes the\n"
    "ledger of an older release too.",
    CLI_COMMANDS(commands),
    "damaged, or the tables are not what the events say",
    "  tendril ledger check\n"
    "  tendril ledger rebuild --folder /backup/2026-11-22\n",
};
