/* dnsserver.h - a small DNS server on the loopback, in a thread of the test
 * program: UDP, records of a table, and the ways in which servers misbehave. */
#ifndef TESTS_UNIT_DNSSERVER_H
#define TESTS_UNIT_DNSSERVER_H

#include "tests/unit/tap.h"

#include "policy/base/codec.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum {
	DNSSERVER_PACKET = 65000,
	DNSSERVER_HEADER = 12,
	DNSSERVER_QUESTION = 512,
	DNSSERVER_FIXED = 12, /* of a record: its name's place to its length */
	DNSSERVER_CNAME = 5,
};

enum dnsserver_mode {
	DNSSERVER_HONEST,
	DNSSERVER_SERVFAIL,
	DNSSERVER_REFUSED,
	DNSSERVER_NXDOMAIN, /* to everything */
	DNSSERVER_SILENT,
	DNSSERVER_GARBAGE, /* bytes that are no message */
	DNSSERVER_OTHER_ID,
	DNSSERVER_FLOOD, /* four hundred records */
};

/* A, AAAA: the bytes; MX, PTR, CNAME: a name; TXT: the text, its strings (up to
 * 255 bytes) by lines. */
struct dnsserver_record {
	const char *name;
	int type;
	const char *data;
	size_t n; /* 0: of a text */
	/* how the name is answered while the server is honest */
	enum dnsserver_mode mode;
};

struct dnsserver {
	const struct dnsserver_record *records;
	size_t n;
	int fd;
	char address[32];
	pthread_t thread;
	atomic_bool stop;
	atomic_int mode; /* enum dnsserver_mode */
	atomic_int questions;
	atomic_uint ttl_s;  /* of all records; 0: a minute */
	atomic_uint none_s; /* of what does not exist; 0: no SOA says */
};

struct dnsserver_packet {
	unsigned char p[DNSSERVER_PACKET];
	size_t n;
};

static void dnsserver_put(struct dnsserver_packet *k, const void *p, size_t n)
{
	memcpy(k->p + k->n, p, n);
	k->n += n;
}

static void dnsserver_put_name(struct dnsserver_packet *k, const char *z)
{
	struct str rest = str_of(z), label;

	while (str_next(&rest, '.', &label)) {
		unsigned char n = (unsigned char)label.n;
		dnsserver_put(k, &n, 1);
		dnsserver_put(k, label.p, label.n);
	}
	dnsserver_put(k, "", 1);
}

static void dnsserver_put_text(struct dnsserver_packet *k, struct str text)
{
	struct str line;

	while (str_next(&text, '\n', &line)) {
		unsigned char n = (unsigned char)line.n;
		dnsserver_put(k, &n, 1);
		dnsserver_put(k, line.p, line.n);
	}
}

static void dnsserver_put_data(
    struct dnsserver_packet *k, const struct dnsserver_record *r)
{
	if (r->type == 16) {
		dnsserver_put_text(k, str_of(r->data));
	} else if (r->type == 15) {
		dnsserver_put(k, "\0\012", 2);
		dnsserver_put_name(k, r->data);
	} else if (r->type == 12 || r->type == DNSSERVER_CNAME) {
		dnsserver_put_name(k, r->data);
	} else {
		dnsserver_put(k, r->data, r->n);
	}
}

/* Of the name that stands at `owner`. */
static void dnsserver_put_record(const struct dnsserver *s,
    struct dnsserver_packet *k, size_t owner, const struct dnsserver_record *r)
{
	unsigned ttl_s = atomic_load(&s->ttl_s);
	unsigned char fixed[DNSSERVER_FIXED] = {0};
	size_t at = k->n;

	codec_put_u16(fixed, (uint16_t)(0xc000 | owner));
	codec_put_u16(fixed + 2, (uint16_t)r->type);
	codec_put_u16(fixed + 4, 1);
	codec_put_u32(fixed + 6, ttl_s > 0 ? ttl_s : 60);
	dnsserver_put(k, fixed, sizeof(fixed));
	dnsserver_put_data(k, r);
	codec_put_u16(k->p + at + 10, (uint16_t)(k->n - at - sizeof(fixed)));
}

/* The question's name and where it ends. */
static size_t dnsserver_name(const struct dnsserver_packet *k, char out[256])
{
	size_t at = DNSSERVER_HEADER, n = 0;

	while (at < k->n && k->p[at] != 0 && n + k->p[at] + 2U < 256) {
		if (n > 0)
			out[n++] = '.';
		memcpy(out + n, k->p + at + 1, k->p[at]);
		n += k->p[at];
		at += k->p[at] + 1U;
	}
	out[n] = '\0';
	return at;
}

/* Appends the records of a name, which stands at `owner`; an alias leads on,
 * once. */
static uint16_t dnsserver_answers(const struct dnsserver *s,
    struct dnsserver_packet *k, size_t owner, const char *name, int type,
    bool *known)
{
	const struct dnsserver_record *alias = NULL;
	uint16_t count = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct dnsserver_record *r = &s->records[i];
		if (!str_ieq(str_of(r->name), str_of(name)))
			continue;
		*known = true;
		if (r->type == DNSSERVER_CNAME)
			alias = r;
		else if (r->type != type)
			continue;
		dnsserver_put_record(s, k, owner, r);
		count++;
	}
	if (alias == NULL || owner != DNSSERVER_HEADER)
		return count;
	owner = k->n - strlen(alias->data) - 2;
	return (uint16_t)(count + dnsserver_answers(
				      s, k, owner, alias->data, type, known));
}

static int dnsserver_mode_of(const struct dnsserver *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_ieq(str_of(s->records[i].name), str_of(name)))
			return s->records[i].mode;
	return DNSSERVER_HONEST;
}

/* The SOA of a zone that says how long what does not exist does not: beside no
 * record at all. */
static uint16_t dnsserver_put_soa(
    const struct dnsserver *s, struct dnsserver_packet *k)
{
	unsigned char soa[] = {
	    0xc0, DNSSERVER_HEADER, 0, 6, 0, 1, 0, 0, 0xe, 0x10, 0, 22, 0, 0};
	unsigned char numbers[20] = {0};
	unsigned none_s = atomic_load(&s->none_s);

	if (none_s == 0)
		return 0;
	codec_put_u32(numbers + 16, none_s);
	dnsserver_put(k, soa, sizeof(soa));
	dnsserver_put(k, numbers, sizeof(numbers));
	return 1;
}

/* Turns a question into its answer; false to stay silent. */
static bool dnsserver_respond(
    const struct dnsserver *s, struct dnsserver_packet *k, int mode)
{
	static const struct dnsserver_record any = {
	    "", 16, "v=spf1 +all", 0, DNSSERVER_HONEST};
	char name[256];
	size_t end = dnsserver_name(k, name);
	int type = codec_get_u16(k->p + end + 1);
	bool known = false;
	uint16_t n = 0;
	int code;

	if (mode == DNSSERVER_HONEST)
		mode = dnsserver_mode_of(s, name);
	if (mode == DNSSERVER_SILENT)
		return false;
	k->n = end + 5; /* without the EDNS record */
	memset(k->p + 6, 0, 6);
	if (mode == DNSSERVER_FLOOD)
		for (known = true; n < 400; n++)
			dnsserver_put_record(s, k, DNSSERVER_HEADER, &any);
	else if (mode != DNSSERVER_SERVFAIL && mode != DNSSERVER_REFUSED &&
		 mode != DNSSERVER_NXDOMAIN)
		n = dnsserver_answers(
		    s, k, DNSSERVER_HEADER, name, type, &known);
	codec_put_u16(k->p + 6, n);
	code = mode == DNSSERVER_SERVFAIL  ? 2
	       : mode == DNSSERVER_REFUSED ? 5
	       : known                     ? 0
					   : 3;
	if (n == 0 && (code == 0 || code == 3))
		codec_put_u16(k->p + 8, dnsserver_put_soa(s, k));
	codec_put_u16(k->p + 2, (uint16_t)(0x8180 | code));
	if (mode == DNSSERVER_OTHER_ID)
		k->p[0] ^= 0xff;
	if (mode == DNSSERVER_GARBAGE)
		memset(k->p + DNSSERVER_HEADER, 0xff, k->n - DNSSERVER_HEADER);
	return true;
}

static void *dnsserver_serve(void *arg)
{
	static struct dnsserver_packet k;
	struct dnsserver *s = arg;
	struct sockaddr_in from;

	while (!atomic_load(&s->stop)) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(s->fd, k.p, DNSSERVER_QUESTION, 0,
		    (struct sockaddr *)&from, &len);
		if (n <= DNSSERVER_HEADER)
			continue;
		atomic_fetch_add(&s->questions, 1);
		k.n = (size_t)n;
		if (dnsserver_respond(s, &k, atomic_load(&s->mode)))
			(void)sendto(
			    s->fd, k.p, k.n, 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

static void dnsserver_start(struct dnsserver *s)
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
	    pthread_create(&s->thread, NULL, dnsserver_serve, s) != 0)
		bug("server");
	(void)snprintf(
	    s->address, sizeof(s->address), "127.0.0.1:%d", ntohs(at.sin_port));
}

static void dnsserver_stop(struct dnsserver *s)
{
	atomic_store(&s->stop, true);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
}

#endif
