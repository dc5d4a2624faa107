/* test_simulate.c - simulations on a ledger that decided by a clock of ours:
 * the policy of then gives what is on record; another one what its own history
 * says; parts of the people give the same as all at once. */
#define STORETEST_MAP "256M"
#include "tests/unit/oldlead.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/when.h"
#include "policy/mail/msgid.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_move.h"
#include "policy/state/ops_stop.h"
#include "policy/state/simulate.h"

#include <errno.h>

#define T0 INT64_C(1800000000000)
#define H WHEN_HOUR_MS
#define D WHEN_DAY_MS

/* As it was then, and others. */
static const char then_text[] =
    "person { at-most = \"2 per 7d\" }\n"
    "segment news { purpose = news legal-basis = consent\n"
    "  at-most = \"1 per 7d\" when-full = \"hold 5d, then bounce\" }\n"
    "segment demo { purpose = demo legal-basis = legitimate-interest\n"
    "  when-full = reject }\n";
static const char looser_text[] =
    "segment news { purpose = news legal-basis = consent }\n"
    "segment demo { purpose = demo legal-basis = legitimate-interest }\n";
static const char stricter_text[] =
    "segment news { purpose = news legal-basis = consent\n"
    "  at-most = \"1 per 30d\" when-full = drop }\n"
    "segment demo { purpose = demo legal-basis = consent }\n";

static struct storetest T;
static struct arena *A;
static uint64_t key;
static long fail_at; /* the allocation of a simulation that fails; 0: none */
static int64_t since = T0, until = T0 + 20 * D; /* of simulations */

static void set_clock(int64_t ms)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)ms);
	storetest_write(&T, "clock", text);
}

static void want(const char *who, const char *purpose, enum consent_state state)
{
	struct ops_consent in = {.address = storetest_address(&T, who),
	    .purpose = str_of(purpose),
	    .state = state,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct error err = {0};
	bool changed;

	IS_INT(ops_consent_set(T.store, &in, &changed, &err), 0, "consent");
}

/* One message at that time after T0; returns the copy that waits, or 0. */
static uint64_t send(
    int64_t after_ms, const char *who, const char *segment, uint64_t held)
{
	char queue_id[32];
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, who),
	    .segment = str_of(segment),
	    .stream = STR("apps"),
	    .campaign = STR("spring"),
	    .same = {.key = ++key, .has_message_id = true},
	    .may_hold = held == 0,
	    .from_copy = held != 0,
	    .held_id = held,
	    .arrived_ms = held != 0 ? msgid_time_ms(held) : 0};
	struct decide_out out;
	struct error err = {0};
	int rc;

	set_clock(T0 + after_ms);
	(void)snprintf(
	    queue_id, sizeof(queue_id), "Q%llu", (unsigned long long)key);
	in.queue_id = str_of(queue_id);
	rc = decide_propose(T.store, &in, &out, &err);
	if (rc == ERR_NEED_COPY) {
		decide_fini(&out);
		in.copy_id = msgid_make(T0 + after_ms, (uint32_t)key);
		rc = decide_propose(T.store, &in, &out, &err);
	}
	IS_INT(rc, 0, "%s to %s: %s %s", segment, who, err.text,
	    verdict_reason_name(out.verdict.reason));
	if (held != 0 && rc == 0)
		IS_INT(ops_copy_sent(T.store, held, 0, str_of(queue_id), &err),
		    0, "the copy went out");
	decide_fini(&out);
	return in.copy_id;
}

/* ann: 1 news sent, 1 held and released, demo sent, demo refused for the
 * person's limit; bob: no consent, then demo; cid: consent withdrawn between;
 * dan: suppressed. */
static void live(void)
{
	struct ops_suppress s = {
	    .target = {.kind = SUPPRESS_LEAD,
		.address = storetest_address(&T, "dan@b.example")},
	    .reason = SUPPRESSION_MANUAL,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct error err = {0};
	uint64_t copy;
	bool changed;

	want("ann@b.example", "news", CONSENT_GRANTED);
	want("cid@b.example", "news", CONSENT_GRANTED);
	want("dan@b.example", "news", CONSENT_GRANTED);
	(void)send(1 * H, "ann@b.example", "news", 0);
	(void)send(2 * H, "bob@b.example", "news", 0);
	(void)send(3 * H, "bob@b.example", "demo", 0);
	(void)send(4 * H, "cid@b.example", "news", 0);
	copy = send(3 * D, "ann@b.example", "news", 0);
	OK(copy != 0, "ann's second waits");
	(void)send(3 * D + H, "ann@b.example", "demo", 0);
	(void)send(4 * D, "ann@b.example", "demo", 0);
	want("cid@b.example", "news", CONSENT_WITHDRAWN);
	(void)send(5 * D, "cid@b.example", "news", 0);
	IS_INT(ops_suppress_add(T.store, &s, &changed, &err), 0, "suppressed");
	(void)send(6 * D, "dan@b.example", "news", 0);
	(void)send(7 * D + H, "ann@b.example", "news", copy);
	set_clock(T0 + 20 * D);
}

static const struct policy *parse(const char *text)
{
	const struct policy *p;
	struct error err = {0};

	if (policy_parse(&p, "test.policy", str_of(text), 0, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return p;
}

static int run(const char *text, const char *other, size_t memory,
    struct simulate_report *out)
{
	struct simulate_query q = {.policy = parse(text),
	    .other = other != NULL ? parse(other) : NULL,
	    .since_ms = since,
	    .until_ms = until,
	    .by = SIMULATE_BY_SEGMENT | SIMULATE_BY_CAMPAIGN |
		  SIMULATE_BY_COMPANY | SIMULATE_BY_HOUR,
	    .memory_max = memory};
	struct error err = {0};
	int rc;

	arena_reset(A);
	fault_alloc_at(fail_at);
	rc = simulate_run(T.store, &q, A, out, &err);
	fault_alloc_at(0);
	if (rc != 0)
		printf("# %s\n", err.text);
	/* Rules are the policies': not looked at after this. */
	policy_unref(&q.policy);
	policy_unref(&q.other);
	return rc;
}

static void counts_are(const uint64_t n[REPLAY_FATES], uint64_t sent,
    uint64_t held, uint64_t bounced, uint64_t dropped, uint64_t refused)
{
	IS_INT(n[REPLAY_SENT], sent, "sent");
	IS_INT(n[REPLAY_HELD], held, "held");
	IS_INT(n[REPLAY_BOUNCED], bounced, "bounced");
	IS_INT(n[REPLAY_DROPPED], dropped, "dropped");
	IS_INT(n[REPLAY_REFUSED], refused, "refused");
}

static void test_same(void)
{
	struct simulate_report r;

	IS_INT(run(then_text, then_text, 1 << 20, &r), 0, "the policy of then");
	counts_are(r.all.n[SIMULATE_RECORDED], 3, 1, 2, 0, 3);
	counts_are(r.all.n[SIMULATE_NEW], 3, 1, 2, 0, 3);
	IS_INT(r.all.changed, 0, "with itself: nothing differs");
	IS_INT(r.people, 4, "people");
	IS_INT(r.held_ms[SIMULATE_RECORDED].max, 4 * D + H, "waited, recorded");
	IS_INT(
	    r.held_ms[SIMULATE_NEW].max, 4 * D + H, "until the first instant");
	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "against the record");
	IS_INT(r.all.changed, 0, "nothing differs");
}

/* What was refused when its header had been read is of its campaign too. */
static void test_campaigns(void)
{
	struct simulate_report r;
	uint64_t refused = 0, n = 0;

	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "by campaign");
	for (size_t i = 0; i < r.n_rows[1]; i++) {
		if (!str_eq(r.rows[1][i].name, STR("spring")))
			continue;
		n++;
		refused +=
		    r.rows[1][i].counts.n[SIMULATE_RECORDED][REPLAY_REFUSED];
	}
	IS_INT(n, 2, "one campaign of two segments");
	IS_INT(refused, 3, "who was refused is in it");
	IS_INT(r.n_rows[1], 2, "and in no other");
}

static const struct simulate_row *row(
    const struct simulate_report *r, size_t kind, const char *name)
{
	for (size_t i = 0; i < r->n_rows[kind]; i++)
		if (str_eq(r->rows[kind][i].name, str_of(name)))
			return &r->rows[kind][i];
	OK(false, "no row %s", name);
	return &r->rows[kind][0];
}

static void test_others(void)
{
	struct simulate_report r;

	IS_INT(run(looser_text, NULL, 1 << 20, &r), 0, "a looser one");
	counts_are(r.all.n[SIMULATE_NEW], 6, 0, 0, 0, 3);
	IS_INT(r.all.changed, 3, "the held one and those refused");
	IS_INT(run(stricter_text, then_text, 1 << 20, &r), 0, "a stricter one");
	counts_are(r.all.n[SIMULATE_NEW], 2, 0, 0, 1, 6);
	counts_are(r.all.n[SIMULATE_OTHER], 3, 1, 2, 0, 3);
	IS_INT(r.all.changed, 4, "those that differ");
	IS_INT(row(&r, 0, "demo")->counts.n[SIMULATE_NEW][REPLAY_REFUSED], 3,
	    "demo without consent");
	IS_INT(row(&r, 0, "news")->counts.n[SIMULATE_NEW][REPLAY_DROPPED], 1,
	    "news, by segment");
	IS_S(row(&r, 1, "spring")->segment.n > 0 ? STR("y") : STR("n"),
	    STR("y"), "campaigns have their segment");
	IS_INT(row(&r, 3, "09:00")->counts.n[SIMULATE_RECORDED][REPLAY_SENT], 1,
	    "by hour");
}

/* More people than fit, so each part is read by itself. */
static void test_parts(void)
{
	enum {
		PEOPLE = 400
	};
	struct simulate_report all, some;
	uint64_t messages = 0;
	char who[64];

	for (int i = 3; i < 24; i += 7) { /* of c3.example */
		(void)snprintf(who, sizeof(who), "p%d@c3.example", i);
		IS_INT(oldlead_add(&T, who), 0, "known of old: %s", who);
	}
	for (int i = 0; i < PEOPLE; i++) {
		(void)snprintf(who, sizeof(who), "p%d@c%d.example", i, i % 7);
		(void)send(8 * D + i * 60000, who, "demo", 0);
		if (i % 3 == 0)
			(void)send(9 * D + i * 60000, who, "demo", 0);
		if (i % 9 == 0)
			(void)send(10 * D + i * 60000, who, "demo", 0);
	}
	set_clock(T0 + 20 * D);
	IS_INT(run(then_text, NULL, 64 << 20, &all), 0, "at once");
	IS_INT(run(then_text, NULL, 12000, &some), 0, "in parts");
	OK(memcmp(&all.all, &some.all, sizeof(all.all)) == 0, "the same");
	IS_INT(all.people, some.people, "people");
	OK(some.read > 2 * all.read, "read more than once");
	IS_INT(all.all.changed, 0, "as it was");
	IS_INT(run("company { at-most = \"20 per 7d\" }\n"
		   "segment demo { purpose = demo legal-basis = "
		   "legitimate-interest when-full = drop }\n"
		   "segment news { purpose = news }\n",
		   NULL, 64 << 20, &all),
	    0, "a limit per company");
	for (int p = 3; p < PEOPLE; p += 7)
		messages += 1 + (p % 3 == 0) + (p % 9 == 0);
	for (size_t f = 0; f < REPLAY_FATES; f++)
		messages -=
		    row(&all, 2, "c3.example")->counts.n[SIMULATE_NEW][f];
	IS_INT(messages, 0, "all of the company are of it");
	IS_INT(
	    row(&all, 2, "c3.example")->counts.n[SIMULATE_NEW][REPLAY_SENT] +
		row(&all, 2, "c3.example")->counts.n[SIMULATE_NEW][REPLAY_HELD],
	    20, "twenty of c3.example");
	OK(row(&all, 2, "c3.example")->counts.n[SIMULATE_NEW][REPLAY_DROPPED] >
		20,
	    "and no more");
}

/* --- stops --- */

static void stop(
    enum stop_kind kind, const char *label, int64_t after_ms, int64_t until_ms)
{
	struct ops_stop in = {.kind = kind,
	    .label = str_of(label),
	    .author = STR("test"),
	    .reason = STR("why"),
	    .until_ms = until_ms};
	struct error err = {0};
	bool changed;

	set_clock(T0 + after_ms);
	IS_INT(ops_stop_begin(T.store, &in, &changed, &err), 0, "stopped");
	OK(changed, "%s", label);
}

static void resume(enum stop_kind kind, const char *label, int64_t after_ms)
{
	struct ops_stop in = {.kind = kind,
	    .label = str_of(label),
	    .author = STR("test"),
	    .reason = STR("why")};
	struct error err = {0};
	bool changed;

	set_clock(T0 + after_ms);
	IS_INT(ops_stop_end(T.store, &in, &changed, &err), 0, "resumed");
	OK(changed, "%s", label);
}

static void stops_are(const struct simulate_report *r, uint64_t recorded,
    uint64_t simulated, uint64_t changed)
{
	IS_INT(r->all.stopped[SIMULATE_RECORDED], recorded, "held, recorded");
	IS_INT(r->all.stopped[SIMULATE_NEW], simulated, "held, simulated");
	IS_INT(r->all.changed, changed, "changed");
}

static void test_stops(void)
{
	struct simulate_report r;
	uint64_t segment, campaign;

	stop(STOP_SEGMENT, "demo", 30 * D, 0);
	segment = send(31 * D, "eve@b.example", "demo", 0);
	resume(STOP_SEGMENT, "demo", 32 * D);
	(void)send(32 * D, "eve@b.example", "demo", segment);
	stop(STOP_CAMPAIGN, "spring", 33 * D, 0);
	campaign = send(34 * D, "fay@b.example", "demo", 0);
	resume(STOP_CAMPAIGN, "spring", 35 * D);
	(void)send(35 * D, "fay@b.example", "demo", campaign);
	(void)send(36 * D, "gil@b.example", "demo", 0);
	stop(STOP_SEGMENT, "demo", 37 * D, 0);
	OK(segment != 0 && campaign != 0, "two were held");
	since = T0 + 29 * D;
	until = T0 + 38 * D;
	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "stops");
	counts_are(r.all.n[SIMULATE_RECORDED], 1, 2, 0, 0, 0);
	counts_are(r.all.n[SIMULATE_NEW], 1, 2, 0, 0, 0);
	stops_are(&r, 2, 2, 0);
	IS_INT(r.held_ms[SIMULATE_NEW].max, D, "until it went on");
	IS_INT(r.stops, 3, "stops");
	since = T0 + 30 * D + H;
	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "begun before");
	stops_are(&r, 2, 2, 0);
	/* Nobody knows how long the last one lasts: to the end of what is
	 * asked about. */
	(void)send(38 * D - H, "hal@b.example", "demo", 0);
	since = T0 + 36 * D + H;
	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "and not over");
	counts_are(r.all.n[SIMULATE_NEW], 0, 1, 0, 0, 0);
	stops_are(&r, 1, 1, 0);
	since = T0 + 37 * D + H;
	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "by the table alone");
	stops_are(&r, 1, 1, 0);
	IS_INT(run("segment news { purpose = news }", NULL, 1 << 20, &r), 0,
	    "a policy without that segment");
	stops_are(&r, 1, 0, 1);
	resume(STOP_SEGMENT, "demo", 39 * D);
}

/* --- who goes on under another address --- */

static void move(const char *from, const char *to, bool merge, int64_t after_ms)
{
	set_clock(T0 + after_ms);
	storetest_move(&T, from, to, merge);
}

static void test_moves(void)
{
	struct simulate_report r;

	(void)send(40 * D, "ida@b.example", "demo", 0);
	(void)send(41 * D, "ida@b.example", "demo", 0);
	move("ida@b.example", "ida@new.example", false, 42 * D);
	(void)send(43 * D, "ida@new.example", "demo", 0); /* full */
	(void)send(43 * D, "ida@b.example", "demo", 0);   /* gone */
	(void)send(44 * D, "jan@b.example", "demo", 0);
	(void)send(44 * D + H, "jan@c.example", "demo", 0);
	(void)send(44 * D + 2 * H, "jan@b.example", "demo", 0);
	move("jan@b.example", "jan@c.example", true, 45 * D);
	(void)send(46 * D, "jan@c.example", "demo", 0); /* full */
	since = T0 + 39 * D;
	until = T0 + 47 * D;
	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "moved");
	counts_are(r.all.n[SIMULATE_RECORDED], 5, 0, 2, 0, 1);
	counts_are(r.all.n[SIMULATE_NEW], 5, 0, 2, 0, 1);
	IS_INT(r.all.changed, 0, "nothing differs");
	IS_INT(r.people, 2, "two people");
	since = T0 + 42 * D + 12 * H;
	until = T0 + 43 * D + 1;
	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "moved before");
	counts_are(r.all.n[SIMULATE_NEW], 0, 0, 1, 0, 1);
	IS_INT(r.all.changed, 0, "nothing differs either");
	IS_INT(run("company { at-most = \"2 per 7d\" }\n"
		   "segment demo { purpose = demo legal-basis = "
		   "legitimate-interest when-full = drop }\n",
		   NULL, 1 << 20, &r),
	    0, "with the company of today");
	counts_are(r.all.n[SIMULATE_NEW], 0, 0, 0, 1, 1);
}

static bool stop_at_once(void *arg, double share)
{
	(void)arg;
	OK(share >= 0 && share <= 1, "a share");
	return false;
}

static void test_ends(void)
{
	struct simulate_query q = {.policy = parse(then_text),
	    .since_ms = T0,
	    .until_ms = T0 + 20 * D,
	    .memory_max = 1 << 20,
	    .progress = stop_at_once};
	struct simulate_report r;
	struct error err = {0};

	IS_INT(simulate_run(T.store, &q, A, &r, &err), ERR_STOPPING, "stops");
	policy_unref(&q.policy);
	IS_INT(run(then_text, NULL, 200, &r), ERR_LIMIT,
	    "not even one person fits");
}

static void test_memory(void)
{
	struct simulate_report r;
	int failed = 0, rc = -1;

	since = T0;
	until = T0 + 20 * D;
	for (long n = 1; n < 600; n += n < 60 ? 1 : 37) {
		fail_at = n;
		rc = run(then_text, looser_text, 1 << 20, &r);
		failed += rc != 0;
		if (rc == 0 && r.all.n[SIMULATE_RECORDED][REPLAY_SENT] < 3)
			OK(false, "allocation %ld: half a report", n);
	}
	fail_at = 0;
	OK(failed > 10, "allocations failed");
	IS_INT(run(then_text, NULL, 1 << 20, &r), 0, "all of them there");
}

int main(void)
{
	char path[128];

	storetest_open(&T);
	A = arena_new(16 << 20);
	set_clock(T0);
	(void)snprintf(path, sizeof(path), "%s/clock", T.dir);
	(void)setenv("TENDRIL_CLOCK_FILE", path, 1);
	IS_INT(storetest_policy(&T, then_text), 0, "policy");
	live();
	test_same();
	test_others();
	test_campaigns();
	test_parts();
	test_ends();
	test_stops();
	test_moves();
	test_memory();
	(void)unsetenv("TENDRIL_CLOCK_FILE");
	arena_free(&A);
	storetest_close(&T);
	return tap_done();
}
