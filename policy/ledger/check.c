/* check.c - see check.h. */
#include "policy/ledger/check.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/file.h"
#include "policy/ledger/meta.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	RENEW_MS = 1000,
	LOOK_EVERY = 4096, /* rows between looks at the clock */
	PAGE = 4096,
};

struct walk {
	const struct check_options *o;
	struct check_report *out;
	struct error *err; /* of the first finding */
	struct ledger_txn *txn;
	struct ledger_iter it;
	unsigned table;
	const char *name;
	char last[LEDGER_KEY_MAX]; /* key seen last */
	size_t n_last;
	uint64_t rows, total, next_seq;
	int64_t began_ms;
	bool renewed;
	volatile char touched; /* keeps the reads of values */
};

static struct str last_key(const struct walk *w)
{
	return (struct str){w->last, w->n_last};
}

/* Counts a finding; the first one is told, unless it was a mere unknown event
 * and this is worse. */
static void note(struct walk *w, uint64_t *count, uint64_t n, const char *what)
{
	int code = count == &w->out->unknown ? ERR_VERSION : ERR_CORRUPT;

	*count += n;
	if (w->err->code == 0 ||
	    (w->err->code == ERR_VERSION && code == ERR_CORRUPT))
		(void)error_set(w->err, code, "table %s, row %llu: %s", w->name,
		    (unsigned long long)w->rows, what);
}

static void look_at_event(struct walk *w, struct str key, struct str value)
{
	const struct reducer *r;
	struct event ev;
	int rc = event_decode(key, value, &ev);

	w->out->events++;
	if (rc != 0)
		note(w, &w->out->damaged, 1, "the event is damaged");
	else if (reducer_find(w->o->reducers, ev.type, ev.version, &r) != 0)
		note(w, &w->out->unknown, 1,
		    "the event is of an unknown type or version");
	if (w->out->first_seq == 0)
		w->out->first_seq = ev.seq;
	if (ev.seq > w->next_seq)
		note(w, &w->out->missing, ev.seq - w->next_seq,
		    "events before it are missing");
	if (ev.seq >= w->next_seq)
		w->next_seq = ev.seq + 1;
}

static void look_at_row(struct walk *w, struct str key, struct str value)
{
	if (w->n_last > 0 && str_cmp(key, last_key(w)) <= 0)
		note(w, &w->out->disorder, 1, "the keys are out of order");
	for (size_t i = 0; i < value.n; i += PAGE)
		w->touched = value.p[i];
	w->n_last = key.n;
	memcpy(w->last, key.p, key.n);
	w->rows++;
	if (w->table == LEDGER_EVENT)
		look_at_event(w, key, value);
	else
		w->out->rows++;
}

static void tell(const struct walk *w)
{
	if (w->o->progress != NULL)
		w->o->progress(w->o->progress_arg, w->name, w->rows, w->total);
}

/* Rows of one snapshot, for a second at most; 0: there are more. */
static int walk_on(struct walk *w)
{
	struct str key, value;
	int rc = ledger_iter_next(&w->it, &key, &value);

	/* The row where the snapshot before this one stopped. */
	if (rc == 0 && w->renewed && str_eq(key, last_key(w)))
		rc = ledger_iter_next(&w->it, &key, &value);
	for (; rc == 0; rc = ledger_iter_next(&w->it, &key, &value)) {
		look_at_row(w, key, value);
		if (w->rows % LOOK_EVERY != 0)
			continue;
		tell(w);
		if (clock_mono_ms() - w->began_ms > RENEW_MS)
			return 0;
	}
	return rc;
}

static int walk_snapshot(struct walk *w, struct ledger *l)
{
	struct ledger_table_stat st;
	int rc = ledger_read_begin(l, &w->txn);

	if (rc != 0)
		return rc;
	w->began_ms = clock_mono_ms();
	rc = ledger_table_stat(w->txn, w->table, &st);
	w->total = st.rows;
	if (rc == 0)
		rc = ledger_iter_open(
		    w->txn, w->table, last_key(w), LEDGER_UP, &w->it);
	if (rc == 0) {
		rc = walk_on(w);
		ledger_iter_close(&w->it);
	}
	ledger_read_end(&w->txn);
	return rc;
}

static int walk_table(struct walk *w, struct ledger *l, unsigned table)
{
	int rc;

	w->table = table;
	w->name = ledger_table_name(l, table);
	w->n_last = 0;
	w->rows = 0;
	w->renewed = false;
	while ((rc = walk_snapshot(w, l)) == 0)
		w->renewed = true;
	if (rc != ERR_NOT_FOUND)
		return rc;
	if (!w->renewed && w->rows != w->total)
		note(w, &w->out->disorder, 1, "their number is wrong");
	tell(w);
	return 0;
}

/* Events that are missing at the end are seen by the number in meta. */
static int walk_events(struct walk *w, struct ledger *l)
{
	struct ledger_txn *t;
	struct meta m = {0};
	int rc = ledger_read_begin(l, &t);

	if (rc != 0)
		return rc;
	rc = meta_read(t, &m);
	ledger_read_end(&t);
	if (rc != 0)
		return rc;
	w->next_seq = m.pruned_seq + 1;
	rc = walk_table(w, l, LEDGER_EVENT);
	if (rc == 0 && w->next_seq <= m.last_seq)
		note(w, &w->out->missing, m.last_seq + 1 - w->next_seq,
		    "events after it are missing");
	w->out->last_seq = w->next_seq - 1;
	return rc;
}

static int verdict(const struct check_report *r)
{
	if (r->damaged + r->missing + r->disorder > 0)
		return ERR_CORRUPT;
	return r->unknown > 0 ? ERR_VERSION : 0;
}

int check_run(struct ledger *l, const struct check_options *o,
    struct check_report *out, struct error *err)
{
	struct error own = {0};
	struct walk w = {.o = o, .out = out, .err = err != NULL ? err : &own};
	int rc;

	*out = (struct check_report){0};
	*w.err = (struct error){0};
	rc = walk_events(&w, l);
	if (rc == 0)
		rc = walk_table(&w, l, LEDGER_META);
	for (unsigned i = 0; i < ledger_n_tables(l) && rc == 0; i++)
		rc = walk_table(&w, l, i);
	if (rc != 0)
		return error_set(err, rc, "table %s, row %llu: %s", w.name,
		    (unsigned long long)w.rows, error_text(rc));
	return verdict(out);
}

/* --- in a child process --- */

struct told {
	int rc;
	struct check_report report;
	struct error err;
};

static void child_main(
    const struct ledger_options *lo, const struct check_options *o, int say)
{
	struct told t = {0};
	struct ledger *l;

	t.rc = ledger_open(&l, lo, &t.err);
	if (t.rc == 0)
		t.rc = check_run(l, o, &t.report, &t.err);
	ledger_close(&l);
	if (file_write_all(say, (struct str){(const char *)&t, sizeof(t)}) != 0)
		_exit(1);
}

static ssize_t hear(int fd, struct told *t)
{
	char *p = (char *)t;
	size_t n = 0;

	while (n < sizeof(*t)) {
		ssize_t got = read(fd, p + n, sizeof(*t) - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return n == sizeof(*t);
}

static int child_end(
    pid_t pid, bool told, struct check_report *out, struct error *err)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (told && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	out->crashed = true;
	return error_set(err, ERR_CORRUPT,
	    "reading it crashed (%s %d): pages are damaged",
	    WIFSIGNALED(status) ? "signal" : "exit",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int check_folder(const struct ledger_options *lo, const struct check_options *o,
    struct check_report *out, struct error *err)
{
	struct told t = {0};
	int ends[2], rc;
	bool told;
	pid_t pid;

	*out = (struct check_report){0};
	if (pipe(ends) != 0)
		return error_set(err, -errno, "pipe: %s", error_text(-errno));
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		child_main(lo, o, ends[1]);
		_exit(0);
	}
	rc = pid < 0 ? -errno : 0;
	(void)close(ends[1]);
	told = rc == 0 && hear(ends[0], &t);
	(void)close(ends[0]);
	if (rc != 0)
		return error_of(err, rc, "fork");
	rc = child_end(pid, told, out, err);
	if (rc != 0)
		return rc;
	*out = t.report;
	if (t.rc != 0 && err != NULL)
		*err = t.err;
	return t.rc;
}
