/* test_believe.c - agent/in/believe: what is verified, and whose time that takes.
 * The verifier is one of this program, and knows slow domains. */
#include "tests/unit/answertest.h"

#include "agent/in/believe.h"
#include "agent/in/verify_pool.h"
#include "policy/base/fault.h"
#include "policy/mail/dnscache.h"

#include <errno.h>

static struct answertest A;
static struct reply_rules *replies;
static const struct str declared_v[] = {STR("provider.example")};
static const struct str ours_v[] = {STR("fbl@example.com")};

/* ---- the verifier ---- */

static struct str asked;                /* the domain of the last mail */
static struct str order[BELIEVE_BATCH]; /* of the last run of answers */
static int asks, runs;

int verify_pool_open(struct verify_pool **out,
    const struct verify_pool_opts *opts, struct error *err)
{
	static char any;

	(void)opts;
	(void)err;
	*out = (struct verify_pool *)(void *)&any;
	return 0;
}

void verify_pool_close(struct verify_pool **p)
{
	*p = NULL;
}

void verify_pool_stats(const struct verify_pool *p, struct dnscache_stats *out)
{
	OK(p != NULL, "of a pool that is open");
	*out = (struct dnscache_stats){.found = 7, .missed = 2};
}

const char *verify_pool_program(struct arena *a)
{
	return arena_printf(a, "none");
}

/* Of names that begin with "slow" DNS says nothing; others wait then. */
struct verify_run verify_pool_run(
    struct verify_pool *p, struct verify_task *v, size_t n, int64_t budget_ms)
{
	bool slow = false;

	OK(p != NULL && n > 0 && budget_ms > 0, "asked for something");
	runs++;
	for (size_t i = 0; i < n; i++) {
		asked = v[i].from_domain;
		if (n > 1)
			order[i] = asked;
		asks++;
		v[i].silent = str_starts(asked, STR("slow"));
		v[i].rc = v[i].silent ? ERR_BUSY : 0;
		slow |= v[i].silent;
		v[i].out = (struct authentic){.n = 1,
		    .v = {{AUTHENTIC_PASS, false, asked, STR("s"), false,
			false}}};
	}
	return (struct verify_run){slow, slow ? 1000 : 0};
}

/* ---- mails ---- */

static const char *leaves(const char *who, uint64_t id)
{
	return arena_printf(A.t.arena,
	    "Return-Path: <>\nX-Original-To: %s\nFrom: %s\nSubject: Re: News\n"
	    "Auto-Submitted: auto-replied\nIn-Reply-To: <a@b>\n\n"
	    "I no longer work here.\n",
	    answertest_address(&A, TOKEN_FEEDBACK, id), who);
}

static const char complains[] =
    "From: fbl@provider.example\nTo: fbl@example.com\nSubject: complaint\n"
    "Content-Type: multipart/report; report-type=feedback-report;\n"
    " boundary=b\n\n--b\nContent-Type: text/plain\n\nhi\n--b\n"
    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
    "Original-Rcpt-To: ann@b.example\n\n--b\n"
    "Content-Type: message/rfc822\n\nSubject: News\n\nHello\n--b--\n";

struct mails {
	struct arena *arenas[BELIEVE_BATCH];
	struct sort sorts[BELIEVE_BATCH];
	struct believe_item items[BELIEVE_BATCH];
	size_t n;
};

/* Answers as if the milter had found the message. */
static void add(struct mails *m, const char *text)
{
	struct sort_with with = {.keys = A.app.tokens,
	    .rules = A.rules,
	    .now_ms = A.now_ms,
	    .replies = replies};
	struct sort *s = &m->sorts[m->n];
	struct arena *a = arena_new(1 << 20);

	if (sort_mail(&with, str_of(text), a, s) != 0)
		bug("sort");
	s->has_origin = s->has_reply;
	s->origin.answer = s->has_reply;
	m->arenas[m->n] = a;
	m->items[m->n++] = (struct believe_item){.sort = s,
	    .message = str_of(text),
	    .since_ms = A.now_ms,
	    .arena = a};
}

static void verify(struct believe *b, struct mails *m)
{
	believe_mails(b, m->items, m->n);
	believe_verify(b);
}

static void drop(struct mails *m)
{
	for (size_t i = 0; i < m->n; i++)
		arena_free(&m->arenas[i]);
	m->n = 0;
}

static struct believe *open_it(void)
{
	struct believe *b;

	if (believe_open(&b, &A.app, NULL, NULL, NULL) != 0)
		bug("open");
	return b;
}

/* ---- tests ---- */

/* Only of whom the message went to an answer could say anything. */
static void test_of_others(void)
{
	struct believe *b = open_it();
	struct mails m = {.n = 0};
	uint64_t id = answertest_send(&A, "ann@b.example", "");

	runs = 0;
	add(&m, leaves("mallory@slow.example", id));
	verify(b, &m);
	IS_INT(runs, 0, "of somebody else: nobody is asked");
	IS_INT(m.items[0].word, BELIEVE_NO_CLAIM, "an answer like others");
	drop(&m);
	add(&m, leaves("Ann <ANN@B.Example>", id));
	verify(b, &m);
	IS_INT(runs, 1, "of herself");
	IS_INT(m.items[0].word, BELIEVE_YES, "shown to be hers");
	OK(m.items[0].answer && m.items[0].authentic.n > 0, "by what");
	OK(atomic_load(&A.app.dns_questions) == 9 &&
		atomic_load(&A.app.dns_known) == 7,
	    "and what that asked is counted");
	drop(&m);
	believe_close(&b);
}

/* One answer of somebody who was written to, in a batch of its own. */
static enum believe_word one(struct believe *b, const char *who)
{
	struct mails m = {.n = 0};
	enum believe_word word;

	add(&m, leaves(who, answertest_send(&A, who, "")));
	verify(b, &m);
	word = m.items[0].word;
	drop(&m);
	return word;
}

/* Somebody's domain is slow: his own mail is put off, in the same batch and for
 * that minute; nobody else's. */
static void test_slow(void)
{
	struct believe *b = open_it();
	struct mails m = {.n = 0};
	uint64_t slow = answertest_send(&A, "bob@slow.example", "");
	uint64_t fast = answertest_send(&A, "ann@b.example", "");

	add(&m, leaves("bob@slow.example", slow));
	add(&m, leaves("bob@slow.example", slow));
	add(&m, leaves("ann@b.example", fast));
	add(&m, complains);
	verify(b, &m);
	IS_INT(m.items[0].word, BELIEVE_LATER, "an answer is put off");
	IS_INT(m.items[1].word, BELIEVE_LATER, "another of them, too");
	IS_INT(m.items[2].word, BELIEVE_YES, "the one behind is not");
	IS_INT(m.items[3].word, BELIEVE_YES, "nor is a complaint");
	OK(str_eq(order[0], STR("slow.example")) &&
		str_eq(order[1], STR("b.example")) &&
		str_eq(order[2], STR("slow.example")),
	    "the domains take turns");
	drop(&m);
	runs = 0;
	IS_INT(one(b, "bob@slow.example"), BELIEVE_LATER, "for this minute");
	IS_INT(one(b, "eve@mail.slow.example"), BELIEVE_LATER,
	    "and below that domain");
	IS_INT(runs, 0, "nobody is asked");
	IS_INT(one(b, "ann@b.example"), BELIEVE_YES, "others are");
	believe_close(&b);
}

/* Nobody's DNS says anything: then it is not theirs. */
static void test_silent(void)
{
	struct believe *b = open_it();
	struct mails m = {.n = 0};

	IS_INT(one(b, "a@slow1.example"), BELIEVE_LATER, "one");
	IS_INT(one(b, "a@slow2.example"), BELIEVE_LATER, "two");
	IS_INT(one(b, "ann@b.example"), BELIEVE_YES, "but not all");
	IS_INT(one(b, "a@slow3.example"), BELIEVE_LATER, "one");
	IS_INT(one(b, "a@slow4.example"), BELIEVE_LATER, "two");
	IS_INT(one(b, "a@slow5.example"), BELIEVE_LATER, "three");
	runs = 0;
	IS_INT(one(b, "ann@b.example"), BELIEVE_LATER,
	    "no more answers, this minute");
	IS_INT(runs, 0, "nobody is asked");
	add(&m, complains);
	verify(b, &m);
	IS_INT(m.items[0].word, BELIEVE_YES, "but complaints");
	drop(&m);
	believe_close(&b);
}

/* Delivered while nobody was there: it has its day from now on. */
static void test_late(void)
{
	struct believe *b;
	struct mails m = {.n = 0};
	uint64_t id = answertest_send(&A, "a@slow9.example", "");

	b = open_it();
	add(&m, leaves("a@slow9.example", id));
	m.items[0].since_ms = A.now_ms - 2 * BELIEVE_LATER_MS;
	verify(b, &m);
	IS_INT(m.items[0].word, BELIEVE_LATER, "not old for that");
	answertest_time(&A, A.now_ms + BELIEVE_LATER_MS);
	atomic_store(&A.app.stopping, true);
	verify(b, &m);
	IS_INT(m.items[0].word, BELIEVE_LATER, "nor when we stop");
	atomic_store(&A.app.stopping, false);
	verify(b, &m);
	IS_INT(m.items[0].word, BELIEVE_NO, "after a day of tries");
	drop(&m);
	believe_close(&b);
}

static void test_memory(void)
{
	struct believe *b;

	for (long n = 1; n <= 4; n++) {
		fault_alloc_at(n);
		IS_INT(believe_open(&b, &A.app, NULL, NULL, NULL), -ENOMEM,
		    "no memory %ld", n);
		fault_alloc_at(0);
	}
}

int main(void)
{
	answertest_open(&A);
	A.conf.agent.complaint_from = (struct strs){declared_v, 1};
	A.conf.agent.complaint_to = (struct strs){ours_v, 1};
	if (reply_rules_new(&replies) != 0)
		return 1;
	test_of_others();
	test_slow();
	test_silent();
	test_late();
	test_memory();
	reply_rules_free(&replies);
	answertest_close(&A);
	return tap_done();
}
