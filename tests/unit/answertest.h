/* answertest.h - messages that left, and what comes back of them: for tests of
 * the way in of an answer. Time stands still unless moved. */
#ifndef TESTS_UNIT_ANSWERTEST_H
#define TESTS_UNIT_ANSWERTEST_H

#include "tests/unit/storetest.h"

#include "agent/in/act.h"
#include "agent/ruleset.h"
#include "policy/mail/token_keys.h"
#include "policy/mail/verp.h"
#include "policy/state/consent.h"
#include "policy/state/counter.h"
#include "policy/state/feedback.h"
#include "policy/state/message.h"

#define ANSWERTEST_DOMAIN "bounces.example.com"
#define ANSWERTEST_DAY INT64_C(86400000)

struct answertest {
	struct storetest t;
	struct app app;
	struct conf conf; /* a copy that tests may change */
	struct bounce_rules *rules;
	char clock[64];
	int64_t now_ms;
	uint64_t key;
	char one_click[200];    /* of the messages to be sent */
	struct str reference;   /* the same: of their Message-ID */
	struct str from_domain; /* of their From */
};

static void answertest_time(struct answertest *a, int64_t now_ms)
{
	FILE *f = fopen(a->clock, "w");

	if (f == NULL) {
		printf("Bail out! clock\n");
		exit(1);
	}
	fprintf(f, "%lld", (long long)now_ms);
	fclose(f);
	a->now_ms = now_ms;
}

static void answertest_policy(struct answertest *a)
{
	static const char text[] =
	    "segment news { purpose = newsletter legal-basis = consent\n"
	    "  when-full = reject }\n"
	    "segment demo { purpose = demos legal-basis = legitimate-interest\n"
	    "  when-full = reject }\n";
	struct ops_policy in = {.path = STR("p"),
	    .text = STR_NULL,
	    .author = STR("test"),
	    .reason = STR("why")};
	struct error err = {0};
	uint32_t version;

	in.text = str_of(text);
	if (ops_policy_apply(a->t.store, &in, &version, &err) != 0) {
		printf("Bail out! policy: %s\n", err.text);
		exit(1);
	}
}

static void answertest_open(struct answertest *a)
{
	struct error err = {0};
	int fd;

	*a = (struct answertest){0};
	storetest_name(a->clock, sizeof(a->clock), "clock");
	fd = mkstemp(a->clock);
	if (fd < 0 || setenv("TENDRIL_CLOCK_FILE", a->clock, 1) != 0) {
		printf("Bail out! clock\n");
		exit(1);
	}
	close(fd);
	answertest_time(a, INT64_C(1780000000000));
	storetest_open(&a->t);
	a->conf = *a->t.conf;
	a->app.conf = &a->conf;
	a->app.store = a->t.store;
	if (token_keys_load(&a->app.tokens, a->conf.token_key.p, &err) != 0 ||
	    ruleset_open(&a->app.rules, &a->conf, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	a->rules = ruleset_get(a->app.rules);
	answertest_policy(a);
}

static void answertest_close(struct answertest *a)
{
	bounce_rules_free(&a->rules);
	ruleset_close(&a->app.rules);
	token_keys_free(&a->app.tokens);
	storetest_close(&a->t);
	(void)unlink(a->clock);
}

/* A message that was let go; its id. */
__attribute__((unused)) static uint64_t answertest_send(
    struct answertest *a, const char *to, const char *queue_id)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&a->t, to),
	    .segment = STR("demo"),
	    .stream = STR("apps"),
	    .sender = STR("app@example.com"),
	    .app_one_click = str_of(a->one_click),
	    .reference = a->reference,
	    .from_domain = a->from_domain,
	    .same = {.key = ++a->key, .has_message_id = true},
	    .log_followed = true};
	struct decide_out out;
	struct error err = {0};
	uint64_t id;

	in.queue_id = str_of(queue_id);
	if (decide_propose(a->t.store, &in, &out, &err) != 0 ||
	    out.message_id == 0)
		printf("# not sent to %s: %s %s\n", to, err.text,
		    verdict_reason_name(out.verdict.reason));
	id = out.message_id;
	decide_fini(&out);
	return id;
}

/* "b-TOKEN@bounces.example.com" of a message, in the arena. */
__attribute__((unused)) static const char *answertest_address(
    struct answertest *a, enum token_kind kind, uint64_t id)
{
	struct token t = {.kind = kind, .message_id = id};
	char text[TOKEN_TEXT_MAX + 1];
	struct message_record m;
	struct ledger_txn *txn;
	struct str out = STR_NULL;

	if (kind == TOKEN_UNSUBSCRIBE &&
	    ledger_read_begin(a->t.store->ledger, &txn) == 0) {
		if (message_read(txn, id, &m) == 0)
			t.subject_id = m.subject_id;
		ledger_read_end(&txn);
	}
	if (token_make(a->app.tokens, &t, text) != 0 ||
	    verp_make(a->t.arena, kind, str_of(text), STR(ANSWERTEST_DOMAIN),
		&out) != 0) {
		printf("Bail out! verp\n");
		exit(1);
	}
	return out.p;
}

/* A DSN as Postfix writes it, delivered to `to`; in the arena. */
__attribute__((unused)) static struct str answertest_dsn(struct answertest *a,
    const char *to, const char *final, const char *status,
    const char *diagnostic)
{
	char *z = arena_printf(a->t.arena,
	    "Return-Path: <>\nX-Original-To: %s\nDelivered-To: %s\n"
	    "From: MAILER-DAEMON@mx.example.net (Mail Delivery System)\n"
	    "Subject: Undelivered Mail Returned to Sender\nTo: %s\n"
	    "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\n"
	    "\tboundary=\"b1\"\n\n--b1\nContent-Type: text/plain\n\n"
	    "I'm sorry.\n\n--b1\n"
	    "Content-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; mx.example.net\n\n"
	    "Final-Recipient: rfc822; %s\nAction: failed\nStatus: %s\n"
	    "Diagnostic-Code: smtp; %s\n\n--b1\n"
	    "Content-Type: message/rfc822\n\n"
	    "From: news@example.com\nSubject: News\n\nHello\n\n--b1--\n",
	    to, to, to, final, status, diagnostic);

	if (z == NULL) {
		printf("Bail out! arena\n");
		exit(1);
	}
	return str_of(z);
}

__attribute__((unused)) static enum slot_state answertest_slot(
    struct answertest *a, uint64_t id)
{
	struct message_record m = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(a->t.store->ledger, &t) == 0) {
		if (message_read(t, id, &m) != 0)
			printf("# no message %llx\n", (unsigned long long)id);
		ledger_read_end(&t);
	}
	return m.state;
}

/* enum suppression_reason of a person for all nurture; 0: none. */
__attribute__((unused)) static int answertest_suppressed(
    struct answertest *a, const char *who)
{
	struct address addr = storetest_address(&a->t, who);
	struct suppression_record r;
	struct ledger_txn *t;
	struct lead_id id;
	int reason = 0;

	if (lead_id_of(a->t.store->lead_key, &addr, &id) == 0 &&
	    ledger_read_begin(a->t.store->ledger, &t) == 0) {
		if (suppression_read(t, SUPPRESS_LEAD,
			(struct str){(const char *)id.b, sizeof(id.b)}, 0,
			&r) == 0)
			reason = (int)r.reason;
		ledger_read_end(&t);
	}
	return reason;
}

__attribute__((unused)) static enum consent_state answertest_consent(
    struct answertest *a, const char *who, const char *purpose)
{
	struct address addr = storetest_address(&a->t, who);
	struct consent_record r = {0};
	struct ledger_txn *t;
	struct lead_id id;

	if (lead_id_of(a->t.store->lead_key, &addr, &id) == 0 &&
	    ledger_read_begin(a->t.store->ledger, &t) == 0) {
		if (consent_read(t, &id, policy_label(str_of(purpose)), &r) !=
		    0)
			r.state = CONSENT_NONE;
		ledger_read_end(&t);
	}
	return r.state;
}

struct answertest_count {
	struct str name;
	uint64_t n;
};

static int answertest_add(void *arg, const struct counter_row *r)
{
	struct answertest_count *c = arg;

	if (str_eq(r->name, c->name))
		c->n += r->count;
	return 0;
}

/* A counter's total over all segments. */
__attribute__((unused)) static int answertest_counter(
    struct answertest *a, const char *name)
{
	struct answertest_count c = {.name = str_of(name)};
	struct ledger_txn *t;

	if (ledger_read_begin(a->t.store->ledger, &t) == 0) {
		if (counter_each(t, 0, 0, answertest_add, &c) != 0)
			printf("# counters cannot be read\n");
		ledger_read_end(&t);
	}
	return (int)c.n;
}

__attribute__((unused)) static uint64_t answertest_events(struct answertest *a)
{
	struct ledger_txn *t;
	uint64_t seq = 0;

	if (ledger_read_begin(a->t.store->ledger, &t) == 0) {
		if (ledger_last_seq(t, &seq) != 0)
			seq = 0;
		ledger_read_end(&t);
	}
	return seq;
}

#endif
