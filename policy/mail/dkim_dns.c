/* dkim_dns.c - see dkim_dns.h.
 *
 * All questions go out through one resolver, a limited number at a time, so
 * that a hundred thousand domains neither flood it nor take one time limit
 * each. The loop below owns the deadline. */
#include "policy/mail/dkim_dns.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	OPEN_MAX = 64,     /* questions under way at once */
	RECORD_MAX = 4096, /* bytes of a TXT value */
};

struct batch;

struct question {
	struct batch *batch;
	size_t i;
};

struct batch {
	struct resolver *resolver;
	struct dkim_key *const *keys;
	struct dkim_dns_answer *out;
	struct question *questions;
	size_t n, next, open;
	int timeout_ms;
	bool over;
};

static const char *const texts[] = {
    [DKIM_DNS_MATCH] = "match",
    [DKIM_DNS_MISMATCH] = "mismatch",
    [DKIM_DNS_NXDOMAIN] = "nxdomain",
    [DKIM_DNS_TEMPFAIL] = "tempfail",
};

const char *dkim_dns_text(enum dkim_dns_result result)
{
	return texts[result];
}

/* ---- answers ---- */

static void answer(
    struct batch *b, size_t i, enum dkim_dns_result result, const char *why)
{
	struct str name = dkim_key_dns_name(b->keys[i]);

	b->out[i].result = result;
	(void)snprintf(b->out[i].why, sizeof(b->out[i].why), "%.*s: %s",
	    STR_ARG(name), why);
}

/* A second record makes the result undefined (RFC 6376 section 3.6.2.2). */
static void compare(struct batch *b, size_t i, const struct resolver_answer *a)
{
	struct dkim_dns_answer *out = &b->out[i];
	struct error err = {0};

	if (a->n > 1) {
		answer(b, i, DKIM_DNS_MISMATCH, "has more than one record");
	} else if (a->v[0].n > RECORD_MAX) {
		answer(b, i, DKIM_DNS_MISMATCH, "has a record too long");
	} else if (dkim_key_check_record(b->keys[i], a->v[0], &err) != 0) {
		out->result = DKIM_DNS_MISMATCH;
		(void)snprintf(out->why, sizeof(out->why), "%.199s", err.text);
	} else {
		*out = (struct dkim_dns_answer){.result = DKIM_DNS_MATCH};
	}
}

static void on_answer(void *arg, const struct resolver_answer *a)
{
	struct question *q = arg;
	struct batch *b = q->batch;

	b->open--;
	switch (a->status) {
	case RESOLVER_FOUND:
		compare(b, q->i, a);
		return;
	case RESOLVER_NXDOMAIN:
		answer(b, q->i, DKIM_DNS_NXDOMAIN, "does not exist in DNS");
		return;
	case RESOLVER_NODATA:
		answer(b, q->i, DKIM_DNS_NXDOMAIN, "has no TXT record");
		return;
	case RESOLVER_TROUBLE:
		break;
	}
	if (!b->over)
		answer(b, q->i, DKIM_DNS_TEMPFAIL, a->why);
}

/* ---- questions ---- */

static void ask(struct batch *b)
{
	while (b->open < OPEN_MAX && b->next < b->n) {
		struct question *q = &b->questions[b->next];
		q->batch = b;
		q->i = b->next++;
		b->open++;
		resolver_ask(b->resolver, RESOLVER_TXT,
		    dkim_key_dns_name(b->keys[q->i]), on_answer, q);
	}
}

static void run(struct batch *b)
{
	int64_t deadline = clock_mono_ms() + b->timeout_ms;

	for (;;) {
		int64_t left = deadline - clock_mono_ms();
		ask(b);
		if (b->open == 0 || left <= 0)
			break;
		resolver_turn(b->resolver, NULL, 0, (int)left);
	}
	b->over = true;
}

void dkim_dns_check(struct dkim_key *const *keys, size_t n,
    const struct dkim_dns_opts *opts, struct dkim_dns_answer *out)
{
	static const struct dkim_dns_opts none;
	struct batch b = {.keys = keys, .n = n, .out = out};
	struct resolver_opts ask_how = {0};
	struct error err = {0};

	opts = opts != NULL ? opts : &none;
	b.timeout_ms =
	    opts->timeout_ms > 0 ? opts->timeout_ms : DKIM_DNS_TIMEOUT_MS;
	ask_how.nameserver = opts->nameserver;
	ask_how.timeout_ms = b.timeout_ms;
	for (size_t i = 0; i < n; i++)
		answer(&b, i, DKIM_DNS_TEMPFAIL, "no answer in time");
	b.questions =
	    fault_alloc() ? NULL : calloc(n + 1, sizeof(*b.questions));
	if (b.questions == NULL)
		(void)error_set(&err, -ENOMEM, "%s", error_text(-ENOMEM));
	else if (resolver_open(&b.resolver, &ask_how, &err) == 0)
		run(&b);
	resolver_close(&b.resolver);
	for (size_t i = 0; i < n && err.code != 0; i++)
		answer(&b, i, DKIM_DNS_TEMPFAIL, err.text);
	free(b.questions);
}
