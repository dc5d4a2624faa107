/* api_segment.c - /v1/segments: rates and stops of segments, campaigns and From
 * domains; pause and resume. */
#include "agent/api/routes.h"
#include "agent/api/show.h"

#include "policy/base/clock.h"
#include "policy/mail/domain.h"
#include "policy/state/copy.h"
#include "policy/state/ops_stop.h"
#include "policy/state/watch.h"

#include <errno.h>

enum {
	ARENA_MAX = 64 << 20,
	LIST_MAX = 2000,     /* rows of a reply */
	COPY_LOOKS = 200000, /* held copies counted */
	RATE_SPACE = 40,
};

/* --- list --- */

/* A scope of the reply; its object is finished when the held are counted. */
struct row {
	const struct watch_scope *scope;
	int64_t held;
};

struct list {
	struct api_call *c;
	struct arena *arena;
	struct watch watch;
	struct row *rows;
	size_t n;
	uint32_t *slots; /* number + 1 of a row by its name; 0: free */
	size_t n_slots;  /* a power of two, more than twice the rows */
	bool more;       /* rows or copies were left out */
	struct value *reply;
};

/* Campaigns and domains without anything to say are left out, but for those
 * who ask for all. */
static bool is_shown(const struct api_call *c, const struct watch_scope *s)
{
	return s->kind != STOP_CAMPAIGN || s->stop.stopped ||
	       s->finding.level != BREAKER_OK || api_flag(c, "all");
}

static uint32_t *slot_of(
    const struct list *l, enum stop_kind kind, struct str label)
{
	size_t at = (policy_label(label) ^ (uint32_t)kind * 2654435761U) &
		    (l->n_slots - 1);

	for (;; at = (at + 1) & (l->n_slots - 1)) {
		const struct watch_scope *s;

		if (l->slots[at] == 0)
			return &l->slots[at];
		s = l->rows[l->slots[at] - 1].scope;
		if (s->kind == kind && str_eq(s->label, label))
			return &l->slots[at];
	}
}

static int pick(struct list *l)
{
	size_t most = l->watch.n < LIST_MAX ? l->watch.n : LIST_MAX;

	for (l->n_slots = 16; l->n_slots <= 2 * most;)
		l->n_slots *= 2;
	l->rows = arena_array(l->arena, most + 1, sizeof(*l->rows));
	l->slots = arena_array(l->arena, l->n_slots, sizeof(*l->slots));
	if (l->rows == NULL || l->slots == NULL)
		return ERR_LIMIT;
	l->more = l->watch.cut;
	for (size_t i = 0; i < l->watch.n; i++) {
		const struct watch_scope *s = &l->watch.v[i];

		if (!is_shown(l->c, s))
			continue;
		if (l->n == most) {
			l->more = true;
			break;
		}
		*slot_of(l, s->kind, s->label) = (uint32_t)l->n + 1;
		l->rows[l->n++].scope = s;
	}
	return 0;
}

static void count_one(struct list *l, enum stop_kind kind, struct str label)
{
	uint32_t *slot;

	label = stop_label(kind, label);
	if (label.n == 0)
		return;
	slot = slot_of(l, kind, label);
	if (*slot != 0)
		l->rows[*slot - 1].held++;
}

static int count_held(struct list *l, const struct ledger_txn *t)
{
	struct copy_record r = {0};
	int rc = 0;

	for (int looks = 0; rc == 0 && looks < COPY_LOOKS; looks++) {
		rc = copy_next(t, r.id, &r);
		if (rc != 0 || r.kind != COPY_HELD)
			continue;
		count_one(l, STOP_SEGMENT, r.segment);
		count_one(l, STOP_CAMPAIGN, r.campaign);
		count_one(l, STOP_DOMAIN, r.from_domain);
	}
	l->more |= rc == 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static void put_line(struct value *o, const char *key, uint32_t line)
{
	struct buf b;

	if (line == 0) {
		value_put_null(o, key);
		return;
	}
	buf_init(&b, RATE_SPACE);
	policy_print_rate(&b, line);
	value_put_str(o, key, buf_str(&b));
	buf_fini(&b);
}

static struct value *rates_of(const struct watch_scope *s)
{
	struct value *list = value_new_array();

	for (unsigned i = 0; i < POLICY_RATES; i++) {
		enum policy_rate r = (enum policy_rate)i;
		const struct policy_lines *l = &s->rules->lines[i];
		struct value *o = value_new_object();

		value_put_str(o, "rate", str_of(policy_rate_name(r)));
		value_put_i64(o, "count", (int64_t)s->counts.n[i]);
		value_put_i64(o, "of", (int64_t)breaker_base(&s->counts, r));
		put_line(o, "warn", l->warn);
		put_line(o, "stop", l->stop);
		value_add(list, o);
	}
	return list;
}

static const char *mode_of(const struct watch_scope *s)
{
	switch (s->rules->mode) {
	case POLICY_BREAKER_ENFORCE:
		return "enforce";
	case POLICY_BREAKER_SHADOW:
		return "shadow";
	case POLICY_BREAKER_UNSET:
	case POLICY_BREAKER_OFF:
		break;
	}
	return "off";
}

static void put_scope(const struct list *l, const struct row *r, int64_t now_ms)
{
	const struct watch_scope *s = r->scope;
	struct value *o = value_new_object();
	bool stopped = stop_holds(&s->stop, now_ms);

	value_put_str(o, "scope", str_of(stop_kind_name(s->kind)));
	value_put_str(o, "name", s->label);
	value_put_str(o, "state", stopped ? STR("stopped") : STR("running"));
	value_put_str(o, "level", str_of(breaker_level_name(s->finding.level)));
	value_put_str(o, "breaker", str_of(mode_of(s)));
	value_put_i64(o, "window_ms", s->rules->window_ms);
	value_put_i64(o, "min_sample", s->rules->min_sample);
	value_put_i64(o, "min_count", s->rules->min_count);
	value_put(o, "rates", rates_of(s));
	value_put_i64(o, "held", r->held);
	if (stopped)
		show_stop(o, "stop", &s->stop);
	value_add(l->reply, o);
}

static int read_list(struct list *l, int64_t now_ms)
{
	const struct policy *p = NULL;
	struct ledger_txn *t = NULL;
	struct api_call *c = l->c;
	int rc = policyver_cache_get(c->app->store->policies, &p, &c->err);

	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0)
		rc = watch_look(t, p, now_ms, l->arena, &l->watch);
	if (rc == 0)
		rc = pick(l);
	if (rc == 0)
		rc = count_held(l, t);
	ledger_read_end(&t);
	policy_unref(&p);
	return rc;
}

/* all: also campaigns that are well below all lines. */
int api_segment_list(struct api_call *c)
{
	struct list l = {.c = c, .arena = arena_new(ARENA_MAX)};
	int64_t now_ms = clock_now_ms();
	int rc = l.arena != NULL ? read_list(&l, now_ms) : -ENOMEM;

	l.reply = value_new_array();
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		put_scope(&l, &l.rows[i], now_ms);
	value_put(c->reply, "segments", l.reply);
	value_put_bool(c->reply, "more", l.more);
	arena_free(&l.arena);
	return rc;
}

/* --- pause, resume --- */

/* Exactly one of segment, campaign and domain. */
static int read_scope(struct api_call *c, struct ops_stop *in)
{
	static const enum stop_kind kinds[] = {
	    STOP_SEGMENT, STOP_CAMPAIGN, STOP_DOMAIN};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct str s = api_arg(c, stop_kind_name(kinds[i]));

		if (s.p == NULL)
			continue;
		in->kind = kinds[i];
		in->label = s;
		n++;
	}
	if (n != 1 || in->label.n == 0)
		return error_set(&c->err, ERR_SYNTAX,
		    "wanted: one of \"segment\", \"campaign\" and "
		    "\"domain\"");
	return in->kind == STOP_DOMAIN
		   ? domain_parse(c->rq->arena, in->label, &in->label, &c->err)
		   : 0;
}

static int read_change(struct api_call *c, struct ops_stop *in)
{
	int rc;

	*in = (struct ops_stop){.author = c->user};
	rc = read_scope(c, in);
	return rc != 0 ? rc : api_need(c, "reason", &in->reason);
}

static bool has_row(struct api_call *c, const struct ops_stop *in)
{
	struct ledger_txn *t = NULL;
	struct stop_record r;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	if (rc == 0)
		rc = stop_read(t, in->kind, in->label, &r);
	ledger_read_end(&t);
	return rc == 0;
}

static int check_segment(struct api_call *c, const struct ops_stop *in)
{
	const struct policy *p = NULL;
	int rc = policyver_cache_get(c->app->store->policies, &p, &c->err);

	if (rc == 0 &&
	    (p == NULL || policy_segment_find(p, in->label) == NULL) &&
	    !has_row(c, in))
		rc = error_set(&c->err, ERR_NOT_FOUND,
		    "the policy in force has no segment \"%.*s\"",
		    STR_ARG(in->label));
	policy_unref(&p);
	return rc;
}

/* Nurture mail goes out with From domains that we sign for, or domains below
 * them. */
static int check_domain(struct api_call *c, const struct ops_stop *in)
{
	const struct conf *conf = c->app->conf;
	struct str rest = in->label;

	while (rest.n > 0 && conf_domain_find(conf, rest) == NULL)
		rest = str_from(rest, str_find(rest, 0, '.') + 1);
	if (rest.n > 0 || has_row(c, in))
		return 0;
	return error_set(&c->err, ERR_NOT_FOUND,
	    "%.*s is no domain of the configuration, nor below one",
	    STR_ARG(in->label));
}

/* What nobody has, by a slip of the pen, would stop nothing. What is gone since
 * it was stopped can be resumed. */
static int check_known(struct api_call *c, const struct ops_stop *in)
{
	switch (in->kind) {
	case STOP_SEGMENT:
		return check_segment(c, in);
	case STOP_DOMAIN:
		return check_domain(c, in);
	case STOP_CAMPAIGN:
	case STOP_NONE:
		break;
	}
	return 0;
}

int api_segment_pause(struct api_call *c)
{
	struct ops_stop in;
	bool changed = false;
	int rc = read_change(c, &in);

	if (rc == 0)
		rc = api_until(c, "until", &in.until_ms);
	if (rc == 0 && in.until_ms != 0 && in.until_ms <= clock_now_ms())
		rc = error_set(
		    &c->err, ERR_SYNTAX, "\"until\": that is over already");
	if (rc == 0)
		rc = check_known(c, &in);
	if (rc == 0)
		rc = ops_stop_begin(c->app->store, &in, &changed, &c->err);
	value_put_bool(c->reply, "changed", changed);
	return rc;
}

int api_segment_resume(struct api_call *c)
{
	struct ops_stop in;
	bool changed = false;
	int rc = read_change(c, &in);

	if (rc == 0)
		rc = check_known(c, &in);
	if (rc == 0)
		rc = ops_stop_end(c->app->store, &in, &changed, &c->err);
	value_put_bool(c->reply, "changed", changed);
	return rc;
}
