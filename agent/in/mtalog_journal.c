/* mtalog_journal.c - see mtalog_journal.h; the only file that knows libsystemd.
 *
 * All entries are looked at, without sd_journal_add_match(3): the position has to
 * move with the journal, else the entry it names is vacuumed on a machine with
 * little mail, and each restart tells of a gap.
 *
 * The position is the cursor with the entry's times and boot. Its text is opaque
 * (sd_journal_get_cursor(3)), and an entry that journald moves from /run to /var
 * gets another one: then times and boot say that it is the same.
 *
 * libsystemd opens and closes files as they come and go, and goes on behind the
 * entry it was at, whatever has vanished in between; a folder made later, as
 * /var/log/journal may be, it does not see. So at each such change, and now and
 * then, all is opened anew and the entry of the position looked up. A rename that
 * is seen half way looks the same as a loss: that is believed the second time only.
 *
 * Files are mapped: one that somebody cuts while it is read ends the process
 * (SIGBUS); journald never does that to a file that has entries behind the cut. */
#include "agent/in/mtalog_journal.h"

#include "agent/in/mtalog_follow.h"
#include "agent/in/mtalog_journal_dirs.h"
#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

enum {
	POS_VERSION = 2, /* 1: of files, mtalog_follow.h */
	POS_HEAD = 33,   /* version, two times, boot; the cursor follows */
	LOOK_MAX = 5000, /* entries in one call: less than 100 ms */
	MISSING_MS = 50,
	REOPEN_MS = 60000,
	SHORT = 128,
	UNITS = 8
};

struct field {
	size_t n;
	char text[SHORT];
};

/* What counts of an entry. */
struct entry {
	struct field facility, program, syslog_pid, pid, uid, host, unit;
	size_t text_n;
	char text[MTALOG_LINE_MAX];
};

struct position {
	size_t n; /* of the cursor; 0: nothing was read yet */
	uint64_t realtime_us, monotonic_us;
	sd_id128_t boot;
	char cursor[MTALOG_JOURNAL_POS_MAX - POS_HEAD + 1];
};

struct mtalog_journal {
	sd_journal *sd; /* NULL: to be opened */
	char *dir;      /* NULL: this machine's journal */
	int64_t since_ms;
	struct mtalog_writers writers;
	struct position pos;
	const char *gap; /* to be given before anything else */
	bool pending;    /* the current entry is still to be given */
	bool passed;     /* the current entry is behind the position */
	bool at_end;
	bool missing; /* the position's entry is; lost: and all behind it */
	bool lost, told;
	int64_t opened_ms;
	bool any_unit; /* of the MTA's entries, some tell no unit */
	size_t n_units;
	struct field units[UNITS]; /* those they are from */
	struct entry entry;
	unsigned char stored[MTALOG_JOURNAL_POS_MAX];
	size_t stored_n;
};

/* --- position --- */

static void encode(struct mtalog_journal *j)
{
	const struct position *p = &j->pos;

	j->stored[0] = POS_VERSION;
	j->stored_n = 1;
	if (p->n == 0)
		return;
	codec_put_u64(j->stored + 1, p->realtime_us);
	codec_put_u64(j->stored + 9, p->monotonic_us);
	memcpy(j->stored + 17, p->boot.bytes, 16);
	memcpy(j->stored + POS_HEAD, p->cursor, p->n);
	j->stored_n = POS_HEAD + p->n;
}

static int decode(struct str from, struct position *out)
{
	*out = (struct position){0};
	if (from.n == 0)
		return 0;
	if (from.p[0] != POS_VERSION)
		return ERR_VERSION;
	if (from.n == 1)
		return 0;
	if (from.n <= POS_HEAD || from.n > MTALOG_JOURNAL_POS_MAX)
		return ERR_SYNTAX;
	out->realtime_us = codec_get_u64(from.p + 1);
	out->monotonic_us = codec_get_u64(from.p + 9);
	memcpy(out->boot.bytes, from.p + 17, 16);
	out->n = from.n - POS_HEAD;
	memcpy(out->cursor, from.p + POS_HEAD, out->n);
	return 0;
}

/* Of the current entry. */
static int position_of(sd_journal *sd, struct position *out)
{
	char *cursor = NULL;
	int rc = sd_journal_get_cursor(sd, &cursor);

	*out = (struct position){0};
	if (rc >= 0)
		rc = sd_journal_get_realtime_usec(sd, &out->realtime_us);
	if (rc >= 0)
		rc = sd_journal_get_monotonic_usec(
		    sd, &out->monotonic_us, &out->boot);
	if (rc >= 0 && strlen(cursor) >= sizeof(out->cursor))
		rc = -EOVERFLOW;
	if (rc >= 0) {
		out->n = strlen(cursor);
		memcpy(out->cursor, cursor, out->n);
	}
	free(cursor);
	return rc < 0 ? rc : 0;
}

static void move_to(struct mtalog_journal *j, const struct position *p)
{
	j->pos = *p;
	j->passed = j->told = j->lost = false;
	encode(j);
}

static bool is_at(const struct mtalog_journal *j)
{
	struct position now;

	if (sd_journal_test_cursor(j->sd, j->pos.cursor) > 0)
		return true;
	return position_of(j->sd, &now) == 0 &&
	       now.realtime_us == j->pos.realtime_us &&
	       now.monotonic_us == j->pos.monotonic_us &&
	       memcmp(now.boot.bytes, j->pos.boot.bytes, 16) == 0;
}

/* 1: at the position's entry; 0: at the one behind, which is not given yet;
 * -ENOENT: there is nothing from there on. */
static int find(struct mtalog_journal *j)
{
	int rc = sd_journal_seek_cursor(j->sd, j->pos.cursor);

	if (rc >= 0)
		rc = sd_journal_next(j->sd);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	return is_at(j);
}

static int start(struct mtalog_journal *j)
{
	int64_t ms = j->since_ms > 0 ? j->since_ms : 0;

	return sd_journal_seek_realtime_usec(j->sd, (uint64_t)ms * 1000);
}

/* To where reading goes on. */
static int place(struct mtalog_journal *j)
{
	int rc;

	j->pending = j->passed = j->missing = j->lost = false;
	if (j->pos.n == 0)
		return start(j);
	rc = find(j);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	j->pending = rc == 0;
	j->lost = rc == -ENOENT;
	j->missing = rc != 1;
	return j->lost ? start(j) : 0;
}

/* --- open, close --- */

static struct str dir_of(const struct mtalog_journal *j)
{
	return j->dir != NULL ? str_of(j->dir) : STR("");
}

static int trouble(const struct mtalog_journal *j, struct error *err, int code)
{
	return error_of(err, code, j->dir != NULL ? j->dir : "journal");
}

static void close_sd(struct mtalog_journal *j)
{
	sd_journal_close(j->sd);
	j->sd = NULL;
}

static int open_once(struct mtalog_journal *j, struct error *err)
{
	int rc = mtalog_journal_readable(dir_of(j), err);

	if (rc != 0)
		return rc;
	rc = j->dir != NULL ? sd_journal_open_directory(&j->sd, j->dir, 0)
			    : sd_journal_open(&j->sd, SD_JOURNAL_LOCAL_ONLY);
	if (rc < 0) {
		j->sd = NULL;
		return trouble(j, err, rc);
	}
	/* From now on files that come and go are told by
	 * sd_journal_process(3). */
	rc = sd_journal_get_fd(j->sd);
	if (rc >= 0)
		rc = sd_journal_set_data_threshold(
		    j->sd, MTALOG_LINE_MAX + SHORT);
	if (rc >= 0)
		rc = place(j);
	if (rc >= 0)
		return 0;
	close_sd(j);
	return trouble(j, err, rc);
}

/* A position that is missing is told once, however often it is looked for. */
static int open_sd(struct mtalog_journal *j, struct error *err)
{
	int rc = open_once(j, err);

	if (rc == 0 && j->missing && !j->told) {
		close_sd(j);
		(void)poll(NULL, 0, MISSING_MS);
		rc = open_once(j, err);
	}
	if (rc != 0)
		return rc;
	j->opened_ms = clock_mono_ms();
	if (j->missing && !j->told)
		j->gap = "the journal's entry read last is gone";
	j->told = j->missing;
	return 0;
}

int mtalog_journal_open(struct mtalog_journal **out, struct str dir,
    const struct mtalog_writers *writers, struct str from, int64_t since_ms,
    struct error *err)
{
	struct mtalog_journal *j = fault_alloc() ? NULL : calloc(1, sizeof(*j));
	int rc = -ENOMEM;

	*out = NULL;
	if (j == NULL)
		return error_of(err, rc, "journal");
	j->writers = *writers;
	j->since_ms = since_ms;
	if (dir.n > 0)
		j->dir = fault_alloc() ? NULL : strndup(dir.p, dir.n);
	if (dir.n > 0 && j->dir == NULL)
		rc = error_of(err, rc, "journal");
	else
		rc = error_of(err, decode(from, &j->pos), "position");
	if (rc == 0)
		rc = mtalog_journal_readable(dir, err);
	encode(j);
	if (rc != 0)
		mtalog_journal_close(&j);
	*out = j;
	return rc;
}

void mtalog_journal_close(struct mtalog_journal **j)
{
	if (*j == NULL)
		return;
	close_sd(*j);
	free((*j)->dir);
	free(*j);
	*j = NULL;
}

/* --- entries --- */

static struct str str_of_field(const struct field *f)
{
	return (struct str){f->text, f->n};
}

/* The first of a name counts. */
static void keep(struct field *f, struct str value)
{
	if (f->n > 0)
		return;
	f->n = value.n < SHORT ? value.n : SHORT;
	memcpy(f->text, value.p, f->n);
}

static void keep_field(struct entry *e, struct str name, struct str value)
{
	const struct {
		struct str name;
		struct field *field;
	} known[] = {
	    {STR("SYSLOG_FACILITY"), &e->facility},
	    {STR("SYSLOG_IDENTIFIER"), &e->program},
	    {STR("SYSLOG_PID"), &e->syslog_pid},
	    {STR("_PID"), &e->pid},
	    {STR("_UID"), &e->uid},
	    {STR("_HOSTNAME"), &e->host},
	    {STR("_SYSTEMD_UNIT"), &e->unit},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq(name, known[i].name))
			keep(known[i].field, value);
	if (!str_eq(name, STR("MESSAGE")) || e->text_n > 0)
		return;
	e->text_n = value.n < MTALOG_LINE_MAX ? value.n : MTALOG_LINE_MAX;
	memcpy(e->text, value.p, e->text_n);
}

/* The current one. */
static int load(sd_journal *sd, struct entry *e)
{
	const void *data;
	size_t n;
	int rc;

	e->facility.n = e->program.n = e->syslog_pid.n = e->pid.n = 0;
	e->uid.n = e->host.n = e->unit.n = e->text_n = 0;
	sd_journal_restart_data(sd);
	while ((rc = sd_journal_enumerate_available_data(sd, &data, &n)) > 0) {
		struct str all = {data, n};
		size_t at = str_find(all, 0, '=');

		if (at < all.n)
			keep_field(
			    e, str_cut(all, 0, at), str_from(all, at + 1));
	}
	return rc;
}

static void remember_unit(struct mtalog_journal *j)
{
	const struct field *unit = &j->entry.unit;

	if (unit->n == 0)
		j->any_unit = true;
	for (size_t i = 0; i < j->n_units; i++)
		if (str_eq(str_of_field(&j->units[i]), str_of_field(unit)))
			return;
	if (unit->n > 0 && j->n_units == UNITS)
		j->any_unit = true;
	else if (unit->n > 0)
		j->units[j->n_units++] = *unit;
}

/* journald suppressed entries ("Suppressed 12 messages from postfix.service").
 * Of a unit that the MTA's are not from, it is nothing to us; as long as it is
 * not known which those are, it may be theirs. */
static bool is_loss(const struct mtalog_journal *j)
{
	const struct entry *e = &j->entry;
	struct str text = {e->text, e->text_n};
	bool any = j->any_unit || j->n_units == 0;

	if (!str_eq(str_of_field(&e->program), STR("systemd-journald")) ||
	    !str_eq(str_of_field(&e->uid), STR("0")) ||
	    !str_starts(text, STR("Suppressed ")))
		return false;
	for (size_t i = 0; !any && i < j->n_units; i++)
		any = str_contains(text, str_of_field(&j->units[i]));
	return any;
}

static uint32_t pid_of(const struct entry *e)
{
	uint64_t pid;

	if (str_u64(str_of_field(&e->syslog_pid), UINT32_MAX, &pid) == 0 ||
	    str_u64(str_of_field(&e->pid), UINT32_MAX, &pid) == 0)
		return (uint32_t)pid;
	return 0;
}

/* Is the current entry one to give? */
static bool is_item(
    struct mtalog_journal *j, int64_t us, struct mtalog_journal_item *out)
{
	const struct entry *e = &j->entry;
	bool is_mail = str_eq(str_of_field(&e->facility), STR("2"));

	if (!is_mail && !is_loss(j))
		return false;
	out->kind = MTALOG_JOURNAL_LINE;
	out->uid = str_of_field(&e->uid);
	if (is_mail && !mtalog_writers_has(&j->writers, out->uid))
		out->kind = MTALOG_JOURNAL_FOREIGN;
	else if (is_mail)
		remember_unit(j);
	out->line = (struct mtalog_prefix){
	    .time_ms = us / 1000,
	    .host = str_of_field(&e->host),
	    .program = str_of_field(&e->program),
	    .pid = pid_of(e),
	    .text = {e->text, e->text_n},
	};
	return true;
}

/* --- reading --- */

/* Files that came or went since: those are opened anew that libsystemd does not
 * see come, as in a folder that was not there before. */
static int refresh(struct mtalog_journal *j, struct error *err)
{
	int rc;

	if (j->sd == NULL)
		return open_sd(j, err);
	rc = sd_journal_process(j->sd);
	if (rc < 0)
		return trouble(j, err, rc);
	if (rc != SD_JOURNAL_INVALIDATE && !j->lost &&
	    clock_mono_ms() - j->opened_ms < REOPEN_MS)
		return 0;
	close_sd(j);
	return open_sd(j, err);
}

static int give_gap(struct mtalog_journal *j, mtalog_journal_fn *fn, void *arg)
{
	struct mtalog_journal_item item = {
	    .kind = MTALOG_JOURNAL_GAP, .why = j->gap};
	int rc = fn(arg, &item);

	if (rc == 0)
		j->gap = NULL;
	return rc;
}

/* The current entry, if it is one to give. An entry that cannot be read is a
 * gap of its own. *given_out: it was. */
static int give(struct mtalog_journal *j, mtalog_journal_fn *fn, void *arg,
    bool *given_out, struct error *err)
{
	struct mtalog_journal_item item = {.kind = MTALOG_JOURNAL_GAP,
	    .why = "an entry of the journal cannot be read"};
	struct position at;
	uint64_t us;
	int rc = load(j->sd, &j->entry);

	if (rc >= 0)
		rc = sd_journal_get_realtime_usec(j->sd, &us);
	j->passed = rc >= 0 && !is_item(j, (int64_t)us, &item);
	*given_out = !j->passed;
	if (j->passed)
		return 0;
	rc = position_of(j->sd, &at);
	if (rc != 0)
		return trouble(j, err, rc);
	rc = fn(arg, &item);
	j->pending = rc != 0;
	if (rc == 0)
		move_to(j, &at);
	return rc;
}

/* 1: there is an entry. */
static int advance(struct mtalog_journal *j, struct error *err)
{
	int rc = j->pending ? 1 : sd_journal_next(j->sd);

	j->pending = false;
	j->at_end = rc == 0;
	return rc < 0 ? trouble(j, err, rc) : rc;
}

int mtalog_journal_next(struct mtalog_journal *j, size_t max,
    mtalog_journal_fn *fn, void *arg, struct error *err)
{
	struct position at;
	size_t n = 0;
	int rc;

	j->at_end = false;
	rc = refresh(j, err);
	if (rc == 0 && j->gap != NULL)
		rc = give_gap(j, fn, arg);
	for (size_t i = 0; rc == 0 && i < LOOK_MAX && n < max; i++) {
		bool given;

		rc = advance(j, err);
		if (rc <= 0)
			break;
		rc = give(j, fn, arg, &given, err);
		n += given;
	}
	/* Failing, or when its file has just gone: the position stays. */
	if (rc == 0 && j->passed && position_of(j->sd, &at) == 0)
		move_to(j, &at);
	return rc;
}

bool mtalog_journal_at_end(const struct mtalog_journal *j)
{
	return j->at_end;
}

struct str mtalog_journal_position(const struct mtalog_journal *j)
{
	return (struct str){(const char *)j->stored, j->stored_n};
}
