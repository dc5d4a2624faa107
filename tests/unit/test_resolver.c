/* test_resolver.c - policy/mail/resolver against a server on the loopback: each
 * type, and a server that fails, lies, floods or says nothing. */
#include "tests/unit/dnsserver.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/resolver.h"

#include <errno.h>

static const struct dnsserver_record records[] = {
    {"host.example", 1, "\xc0\0\2\1", 4, DNSSERVER_HONEST},
    {"host.example", 1, "\xc0\0\2\2", 4, DNSSERVER_HONEST},
    {"host.example", 28, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16,
	DNSSERVER_HONEST},
    {"mail.example", 15, "mx1.example", 0, DNSSERVER_HONEST},
    {"mail.example", 15, "mx2.example", 0, DNSSERVER_HONEST},
    {"1.2.0.192.in-addr.arpa", 12, "host.example", 0, DNSSERVER_HONEST},
    {"mail.example", 16, "v=spf1 -all", 0, DNSSERVER_HONEST},
    {"mail.example", 16, "another", 0, DNSSERVER_HONEST},
    {"alias.example", 5, "host.example", 0, DNSSERVER_HONEST},
    {"lost.example", 5, "nowhere.example", 0, DNSSERVER_HONEST},
};

static struct dnsserver S = {
    .records = records, .n = sizeof(records) / sizeof(*records)};

struct got {
	int calls;
	enum resolver_status status;
	size_t n;
	char first[300], second[300];
	size_t first_n;
	uint32_t ttl_s;
};

static void take(void *arg, const struct resolver_answer *a)
{
	struct got *g = arg;

	g->calls++;
	g->status = a->status;
	g->n = a->n;
	g->ttl_s = a->ttl_s;
	if (a->n > 0) {
		memcpy(g->first, a->v[0].p, a->v[0].n);
		g->first_n = a->v[0].n;
	}
	if (a->n > 1)
		memcpy(g->second, a->v[1].p, a->v[1].n);
}

static struct got ask(
    struct resolver *r, enum resolver_type type, const char *name)
{
	int64_t end = clock_mono_ms() + TAP_ENDLESS_MS;
	struct got g = {0};

	resolver_ask(r, type, str_of(name), take, &g);
	while (g.calls == 0 && clock_mono_ms() < end)
		resolver_turn(r, NULL, 0, 100);
	return g;
}

static struct resolver *open_one(int timeout_ms)
{
	struct resolver_opts opts = {S.address, timeout_ms};
	struct resolver *r;

	if (resolver_open(&r, &opts, NULL) != 0)
		bug("resolver");
	return r;
}

static void test_types(void)
{
	struct resolver *r = open_one(0);
	struct got g = ask(r, RESOLVER_A, "host.example");

	OK(g.status == RESOLVER_FOUND && g.n == 2 && g.first_n == 4 &&
		memcmp(g.second, "\xc0\0\2\2", 4) == 0,
	    "two addresses");
	g = ask(r, RESOLVER_AAAA, "host.example");
	OK(g.status == RESOLVER_FOUND && g.n == 1 && g.first_n == 16,
	    "one of the longer ones");
	g = ask(r, RESOLVER_MX, "mail.example");
	OK(g.n == 2 && strcmp(g.first, "mx1.example") == 0 &&
		strcmp(g.second, "mx2.example") == 0,
	    "mail exchangers");
	g = ask(r, RESOLVER_PTR, "1.2.0.192.in-addr.arpa");
	OK(g.n == 1 && strcmp(g.first, "host.example") == 0, "a name");
	g = ask(r, RESOLVER_TXT, "mail.example");
	OK(g.n == 2 && strcmp(g.first, "v=spf1 -all") == 0 &&
		strcmp(g.second, "another") == 0,
	    "two texts");
	g = ask(r, RESOLVER_TXT, "host.example");
	IS_INT(g.status, RESOLVER_NODATA, "no such record");
	g = ask(r, RESOLVER_A, "alias.example");
	OK(g.status == RESOLVER_FOUND && g.n == 2 && g.ttl_s == 60,
	    "where an alias leads");
	g = ask(r, RESOLVER_A, "lost.example");
	OK(g.status == RESOLVER_NODATA && g.ttl_s == 0,
	    "one that leads nowhere");
	g = ask(r, RESOLVER_TXT, "nobody.example");
	IS_INT(g.status, RESOLVER_NXDOMAIN, "no such name");
	g = ask(r, RESOLVER_A, "");
	IS_INT(g.status, RESOLVER_TROUBLE, "no name at all");
	fault_alloc_at(1);
	g = ask(r, RESOLVER_A, "host.example");
	fault_alloc_at(0);
	IS_INT(g.status, RESOLVER_TROUBLE, "no memory");
	IS_INT(g.calls, 1, "said once");
	resolver_close(&r);
}

static void test_misbehaving(void)
{
	static const struct {
		enum dnsserver_mode mode;
		enum resolver_status want;
		const char *name;
	} cases[] = {
	    {DNSSERVER_SERVFAIL, RESOLVER_TROUBLE, "SERVFAIL"},
	    {DNSSERVER_NXDOMAIN, RESOLVER_NXDOMAIN, "NXDOMAIN to all"},
	    {DNSSERVER_SILENT, RESOLVER_TROUBLE, "silence"},
	    {DNSSERVER_GARBAGE, RESOLVER_TROUBLE, "garbage"},
	    {DNSSERVER_OTHER_ID, RESOLVER_TROUBLE, "an answer not to us"},
	    {DNSSERVER_FLOOD, RESOLVER_TROUBLE, "four hundred records"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct resolver *r = open_one(400);
		int64_t before = clock_mono_ms();
		struct got g;

		atomic_store(&S.mode, cases[i].mode);
		g = ask(r, RESOLVER_TXT, "mail.example");
		IS_INT(g.status, cases[i].want, "%s", cases[i].name);
		OK(clock_mono_ms() - before < TAP_ENDLESS_MS / 2,
		    "%s: answered in time", cases[i].name);
		resolver_close(&r);
	}
	atomic_store(&S.mode, DNSSERVER_HONEST);
}

/* How long it may be kept: of the record, or of the zone's SOA. */
static void test_lifetime(void)
{
	struct resolver *r = open_one(400);

	atomic_store(&S.ttl_s, 77);
	IS_INT(ask(r, RESOLVER_A, "host.example").ttl_s, 77, "the record's");
	IS_INT(ask(r, RESOLVER_A, "no.example").ttl_s, 0,
	    "what does not exist, and nobody says for how long");
	atomic_store(&S.none_s, 33);
	IS_INT(ask(r, RESOLVER_A, "no.example").ttl_s, 33, "by the SOA");
	IS_INT(ask(r, RESOLVER_MX, "host.example").ttl_s, 33,
	    "and of no such record");
	IS_INT(
	    ask(r, RESOLVER_A, "host.example").ttl_s, 77, "not of what exists");
	atomic_store(&S.none_s, 9999);
	IS_INT(ask(r, RESOLVER_A, "no.example").ttl_s, 3600,
	    "the SOA's own lifetime is a bound");
	atomic_store(&S.ttl_s, 0x80000001);
	IS_INT(ask(r, RESOLVER_A, "host.example").ttl_s, 0, "no number");
	atomic_store(&S.mode, DNSSERVER_SERVFAIL);
	IS_INT(ask(r, RESOLVER_A, "host.example").ttl_s, 0, "of trouble");
	atomic_store(&S.mode, DNSSERVER_HONEST);
	atomic_store(&S.ttl_s, 0);
	atomic_store(&S.none_s, 0);
	resolver_close(&r);
}

static void test_close(void)
{
	struct resolver *r = open_one(0);
	struct got g = {0};

	atomic_store(&S.mode, DNSSERVER_SILENT);
	resolver_ask(r, RESOLVER_A, STR("host.example"), take, &g);
	IS_INT(g.calls, 0, "under way");
	resolver_close(&r);
	OK(g.calls == 1 && g.status == RESOLVER_TROUBLE,
	    "closed: answered all the same");
	atomic_store(&S.mode, DNSSERVER_HONEST);
}

static void test_open(void)
{
	struct resolver_opts bad = {.nameserver = "no address"};
	struct resolver *r;

	IS_INT(resolver_open(&r, &bad, NULL), ERR_SYNTAX, "bad nameserver");
	fault_alloc_at(1);
	IS_INT(resolver_open(&r, NULL, NULL), -ENOMEM, "no memory");
	fault_alloc_at(0);
	resolver_close(&r);
	OK(r == NULL, "nothing to close");
}

static void test_descriptors(void)
{
	struct resolver *r = open_one(0);
	struct pollfd mine;
	int ends[2];

	if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1)
		bug("pipe");
	mine = (struct pollfd){.fd = ends[0], .events = POLLIN};
	resolver_turn(r, &mine, 1, TAP_ENDLESS_MS);
	IS_INT(mine.revents, POLLIN, "the caller's descriptor wakes it");
	close(ends[0]);
	close(ends[1]);
	resolver_close(&r);
}

static void test_names(void)
{
	static const char *const good[] = {"a.b", "s1._domainkey.example.net",
	    "1.2.0.192.in-addr.arpa", "x+y.%7e.example.com"};
	static const char *const bad[] = {"", "host", "a..b", ".a.b", "a.b.",
	    "a b.example.com", "a\\.b.example", "a.localhost", "printer.local",
	    "x.invalid", "a.onion", "x.test", "\xc3\xa4.example.com"};
	char label[130];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		OK(resolver_is_name(str_of(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		OK(!resolver_is_name(str_of(bad[i])), "not \"%s\"", bad[i]);
	memset(label, 'a', sizeof(label));
	memcpy(label + 63, ".com", 5);
	OK(resolver_is_name(str_of(label)), "a label of 63");
	memcpy(label + 63, "a.com", 6);
	OK(!resolver_is_name(str_of(label)), "a label of 64");
}

int main(void)
{
	dnsserver_start(&S);
	test_types();
	test_misbehaving();
	test_lifetime();
	test_close();
	test_open();
	test_descriptors();
	test_names();
	dnsserver_stop(&S);
	return tap_done();
}
