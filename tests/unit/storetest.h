/* storetest.h - a store in a temporary folder, for tests of policy/state and
 * what stands on it. Not durable (the commit is; the folder is not). */
#ifndef TESTS_UNIT_STORETEST_H
#define TESTS_UNIT_STORETEST_H

#include "tests/unit/tap.h"

#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "policy/state/decide.h"
#include "policy/state/ops.h"
#include "policy/state/ops_move.h"

#include <ftw.h>
#include <sys/stat.h>

#ifndef STORETEST_MAP
#define STORETEST_MAP "64M"
#endif

struct storetest {
	char dir[64];
	const struct conf *conf;
	struct store *store;
	struct arena *arena;
};

/* A name for mkdtemp() or mkstemp() below $TMPDIR, if that leaves room: there
 * will be sockets, whose paths are short. */
static void storetest_name(char *room, size_t size, const char *what)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(room, size, "%s/tendril-%s.XXXXXX",
	    base != NULL && strlen(base) <= size / 2 ? base : "/tmp", what);
}

static int storetest_unlink(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void storetest_write(
    const struct storetest *t, const char *name, const char *text)
{
	char path[128];
	struct error err;

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	if (file_write_atomic(path, str_of(text), 0640, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static void storetest_open(struct storetest *t)
{
	static const char hex[] =
	    "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92";
	char text[1200], line[100];
	struct error err = {0};

	storetest_name(t->dir, sizeof(t->dir), "store");
	if (mkdtemp(t->dir) == NULL) {
		printf("Bail out! mkdtemp\n");
		exit(1);
	}
	storetest_write(t, "lead.key", hex);
	(void)snprintf(line, sizeof(line), "1 %s\n", hex);
	storetest_write(t, "epoch.key", line);
	storetest_write(t, "token.key", line);
	(void)snprintf(text, sizeof(text),
	    "state-dir = \"%s\"\nauthserv-id = \"mail.example.com\"\n"
	    "lead-key = \"%s/lead.key\"\nepoch-key = \"%s/epoch.key\"\n"
	    "token-key = \"%s/token.key\"\nmap-size = \"" STORETEST_MAP "\"\n"
	    "milter { socket = \"unix:%s/m\" }\n"
	    "stream rest { class = \"pass\" }\n",
	    t->dir, t->dir, t->dir, t->dir, t->dir);
	t->arena = arena_new(1 << 20);
	if (conf_parse(&t->conf, "test.conf", str_of(text), &err) != 0 ||
	    store_open(&t->store, t->conf, STORE_CREATE, &err) != 0 ||
	    t->arena == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static void storetest_close(struct storetest *t)
{
	store_close(&t->store);
	conf_unref(&t->conf);
	arena_free(&t->arena);
	(void)nftw(t->dir, storetest_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static struct address storetest_address(
    struct storetest *t, const char *text)
{
	struct address a = {0};
	struct error err;

	if (address_parse(t->arena, str_of(text), &a, &err) != 0) {
		printf("Bail out! %s: %s\n", text, err.text);
		exit(1);
	}
	return a;
}

/* 0: that policy is in force. */
__attribute__((unused)) static int storetest_policy(
    const struct storetest *t, const char *text)
{
	struct ops_policy in = {.path = STR("p"),
	    .text = str_of(text),
	    .author = STR("test"),
	    .reason = STR("why")};
	struct error err = {0};
	uint32_t version;
	int rc = ops_policy_apply(t->store, &in, &version, &err);

	if (rc != 0)
		printf("# policy: %s\n", err.text);
	return rc;
}

/* The log tells of a message, now. */
__attribute__((unused)) static void storetest_change(
    const struct storetest *t, uint64_t message_id, enum slot_change_kind kind)
{
	struct slot_change c = {.kind = kind,
	    .message_id = message_id,
	    .at_ms = clock_now_ms(),
	    .release = RELEASE_BOUNCED};
	struct error err = {0};

	if (ops_slot_apply(t->store, &c, &err) != 0)
		OK(false, "slot: %s", err.text);
}

/* A person goes on under another address. */
__attribute__((unused)) static void storetest_move(
    struct storetest *t, const char *from, const char *to, bool merge)
{
	struct ops_move m = {.from = storetest_address(t, from),
	    .to = storetest_address(t, to),
	    .merge = merge,
	    .author = STR("alice")};
	struct error err = {0};

	IS_INT(ops_move(t->store, &m, &err), 0, "%s goes on as %s: %s", from,
	    to, err.text);
}

/* Slots in the person's history. */
__attribute__((unused)) static size_t storetest_slots(
    struct storetest *t, const char *address)
{
	struct address a = storetest_address(t, address);
	struct lead_record r = {0};
	struct ledger_txn *txn;
	struct lead_id id;

	if (lead_id_of(t->store->lead_key, &a, &id) != 0 ||
	    ledger_read_begin(t->store->ledger, &txn) != 0)
		exit(1);
	if (lead_read(txn, &id, t->arena, &r) != 0)
		r.n_slots = 0;
	ledger_read_end(&txn);
	return r.n_slots;
}

#endif
