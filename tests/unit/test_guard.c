/* test_guard.c - what is counted for the breaker, what it stops and lets go,
 * and what a stop does to decisions; on a real ledger, with a clock of the
 * test's for the agent's looks. */
#include "tests/unit/apitest.h"
#include "tests/unit/rebuilttest.h"

#include "agent/guard.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/when.h"
#include "policy/state/counter.h"
#include "policy/state/feedback.h"
#include "policy/state/lived.h"
#include "policy/state/message.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_feedback.h"
#include "policy/state/ops_stop.h"
#include "policy/state/tables.h"
#include "policy/state/tally.h"
#include "policy/state/watch.h"

#include <errno.h>

#define RULES                                                                  \
	"segment news { purpose = news legal-basis = legitimate-interest }\n"  \
	"segment demo { purpose = demo legal-basis = legitimate-interest\n"    \
	"  when-full = reject }\n"

static struct apitest A;
static struct guard *G;
static unsigned number;

static void apply(const char *breaker)
{
	char text[1000];
	struct ops_policy in = {
	    .path = STR("p"), .author = STR("test"), .reason = STR("why")};
	struct error err = {0};
	uint32_t version;
	int rc;

	(void)snprintf(text, sizeof(text), RULES "%s", breaker);
	in.text = str_of(text);
	rc = ops_policy_apply(A.st.store, &in, &version, &err);
	if (rc != 0 && rc != ERR_EXISTS)
		OK(false, "policy: %s", err.text);
}

/* --- sending --- */

struct sending {
	const char *segment, *campaign, *domain;
	bool seed;
};

static struct decide_in query(const struct sending *s)
{
	char to[64];

	(void)snprintf(to, sizeof(to), "p%u@b.example", number++);
	return (struct decide_in){.mode = DECIDE_SEND,
	    .recipient = storetest_address(&A.st, to),
	    .segment = str_of(s->segment),
	    .campaign = str_of(s->campaign != NULL ? s->campaign : ""),
	    .from_domain = str_of(s->domain != NULL ? s->domain : ""),
	    .stream = STR("apps"),
	    .same = {.key = number, .has_message_id = true},
	    .log_followed = true,
	    .seed = s->seed};
}

static uint64_t propose(const struct sending *s)
{
	struct decide_in in = query(s);
	struct decide_out out;
	struct error err = {0};
	uint64_t id = 0;

	if (decide_propose(A.st.store, &in, &out, &err) == 0)
		id = out.message_id;
	decide_fini(&out);
	return id;
}

static uint64_t deliver(const struct sending *s)
{
	uint64_t id = propose(s);

	storetest_change(&A.st, id, SLOT_CHANGE_DELIVERED);
	return id;
}

struct answer {
	uint64_t id;
	enum bounce_reason reason;
	bool complaint, elsewhere; /* names somebody else */
};

static int answer_fn(struct door_ctx *ctx, void *arg)
{
	const struct answer *a = arg;
	struct ops_failure f = {
	    .reason = a->reason, .class = bounce_class_of(a->reason)};
	struct ops_bounce b = {.message_id = a->id,
	    .source = FEEDBACK_BY_LOG,
	    .failures = &f,
	    .n = 1,
	    .release_slot = true};
	struct ops_feedback_out out;
	struct message_record m;
	int rc = message_read(door_txn(ctx), a->id, &m);

	if (rc == 0 && !a->complaint && !a->elsewhere)
		rc = person_address(A.st.store, door_txn(ctx), &m.lead,
		    door_arena(ctx), &f.address[0]);
	if (rc != 0)
		return rc;
	return a->complaint
		   ? ops_complaint_emit(ctx, A.st.store, a->id, STR(""), &out)
		   : ops_bounce_emit(ctx, A.st.store, &b, &out);
}

static void complain(uint64_t id)
{
	struct answer a = {.id = id, .complaint = true};
	struct error err = {0};

	if (door_propose(A.st.store->door, answer_fn, &a, &err) != 0)
		OK(false, "complaint: %s", err.text);
}

static void bounce(uint64_t id, enum bounce_reason reason)
{
	struct answer a = {.id = id, .reason = reason};
	struct error err = {0};

	if (door_propose(A.st.store->door, answer_fn, &a, &err) != 0)
		OK(false, "bounce: %s", err.text);
}

static void bounce_elsewhere(uint64_t id, enum bounce_reason reason)
{
	struct answer a = {.id = id, .reason = reason, .elsewhere = true};
	struct error err = {0};

	if (door_propose(A.st.store->door, answer_fn, &a, &err) != 0)
		OK(false, "bounce: %s", err.text);
}

static void opt_out(uint64_t id)
{
	struct ledger_txn *t = NULL;
	struct message_record m = {0};
	struct ops_consent in = {.purpose = STR("news"),
	    .state = CONSENT_WITHDRAWN,
	    .origin = STR("one-click"),
	    .author = STR("recipient"),
	    .message_id = id};
	struct error err = {0};
	bool changed;

	if (ledger_read_begin(A.st.store->ledger, &t) != 0 ||
	    message_read(t, id, &m) != 0)
		exit(1);
	ledger_read_end(&t);
	in.lead = m.lead;
	if (ops_consent_set(A.st.store, &in, &changed, &err) != 0)
		OK(false, "opt-out: %s", err.text);
}

/* --- looking --- */

static struct watch_scope scope(
    enum stop_kind kind, const char *label, int64_t now_ms)
{
	struct watch_scope found = {0};
	const struct policy *p = NULL;
	struct ledger_txn *t = NULL;
	struct watch w;

	arena_reset(A.st.arena);
	if (policyver_cache_get(A.st.store->policies, &p, NULL) != 0 ||
	    ledger_read_begin(A.st.store->ledger, &t) != 0 ||
	    watch_look(t, p, now_ms, A.st.arena, &w) != 0)
		exit(1);
	ledger_read_end(&t);
	policy_unref(&p);
	for (size_t i = 0; i < w.n; i++)
		if (w.v[i].kind == kind && str_eq(w.v[i].label, str_of(label)))
			found = w.v[i];
	return found;
}

static void counts_are(enum stop_kind kind, const char *label,
    const struct breaker_counts *want, const char *name)
{
	struct watch_scope s = scope(kind, label, clock_now_ms());

	OK(s.counts.delivered == want->delivered &&
		s.counts.refused == want->refused &&
		s.counts.blocked == want->blocked,
	    "%s: %s: %llu delivered, %llu refused, %llu blocked", name, label,
	    (unsigned long long)s.counts.delivered,
	    (unsigned long long)s.counts.refused,
	    (unsigned long long)s.counts.blocked);
	OK(s.counts.n[0] == want->n[0] && s.counts.n[1] == want->n[1] &&
		s.counts.n[2] == want->n[2] && s.counts.n[3] == want->n[3],
	    "%s: %s: %llu complaints, %llu bounces, %llu opt-outs, %llu of us",
	    name, label, (unsigned long long)s.counts.n[0],
	    (unsigned long long)s.counts.n[1],
	    (unsigned long long)s.counts.n[2],
	    (unsigned long long)s.counts.n[3]);
}

static void guard(int64_t now_ms)
{
	struct error err = {0};
	int64_t wait;

	do
		if (guard_look(G, now_ms, &wait, &err) != 0)
			OK(false, "guard: %s", err.text);
	while (wait == 0);
}

static struct verdict verdict(const struct sending *s, enum stop_kind *stopped)
{
	struct decide_in in = query(s);
	struct decide_out out;
	struct error err = {0};
	struct verdict v;

	in.may_hold = true;
	if (decide_explain(A.st.store, &in, NULL, clock_now_ms(), &out, &err) !=
	    0)
		OK(false, "explain: %s", err.text);
	v = out.verdict;
	*stopped = out.stopped;
	decide_fini(&out);
	return v;
}

static void is_stopped(
    const struct sending *s, enum stop_kind want, const char *name)
{
	enum stop_kind kind;
	struct verdict v = verdict(s, &kind);

	IS_STR(stop_kind_name(kind), stop_kind_name(want), "%s", name);
	IS_STR(verdict_action_name(v.action),
	    want != STOP_NONE ? "hold" : "allow", "%s: verdict", name);
}

/* --- what is counted --- */

static const struct sending count_one = {
    "news", "count", "count.example", false};

static void test_counts(void)
{
	uint64_t id[8];

	for (size_t i = 0; i < 8; i++)
		id[i] = i < 5 ? deliver(&count_one) : propose(&count_one);
	complain(id[0]);
	complain(id[0]); /* the same message: once */
	complain(id[1]);
	opt_out(id[2]);
	opt_out(id[2]);
	bounce(id[5], BOUNCE_HOST_UNKNOWN); /* was never delivered */
	bounce(id[5], BOUNCE_USER_UNKNOWN); /* says more of the same */
	bounce(id[3], BOUNCE_USER_UNKNOWN); /* by a late DSN */
	(void)deliver(
	    &(struct sending){"news", "count", "count.example", .seed = true});
	counts_are(STOP_CAMPAIGN, "count",
	    &(struct breaker_counts){5, 1, {2, 2, 1}, 0}, "campaign");
	counts_are(STOP_DOMAIN, "count.example",
	    &(struct breaker_counts){5, 1, {2, 2, 1}, 0}, "domain");
	counts_are(STOP_SEGMENT, "news",
	    &(struct breaker_counts){5, 1, {2, 2, 1}, 0}, "segment");
	counts_are(STOP_SEGMENT, "demo", &(struct breaker_counts){0},
	    "another segment");
}

/* A complaint belongs to the hour of its message; old ones to none. */
static void test_window(void)
{
	int64_t now = clock_now_ms();

	OK(scope(STOP_CAMPAIGN, "count", now + 7 * WHEN_DAY_MS).kind ==
		STOP_CAMPAIGN,
	    "in the hour in which the window begins");
	OK(scope(STOP_CAMPAIGN, "count", now + 7 * WHEN_DAY_MS + WHEN_HOUR_MS)
		    .kind == STOP_NONE,
	    "an hour later it is out");
	IS_INT(scope(STOP_SEGMENT, "news", now + 7 * WHEN_DAY_MS + WHEN_HOUR_MS)
		   .counts.delivered,
	    0, "so nothing of the segment");
}

/* --- the tally's bounds --- */

static int write_rows(void (*fn)(struct ledger_txn *t, int64_t now_ms))
{
	struct ledger_txn *t = NULL;
	int rc = ledger_write_begin(A.st.store->ledger, &t);

	if (rc != 0)
		exit(1);
	fn(t, clock_now_ms());
	ledger_abort(&t);
	return rc;
}

static int count_row(void *arg, const struct tally_row *r)
{
	size_t *n = arg;

	(void)r;
	++*n;
	return 0;
}

static size_t rows_from(const struct ledger_txn *t, uint32_t hour)
{
	size_t n = 0;

	if (tally_each(t, hour, UINT32_MAX, count_row, &n) != 0)
		exit(1);
	return n;
}

static struct message_record message(int64_t at_ms, struct str campaign)
{
	return (struct message_record){.proposed_ms = at_ms,
	    .segment = STR("news"),
	    .purpose = STR("news"),
	    .campaign = campaign,
	    .from_domain = STR("rows.example"),
	    .counts = true};
}

/* An application that invents a campaign for each message. */
static void many_campaigns(struct ledger_txn *t, int64_t now_ms)
{
	size_t before = rows_from(t, 0);
	char name[32];

	for (int i = 0; i < 2 * TALLY_ROWS_MAX; i++) {
		struct message_record m;

		(void)snprintf(name, sizeof(name), "c%d", i);
		m = message(now_ms, str_of(name));
		if (tally_add(t, &m, TALLY_DELIVERED, now_ms) != 0)
			exit(1);
	}
	OK(rows_from(t, 0) - before <= TALLY_ROWS_MAX + 1,
	    "%zu rows of %d campaigns", rows_from(t, 0) - before,
	    2 * TALLY_ROWS_MAX);
}

static void new_rows(struct ledger_txn *t, int64_t now_ms, const char *campaign)
{
	for (int i = 0; i < 5; i++) {
		struct message_record m =
		    message(now_ms + i * WHEN_HOUR_MS, str_of(campaign));

		if (tally_add(t, &m, TALLY_DELIVERED, now_ms) != 0)
			exit(1);
	}
}

/* How many complaints are counted of that hour. */
static int add_complaints(void *arg, const struct tally_row *r)
{
	*(uint64_t *)arg += r->counts.n[POLICY_COMPLAINTS];
	return 0;
}

static int complaints_of(const struct ledger_txn *t, int64_t at_ms)
{
	uint64_t n = 0;

	if (tally_each(t, counter_hour(at_ms), counter_hour(at_ms),
		add_complaints, &n) != 0)
		exit(1);
	return (int)n;
}

enum {
	FORGOTTEN_DAYS = TALLY_KEEP_HOURS / 24 + LIVED_WRONG_DAYS + 2
};

static void live_days(struct ledger_txn *t, int64_t now_ms)
{
	for (int i = 0; i < FORGOTTEN_DAYS; i++)
		if (counter_add(t, now_ms - i * WHEN_DAY_MS, "test", STR("")) !=
		    0)
			exit(1);
}

/* Once the days in between were lived. */
static void old_hours(struct ledger_txn *t, int64_t now_ms)
{
	int64_t long_ago = now_ms - FORGOTTEN_DAYS * WHEN_DAY_MS;
	size_t before = rows_from(t, 0);
	struct message_record m = message(long_ago, STR(""));

	for (int i = 0; i < 10; i++) {
		m.proposed_ms = long_ago - i * WHEN_HOUR_MS;
		if (tally_add(t, &m, TALLY_DELIVERED, long_ago) != 0)
			exit(1);
	}
	IS_INT(rows_from(t, 0), before + 10, "ten hours of last month");
	new_rows(t, now_ms + 400 * WHEN_DAY_MS, "ahead");
	IS_INT(rows_from(t, 0), before + 15,
	    "a clock that is ahead removes none of them");
	if (tally_add(t, &m, TALLY_COMPLAINT, now_ms + 400 * WHEN_DAY_MS) != 0)
		exit(1);
	IS_INT(complaints_of(t, m.proposed_ms), 1, "nor loses a complaint");
	live_days(t, now_ms);
	if (tally_add(t, &m, TALLY_COMPLAINT, now_ms) != 0)
		exit(1);
	IS_INT(complaints_of(t, m.proposed_ms), 1,
	    "when they were lived, one more changes nothing");
	new_rows(t, now_ms, "new");
	IS_INT(rows_from(t, 0), before + 10, "and they go with new rows");
}

static void full_count(struct ledger_txn *t, int64_t now_ms)
{
	struct message_record m = message(now_ms, STR("full"));
	struct breaker_counts a = {.delivered = UINT64_MAX - 1},
			      b = {.delivered = 5, .n = {1, 0, 0}};
	char key[64], value[28];
	size_t n = 0;
	struct str got;
	int len;

	for (int i = 0; i < 4; i++)
		key[i] = (char)(counter_hour(now_ms) >> (24 - 8 * i));
	len = snprintf(
	    key + 4, sizeof(key) - 4, "news%cfull%crows.example", 0, 0);
	n = 4 + (size_t)len;
	memset(value, 0xff, sizeof(value));
	if (ledger_put(t, TABLE_TALLY, (struct str){key, n},
		(struct str){value, sizeof(value)}) != 0 ||
	    tally_add(t, &m, TALLY_DELIVERED | TALLY_COMPLAINT, now_ms) != 0 ||
	    ledger_get(t, TABLE_TALLY, (struct str){key, n}, &got) != 0)
		exit(1);
	IS_S(got, ((struct str){value, sizeof(value)}),
	    "a full count stays full");
	tally_sum(&a, &b);
	OK(a.delivered == UINT64_MAX && a.n[0] == 1, "nor does a sum wrap");
	tally_less(&b, &a);
	OK(b.delivered == 0 && b.n[0] == 0, "nor a difference");
}

static void damaged(struct ledger_txn *t, int64_t now_ms)
{
	char key[] = {'\xff', '\xff', '\xff', '\xff', 'x'};
	size_t n = 0;

	(void)now_ms;
	if (ledger_put(
		t, TABLE_TALLY, (struct str){key, sizeof(key)}, STR("x")) != 0)
		exit(1);
	IS_INT(tally_each(t, 0, UINT32_MAX, count_row, &n), ERR_CORRUPT,
	    "a row without names");
}

/* A stop, or the end of one, as an event of that time. */
static void reduce_stop(
    struct ledger_txn *t, bool stopped, const char *name, int64_t at_ms)
{
	struct event_stopped begin = {
	    .kind = STOP_CAMPAIGN, .label = str_of(name)};
	struct event_resumed end = {
	    .kind = STOP_CAMPAIGN, .label = str_of(name)};
	struct event ev = {.time_ms = at_ms, .seq = 1};
	struct error err = {0};
	struct buf b;
	int rc;

	buf_init(&b, 4096);
	rc = stopped ? payload_encode(&stop_stopped_payload, &begin, &b)
		     : payload_encode(&stop_resumed_payload, &end, &b);
	ev.payload = buf_str(&b);
	if (rc == 0)
		rc = stopped ? stop_reduce_stopped(t, &ev, &err)
			     : stop_reduce_resumed(t, &ev, &err);
	if (rc != 0)
		tap_ok(false, __FILE__, __LINE__, "stop: %s", err.text);
	buf_fini(&b);
}

static uint64_t stops(const struct ledger_txn *t)
{
	struct ledger_table_stat st = {0};

	(void)!ledger_table_stat(t, TABLE_STOP, &st);
	return st.rows;
}

/* Ended stops go with new ones, some at once, wherever they stand; each change
 * looks at a part of the rows only. */
static void old_stops(struct ledger_txn *t, int64_t now_ms)
{
	int64_t long_ago = now_ms - FORGOTTEN_DAYS * WHEN_DAY_MS;
	uint64_t before = stops(t);
	char name[32];
	int left;

	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "old%02d", i);
		reduce_stop(t, false, name, long_ago);
	}
	IS_INT(stops(t), before + 40, "forty that ended last month");
	live_days(t, now_ms);
	reduce_stop(t, true, "zzz", now_ms);
	IS_INT(stops(t), before + 40 + 1 - 4,
	    "four go: those from the beginning on");
	for (left = 0; left < 20 && stops(t) > before + 1; left++)
		reduce_stop(t, true, "old20", now_ms + left);
	IS_INT(stops(t), before + 2, "and with each stop more");
	IS_INT(left, 20, "until the one that was stopped again is left");
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "c%03d", i);
		reduce_stop(t, true, name, now_ms);
	}
	reduce_stop(t, false, "yyy", long_ago);
	before = stops(t);
	reduce_stop(t, true, "c299", now_ms);
	IS_INT(stops(t), before - 1, "behind it: not far");
	reduce_stop(t, false, "yyy", long_ago);
	reduce_stop(t, true, "c000", now_ms);
	IS_INT(stops(t), before, "300 rows away: not looked for");
}

/* --- stopping --- */

#define LOW                                                                    \
	"breaker { window = 1d min-sample = 10 min-count = 2\n"                \
	"  complaints = {\"5%%\", \"20%%\"} hard-bounces = {\"5%%\", "         \
	"\"20%%\"}\n  unsubscribes = \"off\" our-faults = \"off\" %s }\n"

static void low(const char *more)
{
	char text[400];

	(void)snprintf(text, sizeof(text), LOW, more);
	apply(text);
}

/* Ten of them, of which `bad` complain. */
static void blast(const struct sending *s, int bad)
{
	for (int i = 0; i < 10; i++) {
		uint64_t id = deliver(s);

		if (i < bad)
			complain(id);
	}
}

static void test_stop(void)
{
	static const struct sending one = {"demo", "s1", "s1.example", false};
	static const struct sending other = {"news", "s2", "s2.example", false};
	int64_t now = clock_now_ms();
	struct watch_scope s;

	low("");
	blast(&one, 1);
	guard(now);
	is_stopped(&one, STOP_NONE, "one complaint is below min-count");
	blast(&one, 1);
	guard(now);
	is_stopped(&one, STOP_NONE, "2 of 20: a warning");
	blast(&one, 6);
	guard(now);
	is_stopped(&one, STOP_SEGMENT, "8 of 30");
	s = scope(STOP_SEGMENT, "demo", now);
	OK(s.stop.stopped && s.stop.cause.rate == 1 + POLICY_COMPLAINTS &&
		s.stop.cause.count == 8 && s.stop.cause.of == 30 &&
		s.stop.cause.line == 20000,
	    "on record: which rate, and what it was");
	IS_S(s.stop.author, STR("tendril-agent"), "by the agent");
	IS_S(s.stop.reason, STR("complaints: 8 of 30, 26.67 %"), "why");
	is_stopped(&(struct sending){"news", "s1", NULL, false}, STOP_CAMPAIGN,
	    "the campaign, in another segment");
	is_stopped(&(struct sending){"news", NULL, "s1.example", false},
	    STOP_DOMAIN, "the domain");
	is_stopped(&other, STOP_NONE, "all others go on");
}

static void end(enum stop_kind kind, const char *label)
{
	struct ops_stop in = {.kind = kind,
	    .label = str_of(label),
	    .author = STR("alice"),
	    .reason = STR("list cleaned")};
	struct error err = {0};
	bool changed;

	IS_INT(ops_stop_end(A.st.store, &in, &changed, &err), 0, "resumed");
	OK(changed, "%s goes on", label);
	IS_INT(ops_stop_end(A.st.store, &in, &changed, &err), 0, "again");
	OK(!changed, "is no change");
}

/* A stop that is entered by a clock that is ahead. */
static void is_kept_ahead(int64_t ahead_ms)
{
	struct event_stopped e = {.kind = STOP_CAMPAIGN, .label = STR("ahead")};
	struct event ev = {.type = EV_STOPPED,
	    .version = 1,
	    .class = EVENT_AUDIT,
	    .time_ms = ahead_ms};
	struct stop_record r;
	struct error err = {0};
	struct ledger_txn *t;
	struct buf b;

	buf_init(&b, 1000);
	if (payload_encode(&stop_stopped_payload, &e, &b) != 0 ||
	    ledger_write_begin(A.st.store->ledger, &t) != 0)
		exit(1);
	ev.payload = buf_str(&b);
	IS_INT(stop_reduce_stopped(t, &ev, &err), 0, "%s", err.text);
	IS_INT(stop_read(t, STOP_SEGMENT, STR("demo"), &r), 0,
	    "a clock that is ahead forgets no end of a stop");
	ledger_abort(&t);
	buf_fini(&b);
}

static void test_counts_anew(void)
{
	static const struct sending one = {"demo", "s1", "s1.example", false};
	int64_t now = clock_now_ms();

	end(STOP_SEGMENT, "demo");
	end(STOP_CAMPAIGN, "s1");
	end(STOP_DOMAIN, "s1.example");
	guard(now);
	is_stopped(&one, STOP_NONE, "the old rate does not stop it again");
	counts_are(STOP_SEGMENT, "demo", &(struct breaker_counts){0},
	    "counted from nothing");
	OK(scope(STOP_SEGMENT, "demo", now - 2 * WHEN_HOUR_MS).finding.level ==
		BREAKER_STOP,
	    "but not where that is an instant to come");
	is_kept_ahead(now + 400 * WHEN_DAY_MS);
	blast(&one, 2);
	counts_are(STOP_SEGMENT, "demo",
	    &(struct breaker_counts){10, 0, {2, 0, 0}, 0}, "what came since");
	guard(now);
	is_stopped(&one, STOP_SEGMENT, "2 of 10: at the line");
}

static void test_resume_after(void)
{
	static const struct sending one = {"demo", "s1", "s1.example", false};
	int64_t now = clock_now_ms();

	low("resume = \"after 2h\"");
	guard(now);
	is_stopped(&one, STOP_SEGMENT, "at once: not yet");
	guard(now + WHEN_HOUR_MS);
	is_stopped(&one, STOP_SEGMENT, "an hour later: not yet");
	guard(now + 3 * WHEN_HOUR_MS);
	is_stopped(&one, STOP_NONE, "after its time");
}

static void test_below_warn(void)
{
	static const struct sending one = {"demo", "w", "w.example", false};
	int64_t now = clock_now_ms();

	low("resume = \"below-warn\"");
	blast(&one, 3);
	guard(now);
	is_stopped(&one, STOP_SEGMENT, "stopped");
	guard(now + WHEN_HOUR_MS);
	is_stopped(&one, STOP_SEGMENT, "its window still has them");
	guard(now + WHEN_DAY_MS + 2 * WHEN_HOUR_MS);
	is_stopped(&one, STOP_NONE, "its window has them no more");
}

/* Once the rule is off, or shadow, nothing stays stopped by it. */
static void test_modes(void)
{
	static const struct sending one = {"demo", "m", "m.example", false};
	int64_t now = clock_now_ms();

	low("mode = shadow");
	blast(&one, 9);
	guard(now);
	is_stopped(&one, STOP_NONE, "shadow only warns");
	low("mode = off");
	guard(now);
	is_stopped(&one, STOP_NONE, "off");
	low("");
	guard(now);
	is_stopped(&one, STOP_SEGMENT, "enforced");
	low("mode = shadow");
	guard(now);
	is_stopped(&one, STOP_NONE, "shadow lets go");
}

static void test_segments_own(void)
{
	static const struct sending one = {"demo", NULL, NULL, false};
	int64_t now = clock_now_ms();

	apply("breaker { min-sample = 10 min-count = 2 }\n"
	      "breaker-for demo { complaints = {\"50%\", \"60%\"}\n"
	      "  hard-bounces = \"off\" }\n");
	blast(&one, 4);
	guard(now);
	is_stopped(&one, STOP_NONE, "its own lines are higher");
}

static void test_bounces(void)
{
	static const struct sending one = {"demo", "b", "b1.example", false};

	low("");
	for (int i = 0; i < 10; i++)
		bounce(propose(&one), BOUNCE_USER_UNKNOWN);
	guard(clock_now_ms());
	is_stopped(&(struct sending){"news", "b", NULL, false}, STOP_CAMPAIGN,
	    "a list of dead addresses delivers nothing, and is stopped");
	end(STOP_CAMPAIGN, "b");
}

static const struct sending listed = {"demo", "l", "l.example", false};

/* As listed everywhere: nothing is delivered. What was resumed counts from
 * nothing, also of these. */
static void test_blocked(void)
{
	struct watch_scope s;

	apply("breaker { mode = off }\n");
	guard(clock_now_ms());
	apply("breaker { window = 1d min-sample = 10 min-count = 2\n"
	      "  our-faults = {\"5%\", \"20%\"} }\n");
	for (int i = 0; i < 10; i++)
		bounce(propose(&listed), BOUNCE_REPUTATION);
	guard(clock_now_ms());
	is_stopped(&(struct sending){"news", "l", NULL, false}, STOP_CAMPAIGN,
	    "mail that nobody takes from us is stopped");
	s = scope(STOP_CAMPAIGN, "l", clock_now_ms());
	IS_INT(s.stop.cause.rate, 1 + POLICY_OUR_FAULTS, "by that rate");
	IS_S(s.stop.reason, STR("our-faults: 10 of 10, 100.00 %"), "why");
	end(STOP_CAMPAIGN, "l");
	counts_are(STOP_CAMPAIGN, "l", &(struct breaker_counts){0},
	    "counted from nothing");
}

static unsigned bounce_version;

static int emit_bounce(struct door_ctx *ctx, void *arg)
{
	const struct event_bounce *e = arg;
	struct buf b;
	int rc;

	buf_init(&b, 400);
	rc = payload_encode(&feedback_bounce_payload, e, &b);
	if (rc == 0)
		rc = door_emit(ctx, EV_BOUNCE, bounce_version, buf_str(&b));
	buf_fini(&b);
	return rc;
}

/* A breaker of before: events of version 2 make no faults of ours; those of now
 * make one of a message, whatever else is told of it. */
static void test_bounce_versions(void)
{
	struct event_bounce e = {.source = FEEDBACK_BY_LOG,
	    .reason = BOUNCE_REPUTATION,
	    .class = BOUNCE_CLASS_US,
	    .rank = GIVEUP_FAILED};
	struct error err = {0};

	apply("breaker { mode = off }\n");
	guard(clock_now_ms());
	e.message_id = propose(&listed);
	bounce_version = 2;
	IS_INT(door_propose(A.st.store->door, emit_bounce, &e, &err), 0,
	    "an old event: %s", err.text);
	counts_are(STOP_CAMPAIGN, "l", &(struct breaker_counts){0},
	    "makes of a ledger what it always made of it");
	bounce_version = 3;
	for (int i = 0; i < 2; i++)
		IS_INT(door_propose(A.st.store->door, emit_bounce, &e, &err), 0,
		    "an event of now: %s", err.text);
	counts_are(STOP_CAMPAIGN, "l",
	    &(struct breaker_counts){0, 0, {0, 0, 0, 1}, 1},
	    "two of one message are one");
}

/* Every reason of class us counts, once a message; none of another class does,
 * nor what was refused to somebody else. */
static void test_our_faults(void)
{
	static const struct sending one = {
	    "news", "ours", "ours.example", false};
	static const enum bounce_reason ours[] = {BOUNCE_REPUTATION,
	    BOUNCE_AUTH_FAILURE, BOUNCE_THROTTLED, BOUNCE_RELAY_DENIED};
	static const enum bounce_reason others[] = {BOUNCE_MAILBOX_FULL,
	    BOUNCE_SPAM_CONTENT, BOUNCE_POLICY, BOUNCE_NETWORK, BOUNCE_EXPIRED,
	    BOUNCE_OTHER};
	uint64_t late = deliver(&one);

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		bounce(propose(&one), ours[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		bounce(propose(&one), others[i]);
	bounce_elsewhere(propose(&one), BOUNCE_REPUTATION);
	counts_are(STOP_CAMPAIGN, "ours",
	    &(struct breaker_counts){1, 0, {0, 0, 0, 4}, 4}, "never delivered");
	bounce(late, BOUNCE_REPUTATION);
	bounce(late, BOUNCE_AUTH_FAILURE);
	counts_are(STOP_DOMAIN, "ours.example",
	    &(struct breaker_counts){1, 0, {0, 0, 0, 5}, 4}, "by a late DSN");
	IS_INT(scope(STOP_SEGMENT, "news", clock_now_ms())
		   .counts.n[POLICY_OUR_FAULTS],
	    5, "segment");
}

/* --- by people --- */

static bool pause_it(const char *reason, int64_t until_ms)
{
	struct ops_stop in = {.kind = STOP_SEGMENT,
	    .label = STR("news"),
	    .author = STR("alice"),
	    .reason = str_of(reason),
	    .until_ms = until_ms};
	struct error err = {0};
	bool changed = false;

	IS_INT(ops_stop_begin(A.st.store, &in, &changed, &err), 0, "pause");
	return changed;
}

static void test_pause(void)
{
	static const struct sending one = {"news", NULL, NULL, false};
	int64_t now = clock_now_ms();
	struct ops_stop in = {.kind = STOP_SEGMENT};
	struct error err = {0};
	bool changed;

	apply("breaker { mode = off }\n");
	OK(pause_it("wrong prices", 0), "paused");
	OK(!pause_it("wrong prices", 0), "again: no change");
	is_stopped(&one, STOP_SEGMENT, "held");
	guard(now + 30 * WHEN_DAY_MS);
	is_stopped(&one, STOP_SEGMENT, "no rule of the breaker's ends it");
	OK(pause_it("wrong prices", now + WHEN_HOUR_MS), "with an end");
	is_stopped(&one, STOP_SEGMENT, "until then");
	OK(pause_it("wrong prices", now - 1), "one that is over");
	is_stopped(&one, STOP_NONE, "holds nothing, agent or no agent");
	guard(now);
	OK(!scope(STOP_SEGMENT, "news", now).stop.stopped,
	    "and the agent puts it on record");
	IS_INT(ops_stop_begin(A.st.store, &in, &changed, &err), ERR_SYNTAX,
	    "an empty name");
}

/* The breaker does not act on what has changed since it looked. */
static void test_seen(void)
{
	struct ops_stop in = {.kind = STOP_SEGMENT,
	    .label = STR("news"),
	    .author = STR("tendril-agent"),
	    .reason = STR("x"),
	    .cause = {.rate = 1},
	    .if_seen = true,
	    .seen = 1};
	struct error err = {0};
	bool changed = true;

	IS_INT(ops_stop_begin(A.st.store, &in, &changed, &err), 0, "stale");
	OK(!changed, "nothing happens");
	IS_INT(ops_stop_end(A.st.store, &in, &changed, &err), 0, "stale");
	OK(!changed, "nothing happens");
}

/* --- what was held comes back --- */

static void add_copy(uint64_t id, const char *segment, const char *domain)
{
	int64_t end_ms = clock_now_ms() + 5 * WHEN_DAY_MS;
	struct copy_new c = {.id = id,
	    .kind = COPY_HELD,
	    .segment = str_of(segment),
	    .stream = STR("apps"),
	    .wait = {.due_ms = end_ms,
		.deadline_ms = end_ms,
		.reason = REASON_STOPPED},
	    .recipients = 1,
	    .from_domain = str_of(domain)};
	struct error err = {0};

	if (ops_copy_add(A.st.store, &c, &err) != 0)
		OK(false, "copy: %s", err.text);
}

static bool is_due(uint64_t id, int64_t now_ms)
{
	struct copy_record r = {0};

	if (ops_copy_get(A.st.store, id, A.st.arena, &r) != 0)
		OK(false, "copy %llu", (unsigned long long)id);
	return r.wait.due_ms <= now_ms;
}

static void test_wakes(void)
{
	struct ops_stop domain = {.kind = STOP_DOMAIN,
	    .label = STR("hold.example"),
	    .author = STR("alice"),
	    .reason = STR("x")};
	int64_t now = clock_now_ms();
	struct error err = {0};
	bool changed;

	apply("");
	(void)pause_it("hold", 0);
	IS_INT(ops_stop_begin(A.st.store, &domain, &changed, &err), 0, "too");
	for (uint64_t i = 1; i <= 500; i++)
		add_copy(i, "news", i == 500 ? "hold.example" : "x.example");
	guard(now);
	OK(!is_due(1, now) && !is_due(499, now), "held");
	end(STOP_SEGMENT, "news");
	guard(now);
	OK(is_due(1, now) && is_due(499, now), "all of the segment are due");
	OK(!is_due(500, now), "but for one whose domain is stopped");
	end(STOP_DOMAIN, "hold.example");
	guard(now);
	OK(is_due(500, now), "it too, then");
	/* It was being decided when the stop ended, and is put off for it. */
	IS_INT(ops_copy_due(A.st.store, 500, now + WHEN_DAY_MS, &err), 0,
	    "put off behind our back");
	guard(now + WHEN_MINUTE_MS);
	OK(is_due(500, now + WHEN_MINUTE_MS), "is brought back again");
}

/* --- damage --- */

static void test_memory(void)
{
	struct guard *g = NULL;
	struct error err = {0};

	fault_alloc_at(1);
	IS_INT(guard_open(&g, &A.app, &err), -ENOMEM, "no memory");
	fault_alloc_at(0);
	OK(g == NULL, "nothing is left");
}

int main(void)
{
	struct error err = {0};

	apitest_open(&A);
	A.app.conf = A.st.conf;
	if (guard_open(&G, &A.app, &err) != 0)
		exit(1);
	apply("");
	test_counts();
	test_window();
	(void)write_rows(many_campaigns);
	(void)write_rows(old_hours);
	(void)write_rows(old_stops);
	(void)write_rows(full_count);
	(void)write_rows(damaged);
	test_stop();
	test_counts_anew();
	test_resume_after();
	test_below_warn();
	test_modes();
	test_segments_own();
	test_bounces();
	test_blocked();
	test_bounce_versions();
	test_our_faults();
	rebuilttest_is_same(&A.st, 10);
	test_pause();
	test_seen();
	test_wakes();
	test_memory();
	guard_close(&G);
	apitest_close(&A);
	return tap_done();
}
