/* test_mtaproto.c - tests/mta: the bytes of the milter protocol. What an MTA
 * sends is checked against bytes recorded from Postfix 3.7.11. */
#include "tests/mta/mtadial.h"
#include "tests/mta/mtaproto.h"
#include "tests/unit/tap.h"

/* Puts the length in front of what was recorded. */
static void is_packet(const struct buf *got, struct str want, const char *what)
{
	struct str s = buf_str(got);

	IS_INT(buf_error(got), 0, "%s: fits", what);
	OK(s.n > 4 && s.p[0] == 0 && s.p[1] == 0 &&
		(size_t)(unsigned char)s.p[2] * 256 + (unsigned char)s.p[3] ==
		    want.n,
	    "%s: length", what);
	IS_S(str_from(s, 4), want, "%s: bytes", what);
}

static void test_write(void)
{
	const struct mta_options offer = {MTA_VERSION, MTA_ACTIONS, MTA_STEPS};
	const struct mta_macro m[] = {
	    {STR("i"), STR("5074AA723C7")},
	    {STR("{rcpt_addr}"), STR("b@example.org")},
	};
	const struct str args[] = {STR("SIZE=500"), STR("BODY=8BITMIME")};
	struct buf b;

	buf_init(&b, 4096);
	mta_options(&b, &offer);
	is_packet(&b, STR("O\0\0\0\6\0\0\1\377\0\37\377\377"), "options");
	buf_reset(&b);
	mta_macros(&b, 'R', m, 2);
	is_packet(&b, STR("DRi\0005074AA723C7\0{rcpt_addr}\0b@example.org\0"),
	    "macros");
	buf_reset(&b);
	mta_macros(&b, 'H', NULL, 0);
	is_packet(&b, STR("DH"), "no macros");
	buf_reset(&b);
	mta_connect(&b, STR("localhost"), '4', 60110, STR("127.0.0.1"));
	is_packet(&b, STR("Clocalhost\0004\352\316127.0.0.1\0"), "connect");
	buf_reset(&b);
	mta_connect(&b, STR("unknown"), 'U', 25, STR("x"));
	is_packet(&b, STR("Cunknown\0U"), "connect from nowhere");
	buf_reset(&b);
	mta_helo(&b, STR("h"));
	is_packet(&b, STR("Hh\0"), "helo");
	buf_reset(&b);
	mta_envelope(&b, MTA_C_MAIL, STR("<app@example.com>"), args, 2);
	is_packet(
	    &b, STR("M<app@example.com>\0SIZE=500\0BODY=8BITMIME\0"), "mail");
	buf_reset(&b);
	mta_header(&b, STR("X-Fold"), STR(" a\n\tb\n c"));
	is_packet(&b, STR("LX-Fold\0 a\n\tb\n c\0"), "header");
	buf_reset(&b);
	mta_packet(&b, MTA_C_EOM, STR_NULL);
	is_packet(&b, STR("E"), "end of message");
	buf_fini(&b);
}

static void test_write_limit(void)
{
	struct buf b;

	buf_init(&b, 10);
	mta_packet(&b, MTA_C_BODY, STR("0123456789"));
	IS_INT(buf_error(&b), ERR_LIMIT, "the buffer's bound holds");
	buf_fini(&b);
}

static void test_next(void)
{
	static const struct {
		struct str in;
		int rc;
		char code;
		size_t data, left;
	} cases[] = {
	    {STR(""), 0, 0, 0, 0},
	    {STR("\0\0\0"), 0, 0, 0, 3},
	    {STR("\0\0\0\1"), 0, 0, 0, 4},
	    {STR("\0\0\0\1c"), 1, 'c', 0, 0},
	    {STR("\0\0\0\3yab\0\0\0\1"), 1, 'y', 2, 4},
	    {STR("\0\0\0\0c"), ERR_SYNTAX, 0, 0, 5},
	    {STR("\377\377\377\377c"), ERR_LIMIT, 0, 0, 5},
	    {STR("\0\1\377\377b"), ERR_LIMIT, 0, 0, 5},
	    {STR("\0\1\377\376b"), 0, 0, 0, 5},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mta_packet p = {0, STR_NULL};
		struct str in = cases[i].in;

		IS_INT(mta_next(&in, &p), cases[i].rc, "next %zu", i);
		IS_INT(in.n, cases[i].left, "next %zu: left", i);
		IS_INT(p.code, cases[i].code, "next %zu: code", i);
		IS_INT(p.data.n, cases[i].data, "next %zu: data", i);
	}
}

static void test_change(void)
{
	static const struct {
		char code;
		struct str data;
		int rc;
		uint32_t index;
		struct str name, value, args;
	} cases[] = {
	    {'i', STR("\0\0\0\2X\0 v\0"), 0, 2, STR("X"), STR(" v"), STR("")},
	    {'m', STR("\0\0\0\1X\0\0"), 0, 1, STR("X"), STR(""), STR("")},
	    {'h', STR("X\0v\n\tw\0"), 0, 0, STR("X"), STR("v\n\tw"), STR("")},
	    {'e', STR("<a@b>\0"), 0, 0, STR(""), STR("<a@b>"), STR("")},
	    {'e', STR("<a@b>\0RET=HDRS\0"), 0, 0, STR(""), STR("<a@b>"),
		STR("RET=HDRS")},
	    {'2', STR("<a@b>\0NOTIFY=NEVER\0"), 0, 0, STR(""), STR("<a@b>"),
		STR("NOTIFY=NEVER")},
	    {'+', STR("a@b\0"), 0, 0, STR(""), STR("a@b"), STR("")},
	    {'-', STR("a@b\0"), 0, 0, STR(""), STR("a@b"), STR("")},
	    {'q', STR("why\0"), 0, 0, STR(""), STR("why"), STR("")},
	    {'b', STR("a\0b"), 0, 0, STR(""), STR("a\0b"), STR("")},
	    {'b', STR(""), 0, 0, STR(""), STR(""), STR("")},
	    {'i', STR("\0\0\0"), ERR_SYNTAX, 0, STR(""), STR(""), STR("")},
	    {'i', STR("\0\0\0\1X\0v"), ERR_SYNTAX, 0, STR(""), STR(""),
		STR("")},
	    {'h', STR("\0v\0"), ERR_SYNTAX, 0, STR(""), STR(""), STR("")},
	    {'h', STR("X\0v\0w\0"), ERR_SYNTAX, 0, STR(""), STR(""), STR("")},
	    {'+', STR("a@b\0NOTIFY=NEVER\0"), ERR_SYNTAX, 0, STR(""), STR(""),
		STR("")},
	    {'+', STR(""), ERR_SYNTAX, 0, STR(""), STR(""), STR("")},
	    {'e', STR("a\0b\0c\0"), ERR_SYNTAX, 0, STR(""), STR(""), STR("")},
	    {'c', STR(""), ERR_SYNTAX, 0, STR(""), STR(""), STR("")},
	    {'\0', STR(""), ERR_SYNTAX, 0, STR(""), STR(""), STR("")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mta_packet p = {cases[i].code, cases[i].data};
		struct mta_change c;
		int rc = mta_parse_change(&p, &c);

		IS_INT(rc, cases[i].rc, "change %zu", i);
		if (rc != 0)
			continue;
		IS_INT(c.index, cases[i].index, "change %zu: index", i);
		IS_S(c.name, cases[i].name, "change %zu: name", i);
		IS_S(c.value, cases[i].value, "change %zu: value", i);
		IS_S(c.args, cases[i].args, "change %zu: args", i);
	}
}

static void test_tables(void)
{
	const uint32_t nr = MTA_NR_HDR | MTA_NR_EOH | MTA_NR_BODY;

	OK(mta_is_answered(0, MTA_C_HEADER), "headers are answered");
	OK(!mta_is_answered(nr, MTA_C_HEADER), "not with NR_HDR");
	OK(!mta_is_answered(nr, MTA_C_BODY), "not with NR_BODY");
	OK(mta_is_answered(nr, MTA_C_MAIL), "MAIL still is");
	OK(mta_is_answered(MTA_STEPS, MTA_C_EOM), "end of message always is");
	OK(!mta_is_answered(0, MTA_C_ABORT), "ABORT never is");
	OK(!mta_is_sent(MTA_NODATA, MTA_C_DATA), "DATA not wanted");
	OK(mta_is_sent(MTA_STEPS, MTA_C_EOM), "end of message always sent");
	IS_INT(mta_action_of('i'), MTA_ADDHDRS, "insheader's action");
	IS_INT(mta_action_of('c'), 0, "an answer has none");
	OK(mta_is_answer('y') && !mta_is_answer('i') && !mta_is_answer('p') &&
		!mta_is_answer('\0'),
	    "answers");
	IS_STR(mta_reply_name('t'), "tempfail", "a name");
	IS_STR(mta_reply_name('?'), "unknown", "no name");
}

static void test_parse_options(void)
{
	struct mta_packet p = {'O', STR("\0\0\0\6\0\0\0\21\0\34\4\200")};
	struct mta_options o;

	IS_INT(mta_parse_options(&p, &o), 0, "options");
	OK(o.version == 6 && o.actions == 0x11 && o.steps == 0x1c0480,
	    "their values");
	p.data.n = 11;
	IS_INT(mta_parse_options(&p, &o), ERR_SYNTAX, "too short");
	p = (struct mta_packet){'c', STR("0123456789ab")};
	IS_INT(mta_parse_options(&p, &o), ERR_SYNTAX, "another reply");
}

static void test_address(void)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
	    {"unix:/x/y.sock", 0},
	    {"inet:8891@127.0.0.1", 0},
	    {"inet:127.0.0.1:8891", 0},
	    {"inet:8891@localhost", 0},
	    {"inet:8891", 0},
	    {"unix:", ERR_LIMIT},
	    {"inet:65536@127.0.0.1", ERR_SYNTAX},
	    {"inet:25@mail.example.com", ERR_SYNTAX},
	    {"local:/x", ERR_SYNTAX},
	    {"", ERR_SYNTAX},
	};
	char longest[200] = "unix:";
	struct mta_address a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		IS_INT(mta_address(cases[i].text, &a, NULL), cases[i].rc,
		    "address \"%s\"", cases[i].text);
	memset(longest + 5, 'x', sizeof(longest) - 6);
	IS_INT(mta_address(longest, &a, NULL), ERR_LIMIT, "path too long");
}

int main(void)
{
	test_write();
	test_write_limit();
	test_next();
	test_change();
	test_tables();
	test_parse_options();
	test_address();
	return tap_done();
}
