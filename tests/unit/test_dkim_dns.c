/* test_dkim_dns.c - policy/mail/dkim_dns against a small DNS server in a thread
 * of this program: each kind of answer, silence, many keys, the time limit. */
#include "tests/unit/dkim_vectors.h"
#include "tests/unit/tap.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/mail/dkim_dns.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum {
	PACKET = 4096,
	MANY = 500,
	HEADER = 12
};

enum kind {
	RECORD, /* one record of these character-strings */
	RCODE,  /* that code, no answer section */
	SILENT,
	GARBAGE,  /* bytes that are no message */
	TWO,      /* each string a record of its own */
	ALIAS,    /* CNAME to another name, then its record */
	OTHER_ID, /* right answer, wrong id: not for us */
};

/* What the server says of "SELECTOR._domainkey.football.example.com". */
static const struct zone {
	const char *selector;
	enum kind kind;
	int rcode;
	const char *strings[3];
	enum dkim_dns_result want;
	const char *why;
} zone[] = {
    {"good", RECORD, 0, {RFC8463_ED_RECORD}, DKIM_DNS_MATCH, ""},
    {"pieces", RECORD, 0,
	{"v=DKIM1; k=ed2", "5519; p=11qYAYKxCrfVS/7TyWQHOg7hc",
	    "vPapiMlrwIaaPcHURo="},
	DKIM_DNS_MATCH, ""},
    {"alias", ALIAS, 0, {RFC8463_ED_RECORD}, DKIM_DNS_MATCH, ""},
    {"other", RECORD, 0,
	{"v=DKIM1; k=ed25519; "
	 "p=pP+YUyRjAvKha4Oc49KAY703oLUS1NLMEuGD3IHMKww="},
	DKIM_DNS_MISMATCH, "another key"},
    {"revoked", RECORD, 0, {"v=DKIM1; k=ed25519; p="}, DKIM_DNS_MISMATCH,
	"revoked"},
    {"rsa", RECORD, 0, {"v=DKIM1; p=11qYAYKxCrfVS/7TyWQH"}, DKIM_DNS_MISMATCH,
	"another type"},
    {"empty", RECORD, 0, {""}, DKIM_DNS_MISMATCH, "another type"},
    {"two", TWO, 0, {RFC8463_ED_RECORD, "v=spf1 -all"}, DKIM_DNS_MISMATCH,
	"more than one"},
    {"none", RCODE, 3, {NULL}, DKIM_DNS_NXDOMAIN, "does not exist"},
    {"nodata", RCODE, 0, {NULL}, DKIM_DNS_NXDOMAIN, "no TXT"},
    {"servfail", RCODE, 2, {NULL}, DKIM_DNS_TEMPFAIL, "servfail"},
    {"refused", RCODE, 5, {NULL}, DKIM_DNS_TEMPFAIL, "refused"},
    {"garbage", GARBAGE, 0, {NULL}, DKIM_DNS_TEMPFAIL, "garbage"},
    {"silent", SILENT, 0, {NULL}, DKIM_DNS_TEMPFAIL, "silent"},
    {"otherid", OTHER_ID, 0, {RFC8463_ED_RECORD}, DKIM_DNS_TEMPFAIL, "otherid"},
};
enum {
	ZONE = sizeof(zone) / sizeof(zone[0])
};

/* ---- the server ---- */

struct server {
	int fd;
	char address[32];
	pthread_t thread;
	atomic_bool stop;
	atomic_int questions;
};

struct packet {
	unsigned char p[PACKET];
	size_t n;
};

static void put(struct packet *k, const void *p, size_t n)
{
	memcpy(k->p + k->n, p, n);
	k->n += n;
}

/* A record on the name at offset `at`: type, class IN, 60 s, data. */
static void put_record(
    struct packet *k, uint16_t at, uint16_t type, struct str data)
{
	unsigned char fixed[12] = {0};

	codec_put_u16(fixed, (uint16_t)(0xc000 | at));
	codec_put_u16(fixed + 2, type);
	codec_put_u16(fixed + 4, 1);
	codec_put_u32(fixed + 6, 60);
	codec_put_u16(fixed + 10, (uint16_t)data.n);
	put(k, fixed, sizeof(fixed));
	put(k, data.p, data.n);
}

static struct str strings_of(
    const struct zone *z, size_t from, size_t to, char *out)
{
	size_t n = 0;

	for (size_t i = from; i < to && z->strings[i] != NULL; i++) {
		size_t len = strlen(z->strings[i]);
		out[n++] = (char)len;
		memcpy(out + n, z->strings[i], len);
		n += len;
	}
	return (struct str){out, n};
}

/* Appends the answers; returns how many. */
static uint16_t put_answers(struct packet *k, const struct zone *z)
{
	char data[1024];

	if (z->kind == ALIAS) {
		uint16_t at;
		put_record(k, HEADER, 5,
		    STR("\x01k\x07"
			"example\x00"));
		at = (uint16_t)(k->n - 11);
		put_record(k, at, 16, strings_of(z, 0, 3, data));
		return 2;
	}
	if (z->kind == TWO) {
		put_record(k, HEADER, 16, strings_of(z, 0, 1, data));
		put_record(k, HEADER, 16, strings_of(z, 1, 2, data));
		return 2;
	}
	if (z->kind == RCODE)
		return 0;
	put_record(k, HEADER, 16, strings_of(z, 0, 3, data));
	return 1;
}

static const struct zone *find_zone(const unsigned char *question)
{
	struct str label = {(const char *)question + 1, question[0]};

	for (size_t i = 0; i < ZONE; i++)
		if (str_eq(label, str_of(zone[i].selector)))
			return &zone[i];
	return str_starts(label, STR("many")) ? &zone[0] : NULL;
}

/* Turns a question into its answer; false to stay silent. */
static bool respond(struct packet *k)
{
	const struct zone *z =
	    k->n > HEADER + 1 ? find_zone(k->p + HEADER) : NULL;
	size_t end = HEADER;

	if (z == NULL || z->kind == SILENT)
		return false;
	while (end < k->n && k->p[end] != 0)
		end += k->p[end] + 1U;
	k->n = end + 5; /* without the EDNS record */
	codec_put_u16(k->p + 2, (uint16_t)(0x8180 | z->rcode));
	memset(k->p + 6, 0, 6);
	codec_put_u16(k->p + 6, put_answers(k, z));
	if (z->kind == OTHER_ID)
		k->p[0] ^= 0xff;
	if (z->kind == GARBAGE)
		memset(k->p + HEADER, 0xff, k->n - HEADER);
	return true;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	struct packet k;
	struct sockaddr_in from;

	while (!atomic_load(&s->stop)) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(
		    s->fd, k.p, 512, 0, (struct sockaddr *)&from, &len);
		if (n <= 0)
			continue;
		atomic_fetch_add(&s->questions, 1);
		k.n = (size_t)n;
		if (respond(&k))
			(void)sendto(
			    s->fd, k.p, k.n, 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

static void start(struct server *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct timeval tick = {0, 50000};
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, len) != 0 ||
	    getsockname(s->fd, (struct sockaddr *)&at, &len) != 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick)) !=
		0 ||
	    pthread_create(&s->thread, NULL, serve, s) != 0)
		bug("server");
	(void)snprintf(
	    s->address, sizeof(s->address), "127.0.0.1:%d", ntohs(at.sin_port));
}

static void stop(struct server *s)
{
	atomic_store(&s->stop, true);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
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

static void test_answers(const struct server *s)
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

static void test_many(struct server *s)
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

static void test_trouble(const struct server *s)
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
	struct server s = {0};

	start(&s);
	test_answers(&s);
	test_many(&s);
	test_trouble(&s);
	stop(&s);
	return tap_done();
}
