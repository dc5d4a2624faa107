/* test_tell.c - what a new policy changes, in words: one change at a time, and
 * a whole file. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/conf/tell.h"

static const char base[] =
    "order = {demo, news, win-back}\n"
    "time-zone = \"Europe/Berlin\"\n"
    "person { at-most = \"6 per month\" apart = 20h }\n"
    "company { at-most-people = \"3 per 1d\" }\n"
    "attribute role { type = text }\n"
    "audience chiefs { condition = \"role = cto\" }\n"
    "limit chiefs { for = chiefs at-most = \"1 per 14d\" }\n"
    "holidays de { days = {\"12-25\", \"12-26\"} }\n"
    "segment demo { purpose = demo legal-basis = legitimate-interest }\n"
    "segment news { purpose = news at-most = \"1 per week\" apart = 1d\n"
    "  send-on = \"mon-fri 08:00-18:00\" holidays = de keep-free = 1\n"
    "  when-full = \"hold 5d, then bounce\"\n"
    "  yield = \"2d to {demo}\" }\n"
    "segment win-back { purpose = news }\n";

static void join(void *arg, const char *line)
{
	buf_printf(arg, "%s\n", line);
}

static const struct policy *parse(const char *text)
{
	struct error err = {0};
	const struct policy *p;

	if (policy_parse(&p, "t", str_of(text), 1, &err) != 0)
		bug("%s", err.text);
	return p;
}

static void replace(struct buf *out, const char *from, const char *to)
{
	const char *at = strstr(base, from);

	if (at == NULL)
		bug("the base has no \"%s\"", from);
	buf_init(out, 1 << 20);
	buf_add(out, (struct str){base, (size_t)(at - base)});
	buf_addz(out, to);
	buf_addz(out, at + strlen(from));
}

static void told(const char *from, const char *to, struct buf *out)
{
	const struct policy *old = parse(from), *new = parse(to);
	size_t n, lines = 0;

	buf_init(out, 1 << 20);
	n = policy_tell(old, new, join, out);
	for (size_t i = 0; i < out->n; i++)
		lines += out->p[i] == '\n';
	if (n != lines)
		OK(false, "%zu sentences, %zu lines", n, lines);
	policy_unref(&old);
	policy_unref(&new);
}

struct change {
	const char *from, *to;
	const char *there, *back; /* what is told, and of the way back */
};

static const struct change changes[] = {
    {"1 per week", "2 per week",
	"news: each person may now get two instead of one a calendar week\n",
	"news: each person may now get one instead of two a calendar week\n"},
    {"1 per week", "1 per 7d",
	"news: each person may now get one in any 7 days instead of one a "
	"calendar week\n",
	"news: each person may now get one a calendar week instead of one in "
	"any 7 days\n"},
    {"\"1 per week\"", "{\"1 per week\", \"20 per 90d\"}",
	"news: each person may now get at most 20 in any 90 days, which is a "
	"new limit\n",
	"news: each person is no longer limited to 20 in any 90 days\n"},
    {"1 per week", "0 per week",
	"news: each person may now get none instead of one a calendar week\n",
	"news: each person may now get one instead of none a calendar week\n"},
    {"6 per month", "8 per month",
	"of all segments together, each person may now get eight instead of "
	"six a calendar month\n",
	"of all segments together, each person may now get six instead of "
	"eight a calendar month\n"},
    {"apart = 20h", "",
	"of all segments together, each person may now get two at once, no "
	"longer 20 hours apart\n",
	"of all segments together, each person now gets two at least 20 hours "
	"apart\n"},
    {"apart = 1d", "apart = 3d",
	"news: each person now gets two at least 3 days apart instead of 24 "
	"hours\n",
	"news: each person now gets two at least 24 hours apart instead of 3 "
	"days\n"},
    {"3 per 1d", "4 per 1d",
	"a company, all its people together, may now have four people written "
	"to instead of three in any 24 hours\n",
	"a company, all its people together, may now have three people "
	"written to instead of four in any 24 hours\n"},
    {"3 per 1d", "1 per 1d",
	"a company, all its people together, may now have one person written "
	"to instead of three in any 24 hours\n",
	"a company, all its people together, may now have three people "
	"written to instead of one in any 24 hours\n"},
    {"1 per 14d", "1 per 10d",
	"limit chiefs: each person of audience chiefs may now get one in any "
	"10 days instead of one in any 14 days\n",
	"limit chiefs: each person of audience chiefs may now get one in any "
	"14 days instead of one in any 10 days\n"},
    {"limit chiefs { for = chiefs at-most = \"1 per 14d\" }", "",
	"limit chiefs: each person of audience chiefs is no longer limited to "
	"one in any 14 days\n",
	"limit chiefs: each person of audience chiefs may now get at most one "
	"in any 14 days, which is a new limit\n"},
    {"for = chiefs at-most", "at-most", "limit chiefs now binds everybody\n",
	"limit chiefs now binds audience chiefs\n"},
    {"role = cto", "role = ceo",
	"audience chiefs now has other people: condition = \"role = ceo\"; "
	"before, condition = \"role = cto\"\n",
	"audience chiefs now has other people: condition = \"role = cto\"; "
	"before, condition = \"role = ceo\"\n"},
    {"send-on = \"mon-fri 08:00-18:00\"", "",
	"news is now sent at any time; before, mon-fri 08:00-18:00\n",
	"news is now sent mon-fri 08:00-18:00 only, where the person lives\n"},
    {"mon-fri 08:00-18:00", "tue-thu 09:00-17:00",
	"news is now sent tue-thu 09:00-17:00 only, where the person lives; "
	"before, mon-fri 08:00-18:00\n",
	"news is now sent mon-fri 08:00-18:00 only, where the person lives; "
	"before, tue-thu 09:00-17:00\n"},
    {"holidays = de", "", "news now also goes on the holidays de\n",
	"news no longer goes on the holidays de\n"},
    {"\"12-25\", \"12-26\"", "\"12-26\", \"01-01\", \"2027-03-26\"",
	"holidays de now has also 01-01, 2027-03-26\n"
	"holidays de no longer has 12-25\n",
	"holidays de now has also 12-25\n"
	"holidays de no longer has 01-01, 2027-03-26\n"},
    {"keep-free = 1", "keep-free = 2",
	"news now leaves two instead of one of a person's places to segments "
	"before it\n",
	"news now leaves one instead of two of a person's places to segments "
	"before it\n"},
    {"keep-free = 1", "keep-free = 1 mailbox-full = \"never\"",
	"news: people with a full mailbox are now given up never; before, "
	"after five failures in a row over more than 14 days\n",
	"news: people with a full mailbox are now given up after five failures "
	"in a row over more than 14 days; before, never\n"},
    {"keep-free = 1", "keep-free = 1 user-unknown = \"2 over 7d\"",
	"news: people whose mailbox does not exist are now given up after two "
	"failures in a row over more than 7 days; before, at the first "
	"failure\n",
	"news: people whose mailbox does not exist are now given up at the "
	"first failure; before, after two failures in a row over more than 7 "
	"days\n"},
    {"keep-free = 1", "keep-free = 1 mailbox-disabled = never",
	"news: people whose mailbox is disabled are now given up never; "
	"before, at the first failure\n",
	"news: people whose mailbox is disabled are now given up at the first "
	"failure; before, never\n"},
    {"keep-free = 1", "keep-free = 1 mailbox-moved = \"3 over 1d\"",
	"news: people whose mailbox has moved are now given up after three "
	"failures in a row over more than 24 hours; before, at the first "
	"failure\n",
	"news: people whose mailbox has moved are now given up at the first "
	"failure; before, after three failures in a row over more than 24 "
	"hours\n"},
    {"keep-free = 1", "keep-free = 1 host-unknown = \"1 over 2d\"",
	"news: people whose domain has no mail server are now given up after "
	"one failure in a row over more than 2 days; before, after three "
	"failures in a row over more than 3 days\n",
	"news: people whose domain has no mail server are now given up after "
	"three failures in a row over more than 3 days; before, after one "
	"failure in a row over more than 2 days\n"},
    {"hold 5d, then bounce", "hold 2d, then drop",
	"a news over a limit now waits up to 2 days and then is discarded; "
	"before, one waits up to 5 days and then goes back to its sender\n",
	"a news over a limit now waits up to 5 days and then goes back to its "
	"sender; before, one waits up to 2 days and then is discarded\n"},
    {"hold 5d, then bounce", "reject",
	"a news over a limit now is refused; before, one waits up to 5 days "
	"and then goes back to its sender\n",
	"a news over a limit now waits up to 5 days and then goes back to its "
	"sender; before, one is refused\n"},
    {"yield = \"2d to {demo}\"", "", "news no longer gives way to demo\n",
	"news now gives way to demo for 2 days\n"},
    {"2d to {demo}", "1d to {demo, win-back}",
	"news now gives way to demo and win-back for 24 hours; before, to "
	"demo for 2 days\n",
	"news now gives way to demo for 2 days; before, to demo and win-back "
	"for 24 hours\n"},
    {"order = {demo, news, win-back}", "order = {demo, win-back, news}",
	"win-back now goes before news\n", "news now goes before win-back\n"},
    {"order = {demo, news, win-back}", "order = {win-back, demo, news}",
	"win-back now goes before demo\n",
	"demo now goes before win-back\nnews now goes before win-back\n"},
    {"purpose = news }", "purpose = offers }",
	"win-back now has the purpose offers instead of news: consent and "
	"opt-outs are looked up there\n",
	"win-back now has the purpose news instead of offers: consent and "
	"opt-outs are looked up there\n"},
    {"legal-basis = legitimate-interest", "",
	"demo now goes only to people who agreed to demo\n",
	"demo now also goes to people who never agreed, until they object\n"},
    {"order = {demo, news, win-back}", "order = {demo, news} mode = shadow",
	"all rules are only tried and logged now; none acts\n",
	"all rules act from now on\n"},
    {"purpose = news }", "purpose = news mode = shadow }",
	"win-back: limits are only tried and logged now\n",
	"win-back: limits act from now on\n"},
    {"Europe/Berlin", "Europe/Vienna",
	"days and hours of people whose zone is not known are now those of "
	"Europe/Vienna instead of Europe/Berlin\n",
	"days and hours of people whose zone is not known are now those of "
	"Europe/Berlin instead of Europe/Vienna\n"},
    {"segment win-back { purpose = news }\n",
	"segment win-back { purpose = news }\nsegment tips { purpose = tips "
	"at-most = {\"1 per 7d\", \"2 per month\"} send-on = \"sat\" }\n",
	"tips is new: for people who agreed to tips; each may get at most one "
	"in any 7 days and two a calendar month; sent sat only\n",
	"tips is gone: nothing new of it goes out; what is held for it waits "
	"for its deadline or goes back, as you say with --orphans\n"},
    {"segment win-back",
	"breaker { complaints = {\"0.05%\", \"0.2%\"} }\n"
	"segment win-back",
	"a segment, campaign or From domain is now warned about at 0.05% and "
	"stopped at 0.2% of complaints instead of 0.1% and 0.3%\n",
	"a segment, campaign or From domain is now warned about at 0.1% and "
	"stopped at 0.3% of complaints instead of 0.05% and 0.2%\n"},
    {"segment win-back",
	"breaker-for news { unsubscribes = \"off\"\n"
	"  resume = \"after 1d\" }\nsegment win-back",
	"news is no longer stopped by its unsubscribes\n"
	"news, stopped by its rates, now goes on after 24 hours instead of by "
	"hand\n",
	"news is now warned about at 1% and stopped at 2% of unsubscribes\n"
	"news, stopped by its rates, now goes on by hand instead of after 24 "
	"hours\n"},
    {"segment win-back",
	"breaker-for news { our-faults = {\"1%\", \"5%\"} }\n"
	"segment win-back",
	"news is now warned about at 1% and stopped at 5% of our-faults "
	"instead "
	"of 2% and 5%\n",
	"news is now warned about at 2% and stopped at 5% of our-faults "
	"instead "
	"of 1% and 5%\n"},
    {"segment win-back", "breaker { mode = off }\nsegment win-back",
	"a segment, campaign or From domain is not stopped by its rates any "
	"more\n",
	"a segment, campaign or From domain is stopped by its rates from now "
	"on\n"},
    {"segment win-back",
	"breaker { mode = shadow min-sample = 100 }\nsegment win-back",
	"a segment, campaign or From domain is only warned about from now on, "
	"whatever its rates\n"
	"rates of a segment, campaign or From domain are now those of the "
	"last 7 days, of 100 messages and 3 complaints, bounces or opt-outs "
	"at least\n",
	"a segment, campaign or From domain is stopped by its rates from now "
	"on\n"
	"rates of a segment, campaign or From domain are now those of the "
	"last 7 days, of 200 messages and 3 complaints, bounces or opt-outs "
	"at least\n"},
    /* What nobody notices. */
    {"purpose = news }", "purpose = news list-id = \"Words\" }", "", ""},
};

static void test_changes(void)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *c = &changes[i];
		struct buf text, got;

		replace(&text, c->from, c->to);
		told(base, text.p, &got);
		IS_S(buf_str(&got), str_of(c->there), "%s", c->to);
		buf_fini(&got);
		told(text.p, base, &got);
		IS_S(buf_str(&got), str_of(c->back), "and back");
		buf_fini(&got);
		buf_fini(&text);
	}
}

/* A long list is cut. */
static void test_many_days(void)
{
	struct buf text, got;

	replace(&text, "\"12-25\", \"12-26\"",
	    "\"12-25\", \"12-26\", \"01-01\", \"01-02\", \"01-03\", "
	    "\"01-04\", \"01-05\", \"01-06\", \"01-07\", \"01-08\"");
	told(base, text.p, &got);
	IS_S(buf_str(&got),
	    STR("holidays de now has also 01-01, 01-02, 01-03, 01-04, 01-05, "
		"01-06 and 2 days more\n"),
	    "eight days");
	buf_fini(&got);
	buf_fini(&text);
}

/* The same rules in other words have no effect. */
static void test_nothing(void)
{
	struct buf text, got;

	told(base, base, &got);
	IS_S(buf_str(&got), STR(""), "the same file");
	buf_fini(&got);
	replace(&text, "at-most = \"6 per month\" apart = 20h",
	    "apart = 1200m at-most = {\"6 per month\"}  # as ever\n");
	told(base, text.p, &got);
	IS_S(buf_str(&got), STR(""), "written another way");
	buf_fini(&got);
	buf_fini(&text);
}

int main(void)
{
	test_changes();
	test_many_days();
	test_nothing();
	return tap_done();
}
