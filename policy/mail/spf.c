/* spf.c - see spf.h. */
#include "policy/mail/spf.h"

#include "policy/base/buf.h"
#include "policy/mail/spf_macros.h"

#include <string.h>

#define OUR_ZONE ".spf.example"

enum {
	LABEL_MAX = 63,
	RECORD_OUT_MAX = 1024, /* a dozen terms */
};

/* A term of some record, under a name of ours. */
struct named {
	struct spf_term term;
	struct str domain; /* whose record it stands in */
};

struct spf {
	struct spf_vars vars;
	unsigned char client[16];
	bool is4;
	spf_lookup_fn *lookup;
	void *arg;
	struct arena *a;
	struct named *v;
	size_t n, cap;
	unsigned lookups, voids;
	bool decided;
	enum authentic_result result;
};

static const unsigned char ip4_prefix[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool spf_is_ip4(const unsigned char client[16])
{
	return memcmp(client, ip4_prefix, sizeof(ip4_prefix)) == 0;
}

/* The first word stands. */
static void decide(struct spf *s, enum authentic_result result)
{
	if (!s->decided)
		s->result = result;
	s->decided = true;
}

bool spf_decided(const struct spf *s, enum authentic_result *out)
{
	*out = s->result;
	return s->decided;
}

/* Labels of 1 to 63 bytes, at least two. */
static bool is_domain(struct str name)
{
	struct str rest = name, label;
	size_t n = 0;

	for (; str_next(&rest, '.', &label); n++)
		if (label.n == 0 || label.n > LABEL_MAX)
			return false;
	return n >= 2 && name.n <= RESOLVER_NAME_MAX;
}

static struct str without_dot(struct str name)
{
	if (str_ends(name, STR(".")))
		name.n--;
	return name;
}

/* ---- terms under names of ours ---- */

static int add_term(
    struct spf *s, const struct spf_term *t, struct str domain, size_t *at)
{
	struct named *v;

	if (s->n == SPF_TERMS_MAX)
		return ERR_LIMIT;
	v = arena_room(s->a, s->v, s->n, &s->cap, 32, sizeof(*s->v));
	if (v == NULL)
		return ERR_LIMIT;
	s->v = v;
	*at = s->n++;
	s->v[*at] = (struct named){*t, domain};
	return 0;
}

/* "t7.spf.example" -> 7; s->n when it is none of ours. */
static size_t find_term(const struct spf *s, struct str name)
{
	size_t digits;
	uint64_t at;

	name = without_dot(name);
	if (!str_istarts(name, STR("t")) || !str_iends(name, STR(OUR_ZONE)))
		return s->n;
	digits = name.n - 1 - (sizeof(OUR_ZONE) - 1);
	if (str_u64(str_cut(name, 1, digits), SPF_TERMS_MAX, &at) != 0 ||
	    at >= s->n)
		return s->n;
	return (size_t)at;
}

int spf_new(struct spf **out, const struct spf_question *q,
    spf_lookup_fn *lookup, void *arg, struct arena *a)
{
	struct spf *s = arena_alloc(a, sizeof(*s));
	struct spf_term root = {.kind = SPF_KIND_INCLUDE};
	struct str sender = q->sender;
	size_t at;

	*out = NULL;
	if (s == NULL)
		return ERR_LIMIT;
	at = str_rfind(sender, '@');
	s->vars = (struct spf_vars){.helo = without_dot(q->helo),
	    .local = at > 0 && at < sender.n ? str_cut(sender, 0, at)
					     : STR("postmaster"),
	    .domain = at < sender.n ? str_from(sender, at + 1) : sender};
	if (sender.n == 0)
		s->vars.domain = q->helo;
	s->vars.domain = without_dot(s->vars.domain);
	memcpy(s->client, q->client, sizeof(s->client));
	s->vars.client = s->client;
	s->is4 = spf_is_ip4(s->client);
	s->lookup = lookup;
	s->arg = arg;
	s->a = a;
	if (!is_domain(s->vars.domain))
		return ERR_NOT_FOUND;
	*out = s;
	return add_term(s, &root, s->vars.domain, &at);
}

struct str spf_root(const struct spf *s)
{
	(void)s;
	return STR("t0" OUR_ZONE);
}

/* ---- lookups ---- */

/* A copy in the arena, so that another may follow. False: no such record, or the
 * question is decided. */
static bool ask(
    struct spf *s, enum resolver_type type, struct str name, struct strs *out)
{
	struct resolver_answer a = {.status = RESOLVER_NXDOMAIN};
	struct str *v;

	*out = (struct strs){NULL, 0};
	if (is_domain(name))
		s->lookup(s->arg, type, name, &a);
	if (a.status == RESOLVER_TROUBLE)
		decide(s, AUTHENTIC_TEMPERROR);
	if (a.status != RESOLVER_FOUND)
		return false;
	v = arena_array(s->a, a.n, sizeof(*v));
	for (size_t i = 0; v != NULL && i < a.n; i++) {
		v[i] = arena_str(s->a, a.v[i]);
		if (v[i].p == NULL)
			v = NULL;
	}
	if (v == NULL) {
		decide(s, AUTHENTIC_TEMPERROR);
		return false;
	}
	*out = (struct strs){v, a.n};
	return true;
}

/* Section 4.6.4, "void lookups". */
static bool ask_counted(
    struct spf *s, enum resolver_type type, struct str name, struct strs *out)
{
	bool found = ask(s, type, name, out);

	if (!found && ++s->voids > SPF_VOID_MAX)
		decide(s, AUTHENTIC_PERMERROR);
	return found && !s->decided;
}

/* ---- whether a term matches ---- */

static bool is_in(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool is_client(
    const struct spf *s, const struct spf_term *t, const unsigned char *addr)
{
	return s->is4 ? is_in(s->client + 12, addr, t->cidr4)
		      : is_in(s->client, addr, t->cidr6);
}

static bool match_net(const struct spf *s, const struct spf_term *t)
{
	return s->is4 == (t->kind == SPF_KIND_IP4) && is_client(s, t, t->addr);
}

/* Does one of the addresses of that name hold the client? */
static bool match_name(
    struct spf *s, const struct spf_term *t, struct str name, bool counted)
{
	enum resolver_type type = s->is4 ? RESOLVER_A : RESOLVER_AAAA;
	struct strs found;

	if (!(counted ? ask_counted : ask)(s, type, name, &found))
		return false;
	for (size_t i = 0; i < found.n; i++)
		if (found.v[i].n == (s->is4 ? 4 : 16) &&
		    is_client(s, t, (const unsigned char *)found.v[i].p))
			return true;
	return false;
}

static bool match_mx(struct spf *s, const struct spf_term *t, struct str name)
{
	struct strs hosts;

	if (!ask_counted(s, RESOLVER_MX, name, &hosts))
		return false;
	if (hosts.n > SPF_NAMES_MAX) {
		decide(s, AUTHENTIC_PERMERROR);
		return false;
	}
	for (size_t i = 0; i < hosts.n && !s->decided; i++)
		if (match_name(s, t, hosts.v[i], false))
			return true;
	return false;
}

static bool is_or_below(struct str name, struct str domain)
{
	return str_ieq(name, domain) ||
	       (name.n > domain.n && str_iends(name, domain) &&
		   name.p[name.n - domain.n - 1] == '.');
}

/* Section 5.5: a name of the client that has its address. With trouble there is
 * none, which is no trouble of the question. */
static struct str client_name(struct spf *s, struct str domain, bool any)
{
	static const struct spf_term whole = {.cidr4 = 32, .cidr6 = 128};
	bool was_decided = s->decided;
	struct str reverse = spf_vars_reverse(&s->vars, s->a), found = STR_NULL;
	struct strs names;

	if (reverse.p == NULL || !ask(s, RESOLVER_PTR, reverse, &names))
		names.n = 0;
	for (size_t i = 0; i < names.n && i < SPF_NAMES_MAX; i++) {
		bool below = is_or_below(names.v[i], domain);
		if ((!below && (!any || found.n > 0)) ||
		    !match_name(s, &whole, names.v[i], false))
			continue;
		found = names.v[i];
		if (below)
			break;
	}
	s->decided = was_decided;
	return found;
}

static bool expand(struct spf *s, const struct named *t, struct str *out)
{
	struct spf_vars vars = s->vars;

	*out = t->domain;
	if (t->term.spec.n == 0)
		return true;
	vars.current = t->domain;
	if (spf_vars_need_name(t->term.spec))
		vars.name = client_name(s, t->domain, true);
	if (spf_vars_expand(&vars, t->term.spec, s->a, out) == 0)
		return true;
	decide(s, AUTHENTIC_PERMERROR);
	return false;
}

static bool match(struct spf *s, const struct named *t)
{
	struct str name;
	struct strs found;

	if (++s->lookups > SPF_LOOKUPS_MAX)
		decide(s, AUTHENTIC_PERMERROR);
	if (s->decided || !expand(s, t, &name))
		return false;
	switch (t->term.kind) {
	case SPF_KIND_A:
		return match_name(s, &t->term, name, true);
	case SPF_KIND_MX:
		return match_mx(s, &t->term, name);
	case SPF_KIND_PTR:
		return client_name(s, name, false).n > 0;
	case SPF_KIND_EXISTS:
		return ask_counted(s, RESOLVER_A, name, &found);
	case SPF_KIND_ALL:
	case SPF_KIND_INCLUDE:
	case SPF_KIND_IP4:
	case SPF_KIND_IP6:
	case SPF_KIND_REDIRECT:
		break;
	}
	return false;
}

/* ---- a record, read and written again ---- */

/* False: nothing behind it counts. A network that holds the client is `all` to
 * it, one that does not is nothing. */
static bool put_term(
    struct spf *s, const struct spf_term *t, struct str domain, struct buf *out)
{
	bool is_net = t->kind == SPF_KIND_IP4 || t->kind == SPF_KIND_IP6;
	size_t at;

	if (t->kind == SPF_KIND_ALL || (is_net && match_net(s, t))) {
		buf_printf(out, " %call", t->qualifier);
		return false;
	}
	if (is_net)
		return true;
	if (add_term(s, t, domain, &at) != 0) {
		decide(s, AUTHENTIC_PERMERROR);
		return false;
	}
	if (t->kind == SPF_KIND_REDIRECT)
		buf_printf(out, " redirect=t%zu" OUR_ZONE, at);
	else
		buf_printf(out, " %c%s:t%zu" OUR_ZONE, t->qualifier,
		    t->kind == SPF_KIND_INCLUDE ? "include" : "exists", at);
	return true;
}

static int write_record(struct spf *s, const struct spf_record *r,
    struct str domain, struct str *out)
{
	size_t before = s->n;
	bool more = true;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_OUT_MAX);
	buf_addz(&b, "v=spf1");
	/* one term above the limit decides: who gets there goes no further */
	for (size_t i = 0; more && i < r->n; i++)
		more = put_term(s, &r->v[i], domain, &b) &&
		       s->n - before <= SPF_LOOKUPS_MAX;
	if (more && r->has_redirect)
		(void)put_term(s, &r->redirect, domain, &b);
	rc = buf_error(&b);
	if (rc == 0) {
		*out = arena_str(s->a, buf_str(&b));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	buf_fini(&b);
	return rc;
}

/* Section 4.5: exactly one. NULL: none, or decided. */
static const struct str *select_record(struct spf *s, const struct strs *txt)
{
	const struct str *found = NULL;

	for (size_t i = 0; i < txt->n; i++) {
		if (!spf_record_is(txt->v[i]))
			continue;
		if (found != NULL) {
			decide(s, AUTHENTIC_PERMERROR);
			return NULL;
		}
		found = &txt->v[i];
	}
	return found;
}

static bool record(struct spf *s, size_t at, struct str *out)
{
	const struct named *t = &s->v[at];
	struct str name = t->domain;
	const struct str *text = NULL;
	struct spf_record r;
	struct strs txt;

	if (at > 0 && ++s->lookups > SPF_LOOKUPS_MAX)
		decide(s, AUTHENTIC_PERMERROR);
	if (s->decided || !expand(s, t, &name))
		return false;
	name = without_dot(name);
	if (ask(s, RESOLVER_TXT, name, &txt))
		text = select_record(s, &txt);
	if (text == NULL) /* sections 5.2 and 6.1: an error but at the root */
		decide(s, at > 0 ? AUTHENTIC_PERMERROR : AUTHENTIC_NONE);
	if (text == NULL)
		return false;
	if (spf_record_parse(*text, s->a, &r) == 0 &&
	    write_record(s, &r, name, out) == 0)
		return true;
	decide(s, AUTHENTIC_PERMERROR);
	return false;
}

enum spf_reply spf_ask(
    struct spf *s, enum resolver_type type, struct str name, struct str *out)
{
	size_t at = find_term(s, name);
	enum spf_kind kind;

	*out = STR_NULL;
	if (s->decided || at == s->n)
		return SPF_REPLY_NOTHING;
	kind = s->v[at].term.kind;
	if (kind == SPF_KIND_INCLUDE || kind == SPF_KIND_REDIRECT)
		return type == RESOLVER_TXT && record(s, at, out)
			   ? SPF_REPLY_RECORD
			   : SPF_REPLY_NOTHING;
	return type == RESOLVER_A && match(s, &s->v[at]) && !s->decided
		   ? SPF_REPLY_MATCH
		   : SPF_REPLY_NOTHING;
}
