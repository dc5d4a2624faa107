/* sessiontest.h - sessions of the milter driven by a scripted MTA, without
 * libmilter, on a real ledger and spool in a temporary folder. */
#ifndef TESTS_UNIT_SESSIONTEST_H
#define TESTS_UNIT_SESSIONTEST_H

#include "tests/unit/storetest.h"

#include "milter/session.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/dkim_key.h"
#include "policy/state/copy.h"
#include "policy/state/message.h"

#include <errno.h>

__attribute__((unused)) static const char sessiontest_policy[] =
    "person { at-most = \"2 per 7d\" }\n"
    "segment news { purpose = newsletter legal-basis = legitimate-interest\n"
    "  at-most = \"1 per 7d\" when-full = \"hold 10d, then bounce\" }\n"
    "segment demo { purpose = demos legal-basis = legitimate-interest\n"
    "  when-full = reject }\n"
    "segment later { purpose = later legal-basis = legitimate-interest\n"
    "  at-most = \"0 per 1d\" when-full = defer }\n"
    "segment posted { purpose = posted legal-basis = legitimate-interest\n"
    "  postal-address = \"M\xc3\xbcller GmbH, Weg 1, 10115 Berlin\" }\n";

static const char sessiontest_streams[] =
    "mta-log { file = \"/var/log/mail.log\" }\n"
    "web { base-url = \"https://t.example.com\" }\n"
    "seeds = {\"proof@example.com\"}\n"
    "re-inject = {\"10.9.8.7\"}\n"
    "domain example.com { keys = {\"e1\"}\n"
    "  bounce-domain = \"bounces.example.com\" sender-id = \"examplecom\" }\n"
    "stream rel { class = \"release\" listener = {\"release\"} }\n"
    "stream fixed { class = \"nurture\" listener = {\"fixed\"}\n"
    "  segment = \"demo\" }\n"
    "stream apps { class = \"nurture\" listener = {\"apps\"}\n"
    "  header = {\"X-Tendril-Segment\"}\n"
    "  segment-from = {\"X-Tendril-Segment\"}\n"
    "  campaign-from = {\"X-Tendril-Campaign\"} }\n"
    "stream wait { class = \"nurture\" listener = {\"wait\"}\n"
    "  segment-from = {\"X-Tendril-Segment\"} unknown = \"hold\" }\n"
    "stream stand { class = \"nurture\" listener = {\"stand\"}\n"
    "  segment-from = {\"X-Tendril-Segment\"}\n"
    "  unknown = \"segment demo\" }\n"
    "stream local { class = \"nurture\" local = yes\n"
    "  sender = {\"app@*\"} segment-from = {\"X-Tendril-Segment\"} }\n"
    "stream cron { class = \"transactional\" local = yes }\n"
    "stream shop { class = \"transactional\" listener = {\"shop\"} }\n"
    "stream sales { class = \"one-to-one\" sasl-user = {\"anna\"} }\n"
    "stream answers { class = \"inbound\" listener = {\"in\"} }\n"
    "stream rest { class = \"pass\" }\n";

/* The MTA's listener for copies. */
static char sessiontest_release[96] = "127.0.0.1:10026";

/* What the MTA was asked to do. */
struct script {
	const char *listener, *sasl_user, *queue_id;
	struct change changes[64];
	size_t n_changes;
	int change_fails_at; /* 1: the first; 0: none */
	int quarantined;
	bool quarantine_fails;
	struct reply reply;
	char text[64][3000]; /* values of changes: borrowed ones are gone */
};

struct sessiontest {
	struct storetest st;
	struct shared sh;
	struct script script;
	struct mta mta;
	struct session *session;
};

static struct sessiontest S;

static const char *sessiontest_macro(void *ctx, const char *name)
{
	const struct script *k = ctx;

	if (strcmp(name, "daemon_name") == 0)
		return k->listener;
	if (strcmp(name, "auth_authen") == 0)
		return k->sasl_user;
	return strcmp(name, "i") == 0 ? k->queue_id : NULL;
}

static int sessiontest_change(
    void *ctx, const struct change *c, struct str sender_args)
{
	struct script *k = ctx;
	char *text = k->text[k->n_changes];

	(void)sender_args;
	if (k->change_fails_at == (int)k->n_changes + 1)
		return -EIO;
	if (k->n_changes == 64)
		exit(1);
	(void)snprintf(text, sizeof(k->text[0]), "%.*s|%.*s", STR_ARG(c->name),
	    STR_ARG(c->value));
	k->changes[k->n_changes] = *c;
	k->changes[k->n_changes].name = (struct str){text, c->name.n};
	k->changes[k->n_changes].value = str_of(text + c->name.n + 1);
	k->n_changes++;
	return 0;
}

static int sessiontest_quarantine(void *ctx, const char *reason)
{
	struct script *k = ctx;

	(void)reason;
	k->quarantined++;
	return k->quarantine_fails ? -EIO : 0;
}

static int sessiontest_reply(void *ctx, const struct reply *r)
{
	((struct script *)ctx)->reply = *r;
	return 0;
}

/* --- the folder, the keys, the policy --- */

static void sessiontest_key(void)
{
	struct secret *pem = NULL;
	struct error err = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/e1.pem", S.st.dir);
	if (dkim_key_generate(DKIM_ALG_ED25519_SHA256, &pem, &err) != 0 ||
	    file_write_atomic(path, secret_bytes(pem), 0600, &err) != 0) {
		printf("Bail out! key: %s\n", err.text);
		exit(1);
	}
	secret_free(&pem);
}

/* Writes the conf; mode and further lines come first. */
static void sessiontest_conf(const char *first)
{
	char path[128], text[8000];
	const char *d = S.st.dir;

	(void)snprintf(path, sizeof(path), "%s/tendril.conf", d);
	(void)snprintf(text, sizeof(text),
	    "%s\nstate-dir = \"%s\"\nauthserv-id = \"mail.example.com\"\n"
	    "lead-key = \"%s/lead.key\"\nepoch-key = \"%s/epoch.key\"\n"
	    "token-key = \"%s/token.key\"\nmap-size = \"64M\"\n"
	    "milter { socket = \"unix:%s/m\" max-headers = 200\n"
	    "  max-recipients = 300 max-message = \"3M\"\n"
	    "  self-verify-every = 1 dns-check = no }\n"
	    "key e1 { domain = \"example.com\" selector = \"e1\"\n"
	    "  file = \"%s/e1.pem\" algorithm = \"ed25519-sha256\" }\n"
	    "agent { release = \"%s\" maildir = \"%s/Maildir\" }\n%s",
	    first, d, d, d, d, d, d, sessiontest_release, d,
	    sessiontest_streams);
	storetest_write(&S.st, "tendril.conf", text);
}

__attribute__((unused)) static void sessiontest_reload(const char *first)
{
	struct error err = {0};

	sessiontest_conf(first);
	if (snapshots_reload(S.sh.snapshots, &err) != 0) {
		printf("Bail out! reload: %s\n", err.text);
		exit(1);
	}
}

__attribute__((unused)) static void sessiontest_apply(const char *text)
{
	struct ops_policy in = {.path = STR("p"),
	    .text = str_of(text),
	    .author = STR("test"),
	    .reason = STR("test")};
	struct error err = {0};
	uint32_t version;

	if (ops_policy_apply(S.st.store, &in, &version, &err) != 0) {
		printf("Bail out! policy: %s\n", err.text);
		exit(1);
	}
}

static void sessiontest_open(void)
{
	struct error err = {0};
	char path[128];

	storetest_open(&S.st);
	sessiontest_key();
	sessiontest_conf("");
	(void)snprintf(path, sizeof(path), "%s/tendril.conf", S.st.dir);
	if (snapshots_open(&S.sh.snapshots, path, &err) != 0 ||
	    spool_open(&S.sh.spool, str_of(S.st.dir), &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	atomic_store(&S.sh.store, S.st.store);
	S.mta = (struct mta){&S.script, sessiontest_macro, sessiontest_change,
	    sessiontest_quarantine, sessiontest_reply};
}

static void sessiontest_close(void)
{
	session_close(&S.session);
	spool_close(&S.sh.spool);
	snapshots_close(&S.sh.snapshots);
	storetest_close(&S.st);
}

/* --- a connection --- */

static void sessiontest_connect_from(
    const char *listener, const char *host, unsigned port, unsigned char last)
{
	unsigned char addr[16] = {
	    [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 9, [14] = 8};

	addr[15] = last;
	session_close(&S.session);
	S.script.listener = listener;
	S.script.sasl_user = NULL;
	S.session = session_open(&S.sh, &S.mta);
	if (S.session != NULL)
		session_connect(S.session, host, addr, port);
}

__attribute__((unused)) static void sessiontest_connect(const char *listener)
{
	sessiontest_connect_from(listener, "app.example", 4711, 1);
}

__attribute__((unused)) static void sessiontest_connect_local(void)
{
	sessiontest_connect_from("", "localhost", 0, 1);
}

/* --- a message --- */

struct mail {
	const char *sender;    /* NULL: <app@example.com> */
	const char *rcpts[8];  /* NULL ends */
	const char *rcpt_args; /* one, for each */
	const char *segment;   /* X-Tendril-Segment, NULL: none */
	const char *id;        /* Message-ID; NULL: a new one */
	const char *token;     /* X-Tendril-Id on top */
	const char *extra[9];  /* name, value... */
	const char *body;
};

static enum answer sessiontest_envelope(const struct mail *m)
{
	char *mail[] = {
	    (char *)(uintptr_t)(m->sender != NULL ? m->sender
						  : "<app@example.com>"),
	    (char *)(uintptr_t) "RET=HDRS", NULL};
	enum answer a = ANSWER_CONTINUE, any = ANSWER_REJECT;

	session_mail(S.session, mail);
	for (size_t i = 0; i < 8 && m->rcpts[i] != NULL; i++) {
		char *rcpt[] = {(char *)(uintptr_t)m->rcpts[i],
		    (char *)(uintptr_t)m->rcpt_args, NULL};
		a = session_rcpt(S.session, rcpt);
		if (a == ANSWER_CONTINUE)
			any = a;
	}
	return any == ANSWER_CONTINUE ? any : a;
}

static enum answer sessiontest_head(const struct mail *m)
{
	static unsigned count;
	char id[64];

	(void)snprintf(id, sizeof(id), " <%u@app.example>", ++count);
	if (m->token != NULL)
		session_header(S.session, "X-Tendril-Id", m->token);
	session_header(S.session, "From", " News <news@example.com>");
	session_header(S.session, "Subject", " hello");
	session_header(S.session, "Message-ID", m->id != NULL ? m->id : id);
	if (m->segment != NULL)
		session_header(S.session, "X-Tendril-Segment", m->segment);
	for (size_t i = 0; i < 8 && m->extra[i] != NULL; i += 2)
		session_header(S.session, m->extra[i], m->extra[i + 1]);
	return session_eoh(S.session);
}

/* All of it; stops where the MTA would. */
__attribute__((unused)) static enum answer sessiontest_send(
    const struct mail *m)
{
	struct script *k = &S.script;
	enum answer a;

	k->n_changes = 0;
	k->quarantined = 0;
	k->reply = (struct reply){0};
	if (k->queue_id == NULL)
		k->queue_id = "4abcQ1";
	if (S.session == NULL)
		return ANSWER_TEMPFAIL;
	a = sessiontest_envelope(m);
	if (a == ANSWER_CONTINUE)
		a = sessiontest_head(m);
	if (a == ANSWER_CONTINUE) {
		session_body(
		    S.session, str_of(m->body != NULL ? m->body : "hi\r\n"));
		a = session_eom(S.session);
	} else
		session_abort(S.session);
	return a;
}

static const struct change *sessiontest_find(
    enum change_kind kind, const char *name)
{
	for (size_t i = 0; i < S.script.n_changes; i++)
		if (S.script.changes[i].kind == kind &&
		    str_ieq(S.script.changes[i].name, str_of(name)))
			return &S.script.changes[i];
	return NULL;
}

/* Composed and signed, as a nurture message leaves. */
__attribute__((unused)) static bool sessiontest_composed(void)
{
	return sessiontest_find(CHANGE_APPEND, "List-Unsubscribe") != NULL &&
	       sessiontest_find(CHANGE_APPEND, "X-Tendril-Id") != NULL &&
	       sessiontest_find(CHANGE_SENDER, "") != NULL &&
	       sessiontest_find(CHANGE_TOP, "DKIM-Signature") != NULL;
}

/* --- what is kept --- */

/* Rows of copies; the last one's id in *id_out (may be NULL). */
__attribute__((unused)) static int sessiontest_rows(uint64_t *id_out)
{
	struct ledger_txn *t = NULL;
	struct copy_record r;
	uint64_t after = 0;
	int n = 0;

	if (ledger_read_begin(S.st.store->ledger, &t) != 0)
		return -1;
	while (copy_next(t, after, &r) == 0) {
		after = r.id;
		n++;
	}
	ledger_read_end(&t);
	if (id_out != NULL)
		*id_out = after;
	return n;
}

static int sessiontest_count(void *arg, uint64_t id, int64_t changed_ms)
{
	(void)id;
	(void)changed_ms;
	++*(int *)arg;
	return 0;
}

__attribute__((unused)) static int sessiontest_files(enum spool_place place)
{
	struct error err;
	int n = 0;

	return spool_each(S.sh.spool, place, sessiontest_count, &n, &err) == 0
		   ? n
		   : -1;
}

__attribute__((unused)) static void sessiontest_suppress(const char *address)
{
	struct ops_suppress in = {.reason = SUPPRESSION_MANUAL,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct error err = {0};
	bool changed;

	if (ops_target_parse(S.st.arena, str_of(address), &in.target, &err) !=
		0 ||
	    ops_suppress_add(S.st.store, &in, &changed, &err) != 0) {
		printf("Bail out! suppress: %s\n", err.text);
		exit(1);
	}
}

#endif
