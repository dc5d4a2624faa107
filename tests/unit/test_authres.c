/* test_authres.c - policy/mail/authres and authentic: our own field written,
 * strangers' read; what makes a domain authentic. */
#include "tests/unit/tap.h"

#include "policy/mail/authentic.h"
#include "policy/mail/authres.h"

#define OURS STR("mail.example.com")

/* ---- whose field is it? ---- */

static const struct {
	const char *value, *server; /* NULL: cannot be read */
	bool ours;
} fields[] = {
    {" mail.example.com; none", "mail.example.com", true},
    {" MAIL.Example.COM;spf=pass", "MAIL.Example.COM", true},
    {" mail.example.com 1; dkim=pass", "mail.example.com", true},
    {"mail.example.com", "mail.example.com", true},
    {" mail.example.com.; none", "mail.example.com.", true},
    {" \"mail.example.com\"; none", "mail.example.com", true},
    {" \" mail.example.com \"; none", "mail.example.com", true},
    {" \"mail.exa\\mple.com\"; none", "mail.exa\\mple.com", true},
    {" (a (nested) comment) mail.example.com; none", "mail.example.com", true},
    {" (\\) still it) mail.example.com; none", "mail.example.com", true},
    {"\r\n\t mail.example.com\r\n ; none", "mail.example.com", true},
    {" mail.example.com(x); none", "mail.example.com", true},
    {" other.example; none", "other.example", false},
    {" mail.example.com.evil.example; none", "mail.example.com.evil.example",
	false},
    {" xmail.example.com; none", "xmail.example.com", false},
    {" mail.example; none", "mail.example", false},
    {" mail.example.com..; none", "mail.example.com..", false},
    {"", NULL, false},
    {" ; none", NULL, false},
    {" (open mail.example.com; none", NULL, false},
    {" \"open mail.example.com; none", NULL, false},
    {" \"\"; none", NULL, false},
    {" ((((((((((((((((( mail.example.com", NULL, false},
    {" (((((((((((((((((((x))))))))))))))))))) mail.example.com",
	"mail.example.com", true},
};

static void test_whose(void)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct str value = str_of(fields[i].value), server;
		int rc = authres_server(value, &server);

		IS_INT(rc, fields[i].server != NULL ? 0 : ERR_SYNTAX,
		    "field %zu is read", i);
		IS_S(server, str_of(fields[i].server), "field %zu: server", i);
		OK(authres_is_ours(value, OURS) == fields[i].ours,
		    "field %zu is %sours", i, fields[i].ours ? "" : "not ");
	}
	OK(!authres_is_ours(STR(" mail.example.com\0x; none"), STR("x")),
	    "a NUL");
}

/* ---- ours ---- */

static void test_make(void)
{
	struct authentic found = {.spf = AUTHENTIC_PASS,
	    .spf_domain = STR("arf.example.net"),
	    .n = 2,
	    .v = {{AUTHENTIC_PASS, false, STR("example.net"), STR("s1"), false,
		      false},
		{AUTHENTIC_FAIL, true, STR("x.example; dkim=pass"), STR("a\nb"),
		    true, true}}};
	struct authentic nothing = {0};
	struct arena *a = arena_new(64 << 10), *small = arena_new(64);
	struct str out;

	IS_INT(authres_make(OURS, &found, a, &out), 0, "written");
	IS_S(out,
	    STR(" mail.example.com;\n\tspf=pass smtp.mailfrom=arf.example.net;"
		"\n\tdkim=pass header.d=example.net header.s=s1;"
		"\n\tdkim=fail (l=: not the whole body) (h=: not the whole "
		"head) (h=: not To and Content-Type) header.d=x.example header.s=a"),
	    "and nothing that a stranger's name adds");
	OK(authres_is_ours(out, OURS), "read again, it is ours");
	IS_INT(authres_make(OURS, &nothing, a, &out), 0, "nothing found");
	IS_S(out, STR(" mail.example.com; none"), "none");
	IS_INT(
	    authres_make(OURS, &found, small, &out), ERR_LIMIT, "a full arena");
	OK(out.p == NULL, "gives nothing");
	arena_free(&a);
	arena_free(&small);
}

/* ---- is it from there? ---- */

#define SIGNED(result, partial, domain)                                        \
	{                                                                      \
		.n = 1,                                                        \
		.v = { {(result), (partial), STR(domain), STR("s"), false,     \
		    false} }                                                   \
	}
#define SPF(result, domain)                                                    \
	{                                                                      \
		.spf = (result), .spf_domain = STR(domain)                     \
	}

static const struct {
	const char *name;
	struct authentic found;
	const char *from;
	enum authentic_word want;
} judged[] = {
    {"signed by itself", SIGNED(AUTHENTIC_PASS, false, "example.net"),
	"example.net", AUTHENTIC_YES},
    {"by its parent", SIGNED(AUTHENTIC_PASS, false, "example.net"),
	"fb.example.net", AUTHENTIC_YES},
    {"by its child", SIGNED(AUTHENTIC_PASS, false, "fb.example.net"),
	"example.net", AUTHENTIC_YES},
    {"by a public suffix", SIGNED(AUTHENTIC_PASS, false, "co.uk"),
	"example.co.uk", AUTHENTIC_NO},
    {"by another customer of a suffix",
	SIGNED(AUTHENTIC_PASS, false, "b.github.io"), "a.github.io",
	AUTHENTIC_NO},
    {"by somebody else", SIGNED(AUTHENTIC_PASS, false, "example.org"),
	"example.net", AUTHENTIC_NO},
    {"by a name that ends like it",
	SIGNED(AUTHENTIC_PASS, false, "badexample.net"), "example.net",
	AUTHENTIC_NO},
    {"by nobody", SIGNED(AUTHENTIC_PASS, false, ""), "example.net",
	AUTHENTIC_NO},
    {"in part", SIGNED(AUTHENTIC_PASS, true, "example.net"), "example.net",
	AUTHENTIC_NO},
    {"badly", SIGNED(AUTHENTIC_FAIL, false, "example.net"), "example.net",
	AUTHENTIC_NO},
    {"with a short key", SIGNED(AUTHENTIC_POLICY, false, "example.net"),
	"example.net", AUTHENTIC_NO},
    {"with a key not to be had",
	SIGNED(AUTHENTIC_TEMPERROR, false, "example.net"), "example.net",
	AUTHENTIC_LATER},
    {"another's key not to be had",
	SIGNED(AUTHENTIC_TEMPERROR, false, "example.org"), "example.net",
	AUTHENTIC_NO},
    {"sent by itself", SPF(AUTHENTIC_PASS, "example.net"), "example.net",
	AUTHENTIC_YES},
    {"sent by its child", SPF(AUTHENTIC_PASS, "b.example.net"), "example.net",
	AUTHENTIC_YES},
    {"sent by somebody else", SPF(AUTHENTIC_PASS, "example.org"), "example.net",
	AUTHENTIC_NO},
    {"not sent by it", SPF(AUTHENTIC_SOFTFAIL, "example.net"), "example.net",
	AUTHENTIC_NO},
    {"neutral", SPF(AUTHENTIC_NEUTRAL, "example.net"), "example.net",
	AUTHENTIC_NO},
    {"not known", SPF(AUTHENTIC_TEMPERROR, "example.net"), "example.net",
	AUTHENTIC_LATER},
    {"nothing", {0}, "example.net", AUTHENTIC_NO},
    {"nobody's", SIGNED(AUTHENTIC_PASS, false, ""), "", AUTHENTIC_NO},
};

static void test_judge(void)
{
	struct authentic both = {.spf = AUTHENTIC_TEMPERROR,
	    .spf_domain = STR("example.net"),
	    .n = 3,
	    .v = {{AUTHENTIC_FAIL, false, STR("example.net"), STR("a"), false,
		      false},
		{AUTHENTIC_PASS, false, STR("example.net"), STR("b"), false,
		    false},
		{AUTHENTIC_TEMPERROR, false, STR("example.net"), STR("c"),
		    false, false}}};

	for (size_t i = 0; i < sizeof(judged) / sizeof(*judged); i++)
		IS_INT(authentic_judge(&judged[i].found, str_of(judged[i].from),
			   AUTHENTIC_OF_MAIL),
		    judged[i].want, "%s", judged[i].name);
	IS_INT(authentic_judge(&both, STR("example.net"), AUTHENTIC_OF_MAIL),
	    AUTHENTIC_YES, "one good signature is enough");
	both.v[1].loose = true;
	IS_INT(authentic_judge(&both, STR("example.net"), AUTHENTIC_OF_MAIL),
	    AUTHENTIC_LATER, "not where it leaves the Subject to anybody");
	IS_INT(authentic_judge(&both, STR("example.net"), AUTHENTIC_OF_BODY),
	    AUTHENTIC_YES, "which says nothing in a report");
	IS_INT(authentic_judge(&both, STR("example.net"), AUTHENTIC_OF_CLIENT),
	    AUTHENTIC_LATER, "of one that was written to others SPF tells");
	both.v[1].unbound = true;
	IS_INT(authentic_judge(&both, STR("example.net"), AUTHENTIC_OF_BODY),
	    AUTHENTIC_LATER, "and of one that may have been, or is cut otherwise");
	both.spf = AUTHENTIC_FAIL;
	IS_INT(authentic_judge(&both, STR("example.net"), AUTHENTIC_OF_CLIENT),
	    AUTHENTIC_NO, "that somebody sent on");
	both.spf = AUTHENTIC_PASS;
	IS_INT(authentic_judge(&both, STR("example.net"), AUTHENTIC_OF_CLIENT),
	    AUTHENTIC_YES, "that its own server brought");
	IS_STR(authentic_name(AUTHENTIC_SOFTFAIL), "softfail", "names");
	IS_STR(authentic_name(AUTHENTIC_PERMERROR), "permerror", "names");
}

static void test_declared(void)
{
	const struct str v[] = {
	    STR("staff@hotmail.example"), STR("feedback.example.net")};
	const struct strs d = {v, 2}, none = {NULL, 0};
	const struct {
		const char *address, *domain;
		bool want;
	} cases[] = {
	    {"staff@hotmail.example", "hotmail.example", true},
	    {"joe@hotmail.example", "hotmail.example", false},
	    {"x@feedback.example.net", "feedback.example.net", true},
	    {"x@a.feedback.example.net", "a.feedback.example.net", true},
	    {"x@afeedback.example.net", "afeedback.example.net", false},
	    {"x@example.net", "example.net", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		OK(authentic_is_declared(&d, str_of(cases[i].address),
		       str_of(cases[i].domain)) == cases[i].want,
		    "%s", cases[i].address);
	OK(!authentic_is_declared(&none, STR("a@b.example"), STR("b.example")),
	    "nobody is declared");
}

int main(void)
{
	test_whose();
	test_make();
	test_judge();
	test_declared();
	return tap_done();
}
