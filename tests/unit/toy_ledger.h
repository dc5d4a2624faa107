/* toy_ledger.h - a ledger of counters for the tests of policy/ledger.
 *
 *   TOY_ADD   payload: name            counter[name] += 1 (8 bytes, big endian)
 *   TOY_BLOB  payload: key (1 byte), bytes; blob[key] = bytes
 *   TOY_DROP  payload: key (1 byte)    deletes blob[key]
 *   TOY_FAIL  its reducer changes a row, then fails
 *   TOY_SWALLOW  its reducer drops the code of a put that failed
 */
#ifndef TESTS_UNIT_TOY_LEDGER_H
#define TESTS_UNIT_TOY_LEDGER_H

#include "policy/base/codec.h"
#include "policy/ledger/door.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum {
	TOY_ADD = 100,
	TOY_BLOB,
	TOY_DROP,
	TOY_FAIL,
	TOY_SWALLOW
};
enum {
	T_COUNTER,
	T_BLOB,
	TOY_TABLES
};
enum {
	TOY_SCHEMA = 7
};

static const char *const toy_names[TOY_TABLES] = {"counter", "blob"};

__attribute__((unused)) static uint64_t toy_count(
    const struct ledger_txn *t, struct str name)
{
	struct str v;

	if (ledger_get(t, T_COUNTER, name, &v) != 0 || v.n != 8)
		return 0;
	return codec_get_u64(v.p);
}

static int toy_add(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	char raw[8];

	(void)err;
	codec_put_u64(raw, toy_count(t, ev->payload) + 1);
	return ledger_put(t, T_COUNTER, ev->payload, (struct str){raw, 8});
}

static int toy_blob(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	(void)err;
	return ledger_put(
	    t, T_BLOB, str_cut(ev->payload, 0, 1), str_from(ev->payload, 1));
}

static int toy_drop(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	int rc = ledger_del(t, T_BLOB, ev->payload);

	(void)err;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int toy_fail(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	int rc = toy_add(t, ev, err);

	return rc != 0 ? rc : error_set(err, ERR_DENIED, "toy says no");
}

static int toy_swallow(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	(void)err;
	if (ledger_put(t, T_BLOB, STR_NULL, ev->payload) != 0)
		return 0;
	return 0;
}

static const struct reducer toy_v[] = {
    {TOY_ADD, 1, EVENT_ACTIVITY, toy_add},
    {TOY_BLOB, 2, EVENT_AUDIT, toy_blob},
    {TOY_DROP, 1, EVENT_AUDIT, toy_drop},
    {TOY_FAIL, 1, EVENT_ACTIVITY, toy_fail},
    {TOY_SWALLOW, 1, EVENT_ACTIVITY, toy_swallow},
};
static const struct reducer_table toy_reducers = {
    toy_v, sizeof(toy_v) / sizeof(toy_v[0]), toy_names, TOY_TABLES, NULL};

__attribute__((unused)) static struct ledger_options toy_options(
    const char *dir, unsigned flags)
{
	return (struct ledger_options){.dir = dir,
	    .tables = toy_names,
	    .n_tables = TOY_TABLES,
	    .schema = TOY_SCHEMA,
	    .flags = flags,
	    .map_size = (size_t)64 << 20};
}

__attribute__((unused)) static struct ledger *toy_open(
    const char *dir, unsigned flags)
{
	struct ledger_options o = toy_options(dir, flags);
	struct error err = {0};
	struct ledger *l;

	if (ledger_open(&l, &o, &err) != 0) {
		printf("Bail out! %s: %s\n", dir, err.text);
		exit(1);
	}
	return l;
}

__attribute__((unused)) static struct door *toy_door(struct ledger *l)
{
	struct door_options o = {.ledger = l, .reducers = &toy_reducers};
	struct error err = {0};
	struct door *d;

	if (door_open(&d, &o, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return d;
}

/* A proposal that adds one to the counter named by arg, a C string. */
__attribute__((unused)) static int toy_add_fn(struct door_ctx *ctx, void *arg)
{
	return door_emit(ctx, TOY_ADD, 1, str_of(arg));
}

__attribute__((unused)) static uint64_t toy_read(
    struct ledger *l, const char *name)
{
	struct ledger_txn *t;
	uint64_t n;

	if (ledger_read_begin(l, &t) != 0)
		return UINT64_MAX;
	n = toy_count(t, str_of(name));
	ledger_read_end(&t);
	return n;
}

__attribute__((unused)) static uint64_t toy_last_seq(struct ledger *l)
{
	struct ledger_txn *t;
	uint64_t n = UINT64_MAX;

	if (ledger_read_begin(l, &t) != 0)
		return UINT64_MAX;
	if (ledger_last_seq(t, &n) != 0)
		n = UINT64_MAX;
	ledger_read_end(&t);
	return n;
}

/* Events 1..last_seq are there, whole and without a gap. */
__attribute__((unused)) static bool toy_gap_free(struct ledger *l)
{
	struct ledger_iter it;
	struct ledger_txn *t;
	struct event ev;
	uint64_t want = 0, last = 0;
	int rc;

	if (ledger_read_begin(l, &t) != 0)
		return false;
	rc = ledger_last_seq(t, &last);
	if (rc == 0)
		rc = event_iter_open(t, 0, LEDGER_UP, &it);
	while (rc == 0 && (rc = event_iter_next(&it, &ev)) == 0)
		if (ev.seq != ++want)
			rc = ERR_CORRUPT;
	if (rc == ERR_NOT_FOUND)
		ledger_iter_close(&it);
	ledger_read_end(&t);
	return rc == ERR_NOT_FOUND && want == last;
}

/* mkdtemp() below $TMPDIR; removed by toy_remove(). */
__attribute__((unused)) static char *toy_dir(char *room, size_t size)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(room, size, "%s/tendril-ledger-XXXXXX",
	    base != NULL ? base : "/tmp");
	if (mkdtemp(room) == NULL) {
		printf("Bail out! mkdtemp: %s\n", strerror(errno));
		exit(1);
	}
	return room;
}

/* Two levels deep at most. */
__attribute__((unused)) static void toy_remove(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[600];

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (unlink(path) != 0)
			toy_remove(path);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

#endif
