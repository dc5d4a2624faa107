/* snapshot.c - see snapshot.h. */
#include "policy/ledger/snapshot.h"

#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "policy/ledger/cbor.h"
#include "policy/ledger/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKUP_MODE = 0640,
	DEFAULT_MODE = 0660,
	PAYLOAD_MAX = 64
};

/* --- a copy, opened and read --- */

static struct ledger_options copy_options(
    const char *dir, uint32_t schema, const struct check_options *o)
{
	return (struct ledger_options){.dir = dir,
	    .tables = o->reducers->tables,
	    .n_tables = o->reducers->n_tables,
	    .schema = schema,
	    .flags = LEDGER_READ_ONLY | LEDGER_NO_LOCK};
}

static int open_copy(struct ledger **out, const char *dir, uint32_t schema,
    const struct check_options *o, struct error *err)
{
	struct ledger_options lo = copy_options(dir, schema, o);

	return ledger_open(out, &lo, err);
}

static int read_meta(struct ledger *l, struct meta *out, struct error *err)
{
	struct ledger_txn *t;
	int rc = ledger_read_begin(l, &t);

	if (rc == 0) {
		rc = meta_read(t, out);
		ledger_read_end(&t);
	}
	return error_of(err, rc, "meta");
}

static int verify(const char *dir, uint32_t schema,
    const struct check_options *o, struct snapshot_info *out, struct error *err)
{
	struct ledger *copy;
	int rc = open_copy(&copy, dir, schema, o, err);

	if (rc == 0)
		rc = read_meta(copy, &out->meta, err);
	if (rc == 0)
		rc = check_run(copy, o, &out->report, err);
	ledger_close(&copy);
	if (rc != 0)
		error_prefix(err, "%s", dir);
	return rc;
}

/* --- backup --- */

static int partial_name(const char *dir, char out[PATH_MAX], struct error *err)
{
	int n = snprintf(out, PATH_MAX, "%s.partial", dir);

	if (n < 0 || n >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "%s: too long", dir);
	if (access(dir, F_OK) == 0)
		return error_set(err, ERR_EXISTS, "%s: exists already", dir);
	if (access(out, F_OK) == 0)
		return error_set(err, ERR_EXISTS,
		    "%s: left by an interrupted backup, remove it", out);
	return 0;
}

static int name_finally(const char *partial, const char *dir, struct error *err)
{
	if (rename(partial, dir) != 0)
		return error_set(
		    err, -errno, "%s: %s", dir, error_text(-errno));
	return file_sync_parent(dir, err);
}

/* Never goes back: an older backup may be noted later. */
static int note_snapshot(struct ledger *l, uint64_t seq, struct error *err)
{
	struct ledger_txn *t;
	struct meta m = {0};
	int rc = ledger_write_begin(l, &t);

	if (rc == 0)
		rc = meta_read(t, &m);
	if (rc == 0 && m.snapshot_seq < seq) {
		m.snapshot_seq = seq;
		rc = meta_write(t, &m);
	}
	if (rc == 0)
		rc = ledger_commit(&t);
	ledger_abort(&t);
	return rc == 0 ? 0
		       : error_set(err, rc,
			     "the backup is complete, but could not be noted "
			     "in the ledger: %s",
			     error_text(rc));
}

int snapshot_backup(struct ledger *l, const char *dir,
    const struct check_options *o, struct snapshot_info *out, struct error *err)
{
	char partial[PATH_MAX];
	struct meta m = {0};
	int rc;

	*out = (struct snapshot_info){0};
	rc = partial_name(dir, partial, err);
	if (rc == 0)
		rc = read_meta(l, &m, err);
	if (rc == 0)
		rc = folder_make_empty(partial, BACKUP_MODE, err);
	if (rc != 0)
		return rc;
	rc = ledger_copy(l, partial, err);
	if (rc == 0)
		rc = folder_finish(partial, BACKUP_MODE, err);
	if (rc == 0)
		rc = verify(partial, m.schema, o, out, err);
	if (rc == 0)
		rc = name_finally(partial, dir, err);
	if (rc != 0) {
		folder_remove(partial);
		return rc;
	}
	return note_snapshot(l, out->meta.last_seq, err);
}

/* --- restore --- */

static int encode(const struct snapshot_restored *r, struct buf *out)
{
	struct cbor_writer w;

	cbor_writer_init(&w, out);
	cbor_write_map(&w, 3);
	cbor_write_key(&w, 0);
	cbor_write_uint(&w, r->epoch);
	cbor_write_key(&w, 1);
	cbor_write_uint(&w, r->last_seq);
	cbor_write_key(&w, 2);
	cbor_write_bytes(
	    &w, (struct str){(const char *)r->nonce, sizeof(r->nonce)});
	return cbor_writer_end(&w);
}

int snapshot_decode(const struct event *ev, struct snapshot_restored *out)
{
	struct cbor_reader r;
	uint64_t key;

	*out = (struct snapshot_restored){0};
	if (ev->type != EV_LEDGER_RESTORED || ev->version != 1)
		return ERR_VERSION;
	cbor_reader_init(&r, ev->payload);
	(void)cbor_read_map(&r);
	while (cbor_read_key(&r, &key)) {
		if (key == 0)
			out->epoch = cbor_read_uint(&r, UINT64_MAX);
		else if (key == 1)
			out->last_seq = cbor_read_uint(&r, UINT64_MAX);
		else if (key == 2)
			cbor_read_fixed(&r, out->nonce, sizeof(out->nonce));
		else
			cbor_read_skip(&r);
	}
	return cbor_reader_end(&r);
}

/* New epoch in meta and in the event log, in one transaction. */
static int begin_epoch(struct ledger_txn *t, struct meta *m)
{
	struct event ev = {.type = EV_LEDGER_RESTORED,
	    .version = 1,
	    .class = EVENT_AUDIT,
	    .time_ms = clock_now_ms()};
	struct snapshot_restored r = {
	    .epoch = m->epoch + 1, .last_seq = m->last_seq};
	struct buf payload;
	int rc = -EIO;

	buf_init(&payload, PAYLOAD_MAX);
	if (getrandom(r.nonce, sizeof(r.nonce), 0) == sizeof(r.nonce))
		rc = encode(&r, &payload);
	ev.payload = buf_str(&payload);
	if (rc == 0)
		rc = event_append(t, &ev);
	buf_fini(&payload);
	m->epoch = r.epoch;
	return rc == 0 ? meta_write(t, m) : rc;
}

static int open_epoch(
    const struct ledger_options *to, struct meta *out, struct error *err)
{
	struct ledger_options o = *to;
	struct ledger_txn *t = NULL;
	struct ledger *l;
	int rc;

	o.flags = LEDGER_CREATE;
	rc = ledger_open(&l, &o, err);
	if (rc != 0)
		return rc;
	rc = ledger_write_begin(l, &t);
	if (rc == 0)
		rc = meta_read(t, out);
	if (rc == 0)
		rc = begin_epoch(t, out);
	if (rc == 0)
		rc = ledger_commit(&t);
	ledger_abort(&t);
	if (rc != 0)
		(void)error_set(
		    err, rc, "%s: new epoch: %s", to->dir, error_text(rc));
	else
		rc = read_meta(l, out, err);
	ledger_close(&l);
	return rc;
}

/* A backup may have lain anywhere: it is read in a child process first. */
static int examine(const char *dir, uint32_t schema,
    const struct check_options *o, struct snapshot_info *out, struct error *err)
{
	struct ledger_options lo = copy_options(dir, schema, o);
	int rc = check_folder(&lo, o, &out->report, err);

	if (rc != 0)
		error_prefix(err, "%s", dir);
	return rc;
}

static int copy_into(const char *dir, const struct ledger_options *to,
    const struct check_options *o, struct error *err)
{
	struct ledger *copy;
	int rc = open_copy(&copy, dir, to->schema, o, err);

	if (rc != 0)
		return rc;
	rc = ledger_copy(copy, to->dir, err);
	ledger_close(&copy);
	return rc;
}

int snapshot_restore(const char *dir, const struct ledger_options *to,
    const struct check_options *o, struct snapshot_info *out, struct error *err)
{
	unsigned mode = to->mode > 0 ? to->mode : DEFAULT_MODE;
	int rc;

	*out = (struct snapshot_info){0};
	rc = examine(dir, to->schema, o, out, err);
	if (rc == 0)
		rc = folder_make_empty(to->dir, mode, err);
	if (rc != 0)
		return rc;
	rc = copy_into(dir, to, o, err);
	if (rc == 0)
		rc = folder_finish(to->dir, mode, err);
	if (rc == 0)
		rc = open_epoch(to, &out->meta, err);
	if (rc != 0)
		folder_clear(to->dir);
	return rc;
}
