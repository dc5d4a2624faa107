/* dkim_dns.c - see dkim_dns.h.
 *
 * All questions go out through one c-ares channel, a limited number at a time,
 * so that a hundred thousand domains neither flood the resolver nor take one
 * time limit each. The loop below owns the deadline: c-ares' own timeouts only
 * decide when to ask again. */
#include "policy/mail/dkim_dns.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <ares.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPEN_MAX = 64,     /* questions under way at once */
	RECORD_MAX = 4096, /* bytes of a TXT value */
	TRIES = 3,
	EDNS_BYTES = 1232,
	CLASS_IN = 1,
	TYPE_TXT = 16,
};

struct batch;

struct question {
	struct batch *batch;
	size_t i;
};

struct batch {
	ares_channel channel;
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

/* The character-strings of one record belong together (RFC 6376 section
 * 3.6.2.2); a second record makes the result undefined. */
static size_t join(const struct ares_txt_ext *list, struct buf *txt)
{
	size_t records = 0;

	for (; list != NULL; list = list->next) {
		records += list->record_start != 0;
		if (records == 1)
			buf_add(txt, (struct str){(const char *)list->txt,
					 list->length});
	}
	return records;
}

static void compare(struct batch *b, size_t i, const struct ares_txt_ext *list)
{
	struct dkim_dns_answer *out = &b->out[i];
	struct error err = {0};
	struct buf txt;
	size_t records;

	buf_init(&txt, RECORD_MAX);
	records = join(list, &txt);
	if (records == 0) {
		answer(b, i, DKIM_DNS_NXDOMAIN, "has no TXT record");
	} else if (records > 1) {
		answer(b, i, DKIM_DNS_MISMATCH, "has more than one record");
	} else if (buf_error(&txt) == ERR_LIMIT) {
		answer(b, i, DKIM_DNS_MISMATCH, "has a record too long");
	} else if (buf_error(&txt) != 0) {
		answer(b, i, DKIM_DNS_TEMPFAIL, "out of memory");
	} else if (dkim_key_check_record(b->keys[i], buf_str(&txt), &err)) {
		out->result = DKIM_DNS_MISMATCH;
		(void)snprintf(out->why, sizeof(out->why), "%.199s", err.text);
	} else {
		*out = (struct dkim_dns_answer){.result = DKIM_DNS_MATCH};
	}
	buf_fini(&txt);
}

static void on_answer(
    void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
	struct question *q = arg;
	struct batch *b = q->batch;
	struct ares_txt_ext *list = NULL;

	(void)timeouts;
	b->open--;
	if (status == ARES_SUCCESS)
		status = ares_parse_txt_reply_ext(bytes, n, &list);
	if (status == ARES_SUCCESS)
		compare(b, q->i, list);
	else if (status == ARES_ENOTFOUND)
		answer(b, q->i, DKIM_DNS_NXDOMAIN, "does not exist in DNS");
	else if (status == ARES_ENODATA)
		answer(b, q->i, DKIM_DNS_NXDOMAIN, "has no TXT record");
	else if (!b->over)
		answer(b, q->i, DKIM_DNS_TEMPFAIL, ares_strerror(status));
	if (list != NULL)
		ares_free_data(list);
}

/* ---- questions ---- */

static void ask(struct batch *b)
{
	while (b->open < OPEN_MAX && b->next < b->n) {
		struct question *q = &b->questions[b->next];
		char name[DKIM_KEY_NAME_MAX + 1];
		q->batch = b;
		q->i = b->next++;
		b->open++;
		(void)snprintf(name, sizeof(name), "%.*s",
		    STR_ARG(dkim_key_dns_name(b->keys[q->i])));
		ares_query(b->channel, name, CLASS_IN, TYPE_TXT, on_answer, q);
	}
}

/* Waits for the sockets at most left_ms and gives them to c-ares. */
static void turn(ares_channel channel, int left_ms)
{
	ares_socket_t socks[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	int bits = ares_getsock(channel, socks, ARES_GETSOCK_MAXNUM);
	struct timeval max = {left_ms / 1000, left_ms % 1000 * 1000}, tv, *t;
	nfds_t n = 0;

	/* the last one's bit is the sign of an int */
	for (int i = 0; i < ARES_GETSOCK_MAXNUM - 1; i++) {
		int events = (ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) |
			     (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0);
		if (events != 0)
			fds[n++] = (struct pollfd){socks[i], (short)events, 0};
	}
	t = ares_timeout(channel, &max, &tv);
	if (poll(fds, n, (int)(t->tv_sec * 1000 + t->tv_usec / 1000 + 1)) <= 0)
		n = 0;
	for (nfds_t i = 0; i < n; i++) {
		ares_socket_t in = ARES_SOCKET_BAD, out = ARES_SOCKET_BAD;
		if ((fds[i].revents & ~POLLOUT) != 0)
			in = fds[i].fd;
		if ((fds[i].revents & POLLOUT) != 0)
			out = fds[i].fd;
		ares_process_fd(channel, in, out);
	}
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void run(struct batch *b)
{
	int64_t deadline = clock_mono_ms() + b->timeout_ms;

	for (;;) {
		int64_t left = deadline - clock_mono_ms();
		ask(b);
		if (b->open == 0 || left <= 0)
			break;
		turn(b->channel, (int)left);
	}
	b->over = true;
}

/* ---- set-up ---- */

static int open_channel(struct batch *b, const char *nameserver)
{
	struct ares_options options = {
	    .flags = ARES_FLAG_EDNS,
	    /* doubled for each further try: all fit into the limit */
	    .timeout = b->timeout_ms / ((1 << TRIES) - 1) + 1,
	    .tries = TRIES,
	    .ednspsz = EDNS_BYTES,
	};
	int status = ares_init_options(&b->channel, &options,
	    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		ARES_OPT_EDNSPSZ);

	if (status != ARES_SUCCESS || nameserver == NULL)
		return status;
	status = ares_set_servers_ports_csv(b->channel, nameserver);
	if (status != ARES_SUCCESS)
		ares_destroy(b->channel);
	return status;
}

void dkim_dns_check(struct dkim_key *const *keys, size_t n,
    const struct dkim_dns_opts *opts, struct dkim_dns_answer *out)
{
	static const struct dkim_dns_opts none;
	struct batch b = {.keys = keys, .n = n, .out = out};
	int status = ARES_ENOMEM;

	opts = opts != NULL ? opts : &none;
	b.timeout_ms =
	    opts->timeout_ms > 0 ? opts->timeout_ms : DKIM_DNS_TIMEOUT_MS;
	for (size_t i = 0; i < n; i++)
		answer(&b, i, DKIM_DNS_TEMPFAIL, "no answer in time");
	b.questions =
	    fault_alloc() ? NULL : calloc(n + 1, sizeof(*b.questions));
	if (b.questions != NULL)
		status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS) {
		status = open_channel(&b, opts->nameserver);
		if (status == ARES_SUCCESS) {
			run(&b);
			ares_destroy(b.channel);
		}
		ares_library_cleanup();
	}
	for (size_t i = 0; i < n && status != ARES_SUCCESS; i++)
		answer(&b, i, DKIM_DNS_TEMPFAIL,
		    status == ARES_EBADSTR ? "the nameserver is no address"
					   : ares_strerror(status));
	free(b.questions);
}
