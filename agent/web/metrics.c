/* metrics.c - see metrics.h. Counts of decisions come from the ledger, so they
 * are of both daemons and survive a restart. */
#include "agent/web/metrics.h"

#include "policy/base/clock.h"
#include "policy/mail/nfc.h"
#include "policy/state/counter.h"
#include "policy/state/review.h"
#include "policy/state/watch.h"

#include <errno.h>

enum {
	WATCH_ARENA_MAX = 64 << 20
};

/* A label is UTF-8; one bad byte and the scraper throws everything away. */
static void add_label(struct buf *b, struct str s)
{
	bool is_text = nfc_is_utf8(s);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == 0x7f || (c > 0x7f && !is_text))
			buf_addc(b, '?');
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else
			buf_addc(b, (char)c);
	}
}

static const struct family {
	const char *kind, *help;
} families[] = {
    {"bounce", "Bounces about the person (hard) or not (soft)."},
    {"complaint", "Complaints by kind."},
    {"consent", "Changes of consent."},
    {"copy", "Messages kept in the spool, and what became of them."},
    {"feedback", "Feedback mails by kind."},
    {"provider", "What became of messages, by provider of the mailbox."},
    {"queue", "What the MTA's queue does with messages that was not decided."},
    {"relay", "Answers passed on to applications."},
    {"shadow", "Decisions that did not act."},
    {"slot", "What became of messages that were let go."},
    {"stop", "Stops and their ends, of segments, campaigns and domains."},
    {"suppression", "Suppressions added and removed."},
    {"verdict", "Decisions."},
};

static const struct family *family_of(struct str kind)
{
	static const struct family other = {"", "Counted."};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (str_eq(kind, str_of(families[i].kind)))
			return &families[i];
	return &other;
}

struct counters {
	struct buf *out;
	struct str kind; /* of the family whose head was written last */
};

/* Names come sorted, so a family's stand together, as the format wants it. */
static void add_head(struct counters *c, struct str kind)
{
	if (c->kind.p != NULL && str_eq(kind, c->kind))
		return;
	c->kind = kind;
	buf_printf(c->out,
	    "# HELP tendril_%.*s_total %s\n# TYPE tendril_%.*s_total counter\n",
	    STR_ARG(kind), family_of(kind)->help, STR_ARG(kind));
}

/* "verdict.reject.segment_cap" of segment news gives
 * tendril_verdict_total{action="reject",reason="segment_cap",segment="news"}; a
 * change of consent has a purpose in the segment's place, "provider.delivered"
 * one of the providers that have a name; the world's domains are too many. */
static int add_counter(void *arg, const struct counter_row *r)
{
	struct counters *c = arg;
	struct str rest = r->name, kind, action, reason = STR("");
	const char *of = "segment";
	struct str value = r->segment;

	if (counter_is_by_purpose(r->name)) {
		of = "purpose";
		value = r->purpose;
	} else if (counter_is_by_provider(r->name)) {
		of = "provider";
		value = r->provider;
		if (str_find(value, 0, '.') < value.n)
			return 0;
	}
	(void)str_next(&rest, '.', &kind);
	if (!str_next(&rest, '.', &action))
		action = STR("");
	if (rest.p != NULL)
		reason = rest;
	add_head(c, kind);
	buf_printf(c->out,
	    "tendril_%.*s_total{action=\"%.*s\",reason=\"%.*s\",%s=\"",
	    STR_ARG(kind), STR_ARG(action), STR_ARG(reason), of);
	add_label(c->out, value);
	buf_printf(c->out, "\"} %llu\n", (unsigned long long)r->count);
	return buf_error(c->out);
}

static void add_gauge(
    struct buf *b, const char *name, const char *help, unsigned long long v)
{
	buf_printf(b,
	    "# HELP tendril_%s %s\n# TYPE tendril_%s gauge\n"
	    "tendril_%s %llu\n",
	    name, help, name, name, v);
}

static int add_reviews(
    struct buf *b, const struct ledger_txn *t, int64_t now_ms)
{
	struct review_count n;
	int rc = review_count(t, now_ms, &n);

	if (rc != 0)
		return rc;
	add_gauge(b, "reviews_open", "Wishes in replies that wait for review.",
	    n.open);
	add_gauge(
	    b, "reviews_overdue", "Of these beyond their deadline.", n.overdue);
	return 0;
}

static void add_ledger(struct app *app, struct buf *b)
{
	struct ledger_stat ls;
	struct door_stats ds;

	ledger_stat(app->store->ledger, &ls);
	door_stats(app->store->door, &ds);
	add_gauge(b, "ledger_used_bytes", "Bytes of the map in use.", ls.used);
	add_gauge(b, "ledger_map_bytes", "Size of the map.", ls.map_size);
	add_gauge(b, "ledger_readers", "Reader slots in use.", ls.readers);
	add_gauge(
	    b, "door_events", "Events made durable by the agent.", ds.events);
	add_gauge(b, "door_commits", "Commits of the agent.", ds.commits);
	add_gauge(b, "door_failed_commits", "Commits that failed.",
	    ds.failed_commits);
	add_gauge(b, "door_batch_p99_us", "Time of a batch, 99th percentile.",
	    (unsigned long long)ds.batch_p99_us);
	add_gauge(b, "conf_refused",
	    "1: the agent's last reload was refused, the old file is in force.",
	    atomic_load(&app->conf_refused));
	add_gauge(b, "dns_questions",
	    "Questions to DNS of what is verified, known ones too.",
	    atomic_load(&app->dns_questions));
	add_gauge(b, "dns_known", "Of these, those whose answer was known.",
	    atomic_load(&app->dns_known));
	add_gauge(b, "uptime_seconds", "Since the agent started.",
	    (unsigned long long)(clock_mono_ms() - app->started_ms) / 1000);
}

/* Campaigns are as many as applications invent: only those with a stop, or
 * over a line. */
static bool is_told(const struct watch_scope *s)
{
	return s->kind != STOP_CAMPAIGN || s->stop.stopped ||
	       s->finding.level != BREAKER_OK;
}

static void add_scope(struct buf *b, const char *name,
    const struct watch_scope *s, const char *rate)
{
	buf_printf(b, "tendril_%s{scope=\"%s\",name=\"", name,
	    stop_kind_name(s->kind));
	add_label(b, s->label);
	if (rate != NULL)
		buf_printf(b, "\",rate=\"%s", rate);
	buf_addz(b, "\"} ");
}

static void add_rates(struct buf *b, const struct watch *w)
{
	buf_addz(b,
	    "# HELP tendril_breaker Complaints, hard bounces, opt-outs and "
	    "refusals of us, of the messages of the breaker's window: 0.001 is "
	    "0.1 %.\n"
	    "# TYPE tendril_breaker gauge\n");
	for (size_t i = 0; i < w->n; i++)
		for (unsigned k = 0; is_told(&w->v[i]) && k < POLICY_RATES;
		     k++) {
			const struct breaker_counts *c = &w->v[i].counts;
			enum policy_rate r = (enum policy_rate)k;
			uint64_t of = breaker_base(c, r);

			add_scope(b, "breaker", &w->v[i], policy_rate_name(r));
			buf_printf(b, "%.6f\n",
			    of > 0 ? (double)c->n[k] / (double)of : 0.0);
		}
}

static void add_stops(struct buf *b, const struct watch *w, int64_t now_ms)
{
	buf_addz(b, "# HELP tendril_stopped 1: new mail of it is held.\n"
		    "# TYPE tendril_stopped gauge\n");
	for (size_t i = 0; i < w->n; i++) {
		if (!is_told(&w->v[i]))
			continue;
		add_scope(b, "stopped", &w->v[i], NULL);
		buf_printf(b, "%d\n", stop_holds(&w->v[i].stop, now_ms));
	}
}

static int add_watch(struct app *app, struct buf *b)
{
	struct arena *a = arena_new(WATCH_ARENA_MAX);
	const struct policy *p = NULL;
	int64_t now_ms = clock_now_ms();
	struct ledger_txn *t = NULL;
	struct watch w = {0};
	int rc = a != NULL ? policyver_cache_get(app->store->policies, &p, NULL)
			   : -ENOMEM;

	if (rc == 0)
		rc = ledger_read_begin(app->store->ledger, &t);
	if (rc == 0)
		rc = watch_look(t, p, now_ms, a, &w);
	ledger_read_end(&t);
	if (rc == 0) {
		add_rates(b, &w);
		add_stops(b, &w, now_ms);
	}
	policy_unref(&p);
	arena_free(&a);
	return rc;
}

void metrics_handle(struct app *app, struct server_reply *rp)
{
	struct counters c = {&rp->body, STR_NULL};
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(app->store->ledger, &t);

	rp->content_type = "text/plain; version=0.0.4; charset=utf-8";
	if (rc == 0)
		rc = counter_each(t, 0, 0, add_counter, &c);
	if (rc == 0)
		rc = add_reviews(&rp->body, t, clock_now_ms());
	ledger_read_end(&t);
	if (rc == 0)
		rc = add_watch(app, &rp->body);
	if (rc == 0)
		add_ledger(app, &rp->body);
	rp->status = rc == 0 ? 200 : 503;
}

void metrics_health(struct app *app, struct server_reply *rp)
{
	struct ledger_txn *t = NULL;
	uint32_t version = 0;
	int rc = ledger_read_begin(app->store->ledger, &t);

	if (rc == 0)
		rc = policyver_current(t, &version);
	ledger_read_end(&t);
	rp->status = rc == 0 ? 200 : 503;
	buf_printf(&rp->body, "%s policy=%u\n", rc == 0 ? "ok" : error_text(rc),
	    version);
}
