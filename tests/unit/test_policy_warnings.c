/* test_policy_warnings.c - what `tendril check` finds in a policy that is
 * accepted: what does nothing, what does not do what its author may mean. */
#include "tests/unit/tap.h"

#include "policy/conf/policy.h"

#include <stdlib.h>

#define NOW_MS INT64_C(1795392000000) /* 2026-11-23 */

static const char good[] =
    "person { at-most = {\"3 per 7d\", \"6 per 30d\"} apart = 20h }\n"
    "segment news { purpose = news at-most = \"1 per 7d\" keep-free = 1\n"
    "  when-full = \"hold 3d, then drop\" }\n"
    "segment demo { purpose = demo legal-basis = legitimate-interest }\n";

static void join(void *arg, const char *line)
{
	struct buf *out = arg;

	buf_printf(out, "%s\n", line);
}

/* Adds to out what is found. */
static void find(const char *text, struct buf *out)
{
	struct error err = {0};
	const struct policy *p;

	IS_INT(policy_parse(&p, "t.policy", str_of(text), 1, &err), 0, "%s",
	    err.text);
	if (p != NULL)
		policy_warnings(p, NOW_MS, join, out);
	policy_unref(&p);
}

static void check(
    const char *text, const char *want, const char *what, size_t i)
{
	struct buf told;

	buf_init(&told, 1 << 16);
	find(text, &told);
	IS_S(buf_str(&told), str_of(want), "%s %zu", what, i);
	buf_fini(&told);
}

static void test_warnings(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {good, ""},
	    {"", "t.policy:1: no segment: nothing can be sent\n"
		 "t.policy:1: person has no limit over all segments\n"},
	    {"person { apart = 1d }\nsegment a { purpose = a\n"
	     "mailbox-full = never user-unknown = never }\n",
		"t.policy:2: segment a: user-unknown = \"never\" goes on "
		"writing to mailboxes that do not exist, which providers hold "
		"against all of your mail\n"},
	    {"person { apart = 1d }\nsegment a { purpose = a\nkeep-free = 1 "
	     "}\n",
		"t.policy:2: segment a: keep-free does nothing without person "
		"at-most\n"},
	    {"person { at-most = {\"2 per 7d\",\n\"9 per 30d\",\n\"9 per "
	     "90d\"} }\nsegment a { purpose = a }\n",
		"t.policy:2: at-most = \"9 per 30d\" never decides beside "
		"at-most = \"9 per 90d\"\n"},
	    {"person { apart = 1d }\nsegment a { purpose = a\n"
	     "at-most = \"2 per week\" }\n",
		"t.policy:3: at-most = \"2 per week\" goes by the calendar: "
		"one "
		"may go on the last evening and the next on the first morning; "
		"add apart, or write the rolling form\n"},
	    {"person { apart = 1d }\nsegment a { purpose = a\n"
	     "at-most = \"2 per week\" apart = 20h when-full = defer }\n"
	     "segment b { purpose = b when-full = reject }\n",
		"t.policy:3: segment a: when-full = \"defer\": many "
		"applications "
		"give up after a while, or report success and forget; hold "
		"keeps the message here\n"
		"t.policy:4: segment b: when-full = \"reject\": many tools "
		"take "
		"any 5xx for a dead address and stop writing to it\n"},
	    {"person { apart = 1d }\n"
	     "segment a { purpose = a yield = \"1d to b\" }\n"
	     "segment b { purpose = b yield = \"1d to {a, c}\" }\n"
	     "segment c { purpose = c yield = \"1d to {a}\" }\n",
		"t.policy:2: segments a and b yield to each other: both wait "
		"until the patience of one is over\n"
		"t.policy:3: segment b yields to c, which stands behind it in "
		"the order\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].text, cases[i].want, "findings", i);
}

/* Holds that end before what they wait for. */
static void test_short_holds(void)
{
#define PERSON "person { at-most = \"9 per 7d\" }\n"
#define SEGMENT(rest) PERSON "segment a {\n purpose = a\n" rest "}\n"
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {SEGMENT(" at-most = \"1 per 30d\"\n"
		     " when-full = \"hold 5d, then bounce\"\n"),
		"t.policy:5: segment a: a limit of 1 per 30d with hold 5d: a "
		"place is free only every 30d or so; whoever has longer than "
		"5d to wait does not get the message later, it is refused at "
		"once (550), and that is most of them; hold 30d keeps all, "
		"\"then drop\" refuses none\n"},
	    {SEGMENT(" at-most = \"1 per 30d\"\n"
		     " when-full = \"hold 15d, then bounce\"\n"),
		""},
	    {SEGMENT(" at-most = \"1 per 30d\"\n"
		     " when-full = \"hold 5d, then drop\"\n"),
		""},
	    {SEGMENT(" at-most = \"1 per 30d\"\n when-full = reject\n"),
		"t.policy:5: segment a: when-full = \"reject\": many tools "
		"take any 5xx for a dead address and stop writing to it\n"},
	    {SEGMENT(" at-most = \"1 per 7d\"\n"), ""},
	    {SEGMENT(" at-most = \"0 per 30d\"\n"), ""},
	    {SEGMENT(" at-most = \"3 per 30d\"\n"), ""},
	    /* nobody wrote the hold */
	    {SEGMENT(" at-most = {\"1 per 7d\", \"2 per 30d\"}\n"),
		"t.policy:2: segment a: a limit of 2 per 30d with hold 5d: a "
		"place is free only every 15d or so; whoever has longer than "
		"5d to wait does not get the message later, it is refused at "
		"once (550), and that is most of them; hold 30d keeps all, "
		"\"then drop\" refuses none\n"},
	    {SEGMENT(" apart = 20d\n"),
		"t.policy:2: segment a: a limit of apart = 20d with hold 5d: "
		"a place is free only every 20d or so; whoever has longer "
		"than 5d to wait does not get the message later, it is "
		"refused at once (550), and that is most of them; hold 20d "
		"keeps all, \"then drop\" refuses none\n"},
	    {SEGMENT(" mode = shadow at-most = \"1 per 30d\"\n"), ""},
	    {PERSON "limit x { per = segment segment = b "
		    "at-most = \"1 per 60d\" }\n"
		    "segment a { purpose = a }\n"
		    "segment b { purpose = b when-full = \"hold 20d, then "
		    "bounce\" }\n",
		"t.policy:4: segment b: a limit of 1 per 60d with hold 20d: a "
		"place is free only every 60d or so; whoever has longer than "
		"20d to wait does not get the message later, it is refused "
		"at once (550), and that is most of them; hold 60d keeps "
		"all, \"then drop\" refuses none\n"},
	    {"person { at-most = \"1 per month\" apart = 1h }\n"
	     "segment a { purpose = a }\n",
		"t.policy:2: segment a: a limit of 1 per month with hold 5d: "
		"a place is free only every 31d or so; whoever has longer "
		"than 5d to wait does not get the message later, it is "
		"refused at once (550), and that is most of them; hold 31d "
		"keeps all, \"then drop\" refuses none\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].text, cases[i].want, "holds", i);
}

static void test_closed_holds(void)
{
#define CLOSED(rest)                                                           \
	"time-zone = \"Europe/Berlin\"\n" PERSON                               \
	"holidays h { days = {\"2027-01-01\", \"2025-06-05\"} }\n"             \
	"segment a { purpose = a send-on = \"mon-fri 08:00-18:00\"\n" rest     \
	"}\n"
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {CLOSED(" holidays = h\n when-closed = \"hold 3d, then bounce\"\n"),
		"t.policy:6: segment a: from Thursday, 2026-12-31 18:00 "
		"(Europe/Berlin) on it is closed for 3d 14h, and when-closed "
		"is hold 3d: what comes in the first 14h of that is refused "
		"at once and never sent; hold 4d keeps all\n"},
	    {CLOSED(" holidays = h\n when-closed = \"hold 86h, then drop\"\n"),
		""},
	    {CLOSED(" holidays = h\n when-closed = \"hold 1d, then send\"\n"),
		""},
	    /* the night in which the clock is put back */
	    {CLOSED(" when-closed = \"hold 62h, then drop\"\n"),
		"t.policy:5: segment a: from Friday, 2027-10-29 18:00 "
		"(Europe/Berlin) on it is closed for 2d 15h, and when-closed "
		"is hold 2d 14h: what comes in the first 1h of that is "
		"dropped at once and never sent; hold 3d keeps all\n"},
	    {CLOSED(" when-closed = \"hold 63h, then drop\"\n"), ""},
	    {PERSON "segment a { purpose = a send-on = \"mon-fri\"\n"
		    " when-closed = \"hold 2d, then drop\" }\n",
		"t.policy:3: segment a: from Saturday, 2027-10-30 00:00 "
		"(Europe/Berlin) on it is closed for 2d 1h, and when-closed "
		"is hold 2d: what comes in the first 1h of that is dropped "
		"at once and never sent; hold 3d keeps all\n"},
	    {PERSON "holidays d { days = {\"02-29\"} }\n"
		    "segment a { purpose = a send-on = \"daily\" holidays = d "
		    "when-closed = \"hold 1h, then drop\" }\n",
		""}, /* no leap year is near */
	};

	if (access("/usr/share/zoneinfo/UTC", F_OK) != 0)
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].text, cases[i].want, "closed", i);
}

static void told_of_zone(const char *zone, struct buf *out)
{
	char text[200];

	(void)snprintf(text, sizeof(text),
	    "time-zone = \"%s\"\nperson { at-most = \"1 per 7d\" }\n"
	    "segment a { purpose = a }\n",
	    zone);
	buf_reset(out);
	find(text, out);
}

/* A folder of zones is none, though it has the form of a name and is there. */
static void test_zone_warning(void)
{
	struct buf told;

	if (access("/usr/share/zoneinfo/UTC", F_OK) != 0)
		return;
	buf_init(&told, 1 << 16);
	told_of_zone("UTC", &told);
	IS_S(buf_str(&told), STR(""), "a zone");
	told_of_zone("Europe", &told);
	IS_S(buf_str(&told),
	    STR("t.policy:1: time-zone: this host knows no zone \"Europe\"\n"),
	    "a folder");
	told_of_zone("Nowhere", &told);
	IS_S(buf_str(&told),
	    STR("t.policy:1: time-zone: this host knows no zone "
		"\"Nowhere\"\n"),
	    "nothing");
	/* where decisions look for it */
	(void)setenv("TZDIR", "/usr/share/zoneinfo/Europe", 1);
	told_of_zone("Berlin", &told);
	IS_S(buf_str(&told), STR(""), "in another folder");
	told_of_zone("Europe/Berlin", &told);
	IS_S(buf_str(&told),
	    STR("t.policy:1: time-zone: this host knows no zone "
		"\"Europe/Berlin\"\n"),
	    "not there");
	(void)unsetenv("TZDIR");
	buf_fini(&told);
}

int main(void)
{
	test_warnings();
	test_short_holds();
	test_closed_holds();
	test_zone_warning();
	return tap_done();
}
