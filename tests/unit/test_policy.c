/* test_policy.c - the marketer's rules: values and the lines that verdicts
 * show, refusals with file:line, differences. */
#include "tests/unit/modeltest.h"

#include "policy/base/digest.h"
#include "policy/base/when.h"
#include "policy/conf/daysfile.h"
#include "policy/conf/policy.h"

#define NOW_MS INT64_C(1795392000000) /* 2026-11-23 */

/* Line numbers in the cases below count these. */
static const char base[] =
    "order = {demo, news}\n"
    "person {\n"
    "  at-most = {\"3 per 7d\",\n"
    "             \"6 per 30d\"}   # both\n"
    "  apart = 20h\n"
    "}\n"
    "segment late { purpose = news }\n"
    "segment news {\n"
    "  purpose = news\n"
    "  at-most = \"1 per 7d\"\n"
    "  keep-free = 1\n"
    "  when-full = \"hold 3d, then drop\"\n"
    "}\n"
    "segment demo { purpose = demo legal-basis = legitimate-interest }\n";

static const struct policy *parse(struct str text, struct error *err)
{
	const struct policy *p;
	int rc = policy_parse(&p, "t.policy", text, 5, err);

	OK((rc == 0) == (p != NULL), "a policy or a refusal");
	return p;
}

static int parse_any(
    const void **out, const char *name, struct str text, struct error *err)
{
	const struct policy *p;
	int rc = policy_parse(&p, name, text, 1, err);

	*out = p;
	return rc;
}

static void unref_any(const void *model)
{
	const struct policy *p = model;

	policy_unref(&p);
}

static const struct modeltest M = {
    .base = base,
    .name = "t.policy",
    .parse = parse_any,
    .unref = unref_any,
    .describe = policy_describe,
};

static void is_rule(const struct policy_line *rule, int line,
    const char *section, const char *text)
{
	IS_INT(rule->line, line, "line of %s", text);
	IS_STR(rule->section.p, section, "its section");
	IS_S(rule->text, str_of(text), "its text");
}

/* --- values --- */

static void test_person(const struct policy *p)
{
	IS_INT(p->person.n, 2, "two windows");
	IS_INT(p->person.windows[1].max, 6, "number");
	IS_INT(p->person.windows[1].span_ms, 30 * WHEN_DAY_MS, "span");
	is_rule(
	    &p->person.windows[0].rule, 3, "person", "at-most = \"3 per 7d\"");
	is_rule(
	    &p->person.windows[1].rule, 4, "person", "at-most = \"6 per 30d\"");
	IS_INT(p->person.apart_ms, 20 * WHEN_HOUR_MS, "apart");
	is_rule(&p->person.apart_rule, 5, "person", "apart = 20h");
	OK(!p->person.shadow, "not in shadow");
}

static void test_segments(const struct policy *p)
{
	const struct policy_segment *s = &p->segments[1];

	IS_INT(p->n_segments, 3, "segments");
	IS_S(p->segments[0].name, STR("demo"), "first by order");
	IS_S(p->segments[1].name, STR("news"), "second by order");
	IS_S(p->segments[2].name, STR("late"), "not named: last");
	IS_INT(s->label, policy_label(STR("news")), "label");
	is_rule(&s->rule, 8, "segment news", "segment news {");
	is_rule(&s->purpose_rule, 9, "segment news", "purpose = news");
	is_rule(&s->basis_rule, 8, "segment news",
	    "legal-basis = \"consent\" (default)");
	is_rule(&s->caps.windows[0].rule, 10, "segment news",
	    "at-most = \"1 per 7d\"");
	is_rule(&s->when_full.rule, 12, "segment news",
	    "when-full = \"hold 3d, then drop\"");
	is_rule(&s->not_compliant.rule, 8, "segment news",
	    "not-compliant = \"reject\" (default)");
	IS_INT(s->keep_free, 1, "keep-free");
	OK(s->unknown.count == 1 && s->unknown.span_ms == 0 &&
		s->disabled.count == 1 && s->disabled.span_ms == 0 &&
		s->moved.count == 1 && s->moved.span_ms == 0,
	    "other failures end at once by default");
	OK(s->full.count == 5 && s->full.span_ms == 14 * WHEN_DAY_MS,
	    "mailbox-full by default");
	OK(s->no_host.count == 3 && s->no_host.span_ms == 3 * WHEN_DAY_MS,
	    "host-unknown by default");
	IS_INT(s->when_full.action, POLICY_HOLD, "action");
	IS_INT(s->when_full.hold_ms, 3 * WHEN_DAY_MS, "deadline");
	IS_INT(s->when_full.then, POLICY_THEN_DROP, "then");
	IS_INT(s->not_compliant.action, POLICY_REJECT, "not-compliant");
	IS_S(s->list_id, STR("news"), "list-id is the name");
	IS_INT(p->segments[0].basis, POLICY_BASIS_LEGITIMATE_INTEREST,
	    "legal basis");
	is_rule(&p->segments[0].basis_rule, 14, "segment demo",
	    "legal-basis = legitimate-interest");
	IS_INT(p->segments[0].when_full.hold_ms, 5 * WHEN_DAY_MS,
	    "default deadline");
	OK(policy_segment_find(p, STR("late")) == &p->segments[2], "found");
	OK(policy_segment_find(p, STR("Late")) == NULL, "case counts");
}

static void test_base(void)
{
	struct error err = {0};
	const struct policy *p = parse(str_of(base), &err), *q;
	unsigned char hash[DIGEST_SHA256];

	IS_STR(err.text, "", "the base is accepted");
	if (p == NULL)
		return;
	IS_INT(p->version, 5, "version");
	IS_S(p->path, STR("t.policy"), "path");
	IS_S(p->text, str_of(base), "the source is kept");
	IS_INT(digest_sha256(str_of(base), hash), 0, "hash");
	OK(memcmp(hash, p->hash, sizeof(hash)) == 0, "of the source");
	IS_S(p->time_zone, STR("UTC"), "default zone");
	OK(!p->shadow, "not in shadow");
	test_person(p);
	test_segments(p);
	q = policy_ref(p);
	policy_unref(&p);
	OK(p == NULL, "unref clears");
	IS_INT(q->n_segments, 3, "the other reference lives");
	policy_unref(&q);
	policy_unref(&q);
}

static void test_label(void)
{
	/* FNV-1a test vectors of draft-eastlake-fnv. */
	IS_INT(policy_label(STR("")), 0x811c9dc5, "label of nothing");
	IS_INT(policy_label(STR("a")), 0xe40c292c, "label of a");
	IS_INT(policy_label(STR("foobar")), 0xbf9cf968, "label of foobar");
	IS_INT(policy_label(STR("akhnp9x")), 1,
	    "never 0, which stands for all segments: FNV-1a of this is 0");
}

static void test_values(void)
{
	static const struct {
		const char *from, *to, *want;
	} cases[] = {
	    {"order", "mode = shadow order", "mode = \"shadow\"\n"},
	    {"order", "time-zone = \"Europe/Berlin\" order",
		"time-zone = \"Europe/Berlin\"\n"},
	    {"order", "time-zone = \"Etc/GMT-1\" order",
		"time-zone = \"Etc/GMT-1\"\n"},
	    {"order = {demo, news}\n", "",
		"order = {\"late\", \"news\", \"demo\"}\n"},
	    {"order = {demo, news}", "order = late",
		"order = {\"late\", \"news\", \"demo\"}\n"},
	    {"1 per 7d", "0 per 7d", "at-most = \"0 per 7d\"\n"},
	    {"1 per 7d", "1 per 1d 12h", "at-most = \"1 per 1d 12h\"\n"},
	    {"  apart = 20h", "  mode = shadow", "mode = \"shadow\"\n"},
	    {"hold 3d, then drop", "hold", "\"hold 5d, then bounce\"\n"},
	    {"hold 3d, then drop", "hold 36h",
		"\"hold 1d 12h, then bounce\"\n"},
	    {"hold 3d, then drop", "hold, then drop",
		"\"hold 5d, then drop\"\n"},
	    {"hold 3d, then drop", "defer", "when-full = \"defer\"\n"},
	    {"hold 3d, then drop", "reject", "when-full = \"reject\"\n"},
	    {"hold 3d, then drop", "drop", "when-full = \"drop\"\n"},
	    {"keep-free", "not-compliant = \"hold 2d, then drop\" keep-free",
		"not-compliant = \"hold 2d, then drop\"\n"},
	    {"keep-free",
		"list-id = \"B\xc3\xbc"
		"cher, monthly\" keep-free",
		"list-id = \"B\xc3\xbc"
		"cher, monthly\"\n"},
	    {"keep-free", "postal-address = \"Street 1\" keep-free",
		"postal-address = \"Street 1\"\n"},
	    {"keep-free = 1", "keep-free = 2", "keep-free = 2\n"},
	    {"keep-free", "mailbox-full = \"3 over 48h\" keep-free",
		"mailbox-full = \"3 over 2d\"\n"},
	    {"keep-free", "mailbox-full = never keep-free",
		"mailbox-full = \"never\"\n"},
	    {"keep-free", "mailbox-full = \"at once\" keep-free",
		"mailbox-full = \"at once\"\n"},
	    {"keep-free", "user-unknown = \"2 over 1w\" keep-free",
		"user-unknown = \"2 over 7d\"\n"},
	    {"keep-free", "mailbox-disabled = \"1 over 1h\" keep-free",
		"mailbox-disabled = \"1 over 1h\"\n"},
	    {"keep-free", "mailbox-moved = never keep-free",
		"mailbox-moved = \"never\"\n"},
	    {"segment late",
		"purpose news { title = \" <The> 'News' \" }\nsegment late",
		"purpose news {\n\ttitle = \"<The> 'News'\"\n"
		"\t# title-de: not set\n"},
	    {"segment late",
		"purpose news { title = News title-de = Nachrichten }\nsegment "
		"late",
		"title-de = \"Nachrichten\"\n"},
	    {"segment late",
		"attribute born { type = date }\n"
		"audience it { condition = \"not(born<2000-01-01)  OR  "
		"name=x\" "
		"}\nsegment late",
		"attribute born {\n\ttype = \"date\"\n}\n\n"
		"audience it {\n\tcondition = \"not born < 2000-01-01 or name "
		"= x\"\n}\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		const struct policy *p, *again;
		struct buf text, shown;

		modeltest_replace(&M, &text, cases[i].from, cases[i].to);
		p = parse(buf_str(&text), &err);
		IS_STR(err.text, "", "accepted: %s", cases[i].to);
		buf_fini(&text);
		if (p == NULL)
			continue;
		buf_init(&shown, 1 << 20);
		policy_print(p, &shown);
		OK(str_contains(buf_str(&shown), str_of(cases[i].want)),
		    "printed: %s", cases[i].want);
		again = parse(buf_str(&shown), &err);
		IS_STR(err.text, "", "and reads back");
		buf_reset(&shown);
		if (again != NULL)
			IS_INT(policy_diff(p, again, modeltest_join, &shown), 0,
			    "to the same");
		IS_S(buf_str(&shown), STR(""), "no difference");
		buf_fini(&shown);
		policy_unref(&again);
		policy_unref(&p);
	}
}

/* --- refusals --- */

#define NOT_YET "not supported by this version"
#define TITLE                                                                  \
	": expected up to 80 characters of plain text such as \"Our monthly "  \
	"news\""
/* Ten characters, of more bytes. */
#define TEN "\xc3\xa4\xc3\xa4\xe2\x82\xac\xf0\x9f\x8d\x80 12345"

static const struct modeltest_refusal refusals[] = {
    {"at-most = \"1", "at-mots = \"1",
	"t.policy:10: unknown option \"at-mots\" in segment news; did you "
	"mean \"at-most\"?"},
    {"person {", "persona {",
	"t.policy:2: unknown section \"persona\"; did you mean \"person\"?"},
    {"person {", "person x {",
	"t.policy:2: section \"person\" takes no name; write \"person {\""},
    {"segment late {", "segment {",
	"t.policy:8: section \"segment\" is given with and without a name"},
    {"order", "apart = 1h order",
	"t.policy:1: unknown option \"apart\"; it belongs in section "
	"\"person\""},
    {"purpose = news }", "}",
	"t.policy:7: option \"purpose\" of segment late is missing"},
    {"purpose = news }", "purpose = \"my news\" }",
	"t.policy:7: purpose = \"my news\": expected a name of small letters, "
	"digits, \"-\", \"_\" and \".\" such as \"win-back\""},
    {"legitimate-interest", "optin",
	"t.policy:14: legal-basis = \"optin\": expected one of consent, "
	"legitimate-interest"},
    /* order */
    {"{demo, news}", "{demo,\nnws}",
	"t.policy:2: order: there is no segment \"nws\""},
    {"{demo, news}", "{demo, news, demo}",
	"t.policy:1: order: \"demo\" is given twice"},
    /* limits */
    {"1 per 7d", "1 per quarter",
	"t.policy:10: at-most = \"1 per quarter\": \"per quarter\" is not "
	"counted by the calendar, only day, week and month are; write the "
	"rolling form \"1 per 90d\""},
    {"3 per 7d", "3 per week\", \"4 per week",
	"t.policy:3: at-most: two limits for the same time, \"3 per week\" and "
	"\"4 per week\""},
    {"1 per 7d", "1 per 7 days",
	"t.policy:10: at-most = \"1 per 7 days\": unit \"days\" is written "
	"\"d\"; write \"7d\""},
    {"1 per 7d", "one a week",
	"t.policy:10: at-most = \"one a week\": \"one a week\" is not of the "
	"form \"2 per 7d\" or \"2 per week\""},
    {"6 per 30d", "6 per 168h",
	"t.policy:4: at-most: two limits for the same time, \"3 per 7d\" and "
	"\"6 per 168h\""},
    {"apart = 20h", "apart = 20",
	"t.policy:5: apart = \"20\": \"20\" has no unit; write for example "
	"\"20d\" or \"20h\""},
    {"apart = 20h", "apart = {20h}",
	"t.policy:5: apart takes one value, not a list: expected a duration "
	"such as \"20h\""},
    {"apart = 20h", "mode = off",
	"t.policy:5: mode = \"off\": expected \"enforce\" or \"shadow\""},
    {"keep-free", "mailbox-full = \"5 in 14d\" keep-free",
	"t.policy:11: mailbox-full = \"5 in 14d\": expected \"at once\", "
	"\"never\", or failures and a time such as \"5 over 14d\""},
    {"keep-free", "user-unknown = \"once\" keep-free",
	"t.policy:11: user-unknown = \"once\": expected \"at once\", "
	"\"never\", or failures and a time such as \"5 over 14d\""},
    {"keep-free", "mailbox-moved = \"2 over soon\" keep-free",
	"t.policy:11: mailbox-moved = \"2 over soon\": \"soon\" is not a "
	"number with a unit such as \"7d\" or \"20h\""},
    {"keep-free", "mailbox-full = \"0 over 14d\" keep-free",
	"t.policy:11: mailbox-full = \"0 over 14d\": expected \"at once\", "
	"\"never\", or failures and a time such as \"5 over 14d\""},
    {"keep-free", "mailbox-full = \"5 over 400d\" keep-free",
	"t.policy:11: mailbox-full = \"5 over 400d\": must be at most 365d"},
    {"keep-free = 1", "keep-free = 1001",
	"t.policy:11: keep-free = \"1001\": must be between 0 and 1000"},
    {"keep-free = 1", "keep-free = 3",
	"t.policy:8: segment news: keep-free = 3 leaves nothing of the "
	"person's at-most = \"3 per 7d\" (line 3)"},
    {"\"1 per 7d\"",
	"{\"1 per 1h\", \"1 per 2h\", \"1 per 3h\", \"1 per 4h\", \"1 per "
	"5h\", \"1 per 6h\", \"1 per 7h\", \"1 per 8h\", \"1 per 9h\", \"1 "
	"per 10h\", \"1 per 11h\", \"1 per 12h\", \"1 per 13h\", \"1 per "
	"14h\", \"1 per 15h\", \"1 per 16h\", \"1 per 17h\"}",
	"t.policy:10: at-most: at most 16 windows"},
    /* actions */
    {"hold 3d, then drop", "hold 3x",
	"t.policy:12: when-full = \"hold 3x\": unknown unit \"x\"; the units "
	"are w, d, h, m (minutes) and s"},
    {"hold 3d, then drop", "hold 3d, then send",
	"t.policy:12: when-full = \"hold 3d, then send\": expected \"hold "
	"5d, then bounce\" (or drop), \"defer\", \"reject\" or \"drop\""},
    {"hold 3d, then drop", "hold 3d then drop",
	"t.policy:12: when-full = \"hold 3d then drop\": expected \"hold 5d, "
	"then bounce\" (or drop), \"defer\", \"reject\" or \"drop\""},
    {"hold 3d, then drop", "hold 3d,",
	"t.policy:12: when-full = \"hold 3d,\": expected \"hold 5d, then "
	"bounce\" (or drop), \"defer\", \"reject\" or \"drop\""},
    {"hold 3d, then drop", "holdup",
	"t.policy:12: when-full = \"holdup\": expected \"hold 5d, then "
	"bounce\" (or drop), \"defer\", \"reject\" or \"drop\""},
    {"when-full = \"hold 3d, then drop\"", "not-compliant = drop",
	"t.policy:12: not-compliant = \"drop\": expected \"reject\" or "
	"\"hold 5d, then bounce\" (or drop)"},
    {"keep-free", "list-id = \"a <b>\" keep-free",
	"t.policy:11: list-id: expected up to 200 characters of plain text "
	"without \"<\" and \">\" such as \"Monthly newsletter\""},
    {"keep-free", "postal-address = \"\" keep-free",
	"t.policy:11: postal-address = \"\": expected a text"},
    /* what a page shows */
    {"person {", "purpose news { }\nperson {",
	"t.policy:2: option \"title\" of purpose news is missing"},
    {"person {", "purpose { title = x }\nperson {",
	"t.policy:2: section \"purpose\" needs a name; write \"purpose NAME "
	"{\""},
    {"person {", "purpose News { title = x }\nperson {",
	"t.policy:2: purpose \"News\": expected a name of small letters, "
	"digits, \"-\", \"_\" and \".\" such as \"win-back\""},
    {"person {",
	"purpose news { title = x }\npurpose news { title = y }\nperson {",
	"t.policy:3: section \"purpose news\" is given twice (first at line "
	"2)"},
    {"person {", "purpose news {\ntitel = x }\nperson {",
	"t.policy:3: unknown option \"titel\" in purpose news; did you mean "
	"\"title\"?"},
    {"person {", "purpose news { title = x\n title-pl = x }\nperson {",
	"t.policy:3: unknown option \"title-pl\" in purpose news; did you "
	"mean \"title-de\"?"},
    {"keep-free", "title = x keep-free",
	"t.policy:11: unknown option \"title\" in segment news; it belongs "
	"in section \"purpose\""},
    {"person {", "purpose news {\n title = \"\" }\nperson {",
	"t.policy:3: title" TITLE},
    {"person {", "purpose news {\n title = \"  \" }\nperson {",
	"t.policy:3: title" TITLE},
    {"person {", "purpose news {\n title = \"a\tb\" }\nperson {",
	"t.policy:3: tab in a string"},
    {"person {",
	"purpose news {\n title = \"a\x01"
	"b\" }\nperson {",
	"t.policy:3: control byte 0x01"},
    {"person {",
	"purpose news { title = x\n title-fr = \"a\xc2\x85"
	"b\" }\nperson {",
	"t.policy:3: title-fr" TITLE},
    {"person {",
	"purpose news { title = \"" TEN TEN TEN TEN TEN TEN TEN TEN
	"1\" }\nperson {",
	"t.policy:2: title" TITLE},
    {"order", "time-zone = \"../etc/passwd\" order",
	"t.policy:1: time-zone = \"../etc/passwd\": expected a zone such as "
	"\"Europe/Berlin\" or \"UTC\""},
    {"order", "time-zone = CET/ order",
	"t.policy:1: unexpected \"/\"; put the value in double quotes"},
    {"1 per 7d", "201 per 30d",
	"t.policy:10: at-most = \"201 per 30d\": at most 200; a history "
	"goes back no further"},
    /* what a later version may know is never silently accepted */
    {"person {", "audience hot { }\nperson {",
	"t.policy:2: option \"condition\" of audience hot is missing"},
    {"person {", "track welcome { }\nperson {",
	"t.policy:2: section \"track\": " NOT_YET},
    {"keep-free", "track-opens = consented keep-free",
	"t.policy:11: option \"track-opens\" in segment news: " NOT_YET},
    {"keep-free", "track-clicks = consented keep-free",
	"t.policy:11: option \"track-clicks\" in segment news: " NOT_YET},
    /* companies, limits for some */
    {"  apart = 20h", "  at-most-people = \"4 per 1d\"",
	"t.policy:5: unknown option \"at-most-people\" in person; it belongs "
	"in "
	"section \"company\""},
    {"person {", "limit x { at-most = \"1 per day\" for = hot }\nperson {",
	"t.policy:2: limit x: there is no audience \"hot\""},
    {"person {", "limit x { per = segment at-most = \"1 per day\" }\nperson {",
	"t.policy:2: limit x: segment = NAME belongs to per = segment, and per "
	"= segment needs it"},
    {"person {", "limit x { per = segment segment = nws apart = 1h }\nperson {",
	"t.policy:2: limit x: there is no segment \"nws\""},
    {"person {", "limit x { at-most-people = \"1 per day\" }\nperson {",
	"t.policy:2: limit x: at-most-people belongs to per = company"},
    {"person {", "limit x { per = company }\nperson {",
	"t.policy:2: limit x limits nothing; it needs at-most, at-most-people "
	"or apart"},
    /* hours */
    {"keep-free", "send-on = \"mon-fri 8-18\" keep-free",
	"t.policy:11: send-on = \"mon-fri 8-18\": \"8-18\": write the times as "
	"\"08:00-18:00\""},
    {"keep-free", "holidays = de keep-free",
	"t.policy:8: segment news: there is no section \"holidays de\""},
    {"person {", "holidays de { days = \"13-25\" }\nperson {",
	"t.policy:2: days = \"13-25\": there is no day \"13-25\" (year, "
	"month, day)"},
    {"hold 3d, then drop", "hold 1d, then send",
	"t.policy:12: when-full = \"hold 1d, then send\": expected \"hold 5d, "
	"then bounce\" (or drop), \"defer\", \"reject\" or \"drop\""},
    /* yield */
    {"keep-free", "yield = demo keep-free",
	"t.policy:11: yield = \"demo\": expected a duration and segments such "
	"as \"2d to {demo-followup}\""},
    {"keep-free", "yield = \"2 days to demo\" keep-free",
	"t.policy:11: yield = \"2 days to demo\": unit \"days\" is written "
	"\"d\"; write \"2d\""},
    {"keep-free", "yield = \"2d to {demo, nws}\" keep-free",
	"t.policy:11: segment news: yield names segment \"nws\", which is not "
	"there"},
    {"keep-free", "yield = \"2d to news\" keep-free",
	"t.policy:11: segment news: it cannot yield to itself; use apart"},
    {"keep-free", "for = hot keep-free",
	"t.policy:11: unknown option \"for\" in segment news; it belongs in "
	"section \"limit\""},
    {"person {",
	"audience hot { condition = \"name = x and rol = 3\" }\n"
	"person {",
	"t.policy:2: audience hot: condition: column 14: there is no "
	"attribute \"rol\""},
    {"person {",
	"audience hot { condition = \"size > \" }\n"
	"attribute size { type = number }\nperson {",
	"t.policy:2: audience hot: condition: column 8: the condition ends "
	"where a value is expected"},
    {"person {", "attribute name { type = text }\nperson {",
	"t.policy:2: attribute \"name\": expected a name of small letters, "
	"digits, \"-\", \"_\" and \".\" such as \"win-back\", and not "
	"address, company, consents, language, name, suppressed, time-zone or "
	"a word of conditions"},
    {"person {", "attribute in { type = text }\nperson {",
	"t.policy:2: attribute \"in\": expected a name of small letters, "
	"digits, \"-\", \"_\" and \".\" such as \"win-back\", and not "
	"address, company, consents, language, name, suppressed, time-zone or "
	"a word of conditions"},
    {"person {", "attribute size { type = float }\nperson {",
	"t.policy:2: type = \"float\": expected one of text, number, flag, "
	"date"},
    {"person {", "attribute size { }\nperson {",
	"t.policy:2: option \"type\" of attribute size is missing"},
    /* traps, through the whole reader */
    {"then drop\"\n}", "then drop\"\n",
	"t.policy:14: \"segment demo\" inside section \"segment\" of line 8: "
	"its closing brace or a \"=\" is missing"},
    {"segment demo", "segment news",
	"t.policy:14: section \"segment news\" is given twice (first at line "
	"8)"},
    {"keep-free = 1", "keep-free = 1\n  keep-free = 2",
	"t.policy:12: option \"keep-free\" is given twice (first at line "
	"11)"},
    {"keep-free = 1", "keep-free = 010",
	"t.policy:11: 010 could mean an octal number; write it without the "
	"leading zero, or in double quotes where zeros belong to it"},
    {"hold 3d, then drop", "${WHEN_FULL}",
	"t.policy:12: ${...} would be taken from the environment; write the "
	"value itself"},
    {"at-most = \"1", "at-most += \"1",
	"t.policy:10: \"+=\" is not supported; write the whole list"},
};

static void test_refusals(void)
{
	modeltest_refusals(
	    &M, refusals, sizeof(refusals) / sizeof(refusals[0]));
}

/* "costarring" and "liquid" have the same FNV-1a of 32 bits. */
static void test_same_label(void)
{
	struct error err = {0};
	const struct policy *p =
	    parse(STR("segment costarring { purpose = a }\n"
		      "segment liquid { purpose = a }\n"),
		&err);

	IS_STR(err.text,
	    "t.policy:2: segments \"costarring\" and \"liquid\" share one "
	    "label; rename one",
	    "one label for two segments");
	policy_unref(&p);
	p = parse(STR("segment a { purpose = costarring }\n"
		      "segment b { purpose = liquid }\n"),
	    &err);
	IS_STR(err.text,
	    "t.policy:2: purposes \"costarring\" and \"liquid\" share one "
	    "label; rename one",
	    "one label for two purposes");
	policy_unref(&p);
}

/* --- differences --- */

/* Conditions may ask for attributes that are declared behind them. */
static void test_audiences(void)
{
	const struct policy *p = parse(
	    STR("audience it {\n"
		"  condition = \"ROLE in {cto, 'it, eu'} and size>=200\"\n"
		"}\n"
		"audience none { condition = \"company is missing\" }\n"
		"attribute size { type = number }\n"
		"segment s { purpose = s }\n"),
	    NULL);

	OK(p == NULL, "names of attributes have no capitals");
	p = parse(
	    STR("audience it {\n"
		"  condition = \"role in {cto, 'it, eu'} and size>=200\"\n"
		"}\n"
		"audience none { condition = \"company is missing\" }\n"
		"attribute size { type = number }\n"
		"attribute role { type = text }\n"
		"segment s { purpose = s }\n"),
	    NULL);
	if (p == NULL)
		return;
	IS_INT(p->n_attributes, 6, "two attributes and the reserved ones");
	OK(str_eq(p->attributes[0].name, STR("size")) &&
		p->attributes[0].type == ATTRIBUTE_NUMBER &&
		p->attributes[0].label == policy_label(STR("size")),
	    "the first");
	OK(attribute_find(p->attributes, p->n_attributes, STR("time-zone")) !=
		NULL,
	    "a reserved one");
	IS_INT(p->n_audiences, 2, "two audiences");
	OK(policy_audience_find(p, STR("none")) == &p->audiences[1], "by name");
	OK(policy_audience_find(p, STR("None")) == NULL, "exactly");
	is_rule(&p->audiences[0].rule, 2, "audience it",
	    "condition = \"role in {cto, 'it, eu'} and size>=200\"");
	OK(audience_contains(p->audiences[1].condition, NULL, 0, 0),
	    "compiled");
	policy_unref(&p);
}

static void test_diff(void)
{
	static const struct {
		const char *from, *to, *want;
	} cases[] = {
	    {"", "", ""},
	    {"order", "# another comment\norder", ""},
	    {"\"1 per 7d\"", "{\"1 per 168h\",}", ""},
	    {"keep-free = 1", "legal-basis = consent keep-free = \"1\"", ""},
	    {"1 per 7d", "2 per 7d",
		"segment news: at-most was \"1 per 7d\", is now \"2 per "
		"7d\"\n"},
	    {"at-most = \"1 per 7d\"", "",
		"segment news: at-most was \"1 per 7d\", is now not set\n"},
	    {"apart = 20h", "apart = 1d mode = shadow",
		"person: apart was \"20h\", is now \"1d\"\n"
		"person: mode was \"enforce\", is now \"shadow\"\n"},
	    {"order", "mode = shadow order",
		"mode was \"enforce\", is now \"shadow\"\n"},
	    {"{demo, news}", "{news, demo}",
		"order was {\"demo\", \"news\", \"late\"}, is now {\"news\", "
		"\"demo\", \"late\"}\n"},
	    {"segment late { purpose = news }\n", "",
		"order was {\"demo\", \"news\", \"late\"}, is now {\"demo\", "
		"\"news\"}\n"
		"segment late is gone\n"},
	    {"segment late { purpose = news }",
		"segment late { purpose = other }",
		"segment late: purpose was \"news\", is now \"other\"\n"},
	    {"person {", "purpose news { title = News }\nperson {",
		"purpose news is new: title = \"News\"\n"},
	    {"person {",
		"attribute n { type = number }\n"
		"audience all { condition = \"n>1\" }\nperson {",
		"attribute n is new: type = \"number\"\n"
		"audience all is new: condition = \"n > 1\"\n"},
	    {"segment late", "segment later",
		"order was {\"demo\", \"news\", \"late\"}, is now {\"demo\", "
		"\"news\", \"later\"}\n"
		"segment late is gone\n"
		"segment later is new: purpose = \"news\", legal-basis = "
		"\"consent\", keep-free = 0, when-full = \"hold 5d, then "
		"bounce\", when-closed = \"hold 7d, then bounce\", "
		"user-unknown = \"at once\", mailbox-disabled = \"at once\", "
		"mailbox-moved = \"at once\", "
		"mailbox-full = \"5 over 14d\", host-unknown = \"3 over 3d\", "
		"not-compliant = \"reject\", list-id = \"later\", mode = "
		"\"enforce\"\n"},
	};
	const struct policy *old = parse(str_of(base), NULL);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy *new;
		struct str rest = str_of(cases[i].want), line;
		struct buf text, told;
		size_t n = 0;

		modeltest_replace(&M, &text, cases[i].from, cases[i].to);
		new = parse(buf_str(&text), NULL);
		buf_init(&told, 1 << 16);
		while (str_next(&rest, '\n', &line))
			n += line.n > 0;
		if (old != NULL && new != NULL)
			IS_INT(policy_diff(old, new, modeltest_join, &told), n,
			    "how many");
		IS_S(
		    buf_str(&told), str_of(cases[i].want), "difference %zu", i);
		buf_fini(&told);
		buf_fini(&text);
		policy_unref(&new);
	}
	policy_unref(&old);
}

static void test_titles(void)
{
	static const struct {
		const char *purpose, *language, *want;
	} cases[] = {
	    {"news", "de", "Neues"},
	    {"news", "fr", "Nouvelles"},
	    {"news", "en", "Our news"},
	    {"news", "pl", "Our news"},
	    {"news", "", "Our news"},
	    {"demo", "en", "A demo"},
	    {"demo", "de", "Vorf\xc3\xbchrung"},
	    {"none", "de", "none"},
	    {"new", "de", "new"},
	};
	struct error err = {0};
	const struct policy *p = parse(
	    STR("segment a { purpose = news }\n"
		"purpose news { title = \"Our news\"\n"
		"  title-de = Neues title-fr = Nouvelles }\n"
		"purpose demo { title = \"Vorf\xc3\xbchrung\"\n"
		"  title-en = \"A demo\" }\n"
		"purpose long { title = \"" TEN TEN TEN TEN TEN TEN TEN TEN
		"\" }\n"),
	    &err);
	struct buf told;

	IS_STR(err.text, "", "accepted");
	if (p == NULL)
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		IS_S(policy_purpose_title(p, str_of(cases[i].purpose),
			 str_of(cases[i].language)),
		    str_of(cases[i].want), "%s in \"%s\"", cases[i].purpose,
		    cases[i].language);
	buf_init(&told, 1 << 16);
	policy_warnings(p, NOW_MS, modeltest_join, &told);
	IS_S(buf_str(&told),
	    STR("t.policy:1: person has no limit over all segments\n"
		"t.policy:4: purpose demo: no segment has it\n"
		"t.policy:6: purpose long: no segment has it\n"),
	    "what may be a typing mistake");
	buf_fini(&told);
	policy_unref(&p);
}

static const struct policy *with_order(size_t first)
{
	struct error err = {0};
	const struct policy *p;
	struct buf text;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < 400; i++)
		buf_printf(&text, "%s\"a-segment-with-a-long-name-%04zu\"",
		    i == 0 ? "order = {" : ",\n", (first + i) % 400);
	buf_addz(&text, "}\n");
	for (size_t i = 0; i < 400; i++)
		buf_printf(&text,
		    "segment a-segment-with-a-long-name-%04zu {\n"
		    "  purpose = x\n}\n",
		    i);
	p = parse(buf_str(&text), &err);
	IS_STR(err.text, "", "an order from %zu", first);
	buf_fini(&text);
	return p;
}

/* However long the values are. */
static void test_diff_is_one_line(void)
{
	const struct policy *old = with_order(0), *new = with_order(1);
	struct buf told;

	buf_init(&told, 1 << 20);
	if (old != NULL && new != NULL)
		IS_INT(policy_diff(old, new, modeltest_join, &told), 1,
		    "a difference");
	OK(told.n > 20000, "of long values");
	IS_INT(str_find(buf_str(&told), 0, '\n'), told.n - 1, "in one line");
	buf_fini(&told);
	policy_unref(&old);
	policy_unref(&new);
}

/* --- files --- */

/* Beside the policy, as the command looks for it. */
static int open_beside(
    void *arg, struct str name, struct str *text_out, struct error *err)
{
	struct buf *text = arg;
	char path[200];

	(void)err;
	(void)snprintf(
	    path, sizeof(path), "contrib/policies/%.*s", STR_ARG(name));
	modeltest_read(path, text);
	*text_out = buf_str(text);
	return 0;
}

static void check_example(const char *name, struct str text)
{
	struct error err = {0};
	const struct policy *p = parse(text, &err);
	struct buf told;

	IS_STR(err.text, "", "%s is accepted", name);
	OK(p != NULL && policy_segment_find(p, STR("newsletter")),
	    "and has a newsletter");
	buf_init(&told, 1 << 16);
	if (p != NULL)
		policy_warnings(p, NOW_MS, modeltest_join, &told);
	IS_S(buf_str(&told), STR(""), "and nothing to warn of");
	buf_fini(&told);
	policy_unref(&p);
}

static void test_examples(void)
{
	static const char *const names[] = {
	    "contrib/policies/b2b-newsletter.policy",
	    "contrib/policies/core.policy",
	    "contrib/policies/minimal.policy",
	    "contrib/policies/saas-trial.policy",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct arena *arena = arena_new(4 << 20);
		struct error err = {0};
		struct buf text, days;
		struct str whole;

		buf_init(&days, 1 << 20);
		modeltest_read(names[i], &text);
		IS_INT(daysfile_expand(arena, names[i], buf_str(&text),
			   open_beside, &days, &whole, &err),
		    0, "%s: its files are read: %s", names[i], err.text);
		check_example(names[i], whole);
		buf_fini(&text);
		buf_fini(&days);
		arena_free(&arena);
	}
}

static void test_manual(void)
{
	const struct policy *p =
	    modeltest_manual(&M, "policy/conf/tendril.policy.5");

	OK(p != NULL && p->n_segments == 2, "and is what it looks like");
	policy_unref(&p);
}

/* --- damage --- */

static void test_truncation(void)
{
	/* Nothing at all, and all but the last line end: `order` names the
	 * last segment. */
	IS_INT(modeltest_cuts(&M), 2, "cuts that are accepted");
}

/* Any byte of the file changed into any other: never a crash, and what is
 * accepted reads back to itself. */
static void test_one_byte(void)
{
	char text[sizeof(base)];
	size_t accepted = 0, broken = 0;
	struct buf shown;

	buf_init(&shown, 1 << 20);
	for (size_t i = 0; i < sizeof(base) - 1; i++)
		for (const char *c = "}{=,\"\\ \n#9x$\xc3"; *c != '\0'; c++) {
			const struct policy *p, *again;

			memcpy(text, base, sizeof(base));
			text[i] = *c;
			if (policy_parse(&p, "t", str_of(text), 1, NULL) != 0)
				continue;
			accepted++;
			buf_reset(&shown);
			policy_print(p, &shown);
			if (policy_parse(
				&again, "t", buf_str(&shown), 1, NULL) != 0 ||
			    policy_diff(p, again, modeltest_join, &shown) != 0)
				broken++;
			policy_unref(&p);
			policy_unref(&again);
		}
	OK(accepted > 100, "%zu changes are accepted", accepted);
	IS_INT(broken, 0, "and all of them read back");
	buf_fini(&shown);
}

int main(void)
{
	test_base();
	test_label();
	test_values();
	test_refusals();
	test_same_label();
	test_titles();
	test_audiences();
	test_diff();
	test_diff_is_one_line();
	test_examples();
	test_manual();
	test_truncation();
	test_one_byte();
	modeltest_faults(&M);
	return tap_done();
}
