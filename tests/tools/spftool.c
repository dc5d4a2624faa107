/* spftool.c - SPF as tendril-verify does it, over records from a file: for
 * tests/corpora/check_spf.py.
 *
 *   spftool ZONE < questions      "IP<TAB>HELO<TAB>SENDER" a line; answers with
 *                                 a word a line
 *
 * ZONE has lines "NAME<TAB>TYPE<TAB>HEX": the bytes as resolver.h gives them;
 * HEX "timeout" stands for itself. Names that are not in it do not exist. */
#include "agent/verify/spf_check.h"
#include "policy/base/codec.h"
#include "policy/base/file.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	INPUT_MAX = 16 << 20,
	ARENA_MAX = 8 << 20,
	RECORD_BYTES = 4096,
};

struct zone {
	struct spf_checker *checker;
	struct str text;
	char bytes[RESOLVER_RECORDS_MAX][RECORD_BYTES];
	struct str v[RESOLVER_RECORDS_MAX];
};

static const char *type_name(enum resolver_type type)
{
	switch (type) {
	case RESOLVER_A:
		return "A";
	case RESOLVER_AAAA:
		return "AAAA";
	case RESOLVER_MX:
		return "MX";
	case RESOLVER_PTR:
		return "PTR";
	case RESOLVER_TXT:
		return "TXT";
	}
	return "";
}

static void add(struct zone *z, struct str hex, struct resolver_answer *out)
{
	if (str_eq(hex, STR("timeout"))) {
		*out = (struct resolver_answer){.status = RESOLVER_TROUBLE};
		return;
	}
	if (out->n == RESOLVER_RECORDS_MAX || out->status == RESOLVER_TROUBLE ||
	    codec_unhex(hex, hex.n / 2, z->bytes[out->n]) != 0)
		return;
	z->v[out->n] = (struct str){z->bytes[out->n], hex.n / 2};
	out->n++;
	out->status = RESOLVER_FOUND;
}

static void lookup(void *arg, enum resolver_type type, struct str name,
    struct resolver_answer *out)
{
	struct zone *z = arg;
	struct str rest = z->text, line, field;

	*out = (struct resolver_answer){.status = RESOLVER_NXDOMAIN, .v = z->v};
	while (str_next(&rest, '\n', &line)) {
		bool yes =
		    str_next(&line, '\t', &field) && str_ieq(field, name);
		if (yes && str_next(&line, '\t', &field) &&
		    str_eq(field, str_of(type_name(type))))
			add(z, line, out);
		else if (yes && out->status == RESOLVER_NXDOMAIN)
			out->status = RESOLVER_NODATA;
	}
}

static int read_ip(struct str s, unsigned char out[16])
{
	static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
	char z[INET6_ADDRSTRLEN + 1] = {0};

	if (s.n >= sizeof(z))
		return ERR_SYNTAX;
	memcpy(z, s.p, s.n);
	memcpy(out, prefix, sizeof(prefix));
	if (inet_pton(AF_INET, z, out + 12) == 1)
		return 0;
	return inet_pton(AF_INET6, z, out) == 1 ? 0 : ERR_SYNTAX;
}

static int answer(struct zone *z, struct str line)
{
	struct arena *a = arena_new(ARENA_MAX);
	enum authentic_result result = AUTHENTIC_NONE;
	struct spf_dns dns = {lookup, z};
	struct spf_question q;
	struct str ip;
	int rc = -1;

	if (str_next(&line, '\t', &ip) && str_next(&line, '\t', &q.helo))
		rc = read_ip(ip, q.client);
	q.sender = line;
	if (rc == 0)
		rc = spf_check(z->checker, &q, &dns, a, &result);
	(void)puts(rc == 0 ? authentic_name(result) : error_text(rc));
	arena_free(&a);
	return rc;
}

int main(int argc, char **argv)
{
	struct buf zone, questions;
	struct str rest, line;
	static struct zone z;
	int rc = argc == 2 ? 0 : 2;

	buf_init(&zone, INPUT_MAX);
	buf_init(&questions, INPUT_MAX);
	if (rc == 0)
		rc = file_read(argv[1], &zone, NULL);
	if (rc == 0)
		rc = file_read_fd(STDIN_FILENO, &questions, NULL);
	if (rc == 0)
		rc = spf_checker_open(&z.checker);
	z.text = buf_str(&zone);
	rest = buf_str(&questions);
	while (rc == 0 && str_next(&rest, '\n', &line))
		if (line.n > 0)
			rc = answer(&z, line);
	spf_checker_close(&z.checker);
	buf_fini(&zone);
	buf_fini(&questions);
	return rc == 0 ? 0 : 1;
}
