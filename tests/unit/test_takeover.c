/* test_takeover.c - messages that the milter takes over: several recipients,
 * holds, local mail in trouble; and what comes back to it: stream 0. */
#define STORETEST_MAP "16M" /* soon full */
#include "tests/unit/sessiontest.h"

#include "policy/mail/token.h"
#include "policy/state/ops_copy.h"

static struct token_keys *tokens;

static struct mail to(const char *rcpt, const char *segment)
{
	return (struct mail){.rcpts = {rcpt}, .segment = segment};
}

static struct copy_record row(uint64_t id)
{
	struct copy_record r = {0};

	IS_INT(ops_copy_get(S.st.store, id, S.st.arena, &r), 0, "row");
	return r;
}

/* A token as the agent writes it. */
static const char *token(enum token_kind kind, uint64_t id)
{
	struct token t = {.kind = kind, .message_id = id};
	char text[TOKEN_TEXT_MAX + 1];

	if (token_make(tokens, &t, text) != 0)
		exit(1);
	return arena_printf(S.st.arena, " %s", text);
}

static void remove_all(void)
{
	struct error err = {0};
	uint64_t id;

	while (sessiontest_rows(&id) > 0) {
		struct copy_record r = row(id);

		if (ops_copy_done(S.st.store, id, r.recipients - 1,
			COPY_REMOVED, &err) != 0 ||
		    spool_remove(S.sh.spool, id, &err) != 0)
			exit(1);
	}
}

/* --- several recipients --- */

static void test_taken(void)
{
	struct mail m = {
	    .rcpts = {"<ann@b.example>", "<bob@b.example>", "<not an address>"},
	    .rcpt_args = "NOTIFY=FAILURE",
	    .segment = " demo"};
	const struct envelope *e;
	struct spool_copy *c;
	struct error err = {0};
	struct copy_record r;
	uint64_t id;

	m.extra[0] = "X-Tendril-Campaign";
	m.extra[1] = " spring";
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "taken over whole");
	IS_INT(S.script.n_changes, 0, "the original is not touched");
	IS_INT(sessiontest_rows(&id), 1, "one row");
	r = row(id);
	OK(r.kind == COPY_TAKEN && r.recipients == 3 && r.next == 0,
	    "taken, three to go");
	OK(r.wait.due_ms <= clock_now_ms() &&
		r.wait.deadline_ms > r.wait.due_ms,
	    "due at once");
	IS_S(r.stream, STR("apps"), "stream");
	IS_S(r.segment, STR("demo"), "segment");
	IS_S(r.queue_id, str_of(S.script.queue_id), "the queue id of the 250");
	IS_INT(spool_read(S.sh.spool, id, &c, &err), 0, "file: %s", err.text);
	if (c == NULL)
		return;
	e = spool_copy_envelope(c);
	IS_S(e->sender, STR("app@example.com"), "sender");
	IS_S(e->sender_args.v[0], STR("RET=HDRS"), "RET");
	IS_S(e->rcpts[1].address, STR("bob@b.example"), "recipient");
	IS_S(e->rcpts[1].args.v[0], STR("NOTIFY=FAILURE"), "NOTIFY");
	IS_S(e->campaign, STR("spring"), "campaign");
	OK(str_ends(spool_copy_message(c),
	       STR("\r\nX-Tendril-Segment: demo\r\n"
		   "X-Tendril-Campaign: spring\r\n\r\nhi\r\n")),
	    "bytes as they came");
	spool_copy_free(&c);
	remove_all();
}

static void test_refused_whole(void)
{
	struct mail m = {.rcpts = {"<ann@b.example>", "<bob@b.example>"},
	    .segment = " nosuch"};

	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "unknown segment");
	m.segment = " demo";
	m.extra[0] = "From";
	m.extra[1] = " b@example.com";
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "not compliant");
	m.extra[0] = NULL;
	sessiontest_connect("wait");
	m.segment = " nosuch";
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "unknown = hold: taken");
	IS_INT(sessiontest_files(SPOOL_COPIES), 1, "a file");
	remove_all();
}

/* --- holds --- */

static void test_held(void)
{
	struct mail m = to("<held@b.example>", " news");
	struct copy_record r;
	uint64_t id;

	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "the first goes");
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "the second waits");
	IS_INT(sessiontest_rows(&id), 1, "held");
	r = row(id);
	OK(r.kind == COPY_HELD && r.recipients == 1, "one recipient");
	IS_S(r.queue_id, str_of(S.script.queue_id), "the queue id of the 250");
	OK(r.wait.due_ms > clock_now_ms() + INT64_C(6) * 86400000 &&
		r.wait.due_ms < r.wait.deadline_ms &&
		r.wait.then == POLICY_THEN_BOUNCE,
	    "due in seven days");
	IS_INT(sessiontest_files(SPOOL_COPIES), 1, "with a file");
	remove_all();
}

/* Whatever fails on the way to a hold: no file without a row, no row without
 * a file, no silent accept. */
static void test_hold_fails(void (*fail_at)(long), const char *what)
{
	struct mail m = to("<held@b.example>", " news");
	int wrong = 0, good = 0;
	long n;

	sessiontest_connect("apps");
	for (n = 1; n < 500 && !good; n++) {
		enum answer a;

		fail_at(n);
		a = sessiontest_send(&m);
		fail_at(0);
		good = a == ANSWER_DISCARD;
		wrong += sessiontest_rows(NULL) != good ||
			 sessiontest_files(SPOOL_COPIES) != good;
		wrong += a != ANSWER_TEMPFAIL && a != ANSWER_REJECT && !good;
	}
	IS_INT(wrong, 0, "%ld %s failing: 451, nothing left", n - 1, what);
	OK(good && n > 1, "then it works");
	remove_all();
}

/* Without its release listener the agent is not what the milter began with:
 * that takes a restart. */
static void restart(void)
{
	struct error err = {0};
	char path[128];

	session_close(&S.session);
	snapshots_close(&S.sh.snapshots);
	(void)snprintf(path, sizeof(path), "%s/tendril.conf", S.st.dir);
	if (snapshots_open(&S.sh.snapshots, path, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static void test_not_configured(void)
{
	static const char empty[] =
	    "state-dir = \"%s\"\nauthserv-id = \"m.example\"\n"
	    "lead-key = \"%s/lead.key\"\nepoch-key = \"%s/epoch.key\"\n"
	    "token-key = \"%s/token.key\" map-size = \"64M\"\n"
	    "milter { socket = \"unix:%s/m\" dns-check = no }\n"
	    "key e1 { domain = \"example.com\" selector = \"e1\"\n"
	    "  file = \"%s/e1.pem\" algorithm = \"ed25519-sha256\" }\n"
	    "domain example.com { keys = {\"e1\"} }\n"
	    "web { base-url = \"https://t.example.com\" }\n"
	    "stream apps { class = \"nurture\" listener = {\"apps\"}\n"
	    "  segment-from = {\"X-Tendril-Segment\"} }\n";
	struct mail m = {.rcpts = {"<held@b.example>"}, .segment = " news"};
	const char *d = S.st.dir;
	struct error err = {0};
	char text[2000];

	(void)snprintf(text, sizeof(text), empty, d, d, d, d, d, d);
	storetest_write(&S.st, "tendril.conf", text);
	IS_INT(snapshots_reload(S.sh.snapshots, &err), -EBUSY,
	    "no release any more: %s", err.text);
	restart();
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "a hold is put off");
	OK(strstr(S.script.reply.text, "not before 2") != NULL, "until: %s",
	    S.script.reply.text);
	m.rcpts[1] = "<ann@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "several recipients");
	IS_STR(S.script.reply.enhanced, "4.3.5", "not configured");
	sessiontest_conf("");
	restart();
}

/* --- local submission --- */

static void is_undecided(int n, const char *what)
{
	IS_INT(
	    sessiontest_files(SPOOL_UNDECIDED), n, "%s: undecided copy", what);
	IS_INT(S.script.quarantined, 0, "%s: not quarantined", what);
}

static int remove_undecided(void *arg, uint64_t id, int64_t changed_ms)
{
	struct error err;

	(void)arg;
	(void)changed_ms;
	return spool_remove(S.sh.spool, id, &err);
}

static void forget_undecided(void)
{
	struct error err;

	if (spool_each(
		S.sh.spool, SPOOL_UNDECIDED, remove_undecided, NULL, &err) != 0)
		exit(1);
}

static void test_local(void)
{
	struct mail m = to("loc@b.example", " demo");

	m.sender = "app@example.com";
	sessiontest_connect_local();
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "sent on");
	OK(sessiontest_composed(), "composed");
	m.segment = " later";
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "defer: never a tempfail");
	is_undecided(1, "defer");
	m.segment = " demo";
	m.rcpts[0] = "ned@b.example";
	IS_INT(sessiontest_envelope(&m), ANSWER_CONTINUE, "never at RCPT");
	session_abort(S.session);
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "refused at the end");
	forget_undecided();
}

static void test_local_no_ledger(void)
{
	struct mail m = to("loc2@b.example", " demo");
	struct mail other = {.rcpts = {"x@b.example"}, .sender = "cron@h"};

	m.sender = "app@example.com";
	atomic_store(&S.sh.store, NULL);
	sessiontest_connect_local();
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "no ledger");
	is_undecided(1, "no ledger");
	m.rcpts[1] = "loc3@b.example";
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "several recipients");
	is_undecided(2, "several");
	IS_INT(sessiontest_send(&other), ANSWER_CONTINUE, "other mail flows");
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "by SMTP: 451");
	IS_STR(S.script.reply.enhanced, "4.3.0", "451");
	sessiontest_connect("fixed");
	IS_INT(sessiontest_envelope(&m), ANSWER_CONTINUE, "RCPT waits");
	session_abort(S.session);
	sessiontest_connect("shop");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "transactional flows");
	sessiontest_connect("smtpd");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "the rest flows");
	atomic_store(&S.sh.store, S.st.store);
	forget_undecided();
}

static void test_local_no_spool(void)
{
	struct mail m = to("loc4@b.example", " later");
	struct spool *none, *good = S.sh.spool;
	struct error err = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/lead.key", S.st.dir);
	IS_INT(spool_open(&none, str_of(path), &err), 0, "no folder");
	m.sender = "app@example.com";
	sessiontest_connect_local();
	S.sh.spool = none;
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "spool not writable");
	m.rcpts[1] = "loc5@b.example";
	m.segment = " demo";
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "several recipients");
	S.sh.spool = good;
	spool_close(&none);
	IS_INT(S.script.quarantined, 1, "quarantined");
	IS_INT(sessiontest_files(SPOOL_UNDECIDED), 0, "no copy");
}

static void test_local_disorder(void)
{
	struct mail m = to("loc5@b.example", " demo");

	m.sender = "app@example.com";
	S.script.quarantined = 0;
	sessiontest_connect_local();
	(void)sessiontest_envelope(&m);
	session_body(S.session, STR("before the head"));
	IS_INT(session_eoh(S.session), ANSWER_CONTINUE, "no tempfail at EOH");
	IS_INT(session_eom(S.session), ANSWER_ACCEPT, "at its end");
	IS_INT(S.script.quarantined, 1, "quarantined");
	S.script.quarantine_fails = true;
	(void)sessiontest_envelope(&m);
	session_body(S.session, STR("before the head"));
	IS_INT(session_eom(S.session), ANSWER_TEMPFAIL,
	    "if that fails too: not accepted");
	S.script.quarantine_fails = false;
}

static void test_local_no_memory(void)
{
	int wrong = 0, good = 0;
	long n;

	for (n = 1; n < 500 && !good; n++) {
		struct mail m = to("loc6@b.example", " demo");
		int before = sessiontest_files(SPOOL_UNDECIDED);
		enum answer a;

		m.sender = "app@example.com";
		sessiontest_connect_local();
		fault_alloc_at(n);
		a = sessiontest_send(&m);
		fault_alloc_at(0);
		good = a == ANSWER_CONTINUE && sessiontest_composed();
		if (a == ANSWER_DISCARD)
			wrong +=
			    sessiontest_files(SPOOL_UNDECIDED) != before + 1;
		else if (a == ANSWER_ACCEPT)
			wrong += S.script.quarantined != 1;
		else
			wrong += a != ANSWER_REJECT && !good;
	}
	IS_INT(wrong, 0, "%ld allocations failing: kept or quarantined", n - 1);
	OK(good && n > 10, "then it works");
	forget_undecided();
}

/* --- stream 0 --- */

static uint64_t held_copy(const char *rcpt, const char *segment)
{
	struct error err = {0};
	struct copy_new c = {.kind = COPY_HELD,
	    .stream = STR("apps"),
	    .segment = str_of(segment),
	    .wait.due_ms = clock_now_ms(),
	    .recipients = 1};
	static const struct header_list none;
	struct envelope_rcpt r = {.address = str_of(rcpt)};
	struct envelope e = {.kind = COPY_HELD,
	    .arrived_ms = clock_now_ms(),
	    .rcpts = &r,
	    .n_rcpts = 1};

	if (spool_add(S.sh.spool, &e, &(struct spool_message){&none, STR("")},
		&c.id, &err) != 0 ||
	    ops_copy_add(S.st.store, &c, &err) != 0)
		exit(1);
	return c.id;
}

static void test_release(void)
{
	struct mail m = to("<rel@b.example>", " news");
	uint64_t id = held_copy("rel@b.example", "news");
	const struct change *c;

	m.token = token(TOKEN_RAW, id);
	m.id = " <rel@app.example>";
	m.extra[0] = "X-Tendril-Id";
	m.extra[1] = " what the application wrote";
	sessiontest_connect("release");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "allowed: sent on");
	OK(sessiontest_composed(), "composed and signed");
	c = sessiontest_find(CHANGE_REMOVE, "X-Tendril-Id");
	OK(c != NULL && c->index == 2, "both tokens go, the last one first");
	c = sessiontest_find(CHANGE_APPEND, "Feedback-ID");
	OK(c != NULL && str_contains(c->value, STR("apps")),
	    "by the stream that it came by");
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL,
	    "submitted again, the log is silent yet");
	OK(strstr(S.script.reply.text, "on its way") != NULL, "in flight");
	m.id = NULL;
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "another: cap");
	OK(strstr(S.script.reply.text, "not before 2") != NULL &&
		S.script.reply.code == 451,
	    "with the instant: %s", S.script.reply.text);
	m.rcpts[0] = "<ned@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "suppressed meanwhile");
	IS_INT(sessiontest_rows(NULL), 1, "no verdict makes a copy");
	m.rcpts[0] = "<rel2@b.example>";
	m.rcpts[1] = "<rel3@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "two recipients: refused");
	remove_all();
	m.rcpts[1] = NULL;
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "the row is gone");
}

static void test_release_report(void)
{
	uint64_t id = held_copy("rep@b.example", "news");
	struct mail m = to("<app@example.com>", NULL);
	char message_id[80];

	m.sender = "<>";
	m.token = token(TOKEN_RAW, id);
	sessiontest_connect("release");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "not on a copy");
	m.id = message_id;
	(void)snprintf(message_id, sizeof(message_id),
	    " <%016llx.0.report@mx.example>", (unsigned long long)id + 1);
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "on another copy");
	IS_INT(sessiontest_rows(NULL), 1, "nobody is done with those");
	(void)snprintf(message_id, sizeof(message_id),
	    " <%016llx.0.report@mx.example>", (unsigned long long)id);
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "a report of ours");
	OK(sessiontest_find(CHANGE_REMOVE, "X-Tendril-Id") != NULL &&
		sessiontest_find(CHANGE_TOP, "DKIM-Signature") != NULL &&
		sessiontest_find(CHANGE_SENDER, "") == NULL,
	    "token removed, signed, not composed");
	IS_INT(sessiontest_rows(NULL), 0, "the recipient is done with it");
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "a second one is none");
	IS_INT(spool_remove(S.sh.spool, id, NULL), 0, "the agent's part");
}

static void test_release_forged(void)
{
	struct mail m = to("<f@b.example>", " demo");
	uint64_t id = held_copy("f@b.example", "demo");

	sessiontest_connect("release");
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "no token");
	IS_STR(S.script.reply.enhanced, "5.7.7", "no token");
	m.token = " raw";
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "no token at all");
	m.token = token(TOKEN_BOUNCE, id);
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "another kind");
	m.token = token(TOKEN_COMPOSED, id);
	IS_INT(sessiontest_send(&m), ANSWER_REJECT, "composed, but unknown");
	m.token = token(TOKEN_RAW, id);
	sessiontest_connect("smtpd");
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "a copy, astray");
	IS_STR(S.script.reply.enhanced, "4.3.5", "astray");
	sessiontest_connect_from("smtpd", "filter", 4711, 7);
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL,
	    "astray through a re-inject network too");
	m.token = token(TOKEN_COMPOSED, id);
	sessiontest_connect("smtpd");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "elsewhere: no meaning");
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "elsewhere: ignored");
	OK(sessiontest_find(CHANGE_REMOVE, "X-Tendril-Id") != NULL,
	    "and removed");
	remove_all();
}

static void test_release_gone_stream(void)
{
	struct mail m = to("<g@b.example>", " demo");
	struct error err = {0};
	struct copy_new c = {.id = 77,
	    .kind = COPY_HELD,
	    .stream = STR("nosuch"),
	    .wait.due_ms = 1,
	    .recipients = 1};

	IS_INT(ops_copy_add(S.st.store, &c, &err), 0, "a row");
	m.token = token(TOKEN_RAW, 77);
	sessiontest_connect("release");
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "its stream is gone");
	remove_all();
}

static void keep(const struct change *c, char *out, size_t cap)
{
	struct str v = c != NULL ? c->value : STR("");

	(void)snprintf(out, cap, "%.*s", STR_ARG(v));
}

static void deliver(const char *token_field)
{
	struct slot_change c = {
	    .kind = SLOT_CHANGE_DELIVERED, .at_ms = clock_now_ms()};
	struct error err = {0};
	struct token t;

	IS_INT(token_parse(tokens, TOKEN_SET(TOKEN_COMPOSED),
		   str_trim(str_of(token_field)), &t),
	    0, "our token");
	c.message_id = t.message_id;
	IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "delivered");
}

/* A recipient sends our token back through the filter, with his own text. */
static void test_oracle(const struct mail *pass)
{
	struct mail m = *pass;

	m.rcpts[0] = "<oracle@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "another's token");
	IS_INT(S.script.n_changes, 0, "nothing is signed for him");
	m.rcpts[0] = "<pass@b.example>";
	m.rcpts[1] = "<oracle@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "one more recipient");
	m.rcpts[1] = NULL;
	deliver(m.token);
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "his own, after delivery");
	IS_INT(S.script.n_changes, 0, "nothing is signed for him");
}

/* Out, through a content filter, and in again. */
static void test_second_pass(void)
{
	struct mail m = to("<pass@b.example>", " demo");
	char id_field[100], sender[100], sig[600];
	const struct change *c;

	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "first pass");
	c = sessiontest_find(CHANGE_APPEND, "X-Tendril-Id");
	keep(c, id_field, sizeof(id_field));
	c = sessiontest_find(CHANGE_SENDER, "");
	keep(c, sender, sizeof(sender));
	c = sessiontest_find(CHANGE_TOP, "DKIM-Signature");
	keep(c, sig, sizeof(sig));
	m.sender = sender;
	m.token = id_field;
	m.segment = NULL;
	m.extra[0] = "DKIM-Signature";
	m.extra[1] = sig;
	m.extra[2] = "DKIM-Signature";
	m.extra[3] = " v=1; a=rsa-sha256; d=other.example; s=x; b=";
	m.extra[4] = "List-Unsubscribe";
	m.extra[5] = " <https://t.example.com/u/old>";
	m.body = "changed by the filter\r\n";
	sessiontest_connect_from("smtpd", "filter", 4711, 7);
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "second pass");
	OK(sessiontest_composed(), "fields and signature are new");
	c = sessiontest_find(CHANGE_REMOVE, "DKIM-Signature");
	OK(c != NULL && c->index == 1, "our old signature goes");
	c = sessiontest_find(CHANGE_SENDER, "");
	IS_S(c != NULL ? c->value : STR(""), str_of(sender), "the same ids");
	test_oracle(&m);
	m.rcpts[0] = "<pass2@b.example>";
	m.token = NULL;
	m.extra[0] = NULL;
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT,
	    "without a token it is ordinary mail");
}

/* --- the map is full: nothing can be recorded any more --- */

/* Policies of that size, until one does not fit. */
static int fill_by(char *text, size_t pad)
{
	static int count;
	size_t n = sizeof(sessiontest_policy) - 1;
	struct ops_policy in = {.path = STR("p"),
	    .text = {text, n + pad},
	    .author = STR("test"),
	    .reason = STR("test")};
	struct error err = {0};
	uint32_t version;
	int rc = 0;

	for (int i = 0; rc == 0 && i < 100; i++, count++) {
		text[n + 2] = (char)('a' + count % 26);
		text[n + 3] = (char)('a' + count / 26);
		rc = ops_policy_apply(S.st.store, &in, &version, &err);
	}
	return rc;
}

static int fill_ledger(void)
{
	enum {
		PAD = 1000 * 1000
	};
	size_t n = sizeof(sessiontest_policy) - 1;
	char *text = malloc(n + PAD);
	int rc = 0;

	if (text == NULL)
		exit(1);
	memcpy(text, sessiontest_policy, n);
	for (size_t i = 0; i < PAD; i++)
		text[n + i] = i % 1000 == 0 ? '\n' : '#';
	for (size_t pad = PAD; pad > 100; pad /= 4)
		rc = fill_by(text, pad);
	free(text);
	return rc;
}

static void test_full(void)
{
	struct mail m = to("<full@b.example>", " demo");
	char rcpt[40];

	IS_INT(fill_ledger(), ERR_FULL, "the map is full");
	forget_undecided();
	sessiontest_connect("apps");
	/* A little room may be left: it is soon used up. */
	for (int i = 0; i < 200; i++) {
		(void)snprintf(rcpt, sizeof(rcpt), "<f%d@b.example>", i);
		m.rcpts[0] = rcpt;
		if (sessiontest_send(&m) == ANSWER_TEMPFAIL)
			break;
	}
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "by SMTP");
	IS_STR(S.script.reply.enhanced, "4.3.0", "451");
	m.rcpts[1] = "<full2@b.example>";
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "several recipients");
	IS_INT(sessiontest_files(SPOOL_COPIES), 0, "no file without a row");
	m.rcpts[1] = NULL;
	m.rcpts[0] = "full@b.example";
	m.sender = "app@example.com";
	sessiontest_connect_local();
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "local: taken over");
	is_undecided(1, "full");
	sessiontest_connect("shop");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "transactional flows");
	sessiontest_connect("smtpd");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "the rest flows");
}

int main(void)
{
	struct error err = {0};
	char path[128];

	sessiontest_open();
	(void)snprintf(path, sizeof(path), "%s/token.key", S.st.dir);
	if (token_keys_load(&tokens, path, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	sessiontest_apply(sessiontest_policy);
	sessiontest_suppress("ned@b.example");
	test_taken();
	test_refused_whole();
	test_held();
	test_hold_fails(fault_alloc_at, "allocations");
	test_hold_fails(fault_write_at, "writes");
	test_not_configured();
	test_local();
	test_local_no_ledger();
	test_local_no_spool();
	test_local_disorder();
	test_local_no_memory();
	test_release();
	test_release_report();
	test_release_forged();
	test_release_gone_stream();
	test_second_pass();
	test_full();
	token_keys_free(&tokens);
	sessiontest_close();
	return tap_done();
}
