/* test_bounce.c - phrases, and why a message was not delivered. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/rules/bounce.h"
#include "policy/rules/bounce_rules.h"
#include "policy/rules/phrases.h"

static struct bounce_rules *rules;

/* ---- phrases ---- */

static const char *const set[] = {"user unknown", "unknown", "black*",
    "no such user", NULL, "such", "nao existe", "user unknown", "*list",
    "*\345\255\230\345\234\250*", "\321\217\321\211\320\270\320\272 \320\277"};

enum {
	SET = sizeof(set) / sizeof(*set)
};

static const struct phrase_case {
	struct str text;
	unsigned want; /* bit i: set[i] */
} phrase_cases[] = {
    {STR("User Unknown"), 0x83},
    {STR("user  \r\n\tunknown!"), 0x83},
    {STR("user-unknown_in,table"), 0x83},
    {STR("unknownx"), 0},
    {STR("xunknown"), 0},
    {STR("an unknown thing"), 0x02},
    {STR("black"), 0x04},
    {STR("BLACKLISTED"), 0x04},
    {STR("blacklist"), 0x104},
    {STR("an xlist"), 0x100},
    {STR("xlists"), 0},
    /* Japanese has no blanks */
    {STR("\344\270\200\345\255\230\345\234\250\344\270\200"), 0x200},
    {STR("user\343\200\200unknown\343\200\202"), 0x83},
    {STR("\320\257\320\251\320\230\320\232 \320\237"), 0x400},
    {STR("user\302\240unknown"), 0x83},
    {STR("\342\200\234unknown\342\200\235"), 0x02},
    {STR("xblack"), 0},
    {STR("no such user"), 0x28},
    {STR("no such@example.com user"), 0},
    {STR("<unknown@example.com>... user unknown"), 0x83},
    {STR("to:<a@example.com>:unknown"), 0x02},
    {STR("user 550-5.1.1 unknown"), 0x83},
    {STR("user (#5.1.1) unknown"), 0x83},
    {STR("user 550 unknown"), 0x83},
    {STR("user 5501 unknown"), 0x02},
    {STR("user 350 unknown"), 0x02},
    {STR("user\0unknown"), 0x83},
    {STR("N\303\203O existe"), 0x40},
    {STR("n\343o existe"), 0x40}, /* ISO-8859-1 */
    {STR("NAO existe"), 0x40},
    {STR("n\303 existe"), 0},
    {STR(""), 0},
};

static void test_phrases(void)
{
	static const char *const bad[] = {"User", "a  b", " a", "a ", "a*b",
	    "*", "a *", "a.b", "**", "* a", "a**"};
	struct phrases *p = NULL;

	IS_INT(phrases_new(set, SET, &p), 0, "compiles");
	for (size_t i = 0; i < sizeof(phrase_cases) / sizeof(*phrase_cases);
	     i++) {
		uint64_t hits[PHRASES_WORDS(SET)] = {0};

		phrases_match(p, phrase_cases[i].text, hits);
		IS_INT(hits[0], phrase_cases[i].want, "phrases in '%.*s'",
		    STR_ARG(phrase_cases[i].text));
	}
	phrases_free(&p);
	OK(p == NULL, "freed");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		IS_INT(phrases_new(&bad[i], 1, &p), ERR_SYNTAX, "refuses '%s'",
		    bad[i]);
	IS_INT(phrases_new(bad, PHRASES_MAX + 1, &p), ERR_LIMIT, "bounded");
}

static void test_codes(void)
{
	static const struct {
		const char *text, *code;
	} cases[] = {
	    {"550 5.1.1 no", "5.1.1"},
	    {"550-5.7.26 no", "5.7.26"},
	    {"no (#5.7.1)", "5.7.1"},
	    {"[5.2.2]", "5.2.2"},
	    {"smtp;5.4.312 x", "5.4.312"},
	    {"4.0.0", "4.0.0"},
	    {"host 5.1.1.7 said no", NULL},
	    {"host 192.5.1.1 said no", NULL},
	    {"v4.5", NULL},
	    {"x5.1.1", NULL},
	    {"5.1.1234", NULL},
	    {"3.1.1", NULL},
	    {"5.1.", NULL},
	    {"5..1", NULL},
	    {"", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bounce_status s;
		struct str code = STR_NULL;
		bool found =
		    bounce_find_status(str_of(cases[i].text), &s, &code);

		IS_INT(found, cases[i].code != NULL, "'%s'", cases[i].text);
		IS_S(code, str_of(cases[i].code), "its code");
	}
}

/* ---- classification ---- */

static enum bounce_reason classify(enum bounce_outcome outcome,
    const char *status, const char *diagnostic, struct bounce_answer *out)
{
	struct bounce_evidence e = {.outcome = outcome,
	    .status = str_of(status),
	    .diagnostic = str_of(diagnostic)};

	bounce_classify(rules, &e, out);
	return out->reason;
}

/* Texts as Postfix, Sendmail, Exim, Exchange and large providers send them. */
static const struct bounce_case {
	enum bounce_outcome outcome;
	const char *status, *diagnostic;
	enum bounce_reason want;
} cases[] = {
    /* an address that Postfix tried elsewhere */
    {BOUNCE_FAILED, "5.1.1",
	"550 5.1.1 <a@example.com>: Recipient address rejected: undeliverable "
	"address: host mx2.example.com[192.0.2.1] said: 554 5.7.1 relay not "
	"possible (in reply to RCPT TO command)",
	BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.1.1",
	"550 5.1.1 <a@example.com>: Recipient address rejected: undeliverable "
	"address: host mx2.example.com[192.0.2.1] said: 550 5.1.1 no such user "
	"(in reply to RCPT TO command)",
	BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.1.1",
	"550 5.1.1 <a@example.com>: Recipient address rejected: undeliverable "
	"address: Host or domain name not found. Name service error for "
	"name=mx2.example.com type=A: Host not found",
	BOUNCE_NETWORK},
    {BOUNCE_FAILED, "5.0.0",
	"450 4.1.1 <a@example.com>: Recipient address rejected: undeliverable "
	"address: host mx2.example.com[192.0.2.1] said: 550 5.1.1 no such user",
	BOUNCE_NETWORK},
    {BOUNCE_FAILED, "5.1.1",
	"550 5.1.1 <a@example.com>: Recipient address rejected: undeliverable "
	"address: whatever",
	BOUNCE_OTHER},
    /* the person */
    {BOUNCE_FAILED, "5.1.1",
	"550 5.1.1 <a@example.com>: Recipient address "
	"rejected: User unknown in virtual mailbox "
	"table",
	BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.1.1", "", BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.0.0", "550 No such user here", BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.7.1", "550 5.7.1 No such user 12si34",
	BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.1.1",
	"550-5.1.1 The email account that you tried to reach does not "
	"exist. Please try\n 550-5.1.1 double-checking the recipient's "
	"email address\n 550 5.1.1 https://support.google.com/mail/?p="
	"NoSuchUser x - gsmtp",
	BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.1.10",
	"550 5.1.10 RESOLVER.ADR.RecipientNotFound; "
	"Recipient not found by SMTP address lookup",
	BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.5.0",
	"550 5.5.0 Requested action not taken: "
	"mailbox unavailable (S2017062302)",
	BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.4.1",
	"550 5.4.1 Recipient address rejected: Access "
	"denied. AS(201806281) [x.prod.protection."
	"outlook.com]",
	BOUNCE_USER_UNKNOWN},
    {BOUNCE_FAILED, "5.2.1",
	"550 5.2.1 The email account that you tried "
	"to reach is disabled",
	BOUNCE_MAILBOX_DISABLED},
    {BOUNCE_FAILED, "5.2.1", "", BOUNCE_MAILBOX_DISABLED},
    {BOUNCE_FAILED, "5.1.6", "551 the mailbox has moved", BOUNCE_MAILBOX_MOVED},
    {BOUNCE_FAILED, "5.4.4",
	"Host or domain name not found. Name service "
	"error for name=example.invalid type=A: Host "
	"not found",
	BOUNCE_HOST_UNKNOWN},
    {BOUNCE_FAILED, "5.1.2", "550 Host unknown", BOUNCE_HOST_UNKNOWN},
    {BOUNCE_FAILED, "5.1.10",
	"Domain example.com does not accept mail "
	"(nullMX)",
	BOUNCE_HOST_UNKNOWN},
    /* not the person, whatever the code */
    {BOUNCE_FAILED, "4.2.2", "550 4.2.2 mailbox full", BOUNCE_MAILBOX_FULL},
    {BOUNCE_FAILED, "5.1.1", "550 5.1.1 <a@example.com> Mailbox full",
	BOUNCE_MAILBOX_FULL},
    {BOUNCE_FAILED, "5.0.0", "552 rejected: over quota", BOUNCE_MAILBOX_FULL},
    {BOUNCE_FAILED, "5.2.2",
	"552-5.2.2 The recipient's inbox is out of "
	"storage space",
	BOUNCE_MAILBOX_FULL},
    {BOUNCE_FAILED, "5.1.1", "550 5.1.1 user unknown, listed by Spamhaus",
	BOUNCE_REPUTATION},
    {BOUNCE_FAILED, "5.1.1", "550 5.1.1 recipient rejected by policy",
	BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.1.1", "550 5.1.1 message blocked", BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.1.1", "550 5.1.1 No such user - gcdp x - gsmtp",
	BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.4.1",
	"550 5.4.1 Recipient address rejected: Access "
	"denied",
	BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.1.8",
	"550 5.1.8 <a@example.com>: Sender address "
	"rejected: Domain not found",
	BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.7.1", "550 5.7.1 sender verify failed: no such user",
	BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.0.0",
	"550 Requested action not taken: mailbox "
	"unavailable. For explanation visit "
	"https://postmaster.example.com",
	BOUNCE_POLICY},
    /* us */
    {BOUNCE_FAILED, "5.7.26",
	"550-5.7.26 This mail has been blocked "
	"because the sender is unauthenticated.",
	BOUNCE_AUTH_FAILURE},
    {BOUNCE_FAILED, "5.7.515",
	"550 5.7.515 Access denied, sending domain "
	"example.com does not meet the required "
	"authentication level",
	BOUNCE_AUTH_FAILURE},
    {BOUNCE_FAILED, "5.7.509", "", BOUNCE_AUTH_FAILURE},
    {BOUNCE_FAILED, "5.7.1",
	"554 5.7.1 Service unavailable; Client host "
	"[192.0.2.1] blocked using zen.spamhaus.org",
	BOUNCE_REPUTATION},
    {BOUNCE_FAILED, "5.7.25", "", BOUNCE_REPUTATION},
    {BOUNCE_FAILED, "5.7.606",
	"550 5.7.606 Access denied, banned sending "
	"IP [192.0.2.1]",
	BOUNCE_REPUTATION},
    {BOUNCE_DELAYED, "4.7.0",
	"421-4.7.0 unusual rate of unsolicited mail "
	"originating from your IP address",
	BOUNCE_REPUTATION},
    {BOUNCE_DELAYED, "4.2.1",
	"450-4.2.1 The user you are trying to "
	"contact is receiving mail at a rate that",
	BOUNCE_THROTTLED},
    {BOUNCE_DELAYED, "4.7.28", "", BOUNCE_THROTTLED},
    {BOUNCE_DELAYED, "4.2.0",
	"450 4.2.0 Recipient address rejected: "
	"Greylisted, see example.com",
	BOUNCE_THROTTLED},
    {BOUNCE_FAILED, "5.7.1",
	"554 5.7.1 <a@example.com>: Relay access "
	"denied",
	BOUNCE_RELAY_DENIED},
    {BOUNCE_FAILED, "5.1.1", "550 5.1.1 relaying denied", BOUNCE_RELAY_DENIED},
    /* the message */
    {BOUNCE_FAILED, "5.3.4",
	"message size 20000000 exceeds size limit "
	"10485760 of server mx.example.com",
	BOUNCE_TOO_BIG},
    {BOUNCE_FAILED, "5.2.3", "", BOUNCE_TOO_BIG},
    {BOUNCE_FAILED, "5.7.1",
	"550 5.7.1 Message rejected as spam by "
	"Content Filtering.",
	BOUNCE_SPAM_CONTENT},
    {BOUNCE_FAILED, "5.0.0", "554 rejected due to virus", BOUNCE_SPAM_CONTENT},
    {BOUNCE_FAILED, "5.6.1", "", BOUNCE_CONTENT},
    {BOUNCE_FAILED, "5.7.9",
	"554 5.7.9 Message not accepted for policy "
	"reasons",
	BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.7.1", "", BOUNCE_POLICY},
    {BOUNCE_FAILED, "5.7.124",
	"550 5.7.124 RESOLVER.RST."
	"RecipientRestricted; not allowed",
	BOUNCE_POLICY},
    /* the path */
    {BOUNCE_DELAYED, "4.4.1",
	"connect to mx.example.com[192.0.2.1]:25: "
	"Connection timed out",
	BOUNCE_NETWORK},
    {BOUNCE_FAILED, "4.4.1",
	"connect to mx.example.com[192.0.2.1]:25: "
	"Connection timed out",
	BOUNCE_EXPIRED},
    {BOUNCE_FAILED, "4.4.2",
	"lost connection with mx.example.com while "
	"sending RCPT TO",
	BOUNCE_NETWORK},
    {BOUNCE_FAILED, "5.4.6", "554 5.4.6 Too many hops", BOUNCE_NETWORK},
    {BOUNCE_DELAYED, "4.4.3",
	"Host or domain name not found. Name service "
	"error for name=example.com type=MX: Host "
	"not found, try again",
	BOUNCE_NETWORK},
    {BOUNCE_FAILED, "4.4.7", "", BOUNCE_EXPIRED},
    {BOUNCE_FAILED, "4.3.0", "451 4.3.0 Temporary lookup failure",
	BOUNCE_NETWORK},
    {BOUNCE_FAILED, "5.3.0", "", BOUNCE_SYSTEM},
    {BOUNCE_FAILED, "4.3.1", "452 4.3.1 Insufficient system storage",
	BOUNCE_SYSTEM},
    {BOUNCE_FAILED, "5.5.2", "502 5.5.2 Error: command not recognized",
	BOUNCE_PROTOCOL},
    {BOUNCE_FAILED, "", "503 hello", BOUNCE_PROTOCOL},
    /* nothing to go by */
    {BOUNCE_FAILED, "5.0.0", "550 5.0.0 no thank you", BOUNCE_OTHER},
    {BOUNCE_FAILED, "", "", BOUNCE_OTHER},
    {BOUNCE_FAILED, "5.0.0", "550 rejected", BOUNCE_OTHER},
    {BOUNCE_SENT, "2.1.5", "250 user unknown", BOUNCE_DELIVERED},
    /* temporary, so never the person */
    {BOUNCE_DELAYED, "4.1.1",
	"450 4.1.1 <a@example.com>: Recipient "
	"address rejected: unverified address: user "
	"unknown",
	BOUNCE_SYSTEM},
    {BOUNCE_DELAYED, "4.1.1", "450 4.1.1 <a@example.com>: user unknown",
	BOUNCE_OTHER},
    {BOUNCE_FAILED, "4.1.1", "450 4.1.1 user unknown", BOUNCE_EXPIRED},
    {BOUNCE_FAILED, "5.1.1", "450 user unknown", BOUNCE_EXPIRED},
    {BOUNCE_FAILED, "4.0.0", "550 user unknown", BOUNCE_EXPIRED},
    {BOUNCE_FAILED, "4.4.4", "", BOUNCE_NETWORK},
    {BOUNCE_FAILED, "4.0.0", "NXDOMAIN for example.com", BOUNCE_NETWORK},
    {BOUNCE_DELAYED, "5.1.1", "550 5.1.1 user unknown", BOUNCE_OTHER},
    /* challenge and response is no failure */
    {BOUNCE_FAILED, "5.0.0",
	"550 Your server requires confirmation. Visit "
	"http://example.com",
	BOUNCE_AUTO_REPLY},
    /* what the address says does not count */
    {BOUNCE_FAILED, "5.0.0", "550 <user.unknown@spam.example.com>: no",
	BOUNCE_OTHER},
};

static void test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct bounce_case *c = &cases[i];
		struct bounce_answer a;

		classify(c->outcome, c->status, c->diagnostic, &a);
		IS_STR(bounce_reason_name(a.reason),
		    bounce_reason_name(c->want), "%s '%s' (by '%s')", c->status,
		    c->diagnostic, a.by.text);
		OK(a.class == bounce_class_of(c->want), "its class");
	}
}

/* ---- each line of the rules ---- */

struct tally {
	unsigned lines, unreachable, dead;
};

/* A text of nothing but the line's phrases. */
static void put_line(struct buf *b, const struct bounce_line *l)
{
	buf_addz(b, l->text);
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] == '*')
			b->p[i] = 'x';
}

static bool is_narrowed(const struct bounce_line *l)
{
	const struct bounce_when *w = &l->section->when;

	return w->stages != 0 || w->outcomes != 0 || w->code.n > 0 ||
	       w->said.n > 0 || w->said_none || w->at.n > 0;
}

/* It must lead to its own reason, and to class person only on permanent
 * evidence. */
static void try_line(const struct bounce_line *l, struct tally *t)
{
	static const struct {
		enum bounce_outcome outcome;
		const char *status, *code;
	} passing[] = {
	    {BOUNCE_DELAYED, "4.1.1", "450 4.1.1"},
	    {BOUNCE_DELAYED, "5.1.1", "550 5.1.1"},
	    {BOUNCE_FAILED, "4.1.1", "450 4.1.1"},
	    {BOUNCE_FAILED, "5.1.1", "450"},
	    {BOUNCE_FAILED, "4.4.7", "550"},
	    {BOUNCE_FAILED, "5.0.0", "550 4.2.1"},
	    {BOUNCE_FAILED, "4.0.0", ""},
	};
	struct bounce_answer a;
	struct buf b, text;

	buf_init(&b, 1000);
	buf_init(&text, 1000);
	put_line(&b, l);
	t->lines++;
	if (!is_narrowed(l) &&
	    classify(BOUNCE_FAILED, "", b.p, &a) != l->section->reason &&
	    classify(BOUNCE_DELAYED, "", b.p, &a) != l->section->reason) {
		t->unreachable++;
		printf("# line %u '%s' gives %s by '%s' of line %u\n", l->line,
		    b.p, bounce_reason_name(a.reason), a.by.text, a.by.line);
	}
	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++) {
		buf_reset(&text);
		buf_printf(&text, "%s %s", passing[i].code, b.p);
		classify(passing[i].outcome, passing[i].status, text.p, &a);
		t->dead += a.class == BOUNCE_CLASS_PERSON;
	}
	buf_fini(&b);
	buf_fini(&text);
}

static void test_lines(void)
{
	struct tally t = {0};

	for (size_t i = 0; i < rules->end[BOUNCE_VAGUE]; i++)
		if (rules->line[i].phrase != NULL)
			try_line(&rules->line[i], &t);
	OK(t.lines > 1000, "%u phrases", t.lines);
	IS_INT(t.unreachable, 0, "each phrase leads to its own reason");
	IS_INT(t.dead, 0, "no temporary failure blames the person");
}

/* A phrase that stands twice in a layer, where its first line always decides,
 * is a slip. */
static void test_duplicates(void)
{
	unsigned twice = 0;

	for (size_t i = 1; i < rules->n_lines; i++) {
		const struct bounce_line *l = &rules->line[i], *k;

		for (size_t at = 0; at < i && l->phrase != NULL; at++) {
			k = &rules->line[at];
			if (k->section->layer != l->section->layer ||
			    k->phrase == NULL || is_narrowed(k) ||
			    k->also != NULL ||
			    strcmp(k->phrase, l->phrase) != 0)
				continue;
			printf("# '%s': lines %u and %u\n", l->phrase, k->line,
			    l->line);
			twice++;
		}
	}
	IS_INT(twice, 0, "no phrase stands twice");
}

/* Blaming words of another kind spare the person, wherever they stand. */
static void test_spared(void)
{
	static const char *const others[] = {"spam", "blacklisted",
	    "poor reputation", "policy", "DMARC", "mailbox full",
	    "relay denied", "too many connections", "unsolicited"};
	unsigned dead = 0;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct bounce_answer a;
		struct buf b;

		buf_init(&b, 1000);
		buf_printf(&b, "550 5.1.1 user unknown; %s", others[i]);
		classify(BOUNCE_FAILED, "5.1.1", b.p, &a);
		dead += a.class == BOUNCE_CLASS_PERSON;
		buf_reset(&b);
		buf_printf(&b, "550 5.1.1 %s: no such mailbox", others[i]);
		classify(BOUNCE_FAILED, "5.1.1", b.p, &a);
		dead += a.class == BOUNCE_CLASS_PERSON;
		buf_fini(&b);
	}
	IS_INT(dead, 0, "mixed texts spare the person");
}

static void test_names(void)
{
	for (int r = BOUNCE_OTHER; r <= BOUNCE_OTHER_REPORT; r++)
		OK(strlen(bounce_reason_name((enum bounce_reason)r)) > 3,
		    "reason %d has a name", r);
	IS_STR(bounce_class_name(BOUNCE_CLASS_PERSON), "person", "person");
	IS_STR(bounce_class_name(BOUNCE_CLASS_NONE), "none", "none");
	IS_STR(bounce_reason_name((enum bounce_reason)99), "other", "bad");
	OK(bounce_class_of(BOUNCE_ABUSE) == BOUNCE_CLASS_COMPLAINT, "abuse");
}

static void test_hostile(void)
{
	struct bounce_answer a;
	struct bounce_evidence e = {
	    .outcome = BOUNCE_FAILED, .status = STR("5.1.1")};
	struct buf b;
	int64_t t;

	buf_init(&b, 8 << 20);
	while (b.n < 4000000)
		buf_addz(&b, "user unknow no such use ");
	e.diagnostic = buf_str(&b);
	t = clock_mono_ms();
	for (int i = 0; i < 100; i++)
		bounce_classify(rules, &e, &a);
	OK(clock_mono_ms() - t < TAP_ENDLESS_MS,
	    "only the head of a text is read");
	IS_INT(a.reason, BOUNCE_USER_UNKNOWN, "by its code");
	for (size_t i = 0; i < 256; i++)
		b.p[i] = (char)i;
	e.status = e.diagnostic = str_cut(buf_str(&b), 0, 256);
	bounce_classify(rules, &e, &a);
	IS_INT(a.reason, BOUNCE_OTHER, "all bytes");
	buf_fini(&b);
}

static void test_faults(void)
{
	int rc = -1;
	long n;

	for (n = 1; rc != 0 && n < 100000; n += 1 + n / 8) {
		struct bounce_rules *r;

		fault_alloc_at(n);
		rc = bounce_rules_new(&r);
		fault_alloc_at(0);
		bounce_rules_free(&r);
	}
	OK(rc == 0 && n > 3, "compiles when no failure is left: %ld", n);
}

int main(void)
{
	if (bounce_rules_new(&rules) != 0)
		return 2;
	test_phrases();
	test_codes();
	test_cases();
	test_lines();
	test_duplicates();
	test_spared();
	test_names();
	test_hostile();
	test_faults();
	bounce_rules_free(&rules);
	return tap_done();
}
