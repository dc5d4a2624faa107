/* test_history.c - what a person's history may forget, and what not. The clock
 * is a file, so that months pass. */
#include "tests/unit/storetest.h"

#include "policy/base/clock.h"
#include "policy/state/lead.h"
#include "policy/state/lived.h"

#define DAY_MS INT64_C(86400000)
#define START_MS INT64_C(1790000000000)

static struct storetest T;

static void set_clock(int64_t ms)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld\n", (long long)ms);
	storetest_write(&T, "clock", text);
}

static void open_at(int64_t ms, const char *policy)
{
	char path[128];

	storetest_open(&T);
	set_clock(ms);
	(void)snprintf(path, sizeof(path), "%s/clock", T.dir);
	(void)setenv("TENDRIL_CLOCK_FILE", path, 1);
	IS_INT(storetest_policy(&T, policy), 0, "policy");
}

static void close_all(void)
{
	(void)unsetenv("TENDRIL_CLOCK_FILE");
	storetest_close(&T);
}

static struct decide_out send_to(const char *segment, uint64_t key)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, "ann@b.example"),
	    .segment = str_of(segment),
	    .stream = STR("apps"),
	    .same = {.key = key, .has_message_id = true},
	    .log_followed = true};
	struct decide_out out;
	struct error err = {0};

	if (decide_propose(T.store, &in, &out, &err) != 0)
		printf("# decide: %s\n", err.text);
	decide_fini(&out);
	return out;
}

static void deliver(const char *segment, uint64_t key)
{
	struct decide_out out = send_to(segment, key);

	IS_INT(out.verdict.action, VERDICT_ALLOW, "%s is sent", segment);
	storetest_change(&T, out.message_id, SLOT_CHANGE_DELIVERED);
}

static void test_other_segments(void)
{
	open_at(START_MS,
	    "segment yearly { purpose = a legal-basis = legitimate-interest\n"
	    "  at-most = \"1 per 300d\" when-full = reject }\n"
	    "segment far { purpose = a legal-basis = legitimate-interest\n"
	    "  apart = 200d when-full = reject }\n"
	    "segment daily { purpose = b legal-basis = legitimate-interest "
	    "}\n");
	deliver("yearly", 1);
	deliver("far", 2);
	set_clock(START_MS + 100 * DAY_MS);
	deliver("daily", 3);
	set_clock(START_MS + 101 * DAY_MS);
	IS_INT(send_to("yearly", 4).verdict.reason, REASON_SEGMENT_CAP,
	    "a send of one segment forgets nothing of another's window");
	IS_INT(send_to("far", 5).verdict.reason, REASON_SEGMENT_CAP,
	    "nor of its least distance");
	set_clock(START_MS + 300 * DAY_MS);
	IS_INT(send_to("yearly", 6).verdict.action, VERDICT_ALLOW,
	    "allowed when its own time is over");
	close_all();
}

#define RARE                                                                   \
	"segment rare { purpose = a legal-basis = legitimate-interest\n"       \
	"  at-most = \"1 per 60d\" when-full = reject }\n"                     \
	"segment daily { purpose = b legal-basis = legitimate-interest }\n"

/* The clock is set years ahead by mistake, on several days, and each time back:
 * what counts before counts after. */
static void test_clock_ahead(void)
{
	uint64_t key = 10;

	open_at(START_MS, "company { at-most = \"200 per 60d\" }\n" RARE);
	for (int day = -100; day < 0; day++) {
		set_clock(START_MS + day * DAY_MS);
		deliver("daily", key++);
	}
	set_clock(START_MS - 58 * DAY_MS);
	deliver("rare", 1);
	for (int day = 0; day < LIVED_WRONG_DAYS; day++) {
		set_clock(START_MS + (400 + 100 * day) * DAY_MS);
		deliver("daily", key++);
		deliver("daily", key++);
		set_clock(START_MS + DAY_MS);
		IS_INT(send_to("rare", key++).verdict.reason,
		    REASON_SEGMENT_CAP, "after %d wrong days", day + 1);
	}
	deliver("daily", key++);
	IS_INT(send_to("rare", key++).verdict.reason, REASON_SEGMENT_CAP,
	    "nor by a true one");
	set_clock(START_MS + 2 * DAY_MS);
	IS_INT(send_to("rare", key++).verdict.action, VERDICT_ALLOW,
	    "when its time is over");
	close_all();
}

/* What is over is not kept for ever. */
static void test_forgotten(void)
{
	open_at(START_MS, RARE);
	for (int day = 0; day < 120; day++) {
		set_clock(START_MS + day * DAY_MS);
		deliver("daily", 10 + (uint64_t)day);
	}
	IS_INT((int)storetest_slots(&T, "ann@b.example"),
	    62 + LIVED_WRONG_DAYS + 2, "two months of it, and a little");
	close_all();
}

/* A clock in the past, and little mail, drop nothing. */
static void test_few_days(void)
{
	open_at(START_MS, RARE);
	for (int day = 0; day < 60; day++) {
		set_clock(START_MS + 30 * day * DAY_MS);
		deliver("daily", 10 + (uint64_t)day);
	}
	IS_INT((int)storetest_slots(&T, "ann@b.example"), 60,
	    "sixty lived days in five years");
	set_clock(START_MS - 3000 * DAY_MS);
	deliver("daily", 9);
	IS_INT((int)storetest_slots(&T, "ann@b.example"), 61, "all there");
	close_all();
}

/* One segment's limit, and far more of others that came to nothing. */
static void test_released_first(void)
{
	struct address a;
	struct ledger_txn *t = NULL;
	struct lead_id id;
	int rc = 0;

	open_at(START_MS,
	    "segment rare { purpose = a legal-basis = legitimate-interest\n"
	    "  at-most = \"1 per 60d\" when-full = reject }\n");
	deliver("rare", 1);
	a = storetest_address(&T, "ann@b.example");
	OK(lead_id_of(T.store->lead_key, &a, &id) == 0 &&
		ledger_write_begin(T.store->ledger, &t) == 0,
	    "a history to fill");
	for (uint64_t i = 0; rc == 0 && i < 2 * LEAD_SLOTS_MAX; i++) {
		struct slot_fact s = {.message_id = 1000 + i,
		    .at_ms = START_MS + (int64_t)i,
		    .label = 7,
		    .state = i % 2 == 0 ? SLOT_RELEASED : SLOT_DELIVERED,
		    .counts = i % 2 == 0};
		rc = lead_slot_put(t, &id, &s, 0);
	}
	IS_INT(rc, 0, "more than it holds");
	IS_INT(ledger_commit(&t), 0, "kept");
	IS_INT(send_to("rare", 2).verdict.reason, REASON_SEGMENT_CAP,
	    "what does not count pushes nothing out that does");
	close_all();
}

int main(void)
{
	test_other_segments();
	test_clock_ahead();
	test_forgotten();
	test_few_days();
	test_released_first();
	return tap_done();
}
