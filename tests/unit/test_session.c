/* test_session.c - what each class of mail gets, and that nothing of one
 * message reaches the next. */
#include "tests/unit/sessiontest.h"

#include "milter/session_internal.h"

static struct mail to(const char *rcpt, const char *segment)
{
	return (struct mail){.rcpts = {rcpt}, .segment = segment};
}

static void is_refused(const char *enhanced, const char *part, const char *what)
{
	IS_STR(S.script.reply.enhanced, enhanced, "%s: status", what);
	OK(strstr(S.script.reply.text, part) != NULL, "%s: %s", what,
	    S.script.reply.text);
}

static void test_single(void)
{
	struct mail m = to("<ann@b.example>", " demo");

	m.extra[0] = "List-Unsubscribe";
	m.extra[1] = " <https://app.example/u>";
	m.extra[2] = "X-Tendril-Id";
	m.extra[3] = " forged";
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "nurture: sent on");
	OK(sessiontest_composed(), "composed and signed");
	OK(sessiontest_find(CHANGE_REMOVE, "List-Unsubscribe") != NULL &&
		sessiontest_find(CHANGE_REMOVE, "X-Tendril-Id") != NULL &&
		sessiontest_find(CHANGE_REMOVE, "X-Tendril-Segment") != NULL,
	    "the application's fields and a forged token go");
	m = to("<ann@b.example>", " nosuch");
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "unknown segment");
	is_refused("5.7.1", "unknown", "unknown segment");
	m.segment = " n\xff\xfesuch and a very long name that no policy could "
		    "ever have, since names end at 64 characters";
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "a strange one");
	m = to("<ann@>", " demo");
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "malformed address");
	is_refused("5.1.3", "Malformed", "malformed address");
	sessiontest_suppress("ned@b.example");
	m = to("<ned@b.example>", " demo");
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "suppressed");
	is_refused("5.7.1", "suppressed", "suppressed");
	m = to("<ann@b.example>", " later");
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "policy: defer");
	IS_INT(sessiontest_rows(NULL), 0, "no copies so far");
}

static void test_duplicate(void)
{
	struct slot_change c = {.kind = SLOT_CHANGE_QUEUED,
	    .queue_id = STR("4dupQ1"),
	    .at_ms = clock_now_ms()};
	struct mail m = to("<dup@b.example>", " demo");
	struct error err = {0};

	sessiontest_connect("apps");
	m.id = " <same@app.example>";
	S.script.queue_id = "4dupQ1";
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "first");
	S.script.queue_id = "4dupQ2";
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "the log is silent yet");
	IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "queued");
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "after a lost 250");
	IS_INT(S.script.n_changes, 0, "nothing goes out");
	S.script.queue_id = NULL;
}

static void test_classes(void)
{
	struct mail m = to("<x@b.example>", " demo");

	sessiontest_connect("shop");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "transactional");
	OK(sessiontest_find(CHANGE_TOP, "DKIM-Signature") != NULL &&
		sessiontest_find(CHANGE_APPEND, "List-Unsubscribe") == NULL,
	    "signed, not composed");
	sessiontest_connect("smtpd");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "a stranger passes");
	IS_INT(S.script.n_changes, 0, "untouched");
	sessiontest_connect("apps");
	m.segment = NULL;
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "no condition: passes");
	m = to("<x@b.example>", " demo");
	m.sender = "<>";
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "null sender: no nurture");
	IS_INT(S.script.n_changes, 0, "untouched");
}

/* An MTA that loses us in between may keep what it has, and a stream may know
 * its mail by a field that goes: it goes when the message is signed. */
static void test_signed_before_stripped(void)
{
	static const char *const who[] = {"shop", "submission"};
	struct mail m = to("<order@b.example>", " demo");
	const struct change *last;

	m.extra[0] = "X-Tendril-Order";
	m.extra[1] = " yes";
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		session_close(&S.session);
		sessiontest_connect(who[i]);
		S.script.sasl_user = i == 1 ? "anna" : NULL;
		IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "%s", who[i]);
		last = sessiontest_find(CHANGE_REMOVE, "X-Tendril-Segment");
		for (size_t n = 0; n < S.script.n_changes; n++)
			if (S.script.changes[n].kind == CHANGE_TOP &&
			    &S.script.changes[n] > last)
				last = NULL;
		OK(last != NULL &&
			sessiontest_find(CHANGE_TOP, "DKIM-Signature") != NULL,
		    "%s: signed, then stripped", who[i]);
		OK(sessiontest_find(CHANGE_REMOVE, "X-Tendril-Order") != NULL,
		    "of all of them");
	}
	S.script.sasl_user = NULL;
}

static void test_unknown_rules(void)
{
	struct mail m = to("<u@b.example>", " nosuch");
	uint64_t id;

	sessiontest_connect("stand");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "stand-in segment");
	OK(sessiontest_composed(), "as segment demo");
	m.segment = NULL;
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "no segment: the same");
	sessiontest_connect("wait");
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "unknown = hold");
	IS_INT(sessiontest_rows(&id), 1, "held");
	IS_INT(sessiontest_files(SPOOL_COPIES), 1, "with a file");
}

static void test_postal(void)
{
	struct mail m = to("<p@b.example>", " posted");

	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "no postal address");
	is_refused("5.7.1", "no_postal_address", "no postal address");
	m.extra[0] = "Content-Type";
	m.extra[1] = " text/html; charset=utf-8";
	m.body = "<p>M&uuml;ller <b>GmbH</b><br>Weg 1<br>\r\n10115&nbsp;Berlin";
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "found in HTML");
}

/* A disk in trouble is no fault of the message. */
static void test_body_is_lost(void)
{
	struct mail m = to("<p2@b.example>", " posted");
	size_t size = 2 << 20;
	char *body = malloc(size);

	if (body == NULL)
		exit(1);
	memset(body, 'a', size);
	sessiontest_connect("apps");
	(void)sessiontest_envelope(&m);
	IS_INT(sessiontest_head(&m), ANSWER_CONTINUE, "a head");
	fault_write_at(1);
	session_body(S.session, (struct str){body, size});
	fault_write_at(0);
	IS_INT(session_eom(S.session), ANSWER_TEMPFAIL, "not on disk");
	IS_STR(S.script.reply.enhanced, "4.3.0", "again, please");
	free(body);
}

static void test_one_to_one(void)
{
	struct mail m = {
	    .rcpts = {"<a@c.example>", "<A@c.example>", "<b@c.example>"}};

	sessiontest_connect("submission");
	S.script.sasl_user = "anna";
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "several: not split");
	OK(sessiontest_find(CHANGE_TOP, "DKIM-Signature") != NULL, "signed");
	sessiontest_suppress("c@c.example");
	m.rcpts[1] = "<c@c.example>";
	session_close(&S.session);
	sessiontest_connect("submission");
	S.script.sasl_user = "anna";
	(void)sessiontest_envelope(&m);
	IS_STR(S.script.reply.enhanced, "5.7.1", "refused at RCPT");
	session_abort(S.session);
	m.rcpts[1] = "<@>";
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE,
	    "the others go; the malformed one was refused at RCPT");
	is_refused("5.1.3", "Malformed", "at RCPT");
}

/* A header condition before the stream: RCPT decides nothing, the end does,
 * and names who was refused. */
static void test_one_to_one_at_end(void)
{
	struct mail m = {.rcpts = {"<a@c.example>", "<c@c.example>"}};

	sessiontest_connect("apps");
	S.script.sasl_user = "anna";
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "one is suppressed");
	is_refused("5.7.1", "c@c.example: Recipient is suppressed", "named");
	m.rcpts[1] = "<c.example>";
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "one is malformed");
	is_refused("5.1.3", "address: c.example", "named");
}

static uint64_t last_event(void)
{
	struct ledger_txn *t;
	uint64_t seq = 0;

	if (ledger_read_begin(S.st.store->ledger, &t) != 0 ||
	    ledger_last_seq(t, &seq) != 0)
		exit(1);
	ledger_read_end(&t);
	return seq;
}

static void test_early(void)
{
	struct mail m = to("<ned@b.example>", NULL);
	uint64_t before = last_event();

	sessiontest_connect("fixed");
	IS_INT(sessiontest_envelope(&m), ANSWER_REJECT, "refused at RCPT");
	is_refused("5.7.1", "suppressed", "at RCPT");
	IS_INT(last_event(), before + 1, "and recorded when that is said");
	session_abort(S.session);
	m.rcpts[0] = "<ned@";
	IS_INT(sessiontest_envelope(&m), ANSWER_REJECT, "malformed at RCPT");
	m.rcpts[0] = "<ned@b.example>";
	m.rcpts[1] = "<early@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE,
	    "the one that is left makes a message of one recipient");
	OK(sessiontest_composed(), "sent on");
	sessiontest_connect("apps");
	m = to("<ned@b.example>", " demo");
	IS_INT(sessiontest_envelope(&m), ANSWER_CONTINUE,
	    "a header decides: not at RCPT");
	session_abort(S.session);
	sessiontest_reload("mode = \"shadow\"");
	sessiontest_connect("fixed");
	IS_INT(sessiontest_envelope(&m), ANSWER_CONTINUE, "shadow: never");
	session_abort(S.session);
	sessiontest_reload("");
}

static void test_shadow(void)
{
	struct mail m = to("<ned@b.example>", " demo");
	int wrong = 0;

	sessiontest_reload("mode = \"shadow\"");
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "suppressed: accepted");
	m.rcpts[1] = "<two@b.example>";
	m.rcpts[2] = "<not an address>";
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "several: accepted");
	IS_INT(S.script.n_changes, 0, "untouched");
	sessiontest_connect("shop");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "transactional");
	IS_INT(S.script.n_changes, 0, "not signed");
	sessiontest_connect("apps");
	(void)sessiontest_envelope(&m);
	for (int n = 0; n < 1000; n++)
		session_header(S.session, "X-Many", " value");
	IS_INT(session_eoh(S.session), ANSWER_ACCEPT, "too many fields");
	session_abort(S.session);
	m = to("<ned@b.example>", " demo");
	atomic_store(&S.sh.store, NULL);
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "without a ledger");
	atomic_store(&S.sh.store, S.st.store);
	for (long n = 1; n < 60; n++) {
		sessiontest_connect("apps");
		fault_alloc_at(n);
		wrong += sessiontest_send(&m) != ANSWER_ACCEPT;
		fault_alloc_at(0);
	}
	IS_INT(wrong, 0, "allocations failing");
	sessiontest_reload("");
}

/* "With shadow every rule is tried and logged and none acts." */
static void test_shadow_policy(void)
{
	struct mail m = to("<ned@b.example>", " demo");
	int rows = sessiontest_rows(NULL);
	char text[2000];

	(void)snprintf(
	    text, sizeof(text), "mode = shadow\n%s", sessiontest_policy);
	sessiontest_apply(text);
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "suppressed: accepted");
	m.rcpts[0] = "<polshadow@b.example>";
	m.id = " <polshadow@app.example>";
	for (int i = 0; i < 4; i++)
		IS_INT(sessiontest_send(&m), ANSWER_ACCEPT,
		    "the same again: no duplicate, no cap");
	IS_INT(storetest_slots(&S.st, "polshadow@b.example"), 4,
	    "all four went, so all count");
	m.rcpts[1] = "<ned@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "several: not taken over");
	IS_INT(storetest_slots(&S.st, "polshadow@b.example"), 5, "counted too");
	IS_INT(sessiontest_rows(NULL), rows, "no copies");
	sessiontest_connect("fixed");
	m = to("<ned@b.example>", NULL);
	IS_INT(sessiontest_envelope(&m), ANSWER_CONTINUE, "not at RCPT");
	session_abort(S.session);
	sessiontest_connect("x");
	S.script.sasl_user = "anna";
	m.rcpts[0] = "<o2oshadow@b.example>";
	m.rcpts[1] = "<ned@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "one-to-one: accepted");
	IS_INT(S.script.n_changes, 0, "all untouched");
	IS_INT(storetest_slots(&S.st, "o2oshadow@b.example"), 1,
	    "one-to-one: counted beside one who is refused");
	sessiontest_apply(sessiontest_policy);
	sessiontest_connect("apps");
	m = to("<ned@b.example>", " demo");
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "enforced again");
}

/* The body changes between its hash and libopendkim's look at it, as it would
 * if a signer went wrong: nothing may leave. */
static enum answer send_with_bad_signature(const char *listener, struct mail *m)
{
	struct str body;
	enum answer a;

	sessiontest_connect(listener);
	S.script.n_changes = 0;
	(void)sessiontest_envelope(m);
	a = sessiontest_head(m);
	if (a != ANSWER_CONTINUE)
		return a;
	session_body(S.session, STR("hi\r\n"));
	if (gather_body(&S.session->g, &body) != 0 || body.n == 0)
		return ANSWER_ACCEPT;
	*(char *)(uintptr_t)body.p = 'H';
	return session_eom(S.session);
}

static enum slot_state newest_slot(const char *address)
{
	struct address a = storetest_address(&S.st, address);
	enum slot_state state = SLOT_PROPOSED;
	struct lead_record r = {0};
	struct ledger_txn *t;
	struct lead_id id;

	if (lead_id_of(S.st.store->lead_key, &a, &id) != 0 ||
	    ledger_read_begin(S.st.store->ledger, &t) != 0)
		exit(1);
	if (lead_read(t, &id, S.st.arena, &r) == 0 && r.n_slots > 0)
		state = r.slots[r.n_slots - 1].state;
	ledger_read_end(&t);
	return state;
}

static void test_bad_signature(void)
{
	struct mail m = to("<badsig@b.example>", " demo");

	IS_INT(send_with_bad_signature("apps", &m), ANSWER_TEMPFAIL,
	    "nurture: what does not verify does not leave");
	IS_INT(S.script.reply.code, 451, "451");
	IS_INT(S.script.n_changes, 0, "not a byte is changed");
	IS_INT(newest_slot("badsig@b.example"), SLOT_RELEASED,
	    "and its slot is released");
	m = to("<badsig@b.example>", NULL);
	IS_INT(send_with_bad_signature("shop", &m), ANSWER_TEMPFAIL,
	    "transactional");
	IS_INT(S.script.n_changes, 0, "unchanged");
}

/* --- one connection, several messages --- */

static void test_no_leaks(void)
{
	struct mail news = to("<l1@b.example>", " demo"),
		    plain = to("<l2@b.example>", NULL);

	plain.sender = "<>";
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&news), ANSWER_CONTINUE, "nurture");
	IS_INT(sessiontest_send(&plain), ANSWER_ACCEPT, "then a report");
	IS_INT(S.script.n_changes, 0, "untouched");
	news.rcpts[0] = "<l3@b.example>";
	IS_INT(sessiontest_send(&news), ANSWER_CONTINUE, "nurture again");
	OK(sessiontest_composed(), "composed");
	S.script.sasl_user = "anna";
	IS_INT(sessiontest_send(&plain), ANSWER_ACCEPT,
	    "login, null sender: passes");
	S.script.sasl_user = NULL;
	plain.sender = NULL;
	IS_INT(sessiontest_send(&plain), ANSWER_ACCEPT,
	    "the login of one message does not reach the next");
	IS_INT(atomic_load(&S.sh.in_flight), 0, "none in flight");
}

static void reset_after(int steps)
{
	struct mail m = to("<r@b.example>", " demo");
	char *mail[] = {(char *)(uintptr_t) "<app@example.com>", NULL};
	char *rcpt[] = {(char *)(uintptr_t) "<ned@b.example>", NULL};

	sessiontest_connect("apps");
	if (steps > 0)
		session_mail(S.session, mail);
	if (steps > 1)
		(void)session_rcpt(S.session, rcpt);
	if (steps > 2)
		session_header(S.session, "X-Tendril-Segment", " nosuch");
	if (steps > 3)
		(void)session_eoh(S.session);
	if (steps > 4)
		session_body(S.session, STR("rest"));
	session_abort(S.session);
	m.rcpts[0] = (const char *[]){"<r0@b.example>", "<r1@b.example>",
	    "<r2@b.example>", "<r3@b.example>", "<r4@b.example>",
	    "<r5@b.example>"}[steps];
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE,
	    "RSET after %d steps, then a message", steps);
	if (steps > 0)
		session_mail(S.session, mail);
	session_close(&S.session);
	IS_INT(atomic_load(&S.sh.in_flight), 0, "connection lost: forgotten");
}

static void test_disorder(void)
{
	struct mail m = to("<o@b.example>", " demo");

	sessiontest_connect("apps");
	IS_INT(session_eom(S.session), ANSWER_TEMPFAIL, "end of nothing");
	IS_INT(session_eoh(S.session), ANSWER_TEMPFAIL, "head of nothing");
	session_header(S.session, "From", " x");
	session_body(S.session, STR("x"));
	IS_INT(sessiontest_envelope(&m), ANSWER_CONTINUE, "MAIL is right");
	session_body(S.session, STR("body before header"));
	IS_INT(session_eoh(S.session), ANSWER_TEMPFAIL, "disorder: tempfail");
	IS_INT(session_eom(S.session), ANSWER_TEMPFAIL, "to the end");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "MAIL heals");
}

/* libmilter tells of sendmail(1) as "localhost" without a port. A program on
 * this host that speaks SMTP is resolved to that name, too, and is no local
 * submission: its port tells. */
static void test_localhost(void)
{
	struct mail m = to("loc@b.example", " demo");

	m.sender = "app@example.com";
	sessiontest_connect_from("", "localhost", 0, 1);
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "sendmail(1): nurture");
	OK(sessiontest_composed(), "composed");
	sessiontest_connect_from("", "localhost", 4711, 1);
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "SMTP: of no stream");
	IS_INT(S.script.n_changes, 0, "untouched");
	sessiontest_connect_from("", "app.example", 0, 1);
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "nor by the port alone");
}

/* --- callbacks in any order --- */

static uint32_t seed = 2463534242U;

static uint32_t draw(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/* What was told of the message since its MAIL. */
struct told {
	bool mail, nurture, local;
};

static int check_eom(const struct told *t, enum answer a)
{
	/* Without a ledger nothing is composed; accepted is only what is not
	 * nurture, or what is in the hold queue. */
	if (a == ANSWER_CONTINUE || a == ANSWER_DISCARD)
		return t->local ? 0 : 1;
	if (a == ANSWER_ACCEPT)
		return t->nurture && S.script.quarantined == 0;
	return 0;
}

static int random_call(struct told *t)
{
	char *mail[] = {
	    (char *)(uintptr_t)(draw(4) == 0 ? "<>" : "<app@h>"), NULL};
	char *rcpt[] = {(char *)(uintptr_t) "<x@b.example>", NULL};
	int wrong = 0;

	switch (draw(9)) {
	case 0:
		session_mail(S.session, mail);
		*t = (struct told){.mail = true, .local = t->local};
		S.script.quarantined = 0;
		t->nurture = mail[0][1] != '>';
		break;
	case 1:
	case 2:
		(void)session_rcpt(S.session, rcpt);
		break;
	case 3:
		session_header(S.session, "X-Tendril-Segment", " demo");
		break;
	case 4:
		session_header(S.session, "From", " a@example.com");
		break;
	case 5:
	case 6:
		(void)session_eoh(S.session);
		break;
	case 7:
		session_body(S.session, STR("text\r\n"));
		break;
	default:
		if (draw(5) == 0)
			session_abort(S.session);
		else
			wrong = check_eom(t, session_eom(S.session));
		t->nurture = false;
		break;
	}
	return wrong;
}

static void test_any_order(void)
{
	struct store *store = atomic_load(&S.sh.store);
	int wrong = 0;

	atomic_store(&S.sh.store, NULL);
	for (int i = 0; i < 3000; i++) {
		struct told t = {.local = i % 4 == 0};

		if (t.local)
			sessiontest_connect_local();
		else
			sessiontest_connect("wait");
		for (int n = 0; n < 40; n++)
			wrong += random_call(&t);
	}
	session_close(&S.session);
	atomic_store(&S.sh.store, store);
	IS_INT(
	    wrong, 0, "120000 callbacks in any order: nothing slips through");
	IS_INT(atomic_load(&S.sh.in_flight), 0, "none in flight");
}

/* --- limits --- */

static void test_limits(void)
{
	struct mail m = to("<lim@b.example>", " demo");
	char *rcpt[] = {(char *)(uintptr_t) "<many@b.example>", NULL};
	char *huge = malloc((1 << 20) + 100);
	static const char *const listeners[] = {"apps", "smtpd"};

	if (huge == NULL)
		exit(1);
	memset(huge, 'x', (1 << 20) + 99);
	huge[(1 << 20) + 99] = '\0';
	for (int i = 0; i < 2; i++) {
		enum answer want = i == 0 ? ANSWER_REJECT : ANSWER_ACCEPT;

		sessiontest_connect(listeners[i]);
		(void)sessiontest_envelope(&m);
		for (int n = 0; n < 100000; n++)
			session_header(S.session, "X-Many", " value");
		IS_INT(session_eoh(S.session), want, "100000 fields");
		session_abort(S.session);
		(void)sessiontest_envelope(&m);
		session_header(S.session, "X-Huge", huge);
		IS_INT(session_eoh(S.session), want, "a field of 1 MB");
		session_abort(S.session);
		(void)sessiontest_envelope(&m);
		for (int n = 0; n < 10000; n++)
			(void)session_rcpt(S.session, rcpt);
		IS_INT(sessiontest_head(&m), want, "10000 recipients");
		session_abort(S.session);
	}
	sessiontest_connect("apps");
	(void)sessiontest_envelope(&m);
	IS_INT(sessiontest_head(&m), ANSWER_CONTINUE, "a head");
	for (int n = 0; n < 5; n++)
		session_body(S.session, (struct str){huge, 1 << 20});
	IS_INT(session_eom(S.session), ANSWER_REJECT, "5 MB, 3 are allowed");
	IS_STR(S.script.reply.enhanced, "5.3.4", "too large");
	m.rcpts[0] = "<lim2@b.example>";
	(void)sessiontest_envelope(&m);
	IS_INT(sessiontest_head(&m), ANSWER_CONTINUE, "a head");
	session_body(S.session, (struct str){huge, 1 << 20});
	session_body(S.session, (struct str){huge, 1 << 20});
	IS_INT(session_eom(S.session), ANSWER_CONTINUE, "2 MB, spilled");
	free(huge);
}

static void test_unusual(void)
{
	struct mail m = to("<j\xc3\xb6rg@b\xc3\xbc\x63her.example>", " demo");

	m.rcpt_args = "NOTIFY=NEVER";
	m.extra[0] = "Bcc";
	m.extra[1] = " secret@b.example";
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "SMTPUTF8, Bcc");
	m = to("<nobody@b.example>", " demo");
	m.rcpts[0] = NULL;
	(void)sessiontest_envelope(&m);
	IS_INT(sessiontest_head(&m), ANSWER_TEMPFAIL, "no recipient at all");
	m = to("<n@b.example>", " demo");
	m.extra[0] = "From";
	m.extra[1] = " other@example.com";
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "two From fields");
	is_refused("5.7.1", "no_from", "two From fields");
}

/* Whatever allocation fails: never a silent accept of nurture mail. */
static void test_no_memory(void)
{
	int wrong = 0, good = 0;
	long n;

	for (n = 1; n < 500 && good == 0; n++) {
		struct mail m = to("<mem@b.example>", " demo");
		enum answer a;

		S.script.n_changes = 0;
		fault_alloc_at(n);
		sessiontest_connect("apps");
		a = sessiontest_send(&m);
		fault_alloc_at(0);
		good = a == ANSWER_CONTINUE && sessiontest_composed();
		wrong += a != ANSWER_TEMPFAIL && a != ANSWER_REJECT && !good;
		wrong += a == ANSWER_REJECT && S.script.reply.code != 552;
	}
	IS_INT(wrong, 0, "%ld allocations failing: 451 (or 552)", n);
	OK(good == 1 && n > 10, "then it works");
	IS_INT(atomic_load(&S.sh.in_flight), 0, "none in flight");
}

static void test_change_fails(void)
{
	struct mail m = to("<chg@b.example>", " demo");
	int at = 1;

	m.id = " <chg@app.example>";
	sessiontest_connect("apps");
	for (; at < 30; at++) {
		S.script.change_fails_at = at;
		if (sessiontest_send(&m) != ANSWER_TEMPFAIL)
			break;
	}
	S.script.change_fails_at = 0;
	OK(at > 5 && sessiontest_composed(),
	    "each of %d changes failing: 451, slot given back", at - 1);
}

int main(void)
{
	sessiontest_open();
	{
		struct mail m = to("<ann@b.example>", " demo");
		sessiontest_connect("apps");
		IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "no policy yet");
		m.rcpts[1] = "<bob@b.example>";
		IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "for several");
	}
	sessiontest_apply(sessiontest_policy);
	test_single();
	test_duplicate();
	test_classes();
	test_signed_before_stripped();
	test_unknown_rules();
	test_postal();
	test_body_is_lost();
	test_one_to_one();
	test_one_to_one_at_end();
	test_early();
	test_shadow();
	test_shadow_policy();
	test_bad_signature();
	test_no_leaks();
	for (int i = 0; i <= 5; i++)
		reset_after(i);
	test_disorder();
	test_localhost();
	test_any_order();
	test_limits();
	test_unusual();
	test_no_memory();
	test_change_fails();
	sessiontest_close();
	return tap_done();
}
