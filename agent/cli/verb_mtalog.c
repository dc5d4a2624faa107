/* verb_mtalog.c - tendril mtalog: the MTA's older logs.
 *
 * Lines are read here, with the rights of who runs this; the agent gets what
 * they say of messages (/v1/mtalog), a few thousand at a time. Each file begins
 * behind a hole: what stood before is not known. */
#include "agent/cli/client.h"
#include "agent/cli/loglines.h"
#include "agent/cli/mtalog_ends.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

#include "agent/in/mtalog_files.h"
#include "agent/in/outcome.h"
#include "policy/base/clock.h"
#include "policy/base/when.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	SESSIONS_MAX = 4096,
	CHUNK = 4000, /* outcomes in one request, and those of one line more */
	CALL_S = 600,
	PROGRESS_LINES = 200000,
};

struct source {
	const char *path;
	int64_t mtime_ms;
};

struct import {
	struct cli *c;
	struct outcome_book *book;
	struct ends *ends;
	struct value *list; /* of the next request; NULL: none yet */
	size_t n;
	bool dry;
	int code;       /* enum cli_exit */
	int64_t of_mta; /* lines that an MTA wrote */
	int64_t files, lines, not_understood, outcomes, changed, unknown;
	int64_t more;    /* messages to more recipients than were decided */
	int64_t unnamed; /* messages deleted, the log does not say which */
};

/* --- to the agent --- */

static int send(struct import *m)
{
	struct value *body = value_new_object(), *reply = NULL;
	struct cli_request rq = {.method = "POST",
	    .path = "/v1/mtalog",
	    .body = body,
	    .timeout_s = CALL_S};
	int64_t n;
	int code;

	if (m->n == 0)
		return CLI_DONE;
	value_put_bool(body, "dry_run", m->dry);
	value_put(body, "outcomes", m->list);
	m->list = NULL;
	m->outcomes += (int64_t)m->n;
	m->n = 0;
	code = cli_call(m->c, &rq, &reply, NULL);
	if (code == CLI_DONE && value_get_i64(reply, "changed", &n))
		m->changed += n;
	if (code == CLI_DONE && value_get_i64(reply, "unknown", &n))
		m->unknown += n;
	if (code == CLI_DONE && value_get_i64(reply, "more_recipients", &n))
		m->more += n;
	value_free(&body);
	value_free(&reply);
	return code;
}

static void put(struct value *o, const char *key, struct str s)
{
	if (s.n > 0)
		value_put_str(o, key, s);
}

/* A session that only ended says nothing of its messages here: nobody will wait
 * for what comes later. */
static bool says_something(const struct outcome *o)
{
	if (o->kind == OUTCOME_SESSION_END && !o->refused)
		return false;
	return o->queue_id.n > 0 && o->kind != OUTCOME_DEFERRED;
}

static void add_outcome(void *arg, const struct outcome *o)
{
	struct import *m = arg;
	struct value *e;

	if (o->kind == OUTCOME_UNNAMED)
		m->unnamed += o->count;
	if (!says_something(o))
		return;
	if (m->list == NULL)
		m->list = value_new_array();
	e = value_new_object();
	value_put_str(e, "kind", str_of(outcome_name(o->kind)));
	put(e, "queue_id", o->queue_id);
	put(e, "recipient", o->rcpt);
	put(e, "next_id", o->next_id);
	put(e, "relay", str_cut(o->relay, 0, 200));
	put(e, "status", str_cut(o->dsn, 0, 20));
	value_put_i64(e, "at_ms", o->time_ms);
	if (o->since_ms > 0)
		value_put_i64(e, "since_ms", o->since_ms);
	if (o->refused)
		value_put_bool(e, "refused", true);
	if (o->count > 0)
		value_put_i64(e, "count", o->count);
	if (o->late)
		value_put_bool(e, "late", true);
	value_add(m->list, e);
	m->n++;
}

static void on_outcome(void *arg, const struct outcome *o)
{
	struct import *m = arg;

	ends_outcome(m->ends, o, add_outcome, m);
}

/* --- a file --- */

static int on_line(
    struct import *m, struct str text, const struct mtalog_when *when)
{
	struct mtalog_line line;
	enum mtalog_kind kind = mtalog_parse(text, when, &line);

	m->lines++;
	m->of_mta += kind != MTALOG_OTHER;
	m->not_understood += kind == MTALOG_UNKNOWN;
	outcome_line(m->book, &line, on_outcome, m);
	if (m->lines % PROGRESS_LINES == 0)
		out_progress("%lld lines, %lld outcomes", (long long)m->lines,
		    (long long)m->outcomes);
	return m->n >= CHUNK ? send(m) : CLI_DONE;
}

/* Stamps without a year are of the year before the file was last changed. */
static int import_file(struct import *m, const struct source *s)
{
	struct mtalog_when when = {s->mtime_ms, mtalog_utc_offset(s->mtime_ms)};
	struct loglines *l = NULL;
	struct error err = {0};
	struct str text;
	int64_t lines = m->lines, of_mta = m->of_mta;
	int rc = loglines_open(&l, s->path, &err);
	int code = CLI_DONE;

	outcome_gap(m->book, on_outcome, m);
	while (rc == 0 && code == CLI_DONE &&
	       (rc = loglines_next(l, &text, &err)) == 1) {
		code = on_line(m, text, &when);
		rc = 0;
		if (code != CLI_DONE)
			break;
	}
	loglines_close(&l);
	m->files++;
	if (rc < 0)
		code = cli_error(rc, &err);
	if (code == CLI_DONE && m->lines > lines && m->of_mta == of_mta)
		(void)cli_fail(CLI_DONE,
		    "%s: no line of Postfix or Sendmail is in it", s->path);
	return code;
}

/* --- all of them --- */

static int by_time(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	return (x->mtime_ms > y->mtime_ms) - (x->mtime_ms < y->mtime_ms);
}

static int find_source(const char *path, struct source *out)
{
	struct stat st;

	*out = (struct source){path, clock_now_ms()};
	if (strcmp(path, "-") == 0)
		return CLI_DONE;
	if (stat(path, &st) != 0)
		return cli_fail(CLI_USAGE, "%s: %s", path, error_text(-errno));
	if (!S_ISREG(st.st_mode))
		return cli_fail(CLI_USAGE, "%s: not a regular file", path);
	out->mtime_ms = (int64_t)st.st_mtim.tv_sec * WHEN_SECOND_MS;
	return CLI_DONE;
}

static int find_sources(struct cli *c, struct source **out)
{
	struct source *v = arena_array(c->arena, c->n_operands, sizeof(*v));
	int code = v != NULL ? CLI_DONE : cli_fail(CLI_AGAIN, "out of memory");

	for (size_t i = 0; code == CLI_DONE && i < c->n_operands; i++)
		code = find_source(c->operands[i], &v[i]);
	if (code == CLI_DONE)
		qsort(v, c->n_operands, sizeof(*v), by_time);
	*out = v;
	return code;
}

static int tell(struct import *m)
{
	struct value *o;
	int code;

	if (!m->c->json) {
		out_line("%lld lines of %lld files, %lld of them not "
			 "understood",
		    (long long)m->lines, (long long)m->files,
		    (long long)m->not_understood);
		out_line("%lld outcomes, %lld of them of messages that are not "
			 "on record",
		    (long long)m->outcomes, (long long)m->unknown);
		out_line("%lld %s", (long long)m->changed,
		    m->dry ? "slots would change" : "changes of slots");
		if (m->more > 0)
			out_line("%lld messages to more recipients than were "
				 "decided (an alias, always_bcc)",
			    (long long)m->more);
		if (m->unnamed > 0)
			out_line("%lld messages deleted from the queue, the "
				 "log does not say which: they go on counting",
			    (long long)m->unnamed);
		return CLI_DONE;
	}
	o = value_new_object();
	value_put_i64(o, "files", m->files);
	value_put_i64(o, "lines", m->lines);
	value_put_i64(o, "not_understood", m->not_understood);
	value_put_i64(o, "outcomes", m->outcomes);
	value_put_i64(o, "unknown", m->unknown);
	value_put_i64(o, "changed", m->changed);
	value_put_i64(o, "more_recipients", m->more);
	value_put_i64(o, "deleted_unnamed", m->unnamed);
	value_put_bool(o, "dry_run", m->dry);
	code = cli_json(o);
	value_free(&o);
	return code;
}

static int run_import(struct cli *c)
{
	struct import m = {.c = c, .dry = cli_opt(c, "dry-run") != NULL};
	struct source *v = NULL;
	int code = find_sources(c, &v);

	if (code == CLI_DONE)
		code = cli_conf(c);
	if (code != CLI_DONE)
		return code;
	m.book = outcome_new(SESSIONS_MAX);
	m.ends = ends_new();
	if (m.book == NULL || m.ends == NULL)
		code = cli_fail(CLI_AGAIN, "out of memory");
	else
		outcome_handoffs(
		    m.book, c->conf->mta_log.handoff_relays, NULL, NULL);
	for (size_t i = 0; code == CLI_DONE && i < c->n_operands; i++)
		code = import_file(&m, &v[i]);
	if (code == CLI_DONE)
		ends_flush(m.ends, add_outcome, &m);
	if (code == CLI_DONE)
		code = send(&m);
	out_progress_end();
	if (code == CLI_DONE)
		code = tell(&m);
	if (code == CLI_DONE && m.lines > 0 && m.of_mta == 0)
		code = CLI_NO;
	outcome_free(&m.book);
	ends_free(&m.ends);
	value_free(&m.list);
	return code;
}

static const struct cli_option import_options[] = {
    {"dry-run", NULL, "nothing is changed; what would be is counted", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {.name = "import",
	.operands = "FILE...",
	.min = 1,
	.max = SIZE_MAX,
	.options = import_options,
	.help = "dates and releases slots by what older logs say of them",
	.run = run_import},
};

const struct cli_verb verb_mtalog = {
    .name = "mtalog",
    .summary = "older logs of the MTA, after a hole in what the agent read",
    .about = "Of Postfix and Sendmail, plain or compressed (.gz, .bz2, .xz, "
	     ".zst, .lz4: by the\nprogram of that name), oldest first whatever "
	     "their order here; - is standard\ninput. To repeat it changes "
	     "nothing more, and where the agent reads on is not\nmoved. Only "
	     "slots are changed: bounces of long ago suppress nobody.",
    .commands = CLI_COMMANDS(commands),
    .exits = "no line of an MTA in any of them; one cannot be unpacked to its "
	     "end",
    .example = "  tendril mtalog import --dry-run /var/log/mail.log.*\n",
};
