/* resolver.c - see resolver.h.
 *
 * All questions go out through one c-ares channel. Its own time limits and
 * repetitions are set so that all fit into that of a question. */
#include "policy/mail/resolver.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <netdb.h>

#include <ares.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TRIES = 3,
	EDNS_BYTES = 1232,
	CLASS_IN = 1,
	LABEL_MAX = 63,
	HEADER = 12,  /* of a message, RFC 1035 section 4.1.1 */
	FIXED = 10,   /* of a record, behind its name */
	QUESTION = 4, /* behind its name */
	SOA = 6,
	SOA_MIN = 22, /* two names, five numbers: the last is of interest */
};

struct resolver {
	ares_channel channel;
};

/* A question under way; c-ares carries it to its answer. */
struct question {
	enum resolver_type type;
	resolver_fn *fn;
	void *arg;
};

/* An answer that is being read: records in order, their bytes in one piece. */
struct records {
	struct str v[RESOLVER_RECORDS_MAX];
	size_t n, used;
	bool too_many;
	char bytes[RESOLVER_BYTES_MAX];
};

/* ---- how long an answer holds ---- */

/* A message that is walked through; at == 0: it is cut short. */
struct walk {
	const unsigned char *p;
	size_t n, at;
};

static void skip(struct walk *w, size_t n)
{
	w->at = w->at > 0 && n <= w->n - w->at ? w->at + n : 0;
}

/* A name ends with an empty label, or with a pointer. */
static void skip_name(struct walk *w)
{
	while (w->at > 0 && w->at < w->n && w->p[w->at] != 0) {
		if (w->p[w->at] > LABEL_MAX) {
			skip(w, 2);
			return;
		}
		skip(w, 1U + w->p[w->at]);
	}
	skip(w, 1);
}

/* RFC 2181 section 8: with the highest bit it is none. */
static uint32_t seconds(const unsigned char *p)
{
	uint32_t s = codec_get_u32(p);

	return s <= INT32_MAX ? s : 0;
}

/* The record at w->at, and behind it: its lifetime, of an SOA that of what does
 * not exist. */
static uint32_t read_ttl(struct walk *w, unsigned *type_out)
{
	const unsigned char *p;
	uint32_t ttl_s, none_s;
	size_t data;

	skip_name(w);
	p = w->p + w->at;
	skip(w, FIXED);
	if (w->at == 0)
		return 0;
	*type_out = codec_get_u16(p);
	ttl_s = seconds(p + 4);
	data = codec_get_u16(p + 8);
	skip(w, data);
	if (w->at == 0 || *type_out != SOA || data < SOA_MIN)
		return ttl_s;
	none_s = seconds(p + FIXED + data - 4);
	return none_s < ttl_s ? none_s : ttl_s;
}

/* All of the answer section counts, aliases too; of what does not exist, the
 * SOA beside it as well, without which it is not to be kept. */
static uint32_t lifetime_s(const unsigned char *p, int n, bool exists)
{
	struct walk w = {p, n > 0 ? (size_t)n : 0, HEADER};
	bool has_soa = false;
	uint32_t min_s = UINT32_MAX;
	unsigned answers, more, type = 0;

	if (p == NULL || w.n < HEADER)
		return 0;
	answers = codec_get_u16(p + 6);
	more = exists ? 0 : codec_get_u16(p + 8);
	for (unsigned i = codec_get_u16(p + 4); i > 0 && w.at > 0; i--) {
		skip_name(&w);
		skip(&w, QUESTION);
	}
	for (unsigned i = 0; i < answers + more && w.at > 0; i++) {
		uint32_t s = read_ttl(&w, &type);

		if (i >= answers && type != SOA)
			continue;
		has_soa |= i >= answers;
		if (s < min_s)
			min_s = s;
	}
	return w.at > 0 && (exists || has_soa) ? min_s : 0;
}

/* ---- answers ---- */

/* Adds to the last record, or begins one. */
static void add_bytes(struct records *r, bool begin, const void *p, size_t n)
{
	if (begin && r->n < RESOLVER_RECORDS_MAX)
		r->v[r->n++] = (struct str){r->bytes + r->used, 0};
	else if (begin)
		r->too_many = true;
	if (r->too_many || r->n == 0 || n > sizeof(r->bytes) - r->used) {
		r->too_many = true;
		return;
	}
	memcpy(r->bytes + r->used, p, n);
	r->used += n;
	r->v[r->n - 1].n += n;
}

static void add_name(struct records *r, const char *z)
{
	struct str s = str_of(z);

	if (str_ends(s, STR(".")))
		s.n--;
	add_bytes(r, true, s.p, s.n);
}

static int read_txt(const unsigned char *p, int n, struct records *out)
{
	struct ares_txt_ext *list = NULL;
	int status = ares_parse_txt_reply_ext(p, n, &list);

	for (const struct ares_txt_ext *t = list; t != NULL; t = t->next)
		add_bytes(out, t->record_start != 0, t->txt, t->length);
	if (list != NULL)
		ares_free_data(list);
	return status;
}

static int read_mx(const unsigned char *p, int n, struct records *out)
{
	struct ares_mx_reply *list = NULL;
	int status = ares_parse_mx_reply(p, n, &list);

	for (const struct ares_mx_reply *m = list; m != NULL; m = m->next)
		add_name(out, m->host);
	if (list != NULL)
		ares_free_data(list);
	return status;
}

static int read_ptr(const unsigned char *p, int n, struct records *out)
{
	static const unsigned char none[4];
	struct hostent *h = NULL;
	int status = ares_parse_ptr_reply(p, n, none, 4, AF_INET, &h);

	for (char **a = h != NULL ? h->h_aliases : NULL;
	     a != NULL && *a != NULL; a++)
		add_name(out, *a);
	if (h != NULL)
		ares_free_hostent(h);
	return status;
}

static int read_a(const unsigned char *p, int n, struct records *out)
{
	struct ares_addrttl v[RESOLVER_RECORDS_MAX];
	int count = RESOLVER_RECORDS_MAX;
	int status = ares_parse_a_reply(p, n, NULL, v, &count);

	for (int i = 0; status == ARES_SUCCESS && i < count; i++)
		add_bytes(out, true, &v[i].ipaddr, 4);
	return status;
}

static int read_aaaa(const unsigned char *p, int n, struct records *out)
{
	struct ares_addr6ttl v[RESOLVER_RECORDS_MAX];
	int count = RESOLVER_RECORDS_MAX;
	int status = ares_parse_aaaa_reply(p, n, NULL, v, &count);

	for (int i = 0; status == ARES_SUCCESS && i < count; i++)
		add_bytes(out, true, &v[i].ip6addr, 16);
	return status;
}

static int read_records(
    enum resolver_type type, const unsigned char *p, int n, struct records *out)
{
	switch (type) {
	case RESOLVER_A:
		return read_a(p, n, out);
	case RESOLVER_AAAA:
		return read_aaaa(p, n, out);
	case RESOLVER_MX:
		return read_mx(p, n, out);
	case RESOLVER_PTR:
		return read_ptr(p, n, out);
	case RESOLVER_TXT:
		return read_txt(p, n, out);
	}
	return ARES_EBADQUERY;
}

static enum resolver_status status_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return RESOLVER_FOUND;
	case ARES_ENOTFOUND:
		return RESOLVER_NXDOMAIN;
	case ARES_ENODATA:
		return RESOLVER_NODATA;
	default:
		return RESOLVER_TROUBLE;
	}
}

static void on_answer(
    void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
	struct question *q = arg;
	struct resolver_answer a = {.why = ""};
	struct records r;

	(void)timeouts;
	r.n = r.used = 0;
	r.too_many = false;
	if (status == ARES_SUCCESS)
		status = read_records(q->type, bytes, n, &r);
	if (status == ARES_SUCCESS && r.n == 0)
		status = ARES_ENODATA;
	a.status = status_of(status);
	if (status != ARES_SUCCESS)
		a.why = ares_strerror(status);
	else if (r.too_many)
		a = (struct resolver_answer){
		    .status = RESOLVER_TROUBLE, .why = "too long an answer"};
	if (a.status == RESOLVER_FOUND) {
		a.v = r.v;
		a.n = r.n;
	}
	if (a.status != RESOLVER_TROUBLE)
		a.ttl_s = lifetime_s(bytes, n, a.status == RESOLVER_FOUND);
	q->fn(q->arg, &a);
	free(q);
}

/* ---- questions ---- */

static void refuse(resolver_fn *fn, void *arg, const char *why)
{
	const struct resolver_answer a = {
	    .status = RESOLVER_TROUBLE, .why = why};

	fn(arg, &a);
}

void resolver_ask(struct resolver *r, enum resolver_type type, struct str name,
    resolver_fn *fn, void *arg)
{
	struct question *q;
	char z[RESOLVER_NAME_MAX + 1];

	if (name.n == 0 || name.n >= sizeof(z)) {
		refuse(fn, arg, "the name is too long");
		return;
	}
	q = fault_alloc() ? NULL : malloc(sizeof(*q));
	if (q == NULL) {
		refuse(fn, arg, "out of memory");
		return;
	}
	memcpy(z, name.p, name.n);
	z[name.n] = '\0';
	*q = (struct question){type, fn, arg};
	ares_query(r->channel, z, CLASS_IN, (int)type, on_answer, q);
}

static nfds_t add_sockets(ares_channel channel, struct pollfd *fds)
{
	ares_socket_t socks[ARES_GETSOCK_MAXNUM];
	int bits = ares_getsock(channel, socks, ARES_GETSOCK_MAXNUM);
	nfds_t n = 0;

	/* the last one's bit is the sign of an int */
	for (int i = 0; i < ARES_GETSOCK_MAXNUM - 1; i++) {
		int events = (ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) |
			     (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0);
		if (events != 0)
			fds[n++] = (struct pollfd){socks[i], (short)events, 0};
	}
	return n;
}

static void process(ares_channel channel, const struct pollfd *fds, nfds_t n)
{
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

void resolver_turn(
    struct resolver *r, struct pollfd *more, size_t n, int wait_ms)
{
	struct pollfd fds[ARES_GETSOCK_MAXNUM + RESOLVER_POLL_MAX];
	struct timeval max = {wait_ms / 1000, wait_ms % 1000 * 1000}, tv, *t;
	nfds_t own = add_sockets(r->channel, fds);

	if (n > RESOLVER_POLL_MAX)
		bug("resolver: %zu descriptors", n);
	for (size_t i = 0; i < n; i++)
		fds[own + i] = more[i];
	t = ares_timeout(r->channel, &max, &tv);
	if (poll(fds, own + n,
		(int)(t->tv_sec * 1000 + t->tv_usec / 1000 + 1)) <= 0)
		for (nfds_t i = 0; i < own + n; i++)
			fds[i].revents = 0;
	for (size_t i = 0; i < n; i++)
		more[i].revents = fds[own + i].revents;
	process(r->channel, fds, own);
}

/* ---- set-up ---- */

static int open_channel(ares_channel *out, const struct resolver_opts *opts)
{
	int timeout_ms =
	    opts->timeout_ms > 0 ? opts->timeout_ms : RESOLVER_TIMEOUT_MS;
	struct ares_options options = {
	    .flags = ARES_FLAG_EDNS,
	    /* doubled for each further try: all fit into the limit */
	    .timeout = timeout_ms / ((1 << TRIES) - 1) + 1,
	    .tries = TRIES,
	    .ednspsz = EDNS_BYTES,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		   ARES_OPT_EDNSPSZ;
	int status;

#ifdef ARES_OPT_QUERY_CACHE /* 1.23 on: none, dnscache.h has the bounds */
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	status = ares_init_options(out, &options, mask);

	if (status != ARES_SUCCESS || opts->nameserver == NULL)
		return status;
	status = ares_set_servers_ports_csv(*out, opts->nameserver);
	if (status != ARES_SUCCESS)
		ares_destroy(*out);
	return status;
}

static int code_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOMEM:
		return -ENOMEM;
	case ARES_EBADSTR:
		return ERR_SYNTAX;
	default:
		return ERR_UNAVAILABLE;
	}
}

int resolver_open(
    struct resolver **out, const struct resolver_opts *opts, struct error *err)
{
	static const struct resolver_opts none;
	struct resolver *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));
	int status = ARES_ENOMEM;

	*out = NULL;
	if (r != NULL)
		status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS) {
		status = open_channel(&r->channel, opts != NULL ? opts : &none);
		if (status != ARES_SUCCESS)
			ares_library_cleanup();
	}
	if (status != ARES_SUCCESS) {
		free(r);
		return error_set(err, code_of(status), "%s",
		    status == ARES_EBADSTR ? "the nameserver is no address"
					   : ares_strerror(status));
	}
	*out = r;
	return 0;
}

void resolver_close(struct resolver **r)
{
	if (*r == NULL)
		return;
	ares_destroy((*r)->channel);
	ares_library_cleanup();
	free(*r);
	*r = NULL;
}

/* ---- names ---- */

static bool is_useless(struct str top)
{
	static const char *const names[] = {
	    "localhost", "local", "invalid", "test", "onion"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(top, str_of(names[i])))
			return true;
	return false;
}

static bool is_label(struct str s)
{
	if (s.n == 0 || s.n > LABEL_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '\\')
			return false;
	return true;
}

bool resolver_is_name(struct str name)
{
	struct str rest = name, label = STR_NULL;
	size_t n = 0;

	if (name.n == 0 || name.n > RESOLVER_NAME_MAX ||
	    name.p[name.n - 1] == '.')
		return false;
	for (; str_next(&rest, '.', &label); n++)
		if (!is_label(label))
			return false;
	return n >= 2 && !is_useless(label);
}
