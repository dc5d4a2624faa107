/* test_addrlist.c - policy/mail/addrlist: address lists of header fields. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/addrlist.h"

#include <errno.h>

#define LIT(s)                                                                 \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

/* want: "name|spec|canonical" of each, a line each; a canonical form that is
 * the spec is left out. */
struct list {
	const char *name;
	struct str in;
	const char *want;
	size_t bad;
};

static const struct list lists[] = {
    /* plain, RFC 5322 appendix A */
    {"one", LIT("a@b.example"), "|a@b.example\n", 0},
    {"name and address", LIT(" John Doe <jdoe@machine.example>\r\n"),
	"John Doe|jdoe@machine.example\n", 0},
    {"several",
	LIT("Mary Smith <mary@x.test>, jdoe@example.org, Who? "
	    "<one@y.test>"),
	"Mary Smith|mary@x.test\n|jdoe@example.org\nWho?|one@y.test\n", 0},
    {"quoted names",
	LIT("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" "
	    "<sysservices@example.net>"),
	"|boss@nil.test\n\"Giant; \\\"Big\\\" "
	"Box\"|sysservices@example.net\n",
	0},
    {"group",
	LIT("A Group:Ed Jones <c@a.test>,joe@where.test,John "
	    "<jdoe@one.test>;"),
	"Ed Jones|c@a.test\n|joe@where.test\nJohn|jdoe@one.test\n", 0},
    {"empty group", LIT("undisclosed-recipients:;"), "", 0},
    {"empty group with a comment", LIT("Undisclosed (none) : (x) ; "), "", 0},
    {"group, then more", LIT("g: a@b; , c@d"), "|a@b\n|c@d\n", 0},
    {"two groups", LIT("g: a@b;, h:c@d, e@f;"), "|a@b\n|c@d\n|e@f\n", 0},
    {"group in a comment-ridden form",
	LIT("A Group(Some people)\r\n"
	    "     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
	    "         joe@example.org,\r\n"
	    "  John <jdoe@one.test> (my dear friend); (the end of the group)"),
	"Chris Jones|c@public.example\n|joe@example.org\nJohn|jdoe@one."
	"test\n",
	0},
    {"comments everywhere",
	LIT("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
	"Pete(A nice \\) chap)|pete@silly.test\n", 0},
    {"nested comments", LIT("(a(b(c)d)e)x@y(z)"), "|x@y\n", 0},
    {"comment with an address in it", LIT("(evil@a.example) x@y"), "|x@y\n", 0},
    {"folded", LIT("a@b,\r\n\tc@d,\n e@f"), "|a@b\n|c@d\n|e@f\n", 0},
    /* obsolete */
    {"blanks around dots and at sign",
	LIT("Joe Q. Public <john . q .  public @ example . com>"),
	"Joe Q. Public|john.q.public@example.com\n", 0},
    {"route", LIT("Jane <@a.test,@b.test:jane@c.test>"), "Jane|jane@c.test\n",
	0},
    {"empty entries", LIT(",, a@b ,,c@d,"), "|a@b\n|c@d\n", 0},
    {"blank", LIT(" \r\n "), "", 0},
    {"nothing", {NULL, 0}, "", 0},
    {"words of two kinds", LIT("\"a b\".c@d"), "|\"a b.c\"@d\n", 0},
    /* local parts and domains */
    {"quoted local part", LIT("\"a,b\"@c, d@e"), "|\"a,b\"@c\n|d@e\n", 0},
    {"needless quotes", LIT("\"A.b\"@c"), "|\"A.b\"@c|a.b@c\n", 0},
    {"escapes", LIT("\"a\\\"\\\\\\b\"@c"), "|\"a\\\"\\\\b\"@c\n", 0},
    {"folding in quotes", LIT("\"a\r\n b\"@c"), "|\"a b\"@c\n", 0},
    {"literal", LIT("<a@[127.0.0.1]>"), "|a@[127.0.0.1]\n", 0},
    {"comma in a literal stays in it", LIT("a@[1,2], b@c"), "|b@c\n", 1},
    {"case", LIT("A@B.Example"), "|A@B.Example|a@b.example\n", 0},
    {"U-label",
	LIT("J <a@b\xc3\xbc"
	    "cher.example>"),
	"J|a@b\xc3\xbc"
	"cher.example|a@xn--bcher-kva.example\n",
	0},
    {"dots in odd places", LIT("a..b.@docomo.ne.jp"),
	"|a..b.@docomo.ne.jp|\"a..b.\"@docomo.ne.jp\n", 0},
    {"encoded word", LIT("=?utf-8?Q?a=40b=2C?= <c@d>"),
	"=?utf-8?Q?a=40b=2C?=|c@d\n", 0},
    {"encoded address stays a name", LIT("=?utf-8?Q?a@b?= <c@d>"),
	"=?utf-8?Q?a@b?=|c@d\n", 0},
    {"local part of a reply token",
	LIT("<0123456789012345678901234567890123456789012345678901234567890123"
	    "45678@r.example>"),
	"|0123456789012345678901234567890123456789012345678901234567890123"
	"45678@r.example\n",
	0},
    {"8-bit name", LIT("J\xf6rg <a@b>"), "J\xf6rg|a@b\n", 0},
    /* forgiven */
    {"address as name", LIT("a@b <c@d>"), "a@b|c@d\n", 0},
    {"at signs and brackets in a name", LIT("a @ b [c] <d@e>"),
	"a @ b [c]|d@e\n", 0},
    {"half a bracket in a name", LIT("[x <a@b>, y] <c@d>"), "[x|a@b\ny]|c@d\n",
	0},
    {"colon in a name", LIT("Re: J <a@b>"), "J|a@b\n", 0},
    {"semicolons", LIT("a@b; c@d;"), "|a@b\n|c@d\n", 0},
    {"group without end", LIT("g: a@b, c@d"), "|a@b\n|c@d\n", 0},
    {"apostrophe in a name", LIT("O'Neil <a@b>"), "O'Neil|a@b\n", 0},
    /* not guessed at */
    {"no domain", LIT("MAILER-DAEMON"), "", 1},
    {"no domain, with name", LIT("Mail <MAILER-DAEMON>"), "", 1},
    {"null", LIT("<>"), "", 1},
    {"two words", LIT("a b@c"), "", 1},
    {"two words after", LIT("a@b c"), "", 1},
    {"quote beside a word", LIT("\"a\"b@c"), "", 1},
    {"two at signs", LIT("a@b@c"), "", 1},
    {"at sign last", LIT("a@"), "", 1},
    {"at sign first", LIT("@b"), "", 1},
    {"text after the address", LIT("<a@b> c"), "", 1},
    {"dot after the address", LIT("<a@b>.c"), "", 1},
    {"full stop after the address", LIT("<a@b>., c@d"), "|c@d\n", 1},
    {"two addresses in brackets", LIT("<a@b> <c@d>"), "", 1},
    {"address after the address", LIT("<a@b> c@d"), "", 1},
    {"brackets in brackets", LIT("<<a@b>>"), "", 1},
    {"bracket without end", LIT("<a@b"), "", 1},
    {"bracket without end, then more", LIT("<a@b, c@d"), "|c@d\n", 1},
    {"bracket without begin", LIT("a@b>"), "", 1},
    {"route without end", LIT("<@a,@b"), "", 1},
    {"route to nothing", LIT("<@a:>"), "", 1},
    {"colon in the address", LIT("<mailto:a@b>"), "", 1},
    {"colon after the address", LIT("a@b: c@d"), "", 1},
    {"quote without end", LIT("a@b, \"c <d@e>, f@g"), "|a@b\n", 1},
    {"comment without end", LIT("a@b, c@d (e, f@g"), "|a@b\n", 1},
    {"comment without end alone", LIT("(a@b"), "", 1},
    {"literal without end", LIT("a@b, c@[1.2.3.4, d@e"), "|a@b\n", 1},
    {"backslash last", LIT("a@b, \"c\\"), "|a@b\n", 1},
    {"quoted domain", LIT("a@\"b\""), "", 1},
    {"literal beside a word", LIT("a@[127.0.0.1]b"), "", 1},
    {"stray closing parenthesis", LIT("a)b@c"), "", 1},
    {"backslash in an atom", LIT("a\\b@c"), "", 1},
    {"NUL in the address", LIT("a\0b@c, d@e"), "|d@e\n", 1},
    {"NUL in quotes", LIT("\"a\0b\"@c"), "", 1},
    {"tab in quotes", LIT("\"a\tb\"@c"), "", 1},
    {"not UTF-8", LIT("a\xff@b"), "", 1},
    {"bad domain", LIT("a@b..c, d@-e, f@1.2.3.4, g@h"), "|g@h\n", 3},
};

static void show(struct buf *b, const struct addrlist *l)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_add(b, l->v[i].name);
		buf_addc(b, '|');
		buf_add(b, l->v[i].spec);
		if (!str_eq(l->v[i].spec, l->v[i].addr.text)) {
			buf_addc(b, '|');
			buf_add(b, l->v[i].addr.text);
		}
		buf_addc(b, '\n');
	}
}

static void test_lists(struct arena *a)
{
	struct buf b;

	buf_init(&b, 10000);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct list *t = &lists[i];
		struct addrlist l = {0};
		IS_INT(addrlist_add(&l, a, t->in), 0, "%s", t->name);
		buf_reset(&b);
		show(&b, &l);
		IS_S(buf_str(&b), str_of(t->want), "%s: entries", t->name);
		IS_INT(l.bad, (long long)t->bad, "%s: bad", t->name);
	}
	buf_fini(&b);
}

static void test_fields(struct arena *a)
{
	struct addrlist l = {0};

	OK(addrlist_add(&l, a, STR("a@b, c")) == 0 &&
		addrlist_add(&l, a, STR("d@e")) == 0,
	    "two fields");
	OK(l.n == 2 && l.bad == 1 && str_eq(l.v[1].addr.domain, STR("e")),
	    "one list");
}

static void test_bound(void)
{
	struct arena *a = arena_new(1 << 20);
	struct addrlist l = {0};
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < ADDRLIST_MAX; i++)
		buf_printf(&b, "u%d@x.example,", i);
	IS_INT(addrlist_add(&l, a, buf_str(&b)), 0, "as many as may be");
	IS_INT(l.n, ADDRLIST_MAX, "all there");
	IS_INT(addrlist_add(&l, a, STR(" , ")), 0, "none more");
	IS_INT(addrlist_add(&l, a, STR("bad")), 0, "a bad one more");
	IS_INT(addrlist_add(&l, a, STR("one@more")), ERR_LIMIT, "one more");
	IS_INT(l.n, ADDRLIST_MAX, "nothing is lost");
	arena_free(&a);
	a = arena_new(2000);
	l = (struct addrlist){0};
	IS_INT(addrlist_add(&l, a, buf_str(&b)), ERR_LIMIT, "arena full");
	OK(l.n > 4 && l.n < 100, "what was read before is there: %zu", l.n);
	arena_free(&a);
	buf_fini(&b);
}

static void test_failures(void)
{
	struct str in = STR("a@b, \"e\xcc\x81\"@\xc3\xbc.example, c@d");
	int rc = -1;
	long n;

	for (n = 1; n < 50 && rc != 0; n++) {
		struct arena *a = arena_new(10000);
		struct addrlist l = {0};
		fault_alloc_at(n);
		rc = addrlist_add(&l, a, in);
		fault_alloc_at(0);
		if (rc != 0)
			OK(rc == -ENOMEM || rc == ERR_LIMIT,
			    "allocation %ld fails", n);
		else
			OK(l.n == 3 && l.bad == 0, "then it works");
		arena_free(&a);
	}
	OK(rc == 0 && n > 3, "after %ld", n - 1);
}

/* Runs of one or two bytes, and of what opens and never closes, of 1 MB: no
 * crash, and time that grows with the length only. */
static void test_hostile(void)
{
	static const char *const runs[] = {"(", ")", "\"", "\\", "<", ">", "[",
	    "@[", "@", ".", ",", ";", ":", "a", " ", "\r\n ", "a@b,", "<a@b>",
	    "a,", "(\\", "\"\\", "()", "\"\"", "a.", "@a,", "<@",
	    "a@b:", "\xff", "=?", "a@[1],"};
	static char big[1 << 20];
	int64_t begin = clock_mono_ms();
	size_t bad = 0;

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct arena *a = arena_new(1 << 16);
		struct addrlist l = {0};
		size_t n = strlen(runs[i]);
		int rc;
		for (size_t at = 0; at < sizeof(big); at++)
			big[at] = runs[i][at % n];
		rc = addrlist_add(&l, a, (struct str){big, sizeof(big)});
		bad += (rc != 0 && rc != ERR_LIMIT) || l.n > ADDRLIST_MAX;
		arena_free(&a);
	}
	printf("# %zu runs of 1 MB: %lld ms\n", sizeof(runs) / sizeof(runs[0]),
	    (long long)(clock_mono_ms() - begin));
	IS_INT(bad, 0, "runs of 1 MB are read or refused");
	OK(clock_mono_ms() - begin < TAP_ENDLESS_MS, "in a time without squares");
}

int main(void)
{
	struct arena *a = arena_new(1 << 20);

	if (a == NULL)
		return 1;
	test_lists(a);
	test_fields(a);
	test_bound();
	test_failures();
	test_hostile();
	arena_free(&a);
	return tap_done();
}
