/* test_company.c - decisions that look beyond one person: limits of a company,
 * order among those that wait, an operator's word; also with two processes on
 * one ledger. */
#include "tests/unit/storetest.h"

#include "policy/base/calendar.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/state/company.h"
#include "policy/state/message.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_leads.h"
#include "policy/state/ops_move.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RULES " legal-basis = legitimate-interest "

static const char policy_text[] =
    "order = {demo, news}\n"
    "company { at-most = \"3 per 7d\"  at-most-people = \"2 per 7d\" }\n"
    "segment demo { purpose = demos" RULES "}\n"
    "segment news { purpose = news" RULES
    "  when-full = \"hold 10d, then drop\" }\n";
static const char person_text[] = "order = {demo, news}\n"
				  "person { at-most = \"1 per 7d\" }\n"
				  "segment demo { purpose = demos" RULES
				  "  when-full = \"hold 10d, then bounce\" }\n"
				  "segment news { purpose = news" RULES
				  "  when-full = \"hold 30d, then drop\" }\n";
static const char crowd_text[] = "person { at-most = \"1 per 30d\" }\n"
				 "company { at-most = \"1 per 1m\" }\n"
				 "segment news { purpose = news" RULES
				 "  when-full = \"hold 90d, then drop\" }\n";
static const char race_text[] =
    "company { at-most = \"40 per 7d\" }\n"
    "segment demo { purpose = demos" RULES "  when-full = reject }\n";

static const char daily_text[] =
    "time-zone = \"UTC\"\n"
    "segment news { purpose = news" RULES
    "  at-most = \"1 per day\"  when-full = \"hold 10d\" }\n";

static const char repair_text[] =
    "order = {demo, news}\n"
    "person { at-most = \"1 per 7d\" }\n"
    "segment demo { purpose = demos" RULES "  not-compliant = \"hold 5d\" }\n"
    "segment news { purpose = news" RULES "}\n";

static struct storetest T;
static uint64_t next_key = 1;

static struct decide_in query(const char *to, const char *segment)
{
	return (struct decide_in){.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = str_of(segment),
	    .stream = STR("apps"),
	    .queue_id = STR("4abcQ1"),
	    .sender = STR("app@example.com"),
	    .same = {.key = next_key++, .has_message_id = true},
	    .may_hold = true,
	    .log_followed = true};
}

/* Proposes; a hold becomes a copy of that id. */
static struct decide_out decide(const struct decide_in *in)
{
	struct decide_out out;
	struct error err = {0};
	int rc = decide_propose(T.store, in, &out, &err);

	if (rc != 0 && rc != ERR_NEED_COPY)
		OK(false, "decide: %s", err.text);
	decide_fini(&out);
	return out;
}

static struct decide_out send_to(const char *to, const char *segment)
{
	struct decide_in in = query(to, segment);

	return decide(&in);
}

static struct copy_record hold(
    uint64_t copy_id, const char *to, const char *segment)
{
	struct decide_in in = query(to, segment);
	struct copy_record r = {0};

	in.copy_id = copy_id;
	IS_INT(decide(&in).verdict.action, VERDICT_HOLD, "%s to %s: held",
	    segment, to);
	if (ops_copy_get(T.store, copy_id, T.arena, &r) != 0)
		OK(false, "no row");
	return r;
}

static struct decide_out release_now(
    const struct copy_record *r, const char *to)
{
	struct decide_in in = query(to, "demo");

	in.segment = r->segment;
	in.may_hold = false;
	in.from_copy = true;
	in.held_id = r->id;
	in.arrived_ms = r->arrived_ms;
	in.forced = r->forced;
	return decide(&in);
}

static void done(uint64_t id, enum copy_outcome outcome)
{
	struct error err = {0};

	IS_INT(ops_copy_done(T.store, id, 0, outcome, &err), 0, "done");
}

static bool is_woken(uint64_t id)
{
	struct copy_record r;

	return ops_copy_get(T.store, id, T.arena, &r) == 0 &&
	       r.wait.due_ms <= clock_now_ms();
}

static size_t company_n(const struct company_id *id)
{
	struct slot_fact *v;
	struct ledger_txn *t;
	size_t n = 0;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    company_slots(t, id, T.arena, &v, &n) != 0)
		exit(1);
	ledger_read_end(&t);
	return n;
}

static void set_text(const char *address, const char *name, const char *text)
{
	struct attribute_value v = {.label = policy_label(str_of(name)),
	    .type = ATTRIBUTE_TEXT,
	    .text = str_of(text)};
	struct ops_leads_row row = {
	    .address = storetest_address(&T, address), .values = &v, .n = 1};
	struct ops_leads in = {.rows = &row,
	    .n = 1,
	    .origin = STR("test"),
	    .author = STR("alice")};
	struct error err = {0};

	IS_INT(ops_leads_set(T.store, &in, &err), 0, "%s", err.text);
}

static void live_in(const char *address, const char *zone)
{
	set_text(address, "time-zone", zone);
}

/* After one today, the next may go at that person's midnight: in the place that
 * is known of the person, else in the policy's, also where no such zone is. */
static void test_own_days(void)
{
	static const struct {
		const char *address, *zone, *days;
	} people[] = {
	    {"kai@pacific.example", "Pacific/Kiritimati", "Pacific/Kiritimati"},
	    {"una@nowhere.example", NULL, "UTC"},
	    {"max@mars.example", "Mars/Phobos", "UTC"},
	};
	struct error err = {0};

	IS_INT(storetest_policy(&T, daily_text), 0, "policy");
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		struct decide_in in = query(people[i].address, "news");
		const struct zone *z = NULL;
		struct decide_out out;
		int64_t now_ms;

		if (people[i].zone != NULL)
			live_in(people[i].address, people[i].zone);
		OK(zones_find(T.store->zones, str_of(people[i].days), &z) == 0,
		    "%s", people[i].days);
		IS_INT(send_to(people[i].address, "news").verdict.action,
		    VERDICT_ALLOW, "%s: one", people[i].address);
		now_ms = clock_now_ms();
		IS_INT(decide_explain(T.store, &in, NULL, now_ms, &out, &err),
		    0, "explain: %s", err.text);
		IS_INT(out.verdict.earliest_ms,
		    calendar_next_ms(z, CALENDAR_DAY, now_ms),
		    "%s: the next at midnight in %s", people[i].address,
		    people[i].days);
		decide_fini(&out);
	}
}

/* Short of memory nobody is decided by the clock of another place. By the policy
 * of before; each time in a store that has nothing in memory yet. */
static void test_zone_without_memory(void)
{
	struct decide_in in = query("tui@auckland.example", "news");
	struct error err = {0};
	struct decide_out out;
	const struct zone *z = NULL;
	int64_t now_ms;
	int rc = -1;
	long n;

	live_in("tui@auckland.example", "Pacific/Auckland");
	IS_INT(send_to("tui@auckland.example", "news").verdict.action,
	    VERDICT_ALLOW, "one");
	now_ms = clock_now_ms();
	for (n = 1; rc != 0 && n < 1000; n++) {
		store_close(&T.store);
		if (store_open(&T.store, T.conf, STORE_CREATE, &err) != 0)
			exit(1);
		fault_alloc_at(n);
		rc = decide_explain(T.store, &in, NULL, now_ms, &out, &err);
		fault_alloc_at(0);
		if (rc == 0 && zones_find(T.store->zones,
				   STR("Pacific/Auckland"), &z) == 0)
			IS_INT(out.verdict.earliest_ms,
			    calendar_next_ms(z, CALENDAR_DAY, now_ms),
			    "midnight in Auckland");
		decide_fini(&out);
	}
	OK(rc == 0 && n > 3, "%ld allocations failed", n - 2);
}

/* A slot goes along with its person: when it is released, whoever waits at the
 * new address has room, however often the person went on. */
static void test_moved_wake(void)
{
	struct decide_out sent;

	IS_INT(storetest_policy(&T, person_text), 0, "policy");
	sent = send_to("pat@old.example", "news");
	IS_INT(sent.verdict.action, VERDICT_ALLOW, "to the old address");
	storetest_move(&T, "pat@old.example", "pat@new.example", false);
	storetest_move(&T, "pat@new.example", "pat@newer.example", false);
	(void)hold(700, "pat@newer.example", "demo");
	OK(!is_woken(700), "the slot of the old address is in the way");
	storetest_change(&T, sent.message_id, SLOT_CHANGE_RELEASED);
	OK(is_woken(700), "until it is released");
	done(700, COPY_DROPPED);
}

/* By the stream's rule a name that the policy has not is one of `news`: it
 * competes as such. After test_moved_wake(). */
static void test_unknown_competes(void)
{
	struct decide_in in = query("una@odd.example", "odd");
	struct copy_new c = {.id = 800,
	    .kind = COPY_HELD,
	    .segment = STR("odd"),
	    .stream = STR("apps"),
	    .arrived_ms = clock_now_ms(),
	    .recipients = 1};
	struct copy_decided d = {.id = 800};
	struct decide_out out;
	struct error err = {0};

	IS_INT(send_to("una@odd.example", "news").verdict.action, VERDICT_ALLOW,
	    "the limit is full");
	if (lead_id_of(T.store->lead_key, &in.recipient, &c.lead) != 0)
		exit(1);
	IS_INT(ops_copy_add(T.store, &c, &err), 0, "split from another");
	in.unknown = CONF_UNKNOWN_SEGMENT;
	in.unknown_segment = STR("news");
	in.held_id = 800;
	IS_INT(decide_explain(T.store, &in, NULL, clock_now_ms(), &out, &err),
	    0, "asked");
	IS_INT(out.verdict.action, VERDICT_HOLD, "it waits");
	decide_wait(&out, clock_now_ms(), &d.wait);
	decide_fini(&out);
	IS_INT(ops_copy_wait(T.store, &d, 1, &err), 0, "recorded");
	in = query("una@odd.example", "news");
	IS_INT(decide_explain(T.store, &in, NULL, clock_now_ms(), &out, &err),
	    0, "one of news");
	IS_INT((int)out.ahead, 1, "is behind it");
	decide_fini(&out);
	done(800, COPY_DROPPED);
}

/* What waits for its repair keeps nobody's place. */
static void test_repair(void)
{
	struct decide_in in = query("rob@repair.example", "demo");
	struct copy_record r = {0};

	IS_INT(storetest_policy(&T, repair_text), 0, "policy");
	in.compliance = COMPLY_NO_FROM;
	in.copy_id = 100;
	IS_INT(decide(&in).verdict.reason, REASON_NOT_COMPLIANT, "held");
	OK(ops_copy_get(T.store, 100, T.arena, &r) == 0 && r.wait.queues == 0,
	    "and in no queue");
	IS_INT(send_to("rob@repair.example", "news").verdict.action,
	    VERDICT_ALLOW, "a later kind goes");
	done(100, COPY_DROPPED);
}

static struct slotlist opened(const struct buf *b)
{
	struct wire w = wire_open(buf_str(b));
	struct slotlist h;

	OK(slotlist_open(&w, SLOTLIST_PEOPLE_SLOT, &h) == 0 &&
		wire_done(&w) == 0,
	    "a history");
	return h;
}

/* However often one person is written to, the others are not forgotten. */
static void test_people_kept(void)
{
	struct slotlist h = {.slots = "", .size = SLOTLIST_PEOPLE_SLOT};
	struct slot_fact *v, s = {.state = SLOT_DELIVERED, .counts = true};
	bool seen[POLICY_MAX_PER_WINDOW + 1] = {false};
	struct buf b[2];
	size_t people = 0, young = 0;

	buf_init(&b[0], SLOTLIST_BYTES_MAX + SLOTLIST_PEOPLE_SLOT);
	buf_init(&b[1], SLOTLIST_BYTES_MAX + SLOTLIST_PEOPLE_SLOT);
	for (uint64_t i = 1; i <= 1000; i++) {
		struct buf *to = &b[i % 2];

		s.message_id = i;
		s.at_ms = (int64_t)i;
		s.person = i <= POLICY_MAX_PER_WINDOW ? i : 1;
		buf_reset(to);
		slotlist_put(&h, &s, 0, to);
		h = opened(to);
	}
	OK(slotlist_facts(&h, T.arena, &v) == 0, "its slots");
	for (size_t i = 0; i < h.n; i++) {
		people += !seen[v[i].person];
		seen[v[i].person] = true;
		young += v[i].message_id > 1000 - POLICY_MAX_PER_WINDOW;
	}
	IS_INT((int)people, POLICY_MAX_PER_WINDOW, "all people");
	IS_INT((int)young, POLICY_MAX_PER_WINDOW, "and the youngest messages");
	OK(h.n <= SLOTLIST_PEOPLE_SLOTS_MAX, "bounded");
	buf_fini(&b[0]);
	buf_fini(&b[1]);
}

/* Two people at most, three messages at most. */
static void test_company(void)
{
	struct decide_out a, b, c;
	struct copy_record held, other;

	IS_INT(storetest_policy(&T, policy_text), 0, "policy");
	a = send_to("ann@sales.acme.example", "news");
	b = send_to("bob@acme.example", "news");
	OK(a.verdict.action == VERDICT_ALLOW &&
		b.verdict.action == VERDICT_ALLOW &&
		memcmp(&a.company, &b.company, sizeof(a.company)) == 0 &&
		!company_is_none(&a.company),
	    "two people of one company");
	IS_INT((int)company_n(&a.company), 2, "its history");
	held = hold(101, "carl@acme.example", "news");
	OK(held.wait.reason == REASON_COMPANY_CAP &&
		held.wait.queues ==
		    (COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY) &&
		memcmp(&held.wait.company, &a.company, sizeof(a.company)) ==
		    0 &&
		held.wait.line == 2 && held.wait.then == POLICY_THEN_DROP,
	    "the third person waits for the company");
	OK(held.wait.due_ms > clock_now_ms() + 6 * WHEN_DAY_MS,
	    "until a slot is old");
	c = send_to("carl@other.example", "news");
	IS_INT(c.verdict.action, VERDICT_ALLOW, "another company");
	c = send_to("carl@gmail.com", "news");
	OK(c.verdict.action == VERDICT_ALLOW && company_is_none(&c.company),
	    "a provider's people are no company");
	other = hold(102, "dora@acme.example", "news");
	OK(!is_woken(101) && !is_woken(102), "both sleep");
	storetest_change(&T, a.message_id, SLOT_CHANGE_RELEASED);
	OK(is_woken(101) && !is_woken(102), "a slot is free: the first wakes");
	IS_INT(release_now(&other, "dora@acme.example").verdict.reason,
	    REASON_ORDER, "the second has to wait for the first");
	IS_INT(release_now(&held, "carl@acme.example").verdict.action,
	    VERDICT_ALLOW, "who may go");
	done(101, COPY_SENT);
	OK(is_woken(102), "and wakes the next when gone");
	IS_INT(release_now(&other, "dora@acme.example").verdict.reason,
	    REASON_COMPANY_CAP, "who finds two people again");
	c = send_to("eve@acme.example", "demo");
	IS_INT(c.verdict.reason, REASON_COMPANY_CAP,
	    "of an earlier kind: full in itself");
	c = send_to("bob@acme.example", "demo");
	IS_INT(c.verdict.action, VERDICT_ALLOW,
	    "before those that wait: by order, and one of the two");
	IS_INT((int)company_n(&a.company), 4, "all on record");
	done(102, COPY_DROPPED);
	(void)hold(103, "gil@acme.example", "news");
	OK(!is_woken(103), "it sleeps");
	set_text("bob@acme.example", "company", "Globex");
	OK(is_woken(103), "one who goes to another company leaves a place");
	done(103, COPY_DROPPED);
}

/* Earlier kinds first, then the older; the row says by what rule. */
static void test_order(void)
{
	struct decide_out a;
	struct decide_in letter;
	struct copy_record old, young, demo;

	IS_INT(storetest_policy(&T, person_text), 0, "policy");
	a = send_to("frank@b.example", "news");
	IS_INT(a.verdict.action, VERDICT_ALLOW, "the one of the week");
	IS_INT((int)company_n(&a.company), 0, "no company is asked for");
	old = hold(201, "frank@b.example", "news");
	young = hold(202, "frank@b.example", "news");
	demo = hold(203, "frank@b.example", "demo");
	OK(old.wait.rank == 1 && demo.wait.rank == 0, "rank by order");
	OK(young.wait.due_ms > old.wait.due_ms + 6 * WHEN_DAY_MS,
	    "the second of the kind a week later");
	(void)usleep(
	    2000); /* they were ready a week after the last millisecond,
			     * and a place is free again a week after this one */
	storetest_change(&T, a.message_id, SLOT_CHANGE_RELEASED);
	OK(is_woken(203) && is_woken(201) && !is_woken(202),
	    "the first of each kind wakes");
	IS_INT(release_now(&old, "frank@b.example").verdict.reason,
	    REASON_ORDER, "the earlier kind has the slot");
	IS_INT(send_to("frank@b.example", "news").verdict.reason, REASON_ORDER,
	    "a new one does not overtake");
	a = release_now(&demo, "frank@b.example");
	IS_INT(a.verdict.action, VERDICT_ALLOW, "it goes");
	done(203, COPY_SENT);
	IS_INT(release_now(&old, "frank@b.example").verdict.reason,
	    REASON_PERSON_CAP, "then it is full");
	done(201, COPY_DROPPED);
	done(202, COPY_DROPPED);
	(void)hold(204, "frank@b.example", "news");
	OK(!is_woken(204), "it sleeps");
	storetest_change(&T, a.message_id, SLOT_CHANGE_DELIVERED);
	OK(is_woken(204), "the slot's date may be earlier than was thought");
	IS_INT(release_now(&old, "frank@b.example").verdict.reason,
	    REASON_PERSON_CAP, "but is not");
	(void)hold(205, "frank@b.example", "demo");
	OK(!is_woken(205), "another kind sleeps");
	live_in("frank@b.example", "Europe/Rome");
	OK(is_woken(205), "he lives elsewhere: his days may begin earlier");
	(void)hold(206, "frank@b.example", "demo");
	done(205, COPY_DROPPED);
	done(204, COPY_DROPPED);
	(void)hold(207, "frank@b.example", "news");
	OK(!is_woken(207), "it sleeps");
	letter = query("frank@b.example", "");
	letter.mode = DECIDE_ONE_TO_ONE;
	IS_INT(decide(&letter).verdict.action, VERDICT_ALLOW, "a letter");
	OK(is_woken(207) && is_woken(206),
	    "what goes first may have to wait longer, and others need not");
	done(206, COPY_DROPPED);
	done(207, COPY_DROPPED);
}

/* Rows that wait for the company, made without their decisions. */
static void add_crowd(uint64_t first, int n, const struct company_id *company)
{
	struct error err = {0};

	for (int i = 0; i < n; i++) {
		struct copy_new c = {.id = first + (uint64_t)i,
		    .kind = COPY_HELD,
		    .segment = STR("news"),
		    .stream = STR("apps"),
		    .wait = {.due_ms = INT64_C(9000000000000),
			.reason = REASON_COMPANY_CAP,
			.queues = COPY_WAITS_FOR_COMPANY,
			.company = *company},
		    .recipients = 1};

		if (ops_copy_add(T.store, &c, &err) != 0)
			OK(false, "crowd: %s", err.text);
	}
}

/* Behind hundreds of its company a copy sleeps until it is woken, and is ended at
 * its deadline; what holds it otherwise gives its instant all the same. */
static void test_crowd(void)
{
	struct decide_out a;
	struct copy_record r;

	IS_INT(storetest_policy(&T, crowd_text), 0, "policy");
	a = send_to("ann@crowd.example", "news");
	IS_INT(a.verdict.action, VERDICT_ALLOW, "the one of the minute");
	r = hold(401, "bob@crowd.example", "news");
	OK(r.wait.due_ms <= clock_now_ms() + WHEN_MINUTE_MS, "the first");
	add_crowd(402, FACTS_WAITING_MAX, &a.company);
	r = hold(900, "carl@crowd.example", "news");
	OK((r.wait.queues & COPY_WAITS_FOR_COMPANY) != 0 &&
		r.wait.due_ms == r.wait.deadline_ms,
	    "far behind: no instant but the last");
	r = hold(901, "ann@crowd.example", "news");
	OK(r.wait.reason == REASON_PERSON_CAP &&
		r.wait.queues == COPY_WAITS_FOR_PERSON &&
		r.wait.due_ms < r.wait.deadline_ms &&
		r.wait.due_ms > clock_now_ms() + 29 * WHEN_DAY_MS,
	    "one that waits for herself: her instant");
	for (uint64_t id = 401; id < 402 + FACTS_WAITING_MAX; id++)
		done(id, COPY_DROPPED);
	OK(is_woken(900) && !is_woken(901), "then it is the first");
	done(900, COPY_DROPPED);
	done(901, COPY_DROPPED);
}

/* An operator may overrule limits, not what a person said. */
static void test_forced(void)
{
	struct ops_suppress sup = {.reason = SUPPRESSION_MANUAL,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct copy_record r;
	struct error err = {0};
	bool changed;

	IS_INT(send_to("gil@gil.example", "news").verdict.action, VERDICT_ALLOW,
	    "the one of the week");
	(void)hold(301, "gil@gil.example", "news");
	IS_INT(ops_copy_say(T.store, OPS_COPY_FORCE,
		   &(struct event_copy_word){301, STR("jo"), STR("asked for")},
		   &err),
	    0, "let go");
	if (ops_copy_get(T.store, 301, T.arena, &r) != 0)
		exit(1);
	OK(r.forced && is_woken(301), "on record and due");
	if (ops_target_parse(
		T.arena, STR("gil@gil.example"), &sup.target, &err) != 0 ||
	    ops_suppress_add(T.store, &sup, &changed, &err) != 0)
		exit(1);
	IS_INT(release_now(&r, "gil@gil.example").verdict.reason,
	    REASON_SUPPRESSED, "not against a suppression");
	if (ops_suppress_remove(T.store, &sup, &changed, &err) != 0)
		exit(1);
	IS_INT(release_now(&r, "gil@gil.example").verdict.action, VERDICT_ALLOW,
	    "against a limit");
	IS_INT((int)storetest_slots(&T, "gil@gil.example"), 2, "and it counts");
	done(301, COPY_SENT);
}

/* --- two milters --- */

enum {
	RACE_EACH = 100,
	RACE_CAP = 40
};

/* A process of its own: a ledger is opened once in each. */
static int race(int who, int fd)
{
	char to[64], c = 0;
	int allowed = 0;
	struct error err = {0};

	if (store_open(&T.store, T.conf, STORE_CREATE, &err) != 0 ||
	    read(fd, &c, 1) != 1)
		return 255;
	for (int i = 0; i < RACE_EACH; i++) {
		struct decide_out out;
		struct decide_in in;

		(void)snprintf(to, sizeof(to), "p%d-%d@race.example", who, i);
		in = query(to, "demo");
		if (decide_propose(T.store, &in, &out, &err) != 0)
			return 254;
		allowed += out.verdict.action == VERDICT_ALLOW;
		decide_fini(&out);
	}
	store_close(&T.store);
	return allowed;
}

static void test_two_processes(void)
{
	struct error err = {0};
	int go[2], status, sum = 0;
	pid_t pid[2];

	IS_INT(storetest_policy(&T, race_text), 0, "policy");
	store_close(&T.store);
	if (pipe(go) != 0)
		exit(1);
	(void)fflush(stdout);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(race(i, go[0]));
	}
	IS_INT((int)write(go[1], "xx", 2), 2, "both go");
	for (int i = 0; i < 2; i++) {
		if (waitpid(pid[i], &status, 0) != pid[i] ||
		    !WIFEXITED(status) || WEXITSTATUS(status) > RACE_EACH)
			OK(false, "process %d failed: %d", i, status);
		else
			sum += WEXITSTATUS(status);
	}
	IS_INT(sum, RACE_CAP, "the company's limit to the one");
	(void)close(go[0]);
	(void)close(go[1]);
	if (store_open(&T.store, T.conf, STORE_CREATE, &err) != 0)
		exit(1);
}

int main(void)
{
	storetest_open(&T);
	test_own_days();
	test_people_kept();
	test_zone_without_memory();
	test_repair();
	test_moved_wake();
	test_unknown_competes();
	test_company();
	test_order();
	test_crowd();
	test_forced();
	test_two_processes();
	storetest_close(&T);
	return tap_done();
}
