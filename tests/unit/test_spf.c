/* test_spf.c - policy/mail/spf*: records read, macros, terms and limits; and
 * with libspf2 behind it, as tendril-verify has it. */
#include "tests/unit/tap.h"

#include "agent/verify/spf_check.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/spf_macros.h"

#include <arpa/inet.h>
#include <errno.h>

enum {
	ARENA = 4 << 20,
};

/* ---- the grammar ---- */

static const struct {
	const char *text;
	bool good;
} records[] = {
    {"v=spf1", true},
    {"V=SPF1 -ALL", true},
    {"v=spf1 ", true},
    {"v=spf1   a   -all  ", true},
    {"v=spf1 a:example.com/24//64 mx/0 mx//0 ptr ptr:x.example", true},
    {"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ip6:::ffff:1.2.3.4", true},
    {"v=spf1 exists:%{ir}.%{v}._spf.%{d2} ?all", true},
    {"v=spf1 include:%{d} exists:a.%{l1r+-}", true},
    {"v=spf1 redirect=x.example. exp=%{d}.x.example", true},
    {"v=spf1 unknown=%{c}%%%_%- x-y.z_1=", true},
    {"v=spf1 a:%%%_.example.com", true},
    {"v=spf1 a:x.example.c0m a:x.example.a-b", true},
    {"v=spf10 -all", false},
    {"v=spf1\t-all", false},
    {"v=spf2.0 -all", false},
    {" v=spf1 -all", false},
    {"v=spf1 all:x", false},
    {"v=spf1 -all.", false},
    {"v=spf1 all/8", false},
    {"v=spf1 foo", false},
    {"v=spf1 foo:bar.example", false},
    {"v=spf1 include", false},
    {"v=spf1 include:", false},
    {"v=spf1 exists", false},
    {"v=spf1 include:x.example/24", false},
    {"v=spf1 ptr/24", false},
    {"v=spf1 a/33", false},
    {"v=spf1 a/", false},
    {"v=spf1 a/024", false},
    {"v=spf1 a//129", false},
    {"v=spf1 a/24/64", false},
    {"v=spf1 a:", false},
    {"v=spf1 a:/24", false},
    {"v=spf1 a:museum", false},
    {"v=spf1 a:example.com:8080", false},
    {"v=spf1 a:1.2.3.4", false},
    {"v=spf1 a:x.-a", false},
    {"v=spf1 a:x.example\r", false},
    {"v=spf1 a:x\xff.example", false},
    {"v=spf1 ip4", false},
    {"v=spf1 ip4:", false},
    {"v=spf1 ip4:1.2.3", false},
    {"v=spf1 ip4:1.2.3.4/33", false},
    {"v=spf1 ip4:1.2.3.4/", false},
    {"v=spf1 ip4:1.2.3.4:25", false},
    {"v=spf1 ip6:1::2::3", false},
    {"v=spf1 ip6:::/129", false},
    {"v=spf1 +redirect=x.example", false},
    {"v=spf1 redirect=x.example redirect=x.example", false},
    {"v=spf1 exp=x.example exp=y.example", false},
    {"v=spf1 redirect=", false},
    {"v=spf1 redirect=a", false},
    {"v=spf1 exp=-all", false},
    {"v=spf1 a:%{d", false},
    {"v=spf1 a:%{}", false},
    {"v=spf1 a:%{d0}", false},
    {"v=spf1 a:%{dr2}", false},
    {"v=spf1 a:%{d2!}", false},
    {"v=spf1 a:%{x}", false},
    {"v=spf1 a:%{c}.example", false},
    {"v=spf1 a:%a.example", false},
    {"v=spf1 x=%", false},
    {"v=spf1 =x", false},
    {"v=spf1 -=x", false},
};

static void test_records(void)
{
	struct arena *a = arena_new(ARENA), *small = arena_new(16);
	char long_one[SPF_RECORD_MAX + 10];
	struct spf_record r;

	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
		IS_INT(spf_record_parse(str_of(records[i].text), a, &r),
		    records[i].good ? 0 : ERR_SYNTAX, "\"%s\"",
		    records[i].text);
	memset(long_one, ' ', sizeof(long_one));
	memcpy(long_one, "v=spf1", 6);
	IS_INT(spf_record_parse((struct str){long_one, SPF_RECORD_MAX}, a, &r),
	    0, "as long as may be");
	IS_INT(
	    spf_record_parse((struct str){long_one, SPF_RECORD_MAX + 1}, a, &r),
	    ERR_SYNTAX, "longer");
	IS_INT(spf_record_parse(STR("v=spf1 a\0b -all"), a, &r), ERR_SYNTAX,
	    "a NUL");
	IS_INT(spf_record_parse(STR("v=spf1 a mx"), small, &r), ERR_LIMIT,
	    "a full arena");
	IS_INT(spf_record_parse(
		   STR("v=spf1 ~a:x.example/24//64 redirect=y.example"), a, &r),
	    0, "read");
	OK(r.n == 1 && r.v[0].kind == SPF_KIND_A && r.v[0].qualifier == '~' &&
		r.v[0].cidr4 == 24 && r.v[0].cidr6 == 64 && r.has_redirect,
	    "what is in it");
	IS_S(r.v[0].spec, STR("x.example"), "its name");
	arena_free(&a);
	arena_free(&small);
}

/* ---- macros: the examples of RFC 7208 section 7.4, and odd ones ---- */

static const unsigned char v4[16] = {
    [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 3};

static const struct {
	const char *spec, *want;
} macros[] = {
    {"%{s}", "strong-bad@email.example.com"},
    {"%{o}", "email.example.com"},
    {"%{d}", "email.example.com"},
    {"%{d4}", "email.example.com"},
    {"%{d3}", "email.example.com"},
    {"%{d2}", "example.com"},
    {"%{d1}", "com"},
    {"%{dr}", "com.example.email"},
    {"%{d2r}", "example.email"},
    {"%{l}", "strong-bad"},
    {"%{l-}", "strong.bad"},
    {"%{lr}", "strong-bad"},
    {"%{lr-}", "bad.strong"},
    {"%{l1r-}", "strong"},
    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
    {"%{d2}.trusted-domains.example.net",
	"example.com.trusted-domains.example.net"},
    {"%{S}.x", "strong-bad%40email.example.com.x"},
    {"%{p}.x", "unknown.x"},
    {"%{h}.", "mx.example.org"},
    {"%%%-%_x", "%%20 x"},
};

static void test_macros(void)
{
	struct spf_vars v = {.client = v4,
	    .local = STR("strong-bad"),
	    .domain = STR("email.example.com"),
	    .current = STR("email.example.com"),
	    .helo = STR("mx.example.org")};
	unsigned char v6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 0xcb};
	struct arena *a = arena_new(ARENA);
	char many[700];
	struct str out;

	for (size_t i = 0; i < sizeof(macros) / sizeof(*macros); i++) {
		IS_INT(spf_vars_expand(&v, str_of(macros[i].spec), a, &out), 0,
		    "%s", macros[i].spec);
		IS_S(out, str_of(macros[i].want), "%s", macros[i].spec);
	}
	IS_S(spf_vars_reverse(&v, a), STR("3.2.0.192.in-addr.arpa"), "reverse");
	v.client = v6;
	IS_S(spf_vars_reverse(&v, a),
	    STR("b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0."
		"2.ip6.arpa"),
	    "reverse of the longer ones");
	OK(spf_vars_need_name(STR("a.%{P1}.b")), "%%{p} needs lookups");
	OK(!spf_vars_need_name(STR("%%{p}")), "not behind %%%%");
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i % 10 == 9 ? '.' : 'a';
	v.local = (struct str){many, sizeof(many)};
	IS_INT(spf_vars_expand(&v, STR("%{l}.example.com"), a, &out), 0,
	    "a long one");
	OK(out.n <= RESOLVER_NAME_MAX && str_ends(out, STR(".example.com")),
	    "is cut on the left");
	IS_INT(spf_vars_expand(&v, STR("%{lr}"), a, &out), 0, "70 parts");
	memset(many, '.', sizeof(many));
	IS_INT(
	    spf_vars_expand(&v, STR("%{lr}"), a, &out), ERR_LIMIT, "701 parts");
	arena_free(&a);
}

/* ---- whole questions ---- */

/* Records by name: "A 192.0.2.1", "MX host", "TXT text"; '!' is trouble. */
struct zone {
	const char *name, *data;
};
struct world {
	const struct zone *zone;
	int asked;
	struct str v[RESOLVER_RECORDS_MAX];
	unsigned char bytes[RESOLVER_RECORDS_MAX][16];
};

static struct str type_of(enum resolver_type type)
{
	switch (type) {
	case RESOLVER_A:
		return STR("A ");
	case RESOLVER_AAAA:
		return STR("AAAA ");
	case RESOLVER_MX:
		return STR("MX ");
	case RESOLVER_PTR:
		return STR("PTR ");
	case RESOLVER_TXT:
		break;
	}
	return STR("TXT ");
}

static void add(struct world *w, enum resolver_type type, struct str data,
    struct resolver_answer *out)
{
	struct str *v = &w->v[out->n];

	*v = data;
	if (type == RESOLVER_A || type == RESOLVER_AAAA) {
		bool six = type == RESOLVER_AAAA;
		if (inet_pton(six ? AF_INET6 : AF_INET, data.p,
			w->bytes[out->n]) != 1)
			bug("address %s", data.p);
		*v = (struct str){(char *)w->bytes[out->n], six ? 16 : 4};
	}
	out->n++;
}

static void lookup(void *arg, enum resolver_type type, struct str name,
    struct resolver_answer *out)
{
	struct world *w = arg;
	struct str prefix = type_of(type);

	w->asked++;
	*out = (struct resolver_answer){.status = RESOLVER_NXDOMAIN, .v = w->v};
	for (const struct zone *z = w->zone; z->name != NULL; z++) {
		struct str data = str_of(z->data);
		if (!str_ieq(str_of(z->name), name) &&
		    strcmp(z->name, "*") != 0)
			continue;
		if (str_eq(data, STR("!"))) {
			*out = (struct resolver_answer){
			    .status = RESOLVER_TROUBLE};
			return;
		}
		if (str_starts(data, prefix))
			add(w, type, str_from(data, prefix.n), out);
	}
	if (out->n > 0)
		out->status = RESOLVER_FOUND;
}

static struct spf_checker *checker;

static enum authentic_result check(
    const struct zone *zone, const char *ip, const char *sender, int *asked)
{
	struct world w = {.zone = zone};
	struct spf_question q = {
	    .helo = STR("mx.example.net"), .sender = str_of(sender)};
	struct spf_dns dns = {lookup, &w};
	struct arena *a = arena_new(ARENA);
	enum authentic_result r;
	int rc;

	memcpy(q.client, v4, sizeof(q.client));
	if (inet_pton(AF_INET, ip, q.client + 12) != 1 &&
	    inet_pton(AF_INET6, ip, q.client) != 1)
		bug("address %s", ip);
	rc = spf_check(checker, &q, &dns, a, &r);
	if (rc != 0)
		printf("# spf_check: %d\n", rc);
	if (asked != NULL)
		*asked = w.asked;
	arena_free(&a);
	return rc == 0 ? r : AUTHENTIC_RESULTS;
}

static const struct zone plain[] = {
    {"a.example", "TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"},
    {"a.example", "TXT something else"},
    {"none.example", "TXT something else"},
    {"two.example", "TXT v=spf1 -all"},
    {"two.example", "TXT v=spf1 +all"},
    {"bad.example", "TXT v=spf1 +all foo"},
    {"all4.example", "TXT v=spf1 ip4:10.0.0.0/0 ip6:::/0 -all"},
    {"mx.example", "TXT v=spf1 mx/24 ~all"},
    {"mx.example", "MX m1.example"},
    {"mx.example", "MX m2.example"},
    {"m2.example", "A 192.0.2.9"},
    {"m2.example", "AAAA 2001:db8::9"},
    {"zero.example", "TXT v=spf1 a:m2.example/0 -all"},
    {"in.example", "TXT v=spf1 include:a.example ?all"},
    {"innone.example", "TXT v=spf1 include:none.example +all"},
    {"re.example", "TXT v=spf1 redirect=a.example a:m1.example"},
    {"exists.example", "TXT v=spf1 exists:%{l}.%{i}.e.example -all"},
    {"joe.192.0.2.1.e.example", "A 127.0.0.2"},
    {"ptr.example", "TXT v=spf1 ptr -all"},
    {"1.2.0.192.in-addr.arpa", "PTR evil.example"},
    {"1.2.0.192.in-addr.arpa", "PTR host.ptr.example"},
    {"host.ptr.example", "A 192.0.2.1"},
    {"down.example", "!"},
    {"indown.example", "TXT v=spf1 include:down.example +all"},
    {"early.example", "TXT v=spf1 ip4:192.0.2.1 include:down.example -all"},
    {"lo.example", "TXT v=spf1 ip4:127.0.0.9 ip6:::1 -all"},
    {"mx.example.net", "TXT v=spf1 ip4:192.0.2.1 -all"},
    {NULL, NULL},
};

static const struct {
	const char *ip, *sender;
	enum authentic_result want;
} questions[] = {
    {"192.0.2.1", "joe@a.example", AUTHENTIC_PASS},
    {"2001:db8::1", "joe@a.example", AUTHENTIC_PASS},
    {"198.51.100.1", "joe@a.example", AUTHENTIC_FAIL},
    {"2001:db9::1", "joe@A.Example.", AUTHENTIC_FAIL},
    {"192.0.2.1", "joe@none.example", AUTHENTIC_NONE},
    {"192.0.2.1", "joe@nobody.example", AUTHENTIC_NONE},
    {"192.0.2.1", "joe@localhost", AUTHENTIC_NONE},
    {"192.0.2.1", "joe@a..example", AUTHENTIC_NONE},
    {"192.0.2.1", "", AUTHENTIC_PASS}, /* HELO */
    {"192.0.2.1", "joe@two.example", AUTHENTIC_PERMERROR},
    {"192.0.2.1", "joe@bad.example", AUTHENTIC_PERMERROR},
    {"203.0.113.1", "joe@all4.example", AUTHENTIC_PASS},
    {"fe80::1", "joe@all4.example", AUTHENTIC_PASS},
    {"192.0.2.1", "joe@mx.example", AUTHENTIC_PASS},
    {"2001:db8::9", "joe@mx.example", AUTHENTIC_PASS},
    {"192.0.3.1", "joe@mx.example", AUTHENTIC_SOFTFAIL},
    {"203.0.113.1", "joe@zero.example", AUTHENTIC_PASS},
    {"192.0.2.1", "joe@in.example", AUTHENTIC_PASS},
    {"192.0.3.1", "joe@in.example", AUTHENTIC_NEUTRAL},
    {"192.0.2.1", "joe@innone.example", AUTHENTIC_PERMERROR},
    {"192.0.2.1", "joe@re.example", AUTHENTIC_PASS},
    {"192.0.2.1", "joe@exists.example", AUTHENTIC_PASS},
    {"192.0.2.1", "ann@exists.example", AUTHENTIC_FAIL},
    {"192.0.2.1", "joe@ptr.example", AUTHENTIC_PASS},
    {"192.0.2.2", "joe@ptr.example", AUTHENTIC_FAIL},
    {"192.0.2.1", "joe@down.example", AUTHENTIC_TEMPERROR},
    {"192.0.2.1", "joe@indown.example", AUTHENTIC_TEMPERROR},
    {"192.0.2.1", "joe@early.example", AUTHENTIC_PASS},
    /* no free ride for our own host */
    {"127.0.0.9", "joe@lo.example", AUTHENTIC_PASS},
    {"::1", "joe@lo.example", AUTHENTIC_PASS},
    {"127.0.0.1", "joe@lo.example", AUTHENTIC_FAIL},
    {"127.0.0.1", "joe@a.example", AUTHENTIC_FAIL},
    {"::1", "joe@a.example", AUTHENTIC_FAIL},
};

static void test_questions(void)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++)
		IS_STR(authentic_name(check(
			   plain, questions[i].ip, questions[i].sender, NULL)),
		    authentic_name(questions[i].want), "%s from %s",
		    questions[i].sender, questions[i].ip);
}

/* ---- limits ---- */

static void test_limits(void)
{
	static const struct zone self[] = {
	    {"*", "TXT v=spf1 include:x.example -all"}, {NULL, NULL}};
	static const struct zone ring[] = {
	    {"*", "TXT v=spf1 redirect=%{d}"}, {NULL, NULL}};
	static const struct zone fan[] = {
	    {"*", "TXT v=spf1 include:%{d} include:%{d} mx a -all"},
	    {"*", "MX a.example"}, {"*", "A 198.51.100.1"}, {NULL, NULL}};
	static const struct zone voids[] = {
	    {"two.example", "TXT v=spf1 a:n1.example a:n2.example +all"},
	    {"three.example",
		"TXT v=spf1 a:n1.example a:n2.example a:n3.example +all"},
	    {NULL, NULL}};
	static struct zone mx[14];
	int64_t before = clock_mono_ms();
	int asked;

	IS_INT(check(self, "192.0.2.1", "joe@a.example", &asked),
	    AUTHENTIC_PERMERROR, "a record that includes itself");
	OK(asked <= SPF_LOOKUPS_MAX + 1, "%d lookups", asked);
	IS_INT(check(ring, "192.0.2.1", "joe@a.example", &asked),
	    AUTHENTIC_PERMERROR, "one that redirects to itself");
	OK(asked <= SPF_LOOKUPS_MAX + 1, "%d lookups", asked);
	IS_INT(check(fan, "192.0.2.1", "joe@a.example", &asked),
	    AUTHENTIC_PERMERROR, "a tree of them");
	OK(asked <= 1 + SPF_LOOKUPS_MAX * (1 + SPF_NAMES_MAX), "%d lookups",
	    asked);
	IS_INT(check(voids, "192.0.2.1", "joe@two.example", NULL),
	    AUTHENTIC_PASS, "two lookups of nothing");
	IS_INT(check(voids, "192.0.2.1", "joe@three.example", NULL),
	    AUTHENTIC_PERMERROR, "three");
	mx[0] = (struct zone){"a.example", "TXT v=spf1 mx +all"};
	for (size_t i = 1; i <= 10; i++)
		mx[i] = (struct zone){"a.example", "MX m.example"};
	IS_INT(check(mx, "192.0.2.1", "joe@a.example", NULL), AUTHENTIC_PASS,
	    "ten mail exchangers");
	mx[11] = mx[10];
	IS_INT(check(mx, "192.0.2.1", "joe@a.example", NULL),
	    AUTHENTIC_PERMERROR, "eleven");
	OK(clock_mono_ms() - before < TAP_ENDLESS_MS, "and all that ends");
}

/* A record with as many networks as fit. */
static void test_large(void)
{
	static char text[SPF_RECORD_MAX + 100] = "TXT v=spf1";
	const struct zone large[] = {{"a.example", text}, {NULL, NULL}};
	size_t n = strlen(text);

	while (n + 20 < SPF_RECORD_MAX)
		n += (size_t)snprintf(
		    text + n, 30, " ip4:10.%zu.0.0/16", n % 250);
	(void)snprintf(text + n, 30, " -all");
	IS_INT(check(large, "192.0.2.1", "joe@a.example", NULL), AUTHENTIC_FAIL,
	    "hundreds of networks");
}

static void test_no_memory(void)
{
	struct world w = {.zone = plain};
	struct spf_question q = {
	    .helo = STR("h.example"), .sender = STR("joe@mx.example")};
	struct spf_dns dns = {lookup, &w};
	enum authentic_result r;
	struct spf_checker *c;

	memcpy(q.client, v4, sizeof(q.client));
	for (size_t max = 16; max < 4096; max += 64) {
		struct arena *a = arena_new(max);
		int rc = spf_check(checker, &q, &dns, a, &r);

		if (rc != ERR_LIMIT && r != AUTHENTIC_PASS &&
		    r != AUTHENTIC_TEMPERROR && r != AUTHENTIC_PERMERROR)
			OK(false, "arena of %zu: %d, %s", max, rc,
			    authentic_name(r));
		arena_free(&a);
	}
	OK(true, "a full arena never lets pass nor fail wrongly");
	fault_alloc_at(1);
	IS_INT(spf_checker_open(&c), -ENOMEM, "no memory");
	fault_alloc_at(0);
	spf_checker_close(&c);
}

int main(void)
{
	if (spf_checker_open(&checker) != 0)
		bug("checker");
	test_records();
	test_macros();
	test_questions();
	test_limits();
	test_large();
	test_no_memory();
	spf_checker_close(&checker);
	return tap_done();
}
