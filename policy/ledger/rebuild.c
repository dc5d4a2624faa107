/* rebuild.c - see rebuild.h. The replay goes in chunks of one transaction
 * each, unsynced; one sync at the end. */
#include "policy/ledger/rebuild.h"

#include "policy/base/codec.h"
#include "policy/ledger/folder.h"
#include "policy/ledger/meta.h"

#include <errno.h>
#include <string.h>

enum {
	CHUNK_EVENTS = 5000,
	CHUNK_BYTES = 8 << 20,
	FOLDER_MODE = 0660
};

struct replay {
	const struct check_options *o;
	struct ledger_txn *from; /* snapshot of the source */
	struct ledger *to;
	struct meta meta; /* of the source */
	uint64_t done;
};

/* --- the replay --- */

static int apply_one(struct replay *r, struct ledger_txn *t,
    const struct event *ev, struct error *err)
{
	struct event copy = *ev;
	int rc = event_append(t, &copy);

	if (rc != 0)
		return error_set(err, rc, "event %llu: %s",
		    (unsigned long long)ev->seq, error_text(rc));
	if (copy.seq != ev->seq)
		return error_set(err, ERR_CORRUPT, "event %llu is missing",
		    (unsigned long long)copy.seq);
	rc = reducer_apply(r->o->reducers, t, ev, err);
	if (rc == 0)
		rc = ledger_txn_failed(t);
	if (rc != 0 && err != NULL && err->code != rc)
		(void)error_set(err, rc, "event %llu: %s",
		    (unsigned long long)ev->seq, error_text(rc));
	return rc;
}

/* One transaction's worth; ERR_NOT_FOUND at the end of the events. */
static int apply_chunk(struct replay *r, struct ledger_iter *it,
    struct ledger_txn *t, struct error *err)
{
	size_t bytes = 0;

	for (unsigned n = 0; n < CHUNK_EVENTS && bytes < CHUNK_BYTES; n++) {
		struct event ev;
		int rc = event_iter_next(it, &ev);

		if (rc == ERR_NOT_FOUND)
			return rc;
		if (rc != 0)
			return error_set(err, rc, "event %llu: %s",
			    (unsigned long long)ev.seq, error_text(rc));
		rc = apply_one(r, t, &ev, err);
		if (rc != 0)
			return rc;
		r->done++;
		bytes += ev.payload.n;
	}
	return 0;
}

static int replay_chunk(
    struct replay *r, struct ledger_iter *it, struct error *err)
{
	struct ledger_txn *t;
	int rc, end = ledger_write_begin(r->to, &t);

	if (end != 0)
		return error_set(err, end, "rebuild: %s", error_text(end));
	end = apply_chunk(r, it, t, err);
	if (end != 0 && end != ERR_NOT_FOUND) {
		ledger_abort(&t);
		return end;
	}
	rc = ledger_commit(&t);
	if (rc != 0)
		return error_of(err, rc, "rebuild");
	if (r->o->progress != NULL)
		r->o->progress(r->o->progress_arg, "replay", r->done,
		    r->meta.last_seq - r->meta.pruned_seq);
	return end;
}

static int replay_from(struct replay *r, uint64_t seq, struct error *err)
{
	struct ledger_iter it;
	uint64_t last = 0;
	int rc = event_iter_open(r->from, seq, LEDGER_UP, &it);

	if (rc != 0)
		return error_of(err, rc, "events");
	do
		rc = replay_chunk(r, &it, err);
	while (rc == 0);
	ledger_iter_close(&it);
	if (rc != ERR_NOT_FOUND)
		return rc;
	last = seq - 1 + r->done;
	if (last != r->meta.last_seq)
		return error_set(err, ERR_CORRUPT,
		    "events after %llu are missing", (unsigned long long)last);
	return 0;
}

/* --- where it goes --- */

static int open_target(
    struct replay *r, const char *dir, struct ledger *from, struct error *err)
{
	struct ledger_stat st;
	struct ledger_options o = {.dir = dir,
	    .tables = r->o->reducers->tables,
	    .n_tables = r->o->reducers->n_tables,
	    .schema = ledger_schema(from),
	    .flags = LEDGER_CREATE | LEDGER_NO_SYNC};

	ledger_stat(from, &st);
	o.map_size = (size_t)st.map_size * 2;
	return ledger_open(&r->to, &o, err);
}

/* Who it is and what is noted of it comes from the source. */
static int take_identity(struct replay *r, struct error *err)
{
	struct ledger_txn *t;
	int rc = ledger_write_begin(r->to, &t);

	if (rc == 0) {
		rc = meta_write(t, &r->meta);
		if (rc == 0)
			rc = ledger_commit(&t);
		else
			ledger_abort(&t);
	}
	return error_of(err, rc, "rebuild");
}

/* The replay starts behind the events of the base, in a copy of it. */
static int copy_base(struct replay *r, struct ledger *base, const char *dir,
    uint64_t *seq_out, struct error *err)
{
	struct ledger_txn *t;
	struct meta m = {0};
	int rc = ledger_read_begin(base, &t);

	if (rc == 0) {
		rc = meta_read(t, &m);
		ledger_read_end(&t);
	}
	if (rc != 0)
		return error_of(err, rc, "backup");
	if (memcmp(m.uuid, r->meta.uuid, META_UUID) != 0)
		return error_set(
		    err, ERR_NOT_FOUND, "the backup is of another ledger");
	if (m.last_seq < r->meta.pruned_seq)
		return error_set(err, ERR_NOT_FOUND,
		    "the backup ends at event %llu, but those up to %llu "
		    "were pruned",
		    (unsigned long long)m.last_seq,
		    (unsigned long long)r->meta.pruned_seq);
	r->meta.pruned_seq = m.pruned_seq;
	*seq_out = m.last_seq + 1;
	rc = ledger_copy(base, dir, err);
	return rc == 0 ? folder_finish(dir, FOLDER_MODE, err) : rc;
}

static int start_from(struct replay *r, const struct rebuild_source *s,
    const char *dir, uint64_t *seq_out, struct error *err)
{
	*seq_out = 1;
	if (s->base != NULL)
		return copy_base(r, s->base, dir, seq_out, err);
	if (r->meta.pruned_seq == 0)
		return 0;
	return error_set(err, ERR_NOT_FOUND,
	    "events up to %llu were pruned: give a backup that has them",
	    (unsigned long long)r->meta.pruned_seq);
}

static int rebuild(struct replay *r, const struct rebuild_source *s,
    const char *dir, struct error *err)
{
	uint64_t seq;
	int rc = folder_make_empty(dir, FOLDER_MODE, err);

	if (rc == 0)
		rc = start_from(r, s, dir, &seq, err);
	if (rc == 0)
		rc = open_target(r, dir, s->from, err);
	if (rc == 0)
		rc = replay_from(r, seq, err);
	if (rc == 0)
		rc = take_identity(r, err);
	return rc;
}

static int begin(
    struct replay *r, const struct rebuild_source *s, struct error *err)
{
	int rc = ledger_read_begin(s->from, &r->from);

	if (rc == 0)
		rc = meta_read(r->from, &r->meta);
	r->meta.schema = ledger_schema(s->from); /* of the tables made now */
	return error_of(err, rc, "ledger");
}

int rebuild_write(const struct rebuild_source *s, const char *dir,
    const struct check_options *o, struct error *err)
{
	struct replay r = {.o = o};
	int rc = begin(&r, s, err);

	if (rc == 0)
		rc = rebuild(&r, s, dir, err);
	if (rc == 0) {
		rc = ledger_sync(r.to);
		if (rc != 0)
			(void)error_set(err, rc, "%s: %s", dir, error_text(rc));
	}
	ledger_read_end(&r.from);
	ledger_close(&r.to);
	return rc;
}

/* --- comparing --- */

struct side {
	struct ledger_iter it;
	struct str key, value;
	int rc;
};

static void step(struct side *s)
{
	s->rc = ledger_iter_next(&s->it, &s->key, &s->value);
}

static void differs(uint64_t *count, const char *table, struct str key,
    const char *how, struct error *err)
{
	char hex[2 * 24 + 1];

	(*count)++;
	if (err == NULL || err->code != 0)
		return;
	codec_hex(key.p, key.n < 24 ? key.n : 24, hex);
	(void)error_set(err, ERR_CORRUPT, "table %s, key %s%s: %s", table, hex,
	    key.n > 24 ? "..." : "", how);
}

static void compare_rows(struct side *live, struct side *made,
    const char *table, struct rebuild_report *out, struct error *err)
{
	int order = live->rc != 0   ? 1
		    : made->rc != 0 ? -1
				    : str_cmp(live->key, made->key);

	if (order < 0) {
		differs(&out->only_live, table, live->key,
		    "no event accounts for this row", err);
	} else if (order > 0) {
		differs(&out->only_rebuilt, table, made->key,
		    "the row is missing", err);
	} else if (!str_eq(live->value, made->value)) {
		differs(&out->differ, table, live->key,
		    "the events give another value", err);
	} else {
		out->same++;
	}
	if (order <= 0)
		step(live);
	if (order >= 0)
		step(made);
}

static int compare_table(const struct ledger_txn *live,
    const struct ledger_txn *made, unsigned table, const char *name,
    struct rebuild_report *out, struct error *err)
{
	struct side a = {0}, b = {0};
	int rc = ledger_iter_open(live, table, STR_NULL, LEDGER_UP, &a.it);

	if (rc == 0)
		rc = ledger_iter_open(made, table, STR_NULL, LEDGER_UP, &b.it);
	if (rc == 0) {
		step(&a);
		step(&b);
	}
	while (rc == 0 && (a.rc == 0 || b.rc == 0))
		compare_rows(&a, &b, name, out, err);
	if (rc == 0 && a.rc != ERR_NOT_FOUND)
		rc = a.rc;
	if (rc == 0 && b.rc != ERR_NOT_FOUND)
		rc = b.rc;
	ledger_iter_close(&a.it);
	ledger_iter_close(&b.it);
	return rc;
}

static int compare(struct replay *r, struct ledger *live,
    struct rebuild_report *out, struct error *err)
{
	struct ledger_txn *made;
	int rc = ledger_read_begin(r->to, &made);

	for (unsigned i = 0; i < ledger_n_tables(r->to) && rc == 0; i++)
		rc = compare_table(
		    r->from, made, i, ledger_table_name(live, i), out, err);
	ledger_read_end(&made);
	if (rc != 0)
		return error_of(err, rc, "compare");
	return out->differ + out->only_live + out->only_rebuilt > 0
		   ? ERR_CORRUPT
		   : 0;
}

int rebuild_compare(const struct rebuild_source *s, const char *scratch,
    const struct check_options *o, struct rebuild_report *out,
    struct error *err)
{
	struct replay r = {.o = o};
	struct error own = {0};
	int rc;

	err = err != NULL ? err : &own;
	*err = (struct error){0};
	*out = (struct rebuild_report){0};
	rc = begin(&r, s, err);
	if (rc == 0)
		rc = rebuild(&r, s, scratch, err);
	out->events = r.done;
	if (rc == 0)
		rc = compare(&r, s->from, out, err);
	ledger_read_end(&r.from);
	ledger_close(&r.to);
	folder_remove(scratch);
	return rc;
}
