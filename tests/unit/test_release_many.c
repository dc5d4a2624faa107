/* test_release_many.c - several copies at work at a time: whose order is kept,
 * what limits say of many at once, what one that stalls keeps from going, what a
 * crash leaves, and how soon all ends. */
#include "tests/unit/releasetest.h"

#include "agent/out/release_internal.h"
#include "policy/mail/company_id.h"
#include "policy/state/ops.h"
#include "policy/state/ops_copy.h"

#define DAY_MS INT64_C(86400000)

static const char free_text[] =
    "segment news { purpose = news legal-basis = legitimate-interest }\n";
static const char person_text[] =
    "person { at-most = \"1 per 7d\" }\n"
    "segment news { purpose = news legal-basis = legitimate-interest\n"
    "  when-full = \"hold 10d, then bounce\" }\n";
static const char company_text[] =
    "company { at-most = \"5 per 7d\" }\n"
    "segment news { purpose = news legal-basis = legitimate-interest\n"
    "  when-full = \"hold 10d, then bounce\" }\n";

static int step(int64_t *wait)
{
	struct error err = {0};
	int rc;

	now = clock_now_ms() > now ? clock_now_ms() : now;
	rc = release_step(R, now, wait, &err);
	if (rc != 0)
		printf("# step: %s\n", err.text);
	return rc;
}

static void settle(const char *what)
{
	int64_t wait = 0;
	int rc, steps = 0;

	do
		rc = step(&wait);
	while (rc == 0 && wait == 0 && ++steps < 50);
	IS_INT(rc, 0, "%s: steps", what);
	OK(steps < 50, "%s: it ends", what);
}

/* As one is who was decided about. */
static void known(struct address a)
{
	struct ops_consent c = {.address = a,
	    .purpose = STR("x"),
	    .state = CONSENT_GRANTED,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct error err = {0};
	bool changed;

	if (ops_consent_set(S.st.store, &c, &changed, &err) != 0) {
		printf("Bail out! known: %s\n", err.text);
		exit(1);
	}
}

/* A held copy that is due, to "p<person>@<domain>", from "s<serial>@...": so
 * that what was delivered tells which one it was. */
static uint64_t held(int serial, int person, const char *domain, bool company)
{
	struct header_list l = {0};
	struct error err = {0};
	char sender[64], to[64];
	struct envelope_rcpt r = {.address = {to, 0}};
	struct envelope e = {.kind = COPY_HELD,
	    .arrived_ms = now - 10000 + serial, /* makes the id, the order */
	    .stream = STR("apps"),
	    .segment = STR("news"),
	    .rcpts = &r,
	    .n_rcpts = 1};
	struct copy_new c = {.kind = COPY_HELD,
	    .stream = STR("apps"),
	    .segment = STR("news"),
	    .wait = {.due_ms = now - 1000 + serial,
		.deadline_ms = now + 9 * DAY_MS,
		.queues = COPY_WAITS_FOR_PERSON |
			  (company ? COPY_WAITS_FOR_COMPANY : 0)},
	    .recipients = 1};
	struct address a;

	(void)snprintf(sender, sizeof(sender), "s%d@example.com", serial);
	(void)snprintf(to, sizeof(to), "p%d@%s", person, domain);
	r.address = str_of(to);
	e.sender = str_of(sender);
	a = storetest_address(&S.st, to);
	known(a);
	if (header_add(&l, S.st.arena, STR("From"), STR(" news@example.com")) !=
		0 ||
	    header_add(
		&l, S.st.arena, STR("X-Tendril-Segment"), STR(" news")) != 0 ||
	    header_add(&l, S.st.arena, STR("Subject"),
		str_of(arena_printf(S.st.arena, " %d", serial))) != 0 ||
	    lead_id_of(S.st.store->lead_key, &a, &c.lead) != 0 ||
	    (company && company_id_of(S.st.store->lead_key, STR(""), &a,
			    c.wait.company.b) != 0) ||
	    spool_add(S.sh.spool, &e,
		&(struct spool_message){&l, STR("the body\r\n")}, &c.id,
		&err) != 0 ||
	    ops_copy_add(S.st.store, &c, &err) != 0) {
		printf("Bail out! copy: %s\n", err.text);
		exit(1);
	}
	return c.id;
}

static int sent(int serial, int person, const char *domain)
{
	char line[160];

	(void)snprintf(line, sizeof(line), "<s%d@example.com>><p%d@%s>", serial,
	    person, domain);
	return bridge_count(line);
}

/* --- one person's order --- */

/* The place of a line in what was delivered. */
static size_t place_of(const char *sender)
{
	size_t at = 0;
	struct str all;

	pthread_mutex_lock(&B.lock);
	all = buf_str(&B.delivered);
	while (at < all.n && !str_starts(str_from(all, at), str_of(sender)))
		at++;
	pthread_mutex_unlock(&B.lock);
	return at;
}

static void test_order(void)
{
	size_t last = 0;
	bool ordered = true;

	sessiontest_apply(free_text);
	for (int i = 100; i < 140; i++)
		(void)held(i, i % 2 == 0 ? 1 : i, "order.example", false);
	settle("order");
	releasetest_is_empty("order");
	for (int i = 100; i < 140; i += 2) {
		char sender[64];
		size_t at;

		(void)snprintf(sender, sizeof(sender), "<s%d@", i);
		at = place_of(sender);
		ordered &= at >= last;
		last = at;
	}
	OK(ordered, "one person's go in their order");
	IS_INT(sent(138, 1, "order.example"), 1, "to the last");
}

/* --- what limits say --- */

/* Two of each person, all due: each has one, and the older one. */
static void test_person_cap(void)
{
	int first = 0, second = 0;

	sessiontest_apply(person_text);
	for (int i = 0; i < 20; i++) {
		(void)held(200 + i, i, "cap.example", false);
		(void)held(250 + i, i, "cap.example", false);
	}
	settle("person");
	for (int i = 0; i < 20; i++) {
		first += sent(200 + i, i, "cap.example");
		second += sent(250 + i, i, "cap.example");
	}
	IS_INT(first, 20, "each has the older one");
	IS_INT(second, 0, "and not another");
	IS_INT(sessiontest_rows(NULL), 20, "those wait");
	sessiontest_apply(free_text);
	settle("person, opened");
	releasetest_is_empty("person");
}

/* Of one company, each of another person, all due at once. */
static void test_company_cap(void)
{
	int n = 0;

	sessiontest_apply(company_text);
	for (int i = 0; i < 30; i++)
		(void)held(300 + i, i, "company.example", true);
	settle("company");
	for (int i = 0; i < 30; i++)
		n += sent(300 + i, i, "company.example");
	IS_INT(n, 5, "as many as the limit says");
	for (int i = 0; i < 5; i++)
		IS_INT(sent(300 + i, i, "company.example"), 1, "the oldest");
	IS_INT(sessiontest_rows(NULL), 25, "the others wait");
	sessiontest_apply(free_text);
	settle("company, opened");
	releasetest_is_empty("company");
}

/* The milter counted others that were on their way before it; they have left by
 * now. It does not keep those behind it waiting for seconds, and is not tried for
 * ever. */
static void test_not_now(void)
{
	enum {
		MANY = 100
	};
	int64_t wait;

	(void)held(350, 1, "notnow.example", false);
	bridge_fail(BRIDGE_END_471, 1);
	settle("not now");
	IS_INT(sent(350, 1, "notnow.example"), 1, "it goes at once");
	(void)held(351, 1, "notnow.example", false);
	bridge_fail(BRIDGE_END_471, MANY);
	IS_INT(step(&wait), 0, "refused again and again");
	IS_INT(MANY - atomic_load(&B.faults_left), 4, "tried a few times");
	bridge_fail(BRIDGE_NONE, 0);
	now += 3600000;
	settle("then");
	releasetest_is_empty("not now");
}

/* --- one that stalls --- */

static void wait_sent(int serial, int person, const char *domain)
{
	int64_t wait;

	for (int i = 0; i < 100 && sent(serial, person, domain) == 0; i++)
		if (step(&wait) != 0)
			break;
}

static void wait_stalled(void)
{
	int64_t wait, from_ms = clock_mono_ms();
	int rc = 0;

	while (rc == 0 && atomic_load(&B.faults_left) > 0 &&
	       clock_mono_ms() - from_ms < 20000) {
		rc = step(&wait);
		(void)usleep(1000);
	}
	IS_INT(rc, 0, "steps");
	IS_INT(atomic_load(&B.faults_left), 0, "all that should stall do");
}

static void test_stall(void)
{
	bridge_fail(BRIDGE_STALL, 1);
	(void)held(400, 1, "stall.example", false);
	(void)held(401, 1, "stall.example", false);
	wait_stalled();
	for (int i = 2; i < 40; i++)
		(void)held(400 + i, i, "stall.example", false);
	wait_sent(439, 39, "stall.example");
	IS_INT(sent(402, 2, "stall.example") + sent(439, 39, "stall.example"),
	    2, "the others go");
	IS_INT(sent(400, 1, "stall.example"), 0, "the one that stalls has not");
	IS_INT(sent(401, 1, "stall.example"), 0, "his next one waits for it");
	bridge_fail(BRIDGE_NONE, 0);
	settle("stall");
	IS_INT(sent(400, 1, "stall.example"), 1, "then it goes, once");
	IS_INT(sent(401, 1, "stall.example"), 1, "and the next one");
	releasetest_is_empty("stall");
}

/* Many of one company are due, and the first of them stalls: others behind them
 * do not wait for it. */
static void test_behind_many(void)
{
	enum {
		MANY = 700
	};
	int64_t from_ms;

	(void)held(3000, 0, "many.example", true);
	now += 3000; /* it is due, alone: it is the one that stalls */
	bridge_fail(BRIDGE_STALL, 1);
	wait_stalled();
	for (int i = 1; i < MANY; i++)
		(void)held(3000 + i, i, "many.example", true);
	for (int i = 0; i < 20; i++)
		(void)held(3000 + MANY + i, i, "behind.example", false);
	from_ms = clock_mono_ms();
	now += 3000 + MANY + 20;
	for (int i = 0; i < 20; i++)
		wait_sent(3000 + MANY + i, i, "behind.example");
	for (int i = 0; i < 20; i++)
		IS_INT(sent(3000 + MANY + i, i, "behind.example"), 1,
		    "one behind them goes");
	OK(clock_mono_ms() - from_ms < 10000, "in %d ms",
	    (int)(clock_mono_ms() - from_ms));
	IS_INT(sessiontest_rows(NULL), MANY, "and they wait for theirs");
	bridge_fail(BRIDGE_NONE, 0);
	settle("behind many");
	releasetest_is_empty("behind many");
}

static void test_stop(void)
{
	int64_t from_ms;

	for (int i = 0; i < RELEASE_HANDS; i++)
		(void)held(500 + i, i, "stop.example", false);
	bridge_fail(BRIDGE_STALL, RELEASE_HANDS);
	wait_stalled();
	from_ms = clock_mono_ms();
	atomic_store(&app.stopping, true);
	release_close(&R);
	OK(clock_mono_ms() - from_ms < 4000, "it stops soon");
	atomic_store(&app.stopping, false);
	bridge_fail(BRIDGE_NONE, 0);
	IS_INT(sessiontest_rows(NULL), RELEASE_HANDS, "nothing is lost");
	releasetest_start();
	now += 3600000;
	settle("stop");
	for (int i = 0; i < RELEASE_HANDS; i++)
		IS_INT(sent(500 + i, i, "stop.example"), 1, "once");
	releasetest_is_empty("stop");
}

/* --- trouble --- */

/* The MTA has several, and nobody heard its answers. */
static void test_crash(void)
{
	int n = 0;

	bridge_fail(BRIDGE_HANG_UP, 5);
	for (int i = 0; i < 20; i++)
		(void)held(600 + i, i, "crash.example", false);
	settle("crash");
	release_close(&R);
	releasetest_start();
	for (int i = 0; i < 8; i++) {
		now += 3600000;
		settle("crash, again");
	}
	for (int i = 0; i < 20; i++)
		n += sent(600 + i, i, "crash.example") == 1;
	IS_INT(n, 20, "each once");
	releasetest_is_empty("crash");
}

static uint32_t attempts_of(uint64_t id)
{
	struct copy_record r = {0};

	return ops_copy_get(S.st.store, id, S.st.arena, &r) == 0 ? r.attempts
								 : UINT32_MAX;
}

/* Those at work meet it, and wait no longer for it; then one after the other
 * tries the way, not all. */
static void test_trouble(void)
{
	enum {
		MANY = 1000
	};
	int begun, tried, put_off = 0;
	uint64_t id[40];

	bridge_fail(BRIDGE_RCPT_451, MANY);
	for (int i = 0; i < 40; i++)
		id[i] = held(700 + i, i, "trouble.example", false);
	settle("trouble");
	for (int i = 0; i < 40; i++)
		put_off += attempts_of(id[i]) != 0;
	/* but of one that was through before the others began */
	OK(put_off <= 1, "no row is touched: %d", put_off);
	begun = MANY - atomic_load(&B.faults_left);
	OK(begun > 0 && begun <= RELEASE_HANDS, "%d met it", begun);
	now += 3000; /* behind the pause, before their own instants */
	settle("trouble, again");
	tried = MANY - atomic_load(&B.faults_left) - begun;
	OK(tried > 0 && tried <= 2, "%d tried it again", tried);
	bridge_fail(BRIDGE_NONE, 0);
	now += 3600000;
	settle("trouble is over");
	for (int i = 0; i < 40; i++)
		IS_INT(sent(700 + i, i, "trouble.example"), 1, "once");
	releasetest_is_empty("trouble");
}

/* One that is the cause itself, while there is always more to do. */
static void test_poison(void)
{
	uint64_t id;
	int n = 0, rounds = 0;

	B.poison = "<s800@example.com>";
	id = held(800, 0, "poison.example", false);
	while (rounds < 10 && attempts_of(id) == 0) {
		for (int i = 0; i < 16; i++, n++)
			(void)held(801 + n, 1 + n, "poison.example", false);
		settle("poison");
		printf("# round %d: attempts %u, rows left %d\n", rounds,
		    attempts_of(id), (int)sessiontest_rows(NULL));
		now += 3000;
		rounds++;
	}
	OK(rounds <= 3, "%d rounds until it goes behind the others", rounds);
	B.poison = NULL;
	now += 3600000;
	settle("poison is over");
	releasetest_is_empty("poison");
}

/* Another milter says "not now" after ours said yes, and the log tells it a
 * second later: that there is room again is no reason to try at once. */
static void test_own_room(void)
{
	struct error err;
	uint64_t id;
	int asked;

	id = held(2000, 0, "room.example", false);
	bridge_fail(BRIDGE_LATE_471, 1000);
	asked = atomic_load(&B.asked);
	for (int i = 0; i < 20; i++) {
		char queue_id[32];
		struct slot_change c = {.kind = SLOT_CHANGE_RELEASED,
		    .release = RELEASE_REJECTED,
		    .at_ms = now};

		settle("own room");
		(void)snprintf(queue_id, sizeof(queue_id), "4rel%05dz",
		    atomic_load(&B.ids) - 1);
		c.queue_id = str_of(queue_id);
		OK(ops_slot_apply(S.st.store, &c, &err) == 0, "told");
		now += 1000;
	}
	asked = atomic_load(&B.asked) - asked;
	printf(
	    "# asked %d times in 20 s, attempts %u\n", asked, attempts_of(id));
	OK(asked <= 6, "%d submissions in 20 s", asked);
	bridge_fail(BRIDGE_NONE, 0);
	now += 3600000;
	settle("own room is over");
	releasetest_is_empty("own room");
}

int main(void)
{
	releasetest_open();
	releasetest_start();
	test_order();
	test_person_cap();
	test_company_cap();
	test_not_now();
	test_stall();
	test_behind_many();
	test_stop();
	test_crash();
	test_trouble();
	test_poison();
	test_own_room();
	releasetest_close();
	return tap_done();
}
