/* offline.c - see offline.h. */
#include "agent/cli/offline.h"

#include "agent/cli/out.h"
#include "policy/state/reducers.h"
#include "policy/state/store.h"
#include "policy/state/tables.h"

#include <limits.h>

int offline_options(
    struct cli *c, const char *dir, unsigned flags, struct ledger_options *out)
{
	char path[PATH_MAX];
	struct error err = {0};
	int rc, code = cli_conf(c);

	if (code != CLI_DONE)
		return code;
	rc = store_path(c->conf, "ledger", path, sizeof(path), &err);
	if (rc != 0)
		return cli_error(rc, &err);
	*out = (struct ledger_options){
	    .dir = dir != NULL ? dir : arena_z(c->arena, path),
	    .tables = reducers.tables,
	    .n_tables = reducers.n_tables,
	    .schema = STATE_SCHEMA,
	    .flags = flags,
	    .map_size = c->conf->map_bytes,
	};
	return out->dir != NULL ? CLI_DONE
				: cli_fail(CLI_AGAIN, "out of memory");
}

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	(void)arg;
	if (total > 0)
		out_progress("%s: %llu of %llu", what, (unsigned long long)done,
		    (unsigned long long)total);
	else
		out_progress("%s: %llu", what, (unsigned long long)done);
}

struct check_options offline_check_options(void)
{
	return (struct check_options){
	    .reducers = &reducers, .progress = progress};
}

int offline_open(
    struct cli *c, const char *dir, unsigned flags, struct ledger **out)
{
	struct ledger_options o;
	struct error err = {0};
	int rc, code = offline_options(c, dir, flags, &o);

	*out = NULL;
	if (code != CLI_DONE)
		return code;
	rc = ledger_open(out, &o, &err);
	return rc != 0 ? cli_error(rc, &err) : CLI_DONE;
}

void offline_put_report(struct value *o, const struct check_report *r)
{
	value_put_i64(o, "events", (int64_t)r->events);
	value_put_i64(o, "rows", (int64_t)r->rows);
	value_put_i64(o, "first", (int64_t)r->first_seq);
	value_put_i64(o, "last", (int64_t)r->last_seq);
	value_put_i64(o, "damaged", (int64_t)r->damaged);
	value_put_i64(o, "unknown", (int64_t)r->unknown);
	value_put_i64(o, "missing", (int64_t)r->missing);
	value_put_i64(o, "disorder", (int64_t)r->disorder);
	value_put_bool(o, "crashed", r->crashed);
}

static void finding(uint64_t n, const char *what)
{
	if (n > 0)
		out_line("  %llu %s", (unsigned long long)n, what);
}

void offline_print_report(const struct check_report *r)
{
	out_line("%llu events (%llu to %llu), %llu rows",
	    (unsigned long long)r->events, (unsigned long long)r->first_seq,
	    (unsigned long long)r->last_seq, (unsigned long long)r->rows);
	finding(r->damaged, "events are damaged");
	finding(r->unknown, "events are of a kind this program does not know");
	finding(r->missing, "events are missing");
	finding(r->disorder, "rows are out of order, or miscounted");
	if (r->crashed)
		out_line("  it could not be read to the end");
}
