/* test_dkim_dns.c - policy/mail/dkim_dns against a server on the loopback: each
 * kind of answer, silence, many keys, the time limit. */
#include "tests/unit/dkim_vectors.h"
#include "tests/unit/dnsserver.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/dkim_dns.h"

enum {
	MANY = 500,
	RECORDS_MAX = MANY + 40,
	TXT = 16,
};

/* What the server says of "SELECTOR._domainkey.football.example.com". */
static const struct zone {
	const char *selector;
	int type;
	const char *data, *second; /* NULL: no such record */
	enum dnsserver_mode mode;
	enum dkim_dns_result want;
	const char *why;
} zone[] = {
    {"good", TXT, RFC8463_ED_RECORD, NULL, DNSSERVER_HONEST, DKIM_DNS_MATCH,
	""},
    {"pieces", TXT,
	"v=DKIM1; k=ed2\n5519; p=11qYAYKxCrfVS/7TyWQHOg7hc\n"
	"vPapiMlrwIaaPcHURo=",
	NULL, DNSSERVER_HONEST, DKIM_DNS_MATCH, ""},
    {"alias", DNSSERVER_CNAME, "k.example", NULL, DNSSERVER_HONEST,
	DKIM_DNS_MATCH, ""},
    {"other", TXT,
	"v=DKIM1; k=ed25519; "
	"p=pP+YUyRjAvKha4Oc49KAY703oLUS1NLMEuGD3IHMKww=",
	NULL, DNSSERVER_HONEST, DKIM_DNS_MISMATCH, "another key"},
    {"revoked", TXT, "v=DKIM1; k=ed25519; p=", NULL, DNSSERVER_HONEST,
	DKIM_DNS_MISMATCH, "revoked"},
    {"rsa", TXT, "v=DKIM1; p=11qYAYKxCrfVS/7TyWQH", NULL, DNSSERVER_HONEST,
	DKIM_DNS_MISMATCH, "another type"},
    {"empty", TXT, "", NULL, DNSSERVER_HONEST, DKIM_DNS_MISMATCH,
	"another type"},
    {"two", TXT, RFC8463_ED_RECORD, "v=spf1 -all", DNSSERVER_HONEST,
	DKIM_DNS_MISMATCH, "more than one"},
    {"none", 0, NULL, NULL, DNSSERVER_HONEST, DKIM_DNS_NXDOMAIN,
	"does not exist"},
    {"nodata", 15, "mx.example", NULL, DNSSERVER_HONEST, DKIM_DNS_NXDOMAIN,
	"no TXT"},
    {"servfail", TXT, "", NULL, DNSSERVER_SERVFAIL, DKIM_DNS_TEMPFAIL,
	"servfail"},
    {"refused", TXT, "", NULL, DNSSERVER_REFUSED, DKIM_DNS_TEMPFAIL, "refused"},
    {"garbage", TXT, "", NULL, DNSSERVER_GARBAGE, DKIM_DNS_TEMPFAIL, "garbage"},
    {"silent", TXT, "", NULL, DNSSERVER_SILENT, DKIM_DNS_TEMPFAIL, "silent"},
    {"otherid", TXT, RFC8463_ED_RECORD, NULL, DNSSERVER_OTHER_ID,
	DKIM_DNS_TEMPFAIL, "otherid"},
};
enum {
	ZONE = sizeof(zone) / sizeof(zone[0])
};

static struct dnsserver_record records[RECORDS_MAX];
static char names[RECORDS_MAX][64];
static size_t n_records;

static void publish(
    const char *selector, int type, const char *data, enum dnsserver_mode mode)
{
	char *name = names[n_records];

	(void)snprintf(
	    name, sizeof(names[0]), "%s._domainkey." RFC8463_DOMAIN, selector);
	records[n_records++] =
	    (struct dnsserver_record){name, type, data, 0, mode};
}

static void publish_all(void)
{
	char many[20];

	for (size_t i = 0; i < ZONE; i++) {
		const struct zone *z = &zone[i];

		if (z->data != NULL)
			publish(z->selector, z->type, z->data, z->mode);
		if (z->second != NULL)
			publish(z->selector, z->type, z->second, z->mode);
	}
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(many, sizeof(many), "many%zu", i);
		publish(many, TXT, RFC8463_ED_RECORD, DNSSERVER_HONEST);
	}
	records[n_records++] = (struct dnsserver_record){
	    "k.example", TXT, RFC8463_ED_RECORD, 0, DNSSERVER_HONEST};
}

/* ---- the tests ---- */

static struct dkim_key *new_key(const char *selector)
{
	struct dkim_key_spec spec = {
	    STR(RFC8463_DOMAIN), str_of(selector), DKIM_ALG_ED25519_SHA256, 0};
	struct dkim_key *k = NULL;

	if (dkim_key_parse(&k, STR(RFC8463_ED_PEM), "k", &spec, NULL) != 0)
		bug("key");
	return k;
}

static void test_answers(const struct dnsserver *s)
{
	struct dkim_dns_opts opts = {s->address, 3000};
	struct dkim_dns_answer got[ZONE];
	struct dkim_key *keys[ZONE];
	int64_t took, before = clock_mono_ms();

	for (size_t i = 0; i < ZONE; i++)
		keys[i] = new_key(zone[i].selector);
	dkim_dns_check(keys, ZONE, &opts, got);
	took = clock_mono_ms() - before;
	for (size_t i = 0; i < ZONE; i++) {
		bool silent = zone[i].why[0] == '\0';
		OK(got[i].result == zone[i].want &&
			(silent ? got[i].why[0] == '\0'
				: strstr(got[i].why, zone[i].why) != NULL),
		    "%s: %s (%s)", zone[i].selector,
		    dkim_dns_text(got[i].result), got[i].why);
		dkim_key_unref(&keys[i]);
	}
	OK(took < TAP_ENDLESS_MS, "all within the limit of one: %d ms",
	    (int)took);
}

static void test_many(struct dnsserver *s)
{
	static struct dkim_key *keys[MANY];
	static struct dkim_dns_answer got[MANY];
	struct dkim_dns_opts opts = {s->address, 20000};
	size_t good = 0;
	int before = atomic_load(&s->questions);

	for (size_t i = 0; i < MANY; i++) {
		char selector[20];
		(void)snprintf(selector, sizeof(selector), "many%zu", i);
		keys[i] = new_key(selector);
	}
	dkim_dns_check(keys, MANY, &opts, got);
	for (size_t i = 0; i < MANY; i++) {
		good += got[i].result == DKIM_DNS_MATCH;
		dkim_key_unref(&keys[i]);
	}
	IS_INT(good, MANY, "many keys");
	OK(atomic_load(&s->questions) - before >= MANY, "each was asked for");
}

static void one(struct dkim_key *k, const char *nameserver,
    enum dkim_dns_result want, const char *what)
{
	struct dkim_dns_opts opts = {nameserver, 20000};
	struct dkim_dns_answer got;

	dkim_dns_check(&k, 1, &opts, &got);
	OK(got.result == want, "%s: %s", what, got.why);
}

static void test_trouble(const struct dnsserver *s)
{
	struct dkim_key *k = new_key("good");

	one(k, s->address, DKIM_DNS_MATCH, "all is well");
	for (long n = 1; n <= 2; n++) {
		fault_alloc_at(n);
		one(k, s->address, DKIM_DNS_TEMPFAIL, "no memory");
		fault_alloc_at(0);
	}
	one(k, "not an address", DKIM_DNS_TEMPFAIL, "bad nameserver");
	one(k, "127.0.0.1:1", DKIM_DNS_TEMPFAIL, "nobody there");
	dkim_dns_check(NULL, 0, NULL, NULL);
	OK(true, "no keys, no questions");
	dkim_key_unref(&k);
}

int main(void)
{
	struct dnsserver s = {.records = records};

	publish_all();
	s.n = n_records;
	dnsserver_start(&s);
	test_answers(&s);
	test_many(&s);
	test_trouble(&s);
	dnsserver_stop(&s);
	return tap_done();
}
