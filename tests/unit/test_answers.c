/* test_answers.c - what people write back does: pauses, reviews, who has left; and
 * what it must not do. */
#include "tests/unit/answertest.h"
#include "tests/unit/rebuilttest.h"

#include "agent/in/reviews.h"
#include "policy/base/clock.h"
#include "policy/base/digest.h"
#include "policy/state/answer.h"
#include "policy/state/ops_reply.h"

static struct answertest A;
static struct reply_rules *replies;
static bool matched;         /* as if the milter had found the message */
static int64_t since_ms;     /* when the MTA delivered it; 0: now */
static struct str authentic; /* and DKIM or SPF showed whose it is */

static enum seen_kind take(struct str mail)
{
	struct sort_with with = {
	    A.app.tokens, A.rules, A.now_ms, false, replies, NULL, NULL};
	unsigned char digest[SEEN_DIGEST];
	struct arena *arena = arena_new(8 << 20);
	struct sort s = {0};
	struct act_item item = {.mail = &s,
	    .digest = digest,
	    .since_ms = since_ms,
	    .authentic = authentic};
	int rc = digest_sha256(mail, digest);

	if (rc == 0)
		rc = sort_mail(&with, mail, arena, &s);
	if (rc == 0) {
		s.has_origin = matched;
		s.origin.answer = matched;
		act_mails(&A.app, &item, 1);
		rc = item.rc;
	}
	IS_INT(rc, 0, "taken %s", item.err.text);
	arena_free(&arena);
	return rc == 0 ? s.kind : 0;
}

/* A mail to the feedback address of a message of theirs. */
static enum seen_kind answers(
    const char *from, uint64_t id, const char *fields, const char *body)
{
	const char *to = answertest_address(&A, TOKEN_FEEDBACK, id);

	return take(str_of(arena_printf(A.t.arena,
	    "Return-Path: <%s>\nX-Original-To: %s\nFrom: %s\n"
	    "To: anna@example.com\nSubject: Re: News\n"
	    "In-Reply-To: <a@b>\n%s\n%s\n",
	    from, to, from, fields, body)));
}

#define AUTO "Auto-Submitted: auto-replied\n"

static struct verdict verdict_on(const char *who, int64_t at_ms)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&A.t, who),
	    .segment = STR("demo"),
	    .stream = STR("apps")};
	struct decide_out out;
	struct error err = {0};

	if (decide_explain(A.t.store, &in, NULL, at_ms, &out, &err) != 0)
		OK(false, "explain: %s", err.text);
	decide_fini(&out);
	return out.verdict;
}

/* enum suppression_reason of the pause; 0: none. */
static int paused(const char *who)
{
	struct verdict v = verdict_on(who, A.now_ms);

	return v.reason == REASON_PAUSED ? (int)v.suppression : 0;
}

static int open_reviews(void)
{
	struct review_count n = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(A.t.store->ledger, &t) == 0) {
		if (review_count(t, A.now_ms, &n) != 0)
			n.open = 999;
		ledger_read_end(&t);
	}
	return (int)n.open;
}

static int decide(const char *who, enum review_state state)
{
	struct ops_review in = {.address = storetest_address(&A.t, who),
	    .state = state,
	    .author = STR("alice"),
	    .reason = STR("why")};
	struct error err = {0};
	bool changed;
	int rc = ops_review_decide(A.t.store, &in, &changed, &err);

	return rc != 0 ? rc : changed;
}

static void test_kinds(void)
{
	static const struct {
		const char *who, *fields, *body;
		int pause, suppression, reviews;
	} cases[] = {
	    {"a1@north.example", "", "Yes", SUPPRESSION_REPLIED, 0, 0},
	    {"a2@north.example", "", "Please remove me", SUPPRESSION_IN_REVIEW,
		0, 1},
	    {"a3@north.example", AUTO, "Please remove me", 0, 0, 0},
	    {"a4@north.example", AUTO, "I am on vacation", 0, 0, 0},
	    {"a5@north.example", AUTO, "I no longer work here", 0,
		SUPPRESSION_LEFT, 0},
	    {"a6@north.example", AUTO, "Bob has left the company",
		SUPPRESSION_IN_REVIEW, 0, 1},
	    {"a7@north.example", "", "Bob no longer works here",
		SUPPRESSION_IN_REVIEW, 0, 1},
	    {"a8@north.example", AUTO, "Your ticket number is 7", 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *who = cases[i].who;
		int before = open_reviews();
		uint64_t id = answertest_send(
		    &A, who, arena_printf(A.t.arena, "K%zu", i));

		(void)answers(who, id, cases[i].fields, cases[i].body);
		IS_INT(answertest_suppressed(&A, who), cases[i].suppression,
		    "%s: suppressed", cases[i].body);
		if (cases[i].suppression == 0)
			IS_INT(paused(who), cases[i].pause, "%s: paused",
			    cases[i].body);
		IS_INT(open_reviews() - before, cases[i].reviews, "%s: reviews",
		    cases[i].body);
	}
	IS_INT(answertest_counter(&A, "reply.human"), 1, "counted");
	IS_INT(answertest_counter(&A, "review.opened.left"), 2, "counted too");
}

/* What is said by another address binds nobody for good. */
static void test_other_author(void)
{
	uint64_t id = answertest_send(&A, "b1@north.example", "O1");

	(void)answers("x@evil.example", id, AUTO, "I no longer work here");
	IS_INT(answertest_suppressed(&A, "b1@north.example"), 0,
	    "nobody is given up");
	IS_INT(paused("b1@north.example"), SUPPRESSION_IN_REVIEW,
	    "somebody looks");
	IS_INT(paused("x@evil.example"), 0, "the writer is nobody");
	id = answertest_send(&A, "b2@north.example", "O2");
	IS_INT(answers("", id, "", "Yes"), SEEN_UNPARSED,
	    "without a sender it is no answer of a person");
}

/* By a Message-ID that is not that message's alone: anybody may have it. */
static void test_shared(void)
{
	uint64_t id = answertest_send(&A, "c1@north.example", "C1");

	matched = true;
	(void)answers("c1@north.example", id, AUTO, "I no longer work here");
	matched = false;
	IS_INT(answertest_suppressed(&A, "c1@north.example"), 0,
	    "nobody is given up");
	IS_INT(paused("c1@north.example"), SUPPRESSION_IN_REVIEW,
	    "somebody looks");
	(void)answers("c1@north.example", id, AUTO, "I no longer work here.");
	IS_INT(answertest_suppressed(&A, "c1@north.example"), SUPPRESSION_LEFT,
	    "to its feedback address: by the token");
}

/* By the Message-ID of one message: many see that, and From is anybody's. */
static void test_forged(void)
{
	struct header h = {STR("Message-ID"), STR("<a@b>")};
	const struct header_list list = {.v = &h, .n = 1};
	struct reference r;
	uint64_t id;

	IS_INT(reference_of(&list, &r), 0, "reference");
	A.reference = (struct str){(const char *)r.digest, sizeof(r.digest)};
	id = answertest_send(&A, "d1@north.example", "D1");
	A.reference = STR("");
	matched = true;
	(void)answers("d1@north.example", id, AUTO, "I no longer work here");
	IS_INT(answertest_suppressed(&A, "d1@north.example"), 0,
	    "nobody is given up");
	IS_INT(paused("d1@north.example"), SUPPRESSION_IN_REVIEW,
	    "somebody looks");
	authentic = STR("dkim=pass header.d=north.example");
	(void)answers("x@north.example", id, AUTO, "I no longer work here");
	IS_INT(answertest_suppressed(&A, "d1@north.example"), 0,
	    "not by another of that domain");
	(void)answers("d1@north.example", id, AUTO, "I no longer work here.");
	IS_INT(answertest_suppressed(&A, "d1@north.example"), SUPPRESSION_LEFT,
	    "shown to be theirs");
	/* one that others have, too: they may be of the same domain */
	A.reference = (struct str){(const char *)r.digest, sizeof(r.digest)};
	id = answertest_send(&A, "d2@north.example", "D2");
	A.reference = STR("");
	(void)answers("d2@north.example", id, AUTO, "I no longer work here");
	IS_INT(answertest_suppressed(&A, "d2@north.example"), 0,
	    "not by what many know");
	matched = false;
	authentic = STR_NULL;
}

static void test_pause(void)
{
	const char *who = "p@north.example";
	uint64_t id = answertest_send(&A, who, "P1");
	int64_t end = A.now_ms + 30 * ANSWERTEST_DAY;
	struct verdict v;

	(void)answers(who, id, "", "Yes");
	v = verdict_on(who, A.now_ms);
	IS_INT(v.action, VERDICT_REJECT, "as when-full says");
	IS_INT(v.earliest_ms, end, "until then");
	IS_INT(verdict_on(who, end - 1).reason, REASON_PAUSED, "to the last");
	IS_INT(verdict_on(who, end).action, VERDICT_ALLOW, "and no longer");
	answertest_time(&A, A.now_ms + ANSWERTEST_DAY);
	(void)answers(who, id, "", "And again");
	IS_INT(verdict_on(who, A.now_ms).earliest_ms, end + ANSWERTEST_DAY,
	    "a later one lasts longer");
	IS_INT(decide(who, REVIEW_RESUMED), 1, "ended by hand");
	IS_INT(verdict_on(who, A.now_ms).action, VERDICT_ALLOW, "goes on");
	IS_INT(decide(who, REVIEW_RESUMED), 0, "nothing left to end");
	IS_INT(decide("nobody@north.example", REVIEW_RESUMED), ERR_NOT_FOUND,
	    "a stranger");
	/* beside a suppression that ends sooner */
	(void)answers(who, id, "", "Please remove me");
	IS_INT(paused(who), SUPPRESSION_IN_REVIEW, "a wish has no end");
	IS_INT(decide(who, REVIEW_UNSUBSCRIBED), 1, "it is one");
	IS_INT(answertest_suppressed(&A, who), SUPPRESSION_OPT_OUT, "for good");
	(void)answers(who, id, "", "Please remove me now");
	IS_INT(open_reviews() > 0 &&
		   answertest_counter(&A, "review.decided.unsubscribed") == 1,
	    1, "settled: not asked again");
}

/* Sales people write to whom they talk with. */
static void test_one_to_one(void)
{
	const char *who = "talks@north.example";
	struct decide_in in = {.mode = DECIDE_ONE_TO_ONE,
	    .recipient = storetest_address(&A.t, who),
	    .stream = STR("sales")};
	struct decide_out out;
	struct error err = {0};

	(void)answers(who, answertest_send(&A, who, "S1"), "", "Yes");
	IS_INT(paused(who), SUPPRESSION_REPLIED, "paused");
	IS_INT(decide_explain(A.t.store, &in, NULL, A.now_ms, &out, &err), 0,
	    "asked");
	IS_INT(out.verdict.action, VERDICT_ALLOW, "their own mail goes");
	decide_fini(&out);
}

/* --- failures in a row --- */

static void fill_up(const char *who)
{
	uint64_t id = answertest_send(&A, who, "");

	IS_INT(take(answertest_dsn(&A, answertest_address(&A, TOKEN_BOUNCE, id),
		   who, "5.2.2", "552 5.2.2 mailbox full")),
	    SEEN_BOUNCE, "%s is full", who);
}

/* Who writes is there, as who takes a message is. */
static void test_alive(void)
{
	static const struct {
		const char *who, *from, *fields;
		int suppression;
	} cases[] = {
	    {"w1@full.example", "w1@full.example", "", 0},
	    {"w2@full.example", "x@full.example", "", SUPPRESSION_MAILBOX_FULL},
	    {"w3@full.example", "w3@full.example", AUTO,
		SUPPRESSION_MAILBOX_FULL},
	};
	const size_t n = sizeof(cases) / sizeof(cases[0]);

	for (int day = 0; day < 20; day += 5) {
		for (size_t i = 0; i < n; i++)
			fill_up(cases[i].who);
		answertest_time(&A, A.now_ms + 5 * ANSWERTEST_DAY);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t id = answertest_send(&A, cases[i].who, "");

		(void)answers(cases[i].from, id, cases[i].fields, "Hello");
		(void)decide(cases[i].who, REVIEW_RESUMED);
		fill_up(cases[i].who);
		IS_INT(answertest_suppressed(&A, cases[i].who),
		    cases[i].suppression, "%s: the fifth, after a reply",
		    cases[i].who);
	}
}

static void unknown(const char *who)
{
	uint64_t id = answertest_send(&A, who, "");

	IS_INT(take(answertest_dsn(&A, answertest_address(&A, TOKEN_BOUNCE, id),
		   who, "5.1.1", "550 5.1.1 no such user")),
	    SEEN_BOUNCE, "%s is unknown", who);
}

/* So is who writes although their mailbox is said not to exist. */
static void test_alive_unknown(void)
{
	const char *writes = "w4@full.example", *silent = "w5@full.example";

	IS_INT(storetest_policy(&A.t, "segment news { purpose = newsletter }\n"
				      "segment demo { purpose = demos\n"
				      "  legal-basis = legitimate-interest\n"
				      "  user-unknown = \"2 over 1d\" }\n"),
	    0, "a patient policy");
	unknown(writes);
	unknown(silent);
	(void)answers(writes, answertest_send(&A, writes, ""), "", "Hello");
	(void)decide(writes, REVIEW_RESUMED);
	answertest_time(&A, A.now_ms + 2 * ANSWERTEST_DAY);
	unknown(writes);
	unknown(silent);
	IS_INT(answertest_suppressed(&A, writes), 0, "the first again");
	IS_INT(answertest_suppressed(&A, silent), SUPPRESSION_USER_UNKNOWN,
	    "the second");
	answertest_policy(&A);
}

struct old_reply {
	unsigned version;
	struct event_reply e;
};

static int emit_reply(struct door_ctx *ctx, void *arg)
{
	const struct old_reply *o = arg;
	struct buf b;
	int rc;

	buf_init(&b, 400);
	rc = payload_encode(&answer_payload, &o->e, &b);
	if (rc == 0)
		rc = door_emit(ctx, EV_REPLY, o->version, buf_str(&b));
	buf_fini(&b);
	return rc;
}

/* Replies of before: events of version 1 end no failures in a row. */
static void test_reply_versions(void)
{
	static const char *const who[] = {"v1@full.example", "v2@full.example"};
	struct error err = {0};

	for (int day = 0; day < 20; day += 5) {
		fill_up(who[0]);
		fill_up(who[1]);
		answertest_time(&A, A.now_ms + 5 * ANSWERTEST_DAY);
	}
	for (unsigned version = 1; version <= 2; version++) {
		const char *of = who[version - 1];
		struct address addr = storetest_address(&A.t, of);
		struct old_reply o = {.version = version,
		    .e = {.kind = REPLY_HUMAN, .note = STR("")}};
		struct lead_id lead;

		IS_INT(lead_id_of(A.t.store->lead_key, &addr, &lead), 0, "id");
		memcpy(o.e.lead, lead.b, sizeof(o.e.lead));
		o.e.message_id = answertest_send(&A, of, "");
		IS_INT(door_propose(A.t.store->door, emit_reply, &o, &err), 0,
		    "version %u: %s", version, err.text);
		fill_up(of);
		IS_INT(answertest_suppressed(&A, of),
		    version == 1 ? SUPPRESSION_MAILBOX_FULL : 0,
		    "version %u: what it always meant", version);
	}
}

static void test_clock(void)
{
	struct reviews *r = NULL;
	struct error err = {0};
	bool told = true;
	const char *who = "late@north.example";

	IS_INT(reviews_open(&r, &A.app, &err), 0, "open");
	(void)answers(who, answertest_send(&A, who, "L1"), "", "stop");
	IS_INT(reviews_look(r, A.now_ms, &told, &err), 0, "look");
	IS_INT(reviews_look(r, A.now_ms + 3 * ANSWERTEST_DAY, &told, &err), 0,
	    "look");
	OK(told, "beyond the deadline it is told");
	IS_INT(reviews_look(r, A.now_ms + 3 * ANSWERTEST_DAY + 1, &told, &err),
	    0, "look");
	OK(!told, "once");
	IS_INT(reviews_look(r, A.now_ms + 4 * ANSWERTEST_DAY, &told, &err), 0,
	    "look");
	OK(told, "and again later");
	reviews_close(&r);
}

static uint64_t overdue_at(int64_t ms)
{
	struct review_count n = {0};
	struct ledger_txn *t = NULL;

	if (ledger_read_begin(A.t.store->ledger, &t) != 0 ||
	    review_count(t, ms, &n) != 0)
		OK(false, "counted");
	ledger_read_end(&t);
	return n.overdue;
}

/* Whoever asked a day and a half ago, while the agent was down, waits half a
 * day more; who asked longer ago than there was time is told of at once. */
static void test_clock_of_late(void)
{
	static const struct {
		const char *who, *id;
		int64_t ago_h;
		uint64_t now, in_13_h;
	} cases[] = {
	    {"w1@north.example", "W1", 36, 0, 1},
	    {"w2@north.example", "W2", 24, 0, 0},
	    {"w3@north.example", "W3", -24, 0, 0},
	    {"w4@north.example", "W4", 2400, 1, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t hour = ANSWERTEST_DAY / 24, now = clock_now_ms();
		uint64_t before = overdue_at(now + 1000),
			 later = overdue_at(now + 13 * hour),
			 all = overdue_at(now + 49 * hour);

		since_ms = now - cases[i].ago_h * hour;
		(void)answers(cases[i].who,
		    answertest_send(&A, cases[i].who, cases[i].id), "", "stop");
		since_ms = 0;
		IS_INT(overdue_at(now + 1000) - before, cases[i].now,
		    "%s: at once", cases[i].who);
		IS_INT(overdue_at(now + 13 * hour) - later, cases[i].in_13_h,
		    "%s: in 13 hours", cases[i].who);
		IS_INT(overdue_at(now + 49 * hour) - all, 1,
		    "%s: in 49 hours, whatever its file's time", cases[i].who);
	}
}

/* All that are on record, decided ones too. */
static int all_reviews(void)
{
	struct review_record r = {.id = 0};
	struct ledger_txn *t;
	int n = 0;

	if (ledger_read_begin(A.t.store->ledger, &t) != 0)
		return -1;
	while (review_before(t, r.id, &r) == 0)
		n++;
	ledger_read_end(&t);
	return n;
}

static void ask_and_decide(int from, int n, bool and_decide)
{
	char who[40];

	for (int i = from; i < from + n; i++) {
		(void)snprintf(who, sizeof(who), "old%d@north.example", i);
		(void)answers(
		    who, answertest_send(&A, who, ""), "", "Please remove me");
		if (and_decide)
			(void)decide(who, REVIEW_RESUMED);
	}
}

/* Who was asked about years ago: the row goes, the events stay. What is open
 * stays, however old. The last of all: time goes far. */
static void test_old_reviews(void)
{
	int open = open_reviews(), decided;

	/* what other tests have left is over first */
	answertest_time(&A, A.now_ms + REVIEW_KEEP_MS + ANSWERTEST_DAY);
	ask_and_decide(0, 1 + all_reviews() / 4, true);
	decided = all_reviews() - open;
	ask_and_decide(50, 2, false);
	open += 2;
	answertest_time(&A, A.now_ms + REVIEW_KEEP_MS - ANSWERTEST_DAY);
	ask_and_decide(60, 1, true);
	IS_INT(all_reviews(), open + decided + 1, "nothing goes too soon");
	answertest_time(&A, A.now_ms + 2 * ANSWERTEST_DAY);
	ask_and_decide(70, 1, true);
	IS_INT(all_reviews(), open + decided + 2 - 4,
	    "some go with each decision");
	ask_and_decide(80, decided / 4, true);
	IS_INT(all_reviews(), open + 2 + decided / 4,
	    "at last all that are too old");
	IS_INT(open_reviews(), open, "and none that is open");
	IS_INT(answertest_counter(&A, "review.opened.opt_out") >= 10, 1,
	    "what was is counted as ever");
}

/* One mail to two of our addresses is one answer of the person. */
static void test_one_answer(void)
{
	const char *who = "both@people.example";
	uint64_t a = answertest_send(&A, who, ""),
		 b = answertest_send(&A, who, "");
	int before = open_reviews();

	for (int i = 0; i < 2; i++) {
		enum token_kind kind = i == 0 ? TOKEN_BOUNCE : TOKEN_FEEDBACK;
		const char *other =
		    answertest_address(&A, kind, i == 0 ? a : b);

		IS_INT(take(str_of(arena_printf(A.t.arena,
			   "Return-Path: <%s>\nX-Original-To: %s\n"
			   "Delivered-To: %s\nFrom: %s\nSubject: Re: News\n"
			   "In-Reply-To: <a@b>\n\nPlease remove me from your "
			   "mailing list.\n",
			   who, answertest_address(&A, TOKEN_FEEDBACK, a),
			   other, who))),
		    SEEN_REPLY, "to two addresses of %s",
		    i == 0 ? "a message" : "a person");
		IS_INT(open_reviews(), before + 1, "one request");
		IS_INT(decide(who, REVIEW_RESUMED), 1, "decided");
		IS_INT(open_reviews(), before, "and done");
	}
}

int main(void)
{
	answertest_open(&A);
	if (reply_rules_new(&replies) != 0)
		return 1;
	test_kinds();
	test_other_author();
	test_shared();
	test_forged();
	test_pause();
	test_one_to_one();
	test_alive();
	test_alive_unknown();
	test_reply_versions();
	test_clock();
	test_clock_of_late();
	test_one_answer();
	test_old_reviews();
	rebuilttest_is_same(&A.t, 10);
	reply_rules_free(&replies);
	answertest_close(&A);
	return tap_done();
}
