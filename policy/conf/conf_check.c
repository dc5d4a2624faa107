/* conf_check.c - findings that are not errors: a file may be loaded with
 * them, and `tendril check` tells them. See conf.h and policy.h. */
#include "policy/base/when.h"
#include "policy/conf/hold_check.h"
#include "policy/conf/option.h"
#include "policy/conf/policy.h"

#include <stdio.h>

struct report {
	const char *path;
	void (*emit)(void *arg, const char *line);
	void *arg;
	size_t n;
};

PRINTF_LIKE(3, 4)
static void tell(struct report *r, int line, const char *fmt, ...)
{
	char text[1000], whole[1100];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)snprintf(whole, sizeof(whole), "%s:%d: %s", r->path, line, text);
	r->emit(r->arg, whole);
	r->n++;
}

/* --- streams that never get a message --- */

static bool has_origin(const struct conf_origin *o)
{
	return o->sasl_users.n > 0 || o->clients.n > 0 || o->listeners.n > 0 ||
	       o->local;
}

static bool strs_cover(const struct strs *a, const struct strs *b)
{
	for (size_t i = 0; i < b->n; i++) {
		size_t k = 0;
		while (k < a->n && !str_eq(a->v[k], b->v[i]) &&
		       !str_eq(a->v[k], STR("*")))
			k++;
		if (k == a->n)
			return false;
	}
	return true;
}

static bool nets_cover(const struct conf_nets *a, const struct conf_nets *b)
{
	for (size_t i = 0; i < b->n; i++) {
		size_t k = 0;
		while (
		    k < a->n && !(a->v[k].bits <= b->v[i].bits &&
				    conf_net_contains(&a->v[k], b->v[i].addr)))
			k++;
		if (k == a->n)
			return false;
	}
	return true;
}

/* Null senders pass these by (policy/rules/recognise.c). */
static bool wants_sender(const struct conf_stream *s)
{
	return s->class == CONF_CLASS_NURTURE ||
	       s->class == CONF_CLASS_ONE_TO_ONE;
}

/* Every message that b takes, a takes before it. */
static bool shadows(const struct conf_stream *a, const struct conf_stream *b)
{
	const struct conf_origin *x = &a->origin, *y = &b->origin;

	if (a->senders.n > 0 || a->headers.n > 0 ||
	    (wants_sender(a) && !wants_sender(b)))
		return false;
	if (!has_origin(x))
		return true;
	return has_origin(y) && strs_cover(&x->sasl_users, &y->sasl_users) &&
	       strs_cover(&x->listeners, &y->listeners) &&
	       nets_cover(&x->clients, &y->clients) && (x->local || !y->local);
}

static void warn_unreachable(struct report *r, const struct conf *c)
{
	for (size_t i = 0; i < c->n_streams; i++)
		for (size_t k = 0; k < i; k++) {
			if (!shadows(&c->streams[k], &c->streams[i]))
				continue;
			tell(r, c->streams[i].line,
			    "stream %.*s never gets a message: stream %.*s "
			    "(line %d) takes them all",
			    STR_ARG(c->streams[i].name),
			    STR_ARG(c->streams[k].name), c->streams[k].line);
			break;
		}
}

/* --- parts that are missing --- */

static const struct conf_stream *first_of(
    const struct conf *c, enum conf_class class)
{
	for (size_t i = 0; i < c->n_streams; i++)
		if (c->streams[i].class == class)
			return &c->streams[i];
	return NULL;
}

static void warn_nurture(
    struct report *r, const struct conf *c, const struct conf_stream *s)
{
	if (c->web.base_url.n == 0)
		tell(r, s->line,
		    "stream %.*s: without web base-url its mail has no "
		    "one-click unsubscribe (RFC 8058)",
		    STR_ARG(s->name));
	if (c->agent.release.n == 0 || first_of(c, CONF_CLASS_RELEASE) == NULL)
		tell(r, s->line,
		    "stream %.*s: holds and messages to several recipients "
		    "need agent release and a stream of class \"release\"",
		    STR_ARG(s->name));
	if (c->mta_log.file.n == 0)
		tell(r, s->line,
		    "stream %.*s: without mta-log file an accepted message "
		    "counts as delivered at once",
		    STR_ARG(s->name));
	if (c->agent.maildir.n == 0)
		tell(r, s->line,
		    "stream %.*s: without agent maildir bounces are not seen",
		    STR_ARG(s->name));
	if (c->n_domains == 0)
		tell(r, s->line,
		    "stream %.*s: without a domain section nothing can be "
		    "signed",
		    STR_ARG(s->name));
}

/* RFC 9477 section 3.1: an address of a domain beside ours needs a signature of
 * that domain, too; without it a provider does not send a complaint there. */
static bool covers(const struct conf_domain *d)
{
	size_t at = d->bounce_domain.n - d->name.n;

	return str_iends(d->bounce_domain, d->name) &&
	       (at == 0 || d->bounce_domain.p[at - 1] == '.');
}

static void warn_domains(struct report *r, const struct conf *c)
{
	for (size_t i = 0; i < c->n_domains; i++) {
		const struct conf_domain *d = &c->domains[i];
		if (d->bounce_domain.n == 0)
			tell(r, d->line,
			    "domain %.*s: without bounce-domain its bounces "
			    "are not seen",
			    STR_ARG(d->name));
		else if (!covers(d))
			tell(r, d->line,
			    "domain %.*s: bounce-domain is not below it: "
			    "providers that keep to RFC 9477 send no "
			    "complaints there",
			    STR_ARG(d->name));
	}
	for (size_t i = 0; i < c->n_keys; i++) {
		const struct conf_key *key = &c->keys[i];
		const struct conf_domain *d = conf_domain_find(c, key->domain);
		bool used = false;
		for (size_t k = 0; d != NULL && k < d->keys.n; k++)
			used = used || str_eq(d->keys.v[k], key->name);
		if (!used)
			tell(r, key->line, "key %.*s signs for no domain",
			    STR_ARG(key->name));
	}
}

static void warn_web(struct report *r, const struct conf *c)
{
	struct str host, port;

	if (str_starts(c->web.base_url, STR("http://")))
		tell(r, c->web.line,
		    "web base-url is not https: for tests only");
	if (c->web.listen.n > 0 &&
	    option_split_hostport(c->web.listen, &host, &port) &&
	    !option_is_loopback(host))
		tell(r, c->web.line,
		    "web listen %.*s is reachable without the TLS proxy",
		    STR_ARG(c->web.listen));
}

void conf_warnings(
    const struct conf *c, void (*emit)(void *arg, const char *line), void *arg)
{
	struct report r = {c->path.p, emit, arg, 0};
	const struct conf_stream *s = first_of(c, CONF_CLASS_NURTURE);

	if (s != NULL)
		warn_nurture(&r, c, s);
	warn_unreachable(&r, c);
	warn_domains(&r, c);
	warn_web(&r, c);
}

/* --- policies --- */

/* Does a window lie within the other wherever it is? */
static bool is_within(
    const struct policy_window *a, const struct policy_window *b)
{
	static const int64_t least_ms[] = {
	    [CALENDAR_DAY] = WHEN_DAY_MS,
	    [CALENDAR_WEEK] = 7 * WHEN_DAY_MS,
	    [CALENDAR_MONTH] = 31 * WHEN_DAY_MS,
	};

	if (b->span_ms == 0) /* a week may lie in two months */
		return a->span_ms == 0 && a->unit == CALENDAR_DAY &&
		       b->unit != CALENDAR_DAY;
	return a->span_ms > 0 ? a->span_ms < b->span_ms
			      : least_ms[a->unit] + WHEN_DAY_MS <= b->span_ms;
}

/* A shorter window that allows as much as a longer one never decides. */
static void warn_windows(struct report *r, const struct policy_caps *caps)
{
	bool calendar = false;

	for (size_t i = 0; i < caps->n; i++)
		for (size_t k = 0; k < caps->n; k++) {
			const struct policy_window *a = &caps->windows[i];
			const struct policy_window *b = &caps->windows[k];
			if (is_within(a, b) && a->max >= b->max)
				tell(r, a->rule.line,
				    "%.*s never decides beside %.*s",
				    STR_ARG(a->rule.text),
				    STR_ARG(b->rule.text));
		}
	for (size_t i = 0; i < caps->n && !calendar; i++) {
		const struct policy_window *w = &caps->windows[i];

		calendar = w->span_ms == 0 && w->max > 0 && caps->apart_ms == 0;
		if (calendar)
			tell(r, w->rule.line,
			    "%.*s goes by the calendar: one may go on the "
			    "last evening and the next on the first morning; "
			    "add apart, or write the rolling form",
			    STR_ARG(w->rule.text));
	}
}

static void warn_when(struct report *r, const struct policy_segment *s,
    const char *option, const struct policy_when *w)
{
	if (w->action == POLICY_DEFER)
		tell(r, w->rule.line,
		    "segment %.*s: %s = \"defer\": many applications give up "
		    "after a while, or report success and forget; hold keeps "
		    "the message here",
		    STR_ARG(s->name), option);
	if (w->action == POLICY_REJECT)
		tell(r, w->rule.line,
		    "segment %.*s: %s = \"reject\": many tools take any 5xx "
		    "for a dead address and stop writing to it",
		    STR_ARG(s->name), option);
}

/* At most the deadline can be held; what it waits for should come before. */
static bool yields_to(const struct policy_segment *s, uint32_t label)
{
	for (size_t i = 0; i < s->yield.n; i++)
		if (s->yield.labels[i] == label)
			return true;
	return false;
}

/* To one that yields back: both wait, each for the other, until one's patience
 * ends. To one behind in the order: that waits for this one's place. */
static void warn_yield(
    struct report *r, const struct policy *p, const struct policy_segment *s)
{
	for (const struct policy_segment *o = p->segments;
	     o < p->segments + p->n_segments; o++) {
		if (!yields_to(s, o->label))
			continue;
		if (yields_to(o, s->label) && o > s)
			tell(r, s->yield.rule.line,
			    "segments %.*s and %.*s yield to each other: both "
			    "wait until the patience of one is over",
			    STR_ARG(s->name), STR_ARG(o->name));
		else if (o > s)
			tell(r, s->yield.rule.line,
			    "segment %.*s yields to %.*s, which stands behind "
			    "it in the order",
			    STR_ARG(s->name), STR_ARG(o->name));
	}
}

static void tell_line(void *arg, int line, const char *text)
{
	tell(arg, line, "%s", text);
}

static void warn_segment(struct report *r, const struct policy *p,
    const struct policy_segment *s, int64_t now_ms)
{
	warn_windows(r, &s->caps);
	warn_when(r, s, "when-full", &s->when_full);
	hold_check_full(p, s, tell_line, r);
	if (s->hours != NULL)
		warn_when(r, s, "when-closed", &s->when_closed);
	hold_check_closed(p, s, now_ms, tell_line, r);
	if (s->keep_free > 0 && p->person.n == 0)
		tell(r, s->rule.line,
		    "segment %.*s: keep-free does nothing without person "
		    "at-most",
		    STR_ARG(s->name));
	if (s->unknown.count == 0)
		tell(r, s->rule.line,
		    "segment %.*s: user-unknown = \"never\" goes on writing to "
		    "mailboxes that do not exist, which providers hold against "
		    "all of your mail",
		    STR_ARG(s->name));
	warn_yield(r, p, s);
}

/* As decisions look for it; without it they go by UTC. */
static void warn_zone(struct report *r, struct str name)
{
	const struct zone *z;
	struct zones *zones = NULL;
	int rc = zones_open(&zones);

	if (rc == 0)
		rc = zones_find(zones, name, &z);
	if (rc == ERR_NOT_FOUND)
		tell(r, 1, "time-zone: this host knows no zone \"%.*s\"",
		    STR_ARG(name));
	else if (rc != 0)
		tell(r, 1, "time-zone: zone \"%.*s\" of this host: %s",
		    STR_ARG(name), error_text(rc));
	zones_close(&zones);
}

static bool has_purpose(const struct policy *p, struct str purpose)
{
	for (size_t i = 0; i < p->n_segments; i++)
		if (str_eq(p->segments[i].purpose, purpose))
			return true;
	return false;
}

/* A typing mistake, or one that is kept for the links in old mail. */
static void warn_purposes(struct report *r, const struct policy *p)
{
	for (size_t i = 0; i < p->n_purposes; i++)
		if (!has_purpose(p, p->purposes[i].name))
			tell(r, p->purposes[i].rule.line,
			    "purpose %.*s: no segment has it",
			    STR_ARG(p->purposes[i].name));
}

void policy_warnings(const struct policy *p, int64_t now_ms,
    void (*emit)(void *arg, const char *line), void *arg)
{
	struct report r = {p->path.p, emit, arg, 0};

	warn_zone(&r, p->time_zone);
	if (p->n_segments == 0)
		tell(&r, 1, "no segment: nothing can be sent");
	if (p->person.n == 0 && p->person.apart_ms == 0)
		tell(&r, 1, "person has no limit over all segments");
	warn_windows(&r, &p->person);
	warn_windows(&r, &p->company);
	for (size_t i = 0; i < p->n_limits; i++)
		warn_windows(&r, &p->limits[i].caps);
	for (size_t i = 0; i < p->n_segments; i++)
		warn_segment(&r, p, &p->segments[i], now_ms);
	warn_purposes(&r, p);
}

/* --- against a policy --- */

static void need_segment(struct report *r, const struct policy *p,
    const struct conf_stream *s, const char *option, struct str name)
{
	if (name.n > 0 && policy_segment_find(p, name) == NULL)
		tell(r, s->line,
		    "stream %.*s: %s names segment \"%.*s\", which the "
		    "policy does not have",
		    STR_ARG(s->name), option, STR_ARG(name));
}

size_t conf_check_policy(const struct conf *c, const struct policy *p,
    void (*emit)(void *arg, const char *line), void *arg)
{
	struct report r = {c->path.p, emit, arg, 0};

	for (size_t i = 0; i < c->n_streams; i++) {
		const struct conf_stream *s = &c->streams[i];
		need_segment(&r, p, s, "segment", s->segment);
		need_segment(&r, p, s, "unknown", s->unknown_segment);
		for (size_t k = 0; k < s->n_segment_map; k++)
			need_segment(
			    &r, p, s, "segment-map", s->segment_map[k].to);
	}
	return r.n;
}
