/* test_address.c - policy/mail: address, domain, idn, nfc, psl, company. */
#include "tests/unit/tap.h"

#include "policy/base/fault.h"
#include "policy/mail/address.h"
#include "policy/mail/domain.h"
#include "policy/mail/freemail.h"
#include "policy/mail/nfc.h"
#include "policy/mail/psl.h"

#include <errno.h>

#define LIT(s)                                                                 \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}
#define E_ACUTE "\xc3\xa9"      /* composed */
#define E_ACUTE_NFD "e\xcc\x81" /* e, U+0301 */
#define U_UML "\xc3\xbc"        /* u with diaeresis */
#define BIG_U_UML "\xc3\x9c"
#define BIG_I_DOT "\xc4\xb0"
#define BIG_SIGMA "\xce\xa3"
#define U_UML_NFD "u\xcc\x88"
#define EMOJI "\xf0\x9f\x92\xa9"
#define IDEO_STOP "\xe3\x80\x82"  /* U+3002 */
#define WIDE_AT "\xef\xbc\xa0"    /* U+FF20 */
#define ACCOUNT_OF "\xe2\x84\x80" /* U+2100, maps to a/c */
#define GREEK_Q "\xcd\xbe"        /* U+037E, NFC is ';' */
#define KELVIN "\xe2\x84\xaa"     /* U+212A, NFC is 'K' */
#define RING "\xcc\x8a"           /* U+030A */
#define SOFT_HYPHEN "\xc2\xad"

#define L61 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"
#define L62 L61 "j"
#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define L64 L63 "l"

struct good {
	const char *name;
	struct str in, want;
};

static const struct good good[] = {
    {"plain", LIT("a@b.example"), LIT("a@b.example")},
    {"brackets", LIT("<a@b.example>"), LIT("a@b.example")},
    {"upper case", LIT("Jane.DOE@Example.COM"), LIT("jane.doe@example.com")},
    {"tag and dots are kept", LIT("j.d+News@x.example"),
	LIT("j.d+news@x.example")},
    {"all of atext", LIT("!#$%&'*+-/=?^_`{|}~@x"),
	LIT("!#$%&'*+-/=?^_`{|}~@x")},
    {"percent hack", LIT("user%inner@outer.example"),
	LIT("user%inner@outer.example")},
    {"bang path", LIT("host!user@x"), LIT("host!user@x")},
    {"single label", LIT("root@localhost"), LIT("root@localhost")},
    {"underscore in a domain", LIT("a@_x_y.example"), LIT("a@_x_y.example")},
    {"digits in a domain", LIT("a@163.com"), LIT("a@163.com")},
    {"trailing dot", LIT("a@b.example."), LIT("a@b.example")},
    {"needless quotes", LIT("\"a\"@x"), LIT("a@x")},
    {"needless quotes, upper case", LIT("\"A.B\"@x"), LIT("a.b@x")},
    {"needless backslash", LIT("\"\\a\\b\"@x"), LIT("ab@x")},
    {"needed quotes", LIT("\"a b\"@x"), LIT("\"a b\"@x")},
    {"needed backslashes", LIT("\"a\\\"\\\\b\"@x"), LIT("\"a\\\"\\\\b\"@x")},
    {"at sign in quotes", LIT("\"a@b\"@c"), LIT("\"a@b\"@c")},
    {"bracket in quotes", LIT("<\"a>b\"@c>"), LIT("\"a>b\"@c")},
    {"empty quoted string", LIT("\"\"@x"), LIT("\"\"@x")},
    {"blank alone", LIT("\" \"@x"), LIT("\" \"@x")},
    {"dot first", LIT(".a@x"), LIT("\".a\"@x")},
    {"dot last", LIT("a.@x"), LIT("\"a.\"@x")},
    {"two dots", LIT("a..b@x"), LIT("\"a..b\"@x")},
    {"two dots, quoted", LIT("\"a..b\"@x"), LIT("\"a..b\"@x")},
    {"route", LIT("<@r1.example,@r2:a@b>"), LIT("a@b")},
    {"route without brackets", LIT("@r1.example:a@b"), LIT("a@b")},
    {"longest local part", LIT(L64 "@x"), LIT(L64 "@x")},
    {"longest path", LIT(L64 "@" L63 "." L63 "." L61),
	LIT(L64 "@" L63 "." L63 "." L61)},
    {"longest label", LIT("a@" L63 ".x"), LIT("a@" L63 ".x")},
    {"IPv4 literal", LIT("a@[127.0.0.1]"), LIT("a@[127.0.0.1]")},
    {"IPv6 literal", LIT("a@[IPv6:2001:DB8:0:0::1]"),
	LIT("a@[ipv6:2001:db8::1]")},
    {"IPv6 literal, mapped", LIT("a@[IPV6:::ffff:1.2.3.4]"),
	LIT("a@[ipv6:::ffff:1.2.3.4]")},
    {"U-label", LIT("a@b" U_UML "cher.example"),
	LIT("a@xn--bcher-kva.example")},
    {"U-label, upper case", LIT("a@B" BIG_U_UML "CHER.Example"),
	LIT("a@xn--bcher-kva.example")},
    {"U-label, decomposed", LIT("a@b" U_UML_NFD "cher.example"),
	LIT("a@xn--bcher-kva.example")},
    {"A-label", LIT("a@xn--bcher-kva.example"), LIT("a@xn--bcher-kva.example")},
    {"A-label, upper case", LIT("a@XN--BCHER-KVA.EXAMPLE"),
	LIT("a@xn--bcher-kva.example")},
    {"A-label that IDNA2008 has no U-label for", LIT("a@xn--ls8h.la"),
	LIT("a@xn--ls8h.la")},
    {"sharp s stays itself (non-transitional)", LIT("a@fa\xc3\x9f.de"),
	LIT("a@xn--fa-hia.de")},
    {"ideographic full stop", LIT("a@" U_UML IDEO_STOP "example" IDEO_STOP),
	LIT("a@xn--tda.example")},
    {"wide letters", LIT("a@\xef\xbd\x81\xef\xbd\x82.com"), LIT("a@ab.com")},
    {"underscore beside a U-label is not lost", LIT("a@a_" U_UML ".example"),
	LIT("a@xn--a_-yka.example")},
    {"composed local part", LIT(E_ACUTE "@x"), LIT(E_ACUTE "@x")},
    {"decomposed local part", LIT(E_ACUTE_NFD "@x"), LIT(E_ACUTE "@x")},
    {"capitals beyond ASCII", LIT("J" BIG_U_UML "RGEN@x"),
	LIT("j" U_UML "rgen@x")},
    {"a capital in two parts", LIT("U\xcc\x88@x"), LIT(U_UML "@x")},
    {"sigma at the end", LIT(BIG_SIGMA "\xce\x91" BIG_SIGMA "@x"),
	LIT("\xcf\x83\xce\xb1\xcf\x82@x")},
    {"capital sharp s is a sharp s, not ss", LIT("\xe1\xba\x9e@x"),
	LIT("\xc3\x9f@x")},
    {"dotless i stays itself", LIT("\xc4\xb1@x"), LIT("\xc4\xb1@x")},
    {"I with a dot keeps it", LIT(BIG_I_DOT "@x"), LIT("i\xcc\x87@x")},
    {"emoji local part", LIT(EMOJI "@x"), LIT(EMOJI "@x")},
    {"quoted UTF-8", LIT("\"" E_ACUTE_NFD "\"@x"), LIT(E_ACUTE "@x")},
    {"wide at sign is a letter like others", LIT("a" WIDE_AT "b@x"),
	LIT("a" WIDE_AT "b@x")},
    {"NFC gives a semicolon", LIT("a" GREEK_Q "@x"), LIT("\"a;\"@x")},
    {"NFC gives a capital", LIT(KELVIN "@x"), LIT("k@x")},
    {"lowering lets a letter compose", LIT("W" RING "@x"),
	LIT("\xe1\xba\x98@x")},
};

struct bad {
	const char *name;
	struct str in;
	const char *says; /* part of the message */
};

static const struct bad bad[] = {
    {"empty", LIT(""), "empty"},
    {"null sender", LIT("<>"), "empty"},
    {"no domain", LIT("postmaster"), "no domain"},
    {"no domain, quoted", LIT("\"a b\""), "no domain"},
    {"empty domain", LIT("a@"), "domain: empty"},
    {"no local part", LIT("@b"), "no local part"},
    {"two at signs", LIT("a@b@c"), "byte 0x40"},
    {"comma", LIT("a,b@c"), "\",\" at byte 2 needs quotes"},
    {"two addresses", LIT("a@b,c@d"), "byte 0x2c"},
    {"blank", LIT("a b@c"), "needs quotes"},
    {"blank before", LIT(" a@b"), "needs quotes"},
    {"blank after", LIT("a@b "), "byte 0x20"},
    {"comment", LIT("a(c)@b"), "needs quotes"},
    {"backslash without quotes", LIT("a\\b@c"), "needs quotes"},
    {"quote in the middle", LIT("a\"b\"@c"), "needs quotes"},
    {"text after quotes", LIT("\"a\"b@c"), "text after"},
    {"quoted string without end", LIT("\"a@b"), "without end"},
    {"backslash at the end", LIT("\"a\\"), "without end"},
    {"escaped quote at the end", LIT("\"a\\\""), "without end"},
    {"bracket without end", LIT("<a@b"), "other half"},
    {"bracket without begin", LIT("a@b>"), "other half"},
    {"bracket alone", LIT("<"), "other half"},
    {"two brackets", LIT("<<a@b>>"), "needs quotes"},
    {"NUL in the local part", LIT("a\0b@c"), "0x00 at byte 2"},
    {"NUL in the domain", LIT("a@b\0c"), "0x00 at byte 4"},
    {"NUL in quotes", LIT("\"\0\"@c"), "0x00"},
    {"escaped NUL", LIT("\"\\\0\"@c"), "0x00"},
    {"line end", LIT("a@b\r\n"), "0x0d"},
    {"tab in quotes", LIT("\"a\tb\"@c"), "0x09"},
    {"DEL", LIT("a\x7f@c"), "0x7f"},
    {"C1 control", LIT("a\xc2\x85@c"), "control"},
    {"not UTF-8", LIT("\xe9@c"), "not UTF-8"},
    {"not UTF-8 in the domain", LIT("a@\xe9.c"), "not UTF-8"},
    {"overlong UTF-8", LIT("a\xc0\x80@c"), "not UTF-8"},
    {"surrogate", LIT("a\xed\xa0\x80@c"), "not UTF-8"},
    {"two dots in the domain", LIT("a@b..c"), "empty label"},
    {"two dots beside a U-label", LIT("a@" U_UML "..c"), "empty label"},
    {"dot first in the domain", LIT("a@.c"), "empty label"},
    {"two trailing dots", LIT("a@b.."), "empty label"},
    {"dot alone", LIT("a@."), "empty label"},
    {"soft hyphen alone", LIT("a@" SOFT_HYPHEN), "empty label"},
    {"hyphen first", LIT("a@-b.c"), "hyphen"},
    {"hyphen last", LIT("a@b-.c"), "hyphen"},
    {"slash", LIT("a@b/c"), "byte 0x2f"},
    {"emoji U-label", LIT("a@" EMOJI ".la"), "domain: "},
    {"mapping to an at sign", LIT("a@b" WIDE_AT "c"), "byte 0x40"},
    {"mapping to a slash", LIT("a@" ACCOUNT_OF ".c"), "byte 0x2f"},
    {"label of 64", LIT("a@" L64 ".c"), "label of 64"},
    {"local part of 65", LIT(L64 "m@x"), "65 bytes, at most 64"},
    {"quotes count in the 64", LIT("\"" L63 " \"@x"), "66 bytes"},
    {"domain beyond 254", LIT("a@" L63 "." L63 "." L63 "." L63 ".x"),
	"at most"},
    {"path of 255", LIT(L64 "@" L63 "." L63 "." L62), "255 bytes"},
    {"path beyond 254", LIT(L64 "@" L63 "." L63 "." L63), "256 bytes"},
    {"IPv4 without brackets", LIT("a@127.0.0.1"), "brackets"},
    {"literal without end", LIT("a@[127.0.0.1"), "closing bracket"},
    {"text after a literal", LIT("a@[127.0.0.1]x"), "closing bracket"},
    {"bad IPv4 literal", LIT("a@[127.0.0.256]"), "neither"},
    {"IPv4 with zeros", LIT("a@[127.0.0.01]"), "neither"},
    {"IPv6 without its tag", LIT("a@[::1]"), "neither"},
    {"IPv4 with the tag", LIT("a@[IPv6:127.0.0.1]"), "neither"},
    {"IPv6 with a zone", LIT("a@[IPv6:fe80::1%eth0]"), "neither"},
    {"other literal", LIT("a@[x400:c=us]"), "neither"},
    {"endless literal", LIT("a@[" L64 L64 "]"), "neither"},
    {"empty literal", LIT("a@[]"), "neither"},
    {"route without colon", LIT("<@r1,@r2>"), "no local part"},
    {"route with a bad host", LIT("<@r..1:a@b>"), "source route"},
    {"route without at sign", LIT("<@r1,r2:a@b>"), "source route"},
    {"route to nothing", LIT("<@r1:>"), "empty"},
};

static void test_good(struct arena *a)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct good *g = &good[i];
		struct error err = {0, ""};
		struct address one, two;
		if (!OK(address_parse(a, g->in, &one, &err) == 0, "%s: %s",
			g->name, err.text))
			continue;
		IS_S(one.text, g->want, "%s: canonical", g->name);
		OK(address_parse(a, one.text, &two, &err) == 0 &&
			str_eq(one.text, two.text),
		    "%s: and stays", g->name);
		OK(one.text.n == one.local.n + 1 + one.domain.n &&
			str_starts(one.text, one.local) &&
			str_ends(one.text, one.domain) &&
			one.text.p[one.local.n] == '@' &&
			one.text.p[one.text.n] == '\0',
		    "%s: parts", g->name);
	}
}

static void test_bad(struct arena *a)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad *b = &bad[i];
		struct error err = {0, ""};
		struct address out;
		IS_INT(address_parse(a, b->in, &out, &err), ERR_SYNTAX,
		    "%s: refused", b->name);
		OK(strstr(err.text, b->says) != NULL, "%s: says \"%s\"",
		    b->name, err.text);
	}
}

static void test_sender(struct arena *a)
{
	struct address out;
	struct error err;

	OK(address_parse_sender(a, STR("<>"), &out, &err) == 0 &&
		address_is_null(&out),
	    "null sender");
	OK(address_parse_sender(a, STR_NULL, &out, &err) == 0 &&
		address_is_null(&out),
	    "null sender of sendmail(1)");
	OK(address_parse_sender(a, STR("<b+" L64 L64 "@X>"), &out, &err) == 0 &&
		str_eq(out.text, STR("b+" L64 L64 "@x")) &&
		!address_is_null(&out),
	    "long local part of a sender");
	IS_INT(address_parse_sender(a, STR("< >"), &out, &err), ERR_SYNTAX,
	    "blank in brackets");
	IS_INT(address_parse_sender(a, STR("<"), &out, &err), ERR_SYNTAX,
	    "half a null sender");
	IS_INT(address_parse_sender(a, STR(L64 L64 L64 L64 "@x"), &out, &err),
	    ERR_SYNTAX, "longer than a path");
}

static void test_long(struct arena *a)
{
	static char big[10000];
	static const char fill[] = "a.@\"\\<[(\xc3\xcc,:";
	struct address out;
	struct error err;
	bool ok = true;

	for (size_t f = 0; f < sizeof(fill); f++) {
		memset(big, fill[f], sizeof(big));
		for (size_t n = 1000; n <= sizeof(big); n += 9) {
			struct str s = {big, n};
			ok &= address_parse(a, s, &out, &err) == ERR_SYNTAX;
			ok &= address_parse_sender(a, s, &out, &err) ==
			      ERR_SYNTAX;
		}
	}
	OK(ok, "inputs of 1000 to 10000 bytes are refused");
	IS_INT(address_parse(a, (struct str){big, sizeof(big)}, &out, &err),
	    ERR_SYNTAX, "10k");
	OK(strstr(err.text, "10000 bytes") != NULL, "says so: %s", err.text);
}

static void test_literal_null(struct arena *a)
{
	struct address lit, name;
	struct error err;

	OK(address_parse(a, STR("a@[::1]"), &lit, NULL) == ERR_SYNTAX,
	    "err may be NULL");
	OK(address_parse(a, STR("a@[127.0.0.1]"), &lit, &err) == 0 &&
		address_parse(a, STR("a@x.example"), &name, &err) == 0,
	    "literal and name");
	OK(psl_is_aligned(lit.domain, lit.domain) &&
		!psl_is_aligned(lit.domain, name.domain),
	    "a literal is aligned with itself only");
}

static void test_failures(void)
{
	struct str in = STR("\"" E_ACUTE_NFD "\"@b" U_UML "cher.example");
	struct arena *a = arena_new(10000), *tiny = arena_new(16);
	struct address out;
	struct error err;
	int rc = -1;
	long n;

	IS_INT(address_parse(tiny, STR("a@bcdefghijklmno"), &out, &err),
	    ERR_LIMIT, "arena full is not the address's fault");
	for (n = 1; n < 50 && rc != 0; n++) {
		fault_alloc_at(n);
		rc = address_parse(a, in, &out, &err);
		fault_alloc_at(0);
		if (rc != 0)
			OK(rc == -ENOMEM || rc == ERR_LIMIT,
			    "allocation %ld fails: %s", n, err.text);
	}
	OK(rc == 0 && n > 3, "then it works, after %ld", n - 1);
	arena_free(&a);
	arena_free(&tiny);
}

static void test_domain(struct arena *a)
{
	char out[DOMAIN_MAX];
	struct str s;
	struct error err;
	size_t n;

	OK(domain_parse(a, STR("B" BIG_U_UML "cher.Example."), &s, &err) == 0 &&
		str_eq(s, STR("xn--bcher-kva.example")),
	    "a domain alone");
	IS_INT(domain_parse(a, STR("[127.0.0.1]"), &s, &err), ERR_SYNTAX,
	    "a literal is no domain");
	IS_INT(domain_canonical(STR(""), out, &n, &err), ERR_SYNTAX, "empty");
	IS_INT(domain_canonical(STR(U_UML "\0x"), out, &n, &err), ERR_SYNTAX,
	    "NUL");
	IS_INT(domain_canonical(STR("\xff"), out, &n, &err), ERR_SYNTAX,
	    "not UTF-8");
	OK(domain_canonical(STR(L63 "." L63 "." L63
				    ".abcdefghijklmnopqrstuvwxyzabcdefghijklm"
				    "nopqrstuvwxyzabcdefghi."),
	       out, &n, &err) == 0 &&
		n == DOMAIN_MAX,
	    "253 bytes and a final dot");
	IS_INT(
	    domain_canonical(STR(L63 "." L63 "." L63 "." L63), out, &n, &err),
	    ERR_SYNTAX, "255 bytes");
}

static void test_nfc(void)
{
	char out[8];
	size_t n = 99;

	OK(nfc_normalize(STR(""), out, sizeof(out), &n) == 0 && n == 0,
	    "nothing");
	IS_INT(nfc_normalize(STR("123456789"), out, sizeof(out), &n), ERR_LIMIT,
	    "ASCII too long");
	IS_INT(nfc_normalize(STR(EMOJI EMOJI EMOJI), out, sizeof(out), &n),
	    ERR_LIMIT, "UTF-8 too long");
	IS_INT(nfc_normalize(STR("\x80"), out, sizeof(out), &n), ERR_SYNTAX,
	    "not UTF-8");
	IS_INT(nfc_lower(STR("123456789"), out, sizeof(out), &n), ERR_LIMIT,
	    "ASCII too long to be lowered");
	IS_INT(nfc_lower(STR(EMOJI EMOJI EMOJI), out, sizeof(out), &n),
	    ERR_LIMIT, "UTF-8 too long to be lowered");
	IS_INT(nfc_lower(STR("\x80"), out, sizeof(out), &n), ERR_SYNTAX,
	    "not UTF-8, to be lowered");
}

struct org {
	const char *domain, *org;
	bool freemail;
};

static const struct org orgs[] = {
    {"example.com", "example.com", false},
    {"a.b.example.co.uk", "example.co.uk", false}, {"co.uk", "", false},
    {"com", "", false}, {"localhost", "", false}, {"", "", false},
    {"[127.0.0.1]", "", false}, {"a.b.github.io", "b.github.io", false},
    {"github.io", "", false}, {"a.b.nosuchtld", "b.nosuchtld", false},
    {"www.xn--bcher-kva.de", "xn--bcher-kva.de", false},
    {"gmail.com", "gmail.com", true}, {"mail.gmx.net", "gmx.net", true},
    {"yahoo.co.jp", "yahoo.co.jp", true},
    {"notgmail.com", "notgmail.com", false},
    {"126.com", "126.com", true},           /* the table's first */
    {"zohomail.com", "zohomail.com", true}, /* its last */
};

static void test_org(void)
{
	for (size_t i = 0; i < sizeof(orgs) / sizeof(orgs[0]); i++) {
		struct str d = str_of(orgs[i].domain);
		struct str org = psl_org_domain(d);
		IS_STR(orgs[i].org, org.n > 0 ? org.p : "", "%s: org",
		    orgs[i].domain);
		OK(freemail_is_one(d) == orgs[i].freemail, "%s: free mail",
		    orgs[i].domain);
	}
	OK(psl_is_aligned(STR("b.example.com"), STR("example.com")),
	    "a bounce domain below");
	OK(psl_is_aligned(STR("a.example.com"), STR("b.example.com")),
	    "two siblings");
	OK(!psl_is_aligned(STR("co.uk"), STR("com")), "two public suffixes");
	OK(!psl_is_aligned(STR("a.co.uk"), STR("b.co.uk")),
	    "neighbours below a public suffix");
	OK(!psl_is_aligned(STR("example.com"), STR("badexample.com")),
	    "a tail of bytes is not a parent");
	OK(psl_is_aligned(STR("co.uk"), STR("co.uk")) &&
		!psl_is_aligned(STR("co.uk"), STR("a.co.uk")),
	    "a public suffix is aligned with itself only");
	OK(!psl_is_aligned(STR(""), STR("")), "nothing with nothing");
}

static uint64_t draw(uint64_t *seed, size_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407);
	return (*seed >> 33) % below;
}

/* One in eight pieces is from the second list: most of what comes out should
 * be an address, or nearly. */
static const char *piece(uint64_t *seed)
{
	static const char *const calm[] = {"a", "B", "-", "_", "1", ".", "xn--",
	    "example", "+", E_ACUTE, E_ACUTE_NFD, U_UML, BIG_U_UML, RING,
	    BIG_SIGMA, BIG_I_DOT};
	static const char *const wild[] = {"@", "\"", "\\", "<", ">", "[", "]",
	    ":", ",", " ", "..", IDEO_STOP, EMOJI, KELVIN, GREEK_Q, SOFT_HYPHEN,
	    "\"a b\"", "\xe2\x80\x8d", "IPv6:", "\xff"};

	if (draw(seed, 8) > 0)
		return calm[draw(seed, sizeof(calm) / sizeof(calm[0]))];
	return wild[draw(seed, sizeof(wild) / sizeof(wild[0]))];
}

static size_t random_input(uint64_t *seed, char out[256])
{
	size_t n = 0, half;
	bool quoted = draw(seed, 4) == 0;

	for (int side = 0; side < 2; side++) {
		half = 1 + draw(seed, 6);
		if (quoted && side == 0)
			out[n++] = '"';
		for (size_t i = 0; i < half; i++) {
			const char *z = piece(seed);
			memcpy(out + n, z, strlen(z));
			n += strlen(z);
		}
		if (quoted && side == 0)
			out[n++] = '"';
		if (side == 0)
			out[n++] = '@';
	}
	return n;
}

static void test_idempotent(struct arena *a)
{
	uint64_t seed = 20261122;
	size_t accepted = 0, changed = 0, wrong = 0;

	for (int i = 0; i < 100000; i++) {
		char in[256];
		struct str s = {in, random_input(&seed, in)};
		struct address one, two;
		arena_reset(a);
		if (address_parse(a, s, &one, NULL) != 0)
			continue;
		accepted++;
		changed += !str_eq(s, one.text);
		wrong += address_parse(a, one.text, &two, NULL) != 0 ||
			 !str_eq(one.text, two.text);
		for (size_t j = 0; j < one.text.n; j++)
			wrong += ascii_lower(one.text.p[j]) != one.text.p[j];
	}
	printf("# %zu accepted, %zu of them changed\n", accepted, changed);
	OK(accepted > 10000 && changed > 5000, "the generator is of use");
	IS_INT(wrong, 0, "canonical of canonical is the same, lower case");
}

int main(void)
{
	struct arena *a = arena_new(1 << 20);

	if (a == NULL)
		return 1;
	test_good(a);
	test_bad(a);
	test_sender(a);
	test_long(a);
	test_literal_null(a);
	test_failures();
	test_domain(a);
	test_nfc();
	test_org();
	test_idempotent(a);
	arena_free(&a);
	return tap_done();
}
