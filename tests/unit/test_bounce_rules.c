/* test_bounce_rules.c - rules in a file: what they mean, what is wrong with
 * them, where they go. */
#include "tests/unit/tap.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/rules/bounce.h"
#include "policy/rules/bounce_code.h"

#include <errno.h>

/* What was told, a line each. */
static void collect(void *arg, bool is_error, const char *line)
{
	buf_printf(arg, "%s %s\n", is_error ? "E" : "W", line);
}

static int read_rules(const char *text, struct bounce_rules **r,
    struct buf *told, struct error *err)
{
	buf_reset(told);
	return bounce_rules_read("my", str_of(text), collect, told, r, err);
}

/* ---- what is wrong ---- */

static const struct {
	const char *text, *want; /* told; a part of it */
} findings[] = {
    {"", ""},
    {"# nothing\n\n   # but comments\n", ""},
    {"[policy]\nwe do not like you # yet\n", ""},
    {"[polizy]\nx y\n", "E my:1: unknown reason \"polizy\"; did you mean "
			"\"policy\"?\n"},
    {"[nonsense]\nx y\n", "E my:1: unknown reason \"nonsense\"\n"},
    {"[abuse]\nx\n", "E my:1: unknown reason \"abuse\""},
    {"[delivered]\nx\n", "E my:1: unknown reason \"delivered\""},
    {"[]\n", "E my:1: the section names no reason\n"},
    {"[vague]\n", "E my:1: the section names no reason\n"},
    {"[policy\nx\n", "E my:1: \"]\" is missing at the end\n"},
    {"[policy 1000]\nx\n", "E my:1: \"1000\" is no priority: 0 to 999\n"},
    {"[policy high]\nx\n", "E my:1: \"high\" is no priority"},
    {"[policy 5 stages=data]\nx\n",
	"E my:1: unknown condition \"stages\"; did you mean \"stage\"?\n"},
    {"[policy 5 stage=body]\nx\n", "E my:1: \"stage=body\": stage takes of:"},
    {"[policy 5 stage=]\nx\n", "E my:1: \"stage=\": stage takes"},
    {"[policy 5 code=9]\nx\n", "E my:1: \"code=9\": code takes codes"},
    {"[policy 5 code=5.1]\nx\n", "E my:1: \"code=5.1\""},
    {"[policy 5 code=3.1.1]\nx\n", "E my:1: \"code=3.1.1\""},
    {"[policy 5 code=x.1.9-2]\nx\n", "E my:1: \"code=x.1.9-2\""},
    {"[policy 5 unless=none]\nx\n", "E my:1: \"unless=none\": unless takes"},
    {"[policy 5 said=550]\nx\n", "E my:1: \"said=550\": said takes \"none\""},
    {"[policy 5 at=a@b]\nx\n", "E my:1: \"at=a@b\": at takes domains"},
    {"[policy 5 at=a,]\nx\n", "E my:1: \"at=a,\""},
    {"[policy 5 at=a,,b]\nx\n", "E my:1: \"at=a,,b\""},
    {"[policy 5 outcome=lost]\nx\n", "E my:1: \"outcome=lost\""},
    {"[policy 5 of=user_unknown]\nx\n", "E my:1: \"of=user_unknown\""},
    {"[doubt policy of=policy]\nx\n", "E my:1: \"of=policy\""},
    {"[doubt user_unknown]\nx\n", "E my:1: doubt is for sparing the person"},
    {"[vague policy sure]\nx\n", "E my:1: \"sure\" is for sections of plain"},
    {"[policy a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 i=9 j=1 k=2 l=3 m=4 n=5 o=6 "
     "p=7]\n",
	"E my:1: more than 16 words\n"},
    {"[stage soon]\nx\n", "E my:1: unknown stage \"soon\"\n"},
    {"[stage unknown]\nx\n", "E my:1: unknown stage \"unknown\"\n"},
    {"[codes policy]\n5.7.1 x.y.z\n", "E my:2: \"x.y.z\" is no code such as"},
    {"x y\n[policy]\nx y\n", "E my:1: a phrase before the first [section]\n"},
    {"[policy]\n550 no\n", "E my:2: codes and addresses are passed over"},
    {"[policy]\nto a@b.example\n", "E my:2: codes and addresses are passed"},
    {"[policy]\na*b\n", "E my:2: \"*\" stands at the head or the end"},
    {"[policy]\n...\n", "E my:2: no letter or digit in the phrase\n"},
    {"[policy]\n*\n", "E my:2: \"*\" alone is for sections with a condition"},
    {"[policy]\none + \n", "E my:2: no letter or digit in the phrase\n"},
    {"[policy]\nzz\001\n", "E my:2: a control character\n"},
    {"[policy]\n\n[content]\nzy zy\n", "W my:1: the section has no phrases\n"},
    {"[policy]\n", "W my:1: the section has no phrases\n"},
    {"[policz]\n[contenz]\n",
	"E my:1: unknown reason \"policz\"; did you mean \"policy\"?\n"
	"E my:2: unknown reason \"contenz\"; did you mean \"content\"?\n"},
    /* never reached */
    {"[policy]\nzz zy\nzz zy\n",
	"W my:3: \"zz zy\" never decides: \"zz zy\" (my:2, policy) comes "
	"before it\n"},
    {"[policy 5]\nzz\n[content 6]\na zz b\n",
	"W my:4: \"a zz b\" never decides: \"zz\" (my:2, policy)"},
    {"[content 6]\na zz b\n[policy 5]\nzz\n",
	"W my:2: \"a zz b\" never decides: \"zz\" (my:4, policy)"},
    {"[policy 5 at=a.example]\nzz\n[content 6]\na zz b\n", ""},
    {"[policy 5]\nzz + yy\n[content 6]\na zz b\n", ""},
    {"[policy 5]\nzz + yy\n[content 6]\na zz b yy\n", "W my:4: "},
    {"[content 999]\nthrottled zz\n",
	"W my:2: \"throttled zz\" never decides: \"throttl*\" (bounce.rules:"},
    {"[content]\nthrottled zz\n", ""},
};

static void test_findings(void)
{
	struct buf told;

	buf_init(&told, 100000);
	for (size_t i = 0; i < sizeof(findings) / sizeof(*findings); i++) {
		struct bounce_rules *r = NULL;
		struct error err = {0};
		int rc = read_rules(findings[i].text, &r, &told, &err);
		bool bad = findings[i].want[0] == 'E';

		IS_INT(rc, bad ? ERR_SYNTAX : 0, "%s", findings[i].text);
		OK(findings[i].want[0] == '\0' ? told.n == 0
					       : str_contains(buf_str(&told),
						     str_of(findings[i].want)),
		    "told: %.*s", STR_ARG(buf_str(&told)));
		OK((r == NULL) == bad, "no half rules");
		OK(!bad || str_starts(
			       str_from(buf_str(&told), 2), str_of(err.text)),
		    "the first one is the error");
		bounce_rules_free(&r);
	}
	buf_fini(&told);
}

static void test_limits(void)
{
	struct bounce_rules *r;
	struct error err = {0};
	struct buf text, told;

	buf_init(&told, 1 << 20);
	buf_init(&text, 4 << 20);
	buf_addz(&text, "[policy]\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&text, "phrase%d\n", i);
	IS_INT(
	    bounce_rules_read("my", buf_str(&text), collect, &told, &r, &err),
	    ERR_LIMIT, "too many phrases: %s", err.text);
	buf_reset(&text);
	buf_addz(&text, "[policy]\n");
	for (int i = 0; i < 1200; i++)
		buf_addc(&text, 'x');
	buf_addz(&text, "\n");
	IS_INT(
	    bounce_rules_read("my", buf_str(&text), collect, &told, &r, &err),
	    ERR_SYNTAX, "a long line: %s", err.text);
	buf_reset(&text);
	while (text.n <= BOUNCE_RULES_MAX_BYTES)
		buf_addz(&text, "# much ado\n");
	IS_INT(
	    bounce_rules_read("my", buf_str(&text), collect, &told, &r, &err),
	    ERR_LIMIT, "a large file: %s", err.text);
	buf_reset(&text);
	buf_reset(&told);
	for (int i = 0; i < 1000; i++)
		buf_addz(&text, "[x]\n");
	IS_INT(
	    bounce_rules_read("my", buf_str(&text), collect, &told, &r, &err),
	    ERR_SYNTAX, "mistake after mistake: %s", err.text);
	OK(told.n < 20000, "not all are told");
	buf_fini(&text);
	buf_fini(&told);
}

/* ---- what they mean ---- */

static const char own[] = "# our customers' own servers\n"
			  "[mailbox_full]\n"
			  "schrank voll\n"
			  "[policy at=filter.example,carrier.example]\n"
			  "user unknown\n"
			  "[user_unknown at=sure.example sure]\n"
			  "nobody here\n"
			  "[expired 5 outcome=failed]\n"
			  "ausgang + geschlossen\n"
			  "[throttled code=451,x.9.1-3]\n"
			  "*\n"
			  "[system said=none stage=data]\n"
			  "odd thing\n"
			  "[vague network 0]\n"
			  "never mind\n"
			  "[doubt content of=mailbox_disabled]\n"
			  "spring cleaning\n"
			  "[codes relay_denied]\n"
			  "5.9.9 x.2.1 554\n"
			  "[user_unknown unless=x.7.0-999,553]\n"
			  "empty chair\n"
			  "[stage rcpt]\n"
			  "at the gate\n"
			  "[stage data]\n"
			  "at the dinner\n";

static const struct {
	const char *status, *text, *mta, *rcpt, *notice;
	enum bounce_outcome outcome;
	enum bounce_reason want;
	unsigned line; /* of the own file; 0: not by it */
} meanings[] = {
    {"5.0.0", "550 Schrank voll", "", "", "", 0, BOUNCE_MAILBOX_FULL, 3},
    {"5.0.0", "550 SCHRANK\r\n  voll", "", "", "", 0, BOUNCE_MAILBOX_FULL, 3},
    {"5.0.0", "550 schrank vollkommen", "", "", "", 0, BOUNCE_OTHER, 0},
    /* conditions: where */
    {"5.1.1", "550 5.1.1 user unknown", "dns; mx.filter.example", "", "", 0,
	BOUNCE_POLICY, 5},
    {"5.1.1", "550 5.1.1 user unknown", "DNS;FILTER.example.", "", "", 0,
	BOUNCE_POLICY, 5},
    {"5.1.1", "550 5.1.1 user unknown", "dns; mx.filter.example (192.0.2.1)",
	"", "", 0, BOUNCE_POLICY, 5},
    {"5.1.1", "550 5.1.1 user unknown", "dns; nofilter.example", "", "", 0,
	BOUNCE_USER_UNKNOWN, 0},
    {"5.1.1", "550 5.1.1 user unknown", "dns; filter.example.net", "", "", 0,
	BOUNCE_USER_UNKNOWN, 0},
    {"5.1.1", "550 5.1.1 user unknown", "", "<ann@x.carrier.example>", "", 0,
	BOUNCE_POLICY, 5},
    {"5.1.1", "host mx.filter.example[192.0.2.1] said: 550 5.1.1 user unknown",
	"", "ann@b.example", "", 0, BOUNCE_POLICY, 5},
    /* sure */
    {"5.0.0", "550 nobody here (in reply to MAIL FROM command)",
	"dns; sure.example", "", "", 0, BOUNCE_USER_UNKNOWN, 7},
    {"4.0.0", "450 nobody here", "dns; sure.example", "", "", 0, BOUNCE_EXPIRED,
	7},
    /* both, and the outcome */
    {"5.0.0", "geschlossen ist der Ausgang", "", "", "", 0, BOUNCE_EXPIRED, 9},
    {"5.0.0", "geschlossen", "", "", "", 0, BOUNCE_OTHER, 0},
    {"4.0.0", "Ausgang geschlossen", "", "", "", BOUNCE_DELAYED, BOUNCE_OTHER,
	0},
    /* codes of any text; the text's own status goes before the field */
    {"", "451 whatever", "", "", "", 0, BOUNCE_THROTTLED, 11},
    {"5.9.2", "550 whatever", "", "", "", 0, BOUNCE_THROTTLED, 11},
    {"5.9.2", "550 5.9.4 whatever", "", "", "", 0, BOUNCE_OTHER, 0},
    /* stages, in the text and in what else was said */
    {"5.0.0", "550 odd thing at the dinner", "", "", "", 0, BOUNCE_SYSTEM, 13},
    {"5.0.0", "550 odd thing", "", "", "it came at the dinner", 0,
	BOUNCE_SYSTEM, 13},
    {"5.0.0", "550 odd thing", "", "", ">>> DATA\n<<< 550 odd thing\n", 0,
	BOUNCE_SYSTEM, 13},
    {"5.0.0", "550 odd thing at the gate", "", "", "at the dinner", 0,
	BOUNCE_OTHER, 0},
    {"5.0.0", "550 5.0.0 odd thing at the dinner", "", "", "", 0, BOUNCE_OTHER,
	0},
    {"5.0.0", "550 odd thing", "", "", "", 0, BOUNCE_OTHER, 0},
    /* vague words give way to codes, but not to a code of the person */
    {"5.3.4", "never mind", "", "", "", 0, BOUNCE_TOO_BIG, 0},
    {"5.1.1", "never mind", "", "", "", 0, BOUNCE_NETWORK, 15},
    {"", "never mind", "", "", "", 0, BOUNCE_NETWORK, 15},
    /* doubts */
    {"5.0.0", "550 account disabled (spring cleaning)", "", "", "", 0,
	BOUNCE_CONTENT, 17},
    {"5.0.0", "550 user unknown (spring cleaning)", "", "", "", 0,
	BOUNCE_USER_UNKNOWN, 0},
    /* unless: the text's own status before the field */
    {"5.1.1", "550 5.1.1 empty chair", "", "", "", 0, BOUNCE_USER_UNKNOWN, 21},
    {"", "empty chair", "", "", "", 0, BOUNCE_USER_UNKNOWN, 21},
    {"5.1.1", "550 5.7.1 empty chair", "", "", "", 0, BOUNCE_POLICY, 0},
    {"5.7.1", "550 empty chair", "", "", "", 0, BOUNCE_POLICY, 0},
    {"5.7.1", "550 5.1.1 empty chair", "", "", "", 0, BOUNCE_USER_UNKNOWN, 21},
    {"5.0.0", "553 empty chair", "", "", "", 0, BOUNCE_OTHER, 0},
    /* codes go before those that are built in */
    {"5.2.1", "", "", "", "", 0, BOUNCE_RELAY_DENIED, 19},
    {"4.9.9", "", "", "", "", 0, BOUNCE_OTHER, 0},
    {"", "554 oops", "", "", "", 0, BOUNCE_RELAY_DENIED, 19},
};

static void test_meanings(void)
{
	struct bounce_rules *r = NULL;
	struct error err = {0};
	struct buf told;

	buf_init(&told, 100000);
	IS_INT(read_rules(own, &r, &told, &err), 0, "reads: %s", err.text);
	IS_INT(told.n, 0, "without a word: %.*s", STR_ARG(buf_str(&told)));
	buf_fini(&told);
	if (r == NULL)
		return;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		struct bounce_evidence e = {.outcome = meanings[i].outcome,
		    .status = str_of(meanings[i].status),
		    .diagnostic = str_of(meanings[i].text),
		    .mta = str_of(meanings[i].mta),
		    .rcpt = str_of(meanings[i].rcpt),
		    .notice = str_of(meanings[i].notice)};
		struct bounce_answer a;

		bounce_classify(r, &e, &a);
		IS_STR(bounce_reason_name(a.reason),
		    bounce_reason_name(meanings[i].want), "%s '%s' (%s)",
		    meanings[i].status, meanings[i].text, a.by.text);
		if (meanings[i].line > 0)
			OK(a.by.file != NULL && strcmp(a.by.file, "my") == 0 &&
				a.by.line == meanings[i].line,
			    "by line %u: %u", meanings[i].line, a.by.line);
	}
	bounce_rules_free(&r);
}

/* Same priority: the own file first; and among one's own, the order. */
static void test_order(void)
{
	static const struct {
		const char *rules;
		enum bounce_reason want;
	} cases[] = {
	    {"[content]\nmailbox full\n", BOUNCE_CONTENT},
	    {"[content 220]\nmailbox is full\n", BOUNCE_CONTENT},
	    {"[content 999]\nmailbox is full\n", BOUNCE_MAILBOX_FULL},
	    {"[content 5]\nis full\n[system 4]\nis full\n", BOUNCE_SYSTEM},
	    {"[content 5]\nis full\n[system 5]\nmailbox\n", BOUNCE_CONTENT},
	};
	struct bounce_evidence e = {.status = STR("5.2.2"),
	    .diagnostic = STR("552 5.2.2 mailbox full, the mailbox is full")};
	struct buf told;

	buf_init(&told, 100000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bounce_rules *r = NULL;
		struct bounce_answer a;
		struct error err = {0};

		IS_INT(read_rules(cases[i].rules, &r, &told, &err), 0, "%s",
		    err.text);
		if (r == NULL)
			continue;
		bounce_classify(r, &e, &a);
		IS_STR(bounce_reason_name(a.reason),
		    bounce_reason_name(cases[i].want), "%s", cases[i].rules);
		bounce_rules_free(&r);
	}
	buf_fini(&told);
}

/* ---- beside the rules ---- */

static void test_stage(void)
{
	static const struct {
		const char *transcript;
		enum bounce_stage want;
	} cases[] = {
	    {"", BOUNCE_STAGE_UNKNOWN},
	    {">>> RCPT To:<a@b>\n<<< 550 no\n>>> DATA\n<<< 503 no\n",
		BOUNCE_STAGE_RCPT},
	    {"... while talking to mx:\n>>> DATA\n<<< 550 5.1.1 no\n550 5.1.1 "
	     "<a>... User unknown\n<<< 503 5.0.0 Need RCPT\n",
		BOUNCE_STAGE_RCPT},
	    {">>> DATA\n<<< 550-no\n<<< 550 no\n", BOUNCE_STAGE_DATA},
	    {"  >>> DATA\r\n  <<< 550 no\r\n", BOUNCE_STAGE_DATA},
	    {">>> DATA\n<<< 354 go on\n>>> .\n<<< 554 no\n", BOUNCE_STAGE_DATA},
	    {">>> MAIL From:<x@y>\n<<< 553 no\n", BOUNCE_STAGE_MAIL},
	    {">>> EHLO a\n<<< 501 no\n", BOUNCE_STAGE_HELO},
	    {">>> RCPT To:<a@b>\n<<< 250 yes\n", BOUNCE_STAGE_UNKNOWN},
	    {">>> VRFY\n<<< 550 no\n", BOUNCE_STAGE_UNKNOWN},
	    {"<<< 421 no\n", BOUNCE_STAGE_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		IS_INT(bounce_find_stage(str_of(cases[i].transcript)),
		    cases[i].want, "%s", cases[i].transcript);
}

static void test_host(void)
{
	IS_S(bounce_find_host(STR("host a.example[192.0.2.1] said: no")),
	    STR("a.example"), "Postfix");
	IS_S(bounce_find_host(STR("no host named; host b-c.example[::1] x")),
	    STR("b-c.example"), "the one with an address");
	IS_S(bounce_find_host(STR("localhost a.example[192.0.2.1]")), STR(""),
	    "a word of its own");
	IS_S(bounce_find_host(STR("host a.example (192.0.2.1)")), STR(""),
	    "Exim's is read off Remote-MTA");
	IS_S(bounce_find_host(STR("host ")), STR(""), "at the end");
}

static void test_life(void)
{
	struct bounce_rules *r, *other;
	struct bounce_by by = {"my", 7, "a b"};
	struct buf b;

	IS_INT(bounce_rules_new(&r), 0, "new");
	other = bounce_rules_ref(r);
	bounce_rules_free(&r);
	OK(r == NULL && other != NULL, "one is left");
	bounce_rules_free(&other);
	buf_init(&b, 100);
	bounce_by_print(&by, &b);
	IS_STR(b.p, "my:7: a b", "printed");
	buf_reset(&b);
	by.file = NULL;
	bounce_by_print(&by, &b);
	IS_STR(b.p, "a b", "without a file");
	buf_fini(&b);
}

/* Phrases within phrases: none is looked at more than once. */
static void test_nested(void)
{
	struct bounce_rules *r = NULL;
	struct bounce_answer a;
	struct bounce_evidence e = {.status = STR("5.0.0")};
	struct buf text, told;
	struct error err = {0};
	int64_t t;

	buf_init(&text, 1 << 20);
	buf_init(&told, 1 << 20);
	for (int i = 1; i < 180; i++) {
		buf_printf(&text, "[policy %d at=x.example]\n", i);
		for (int k = 0; k < i; k++)
			buf_addz(&text, " z");
		buf_addz(&text, "\n");
	}
	IS_INT(bounce_rules_read("my", buf_str(&text), NULL, NULL, &r, &err), 0,
	    "%s", err.text);
	buf_reset(&text);
	while (text.n < 8000)
		buf_addz(&text, "z ");
	e.diagnostic = buf_str(&text);
	t = clock_mono_ms();
	for (int i = 0; r != NULL && i < 200; i++)
		bounce_classify(r, &e, &a);
	OK(clock_mono_ms() - t < TAP_ENDLESS_MS, "linear");
	IS_INT(a.reason, BOUNCE_OTHER, "and none holds");
	bounce_rules_free(&r);
	buf_fini(&text);
	buf_fini(&told);
}

static void test_faults(void)
{
	int rc = -1, refused = 0;
	struct buf told;

	buf_init(&told, 100000);
	for (long n = 1; rc != 0 && n < 100000; n += 1 + n / 8) {
		struct bounce_rules *r = NULL;
		struct error err = {0};

		fault_alloc_at(n);
		rc = bounce_rules_read("my", str_of(own), NULL, NULL, &r, &err);
		fault_alloc_at(0);
		refused += rc != 0;
		OK((rc == 0) == (r != NULL) && (rc == 0 || err.code == rc),
		    "all or nothing: %s", err.text);
		bounce_rules_free(&r);
	}
	OK(rc == 0 && refused > 10, "refused %d times", refused);
	buf_fini(&told);
}

int main(void)
{
	test_findings();
	test_limits();
	test_meanings();
	test_order();
	test_stage();
	test_host();
	test_life();
	test_nested();
	test_faults();
	return tap_done();
}
