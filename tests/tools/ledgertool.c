/* ledgertool.c - what the ledger of a conf holds, for tests from outside. But
 * for `make` it only reads, and may run beside the daemons.
 *
 *   ledgertool CONF check          every event and row; exit 1 on a finding
 *   ledgertool CONF rebuild DIR    events replayed in DIR give the same tables;
 *                                  needs a ledger at rest
 *   ledgertool CONF slots          a line "STATE LEAD QUEUE-ID ADDRESS" for
 *                                  each message in the ledger
 *   ledgertool CONF history        a line "STATE COUNTS ADDRESS" for each slot
 *                                  in the leads' histories
 *   ledgertool CONF hold           nobody can write until standard input ends
 *   ledgertool CONF make SCHEMA    an empty ledger of that schema number */
#include "policy/base/codec.h"
#include "policy/ledger/rebuild.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/person.h"
#include "policy/state/reducers.h"
#include "policy/state/tables.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
	ARENA_MAX = 1 << 20
};

static const struct check_options options = {.reducers = &reducers};

static int check(struct store *s, struct error *err)
{
	struct check_report r = {0};
	int rc = check_run(s->ledger, &options, &r, err);

	(void)printf("events %llu rows %llu\n", (unsigned long long)r.events,
	    (unsigned long long)r.rows);
	return rc;
}

static int rebuild(struct store *s, const char *dir, struct error *err)
{
	struct rebuild_source from = {s->ledger, NULL};
	struct rebuild_report r = {0};
	int rc = rebuild_compare(&from, dir, &options, &r, err);

	(void)printf("replayed %llu same %llu\n", (unsigned long long)r.events,
	    (unsigned long long)r.same);
	return rc;
}

/* Says one row. */
typedef int row_fn(const struct store *s, const struct ledger_txn *t,
    struct arena *a, struct str key);

static int next_row(struct ledger_iter *it, struct str *key_out)
{
	struct str value;

	return ledger_iter_next(it, key_out, &value);
}

static int say_rows(const struct store *s, const struct ledger_txn *t,
    unsigned table, row_fn *fn, struct arena *a)
{
	struct ledger_iter it;
	struct str key;
	int end, rc = ledger_iter_open(t, table, STR(""), LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	while ((end = next_row(&it, &key)) == 0 && rc == 0) {
		arena_reset(a);
		rc = fn(s, t, a, key);
	}
	ledger_iter_close(&it);
	return rc == 0 && end != ERR_NOT_FOUND ? end : rc;
}

static int each_row(
    struct store *s, unsigned table, row_fn *fn, struct error *err)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct ledger_txn *t = NULL;
	int rc = a != NULL ? ledger_read_begin(s->ledger, &t) : ERR_LIMIT;

	if (rc == 0)
		rc = say_rows(s, t, table, fn, a);
	ledger_read_end(&t);
	arena_free(&a);
	return rc != 0 ? error_set(err, rc, "%s", error_text(rc)) : 0;
}

static int say_message(const struct store *s, const struct ledger_txn *t,
    struct arena *a, struct str key)
{
	struct message_record r;
	char lead[LEAD_ID_TEXT];
	struct str address;
	int rc = message_read(t, codec_get_u64(key.p), &r);

	if (rc == 0)
		rc = person_address(s, t, &r.lead, a, &address);
	if (rc != 0)
		return rc;
	lead_id_text(&r.lead, lead);
	(void)printf("%s %s %.*s %.*s\n", slot_state_name(r.state), lead,
	    STR_ARG(r.queue_id.n > 0 ? r.queue_id : STR("-")),
	    STR_ARG(address));
	return 0;
}

static int say_lead(const struct store *s, const struct ledger_txn *t,
    struct arena *a, struct str key)
{
	struct lead_record r;
	struct lead_id id;
	struct str address;
	int rc;

	if (key.n != sizeof(id.b))
		return 0;
	memcpy(id.b, key.p, sizeof(id.b));
	rc = lead_read(t, &id, a, &r);
	if (rc == 0)
		rc = person_address(s, t, &id, a, &address);
	for (size_t i = 0; rc == 0 && i < r.n_slots; i++)
		(void)printf("%s %d %.*s\n", slot_state_name(r.slots[i].state),
		    r.slots[i].counts, STR_ARG(address));
	return rc;
}

static int hold(const struct store *s, struct error *err)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_write_begin(s->ledger, &t);

	if (rc != 0)
		return error_of(err, rc, "hold");
	(void)puts("held");
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
	ledger_abort(&t);
	return 0;
}

static int run(struct store *s, int argc, char **argv, struct error *err)
{
	const char *verb = argv[2];

	if (argc == 3 && strcmp(verb, "check") == 0)
		return check(s, err);
	if (argc == 4 && strcmp(verb, "rebuild") == 0)
		return rebuild(s, argv[3], err);
	if (argc == 3 && strcmp(verb, "hold") == 0)
		return hold(s, err);
	if (argc == 3 && strcmp(verb, "slots") == 0)
		return each_row(s, TABLE_MESSAGE, say_message, err);
	if (argc == 3 && strcmp(verb, "history") == 0)
		return each_row(s, TABLE_LEAD, say_lead, err);
	return error_set(err, ERR_SYNTAX, "see the head of ledgertool.c");
}

static int make(const struct conf *conf, const char *schema, struct error *err)
{
	char dir[PATH_MAX];
	struct ledger *l = NULL;
	struct ledger_options o = {
	    .dir = dir,
	    .tables = reducers.tables,
	    .n_tables = reducers.n_tables,
	    .flags = LEDGER_CREATE,
	    .map_size = conf->map_bytes,
	};
	uint64_t number;
	int rc = store_path(conf, "ledger", dir, sizeof(dir), err);

	if (rc == 0)
		rc = str_u64(str_of(schema), UINT32_MAX, &number);
	if (rc == 0) {
		o.schema = (uint32_t)number;
		rc = ledger_open(&l, &o, err);
	}
	ledger_close(&l);
	return rc;
}

int main(int argc, char **argv)
{
	const struct conf *conf = NULL;
	struct store *store = NULL;
	struct error err = {0};
	int rc = ERR_SYNTAX;

	if (argc < 3) {
		(void)fprintf(stderr, "see the head of ledgertool.c\n");
		return 2;
	}
	rc = conf_load(&conf, argv[1], &err);
	if (rc == 0 && argc == 4 && strcmp(argv[2], "make") == 0) {
		rc = make(conf, argv[3], &err);
	} else if (rc == 0) {
		unsigned flags =
		    strcmp(argv[2], "hold") == 0 ? 0 : STORE_READ_ONLY;
		rc = store_open(&store, conf, flags, &err);
		if (rc == 0)
			rc = run(store, argc, argv, &err);
	}
	store_close(&store);
	conf_unref(&conf);
	if (rc != 0)
		(void)fprintf(stderr, "%s\n", err.text);
	return rc != 0;
}
