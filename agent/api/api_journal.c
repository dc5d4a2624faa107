/* api_journal.c - /v1/journal: all events as JSON, from a number on; with
 * wait=SECONDS a call that finds none is answered when there is one. */
#include "agent/api/event_json.h"
#include "agent/api/routes.h"

#include "policy/base/clock.h"

#include <time.h>

enum {
	LIMIT_DEFAULT = 1000,
	LIMIT_MAX = 10000,
	LOOKS_MAX = 200000, /* events of one call, shown or not */
	WAIT_MAX_S = 25,
	WAITERS_MAX = 4, /* half of the workers: the others stay free */
	POLL_MS = 100,
};

struct journal {
	struct api_call *c;
	struct show s;
	struct value *list;
	uint64_t after, limit, wait_s, last;
	int64_t from_ms, to_ms;
	struct str types; /* names, with commas; empty: all but how far the
			   * MTA's log was read, each few seconds */
};

static bool is_wanted(const struct journal *j, const struct event *ev)
{
	struct str rest = j->types, name;

	if (ev->time_ms < j->from_ms || ev->time_ms > j->to_ms)
		return false;
	if (j->types.n == 0)
		return ev->type != EV_MTALOG;
	while (str_next(&rest, ',', &name))
		if (str_eq(str_trim(name), str_of(event_json_name(ev->type))))
			return true;
	return false;
}

/* Damaged events are told, not passed over in silence. */
static void add_event(struct journal *j, const struct event *ev, int rc)
{
	struct value *o = value_new_object();

	if (rc == 0) {
		event_json(&j->s, j->c->rq->arena, ev, o);
	} else {
		value_put_i64(o, "seq", (int64_t)ev->seq);
		value_put_str(o, "error", str_of(error_text(rc)));
	}
	value_add(j->list, o);
}

static int walk(struct journal *j, struct ledger_iter *it)
{
	size_t looks = 0;

	while (looks++ < LOOKS_MAX && value_count(j->list) < j->limit) {
		struct event ev;
		int rc = event_iter_next(it, &ev);

		if (rc != 0 && rc != ERR_CORRUPT)
			return rc == ERR_NOT_FOUND ? 0 : rc;
		j->after = ev.seq;
		if (rc != 0 || is_wanted(j, &ev))
			add_event(j, &ev, rc);
	}
	return 0;
}

static int read_events(struct journal *j)
{
	struct ledger_txn *t = NULL;
	struct ledger_iter it;
	int rc = ledger_read_begin(j->c->app->store->ledger, &t);

	if (rc == 0)
		rc = ledger_last_seq(t, &j->last);
	if (rc == 0)
		rc = event_iter_open(t, j->after + 1, LEDGER_UP, &it);
	if (rc == 0) {
		show_init(&j->s, j->c, t);
		rc = walk(j, &it);
		ledger_iter_close(&it);
	}
	ledger_read_end(&t);
	return rc;
}

static int last_seq(struct journal *j)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(j->c->app->store->ledger, &t);

	if (rc == 0)
		rc = ledger_last_seq(t, &j->last);
	ledger_read_end(&t);
	return rc;
}

/* So that `tail` of those that are wanted are behind `after`. */
static int find_tail(struct journal *j, uint64_t tail)
{
	struct ledger_txn *t = NULL;
	struct ledger_iter it;
	struct event ev;
	size_t looks = 0;
	int rc = ledger_read_begin(j->c->app->store->ledger, &t);

	j->after = j->last;
	if (rc == 0)
		rc = event_iter_open(t, j->last, LEDGER_DOWN, &it);
	if (rc != 0) {
		ledger_read_end(&t);
		return rc == ERR_NOT_FOUND ? 0 : rc;
	}
	while (tail > 0 && looks++ < LOOKS_MAX) {
		rc = event_iter_next(&it, &ev);
		if (rc != 0 && rc != ERR_CORRUPT)
			break;
		tail -= rc != 0 || is_wanted(j, &ev);
		j->after = ev.seq - 1;
	}
	ledger_iter_close(&it);
	ledger_read_end(&t);
	return rc == ERR_NOT_FOUND || rc == ERR_CORRUPT ? 0 : rc;
}

/* Until there is an event behind `after`, the time is over, or we stop. */
static int wait_for_more(struct journal *j)
{
	struct app *app = j->c->app;
	int64_t end = clock_mono_ms() + (int64_t)j->wait_s * 1000;
	int rc = 0;

	if (atomic_fetch_add(&app->waiting, 1) < WAITERS_MAX)
		while (rc == 0 && j->last <= j->after &&
		       clock_mono_ms() < end && !atomic_load(&app->stopping)) {
			(void)nanosleep(
			    &(struct timespec){.tv_nsec = POLL_MS * 1000000},
			    NULL);
			rc = last_seq(j);
		}
	(void)atomic_fetch_sub(&app->waiting, 1);
	return rc;
}

static int check_types(struct journal *j)
{
	struct str rest = j->types, name;

	while (str_next(&rest, ',', &name))
		if (!event_json_is_name(str_trim(name)))
			return error_set(&j->c->err, ERR_SYNTAX,
			    "no event is of type \"%.*s\"", STR_ARG(name));
	return 0;
}

/* tail=N: the N newest of those that are wanted, and what follows. */
static int read_arguments(struct journal *j)
{
	struct api_call *c = j->c;
	uint64_t tail = UINT64_MAX;
	int rc = api_number(c, "after", INT64_MAX, &j->after);

	if (rc == 0)
		rc = api_number(c, "limit", LIMIT_MAX, &j->limit);
	if (rc == 0)
		rc = api_number(c, "wait", WAIT_MAX_S, &j->wait_s);
	if (rc == 0)
		rc = api_number(c, "tail", UINT64_MAX, &tail);
	if (rc == 0)
		rc = last_seq(j);
	if (rc == 0)
		rc = api_time(c, "from", &j->from_ms);
	if (rc == 0)
		rc = api_time(c, "to", &j->to_ms);
	if (rc == 0 && j->from_ms > j->to_ms)
		rc =
		    error_set(&c->err, ERR_SYNTAX, "\"from\" is behind \"to\"");
	j->types = api_arg(c, "type");
	if (rc == 0)
		rc = check_types(j);
	return rc == 0 && tail < j->last ? find_tail(j, tail) : rc;
}

int api_journal(struct api_call *c)
{
	struct journal j = {.c = c,
	    .list = value_new_array(),
	    .limit = LIMIT_DEFAULT,
	    .to_ms = INT64_MAX};
	int rc = read_arguments(&j);

	if (rc == 0 && j.wait_s > 0)
		rc = wait_for_more(&j);
	if (rc == 0)
		rc = read_events(&j);
	value_put(c->reply, "events", j.list);
	if (rc == 0) {
		value_put_i64(c->reply, "next", (int64_t)j.after);
		value_put_i64(c->reply, "last", (int64_t)j.last);
	}
	return rc;
}
