/* guard.c - see guard.h.
 *
 * What is to be brought back is not remembered but found: all held copies that
 * wait for the end of a stop and that none holds any more. So it does not matter who
 * resumed, nor whether the agent was killed in between: after its start it looks
 * once. And it looks again for a while after each end of a stop: one that was
 * being decided at that moment is put off after it was brought back. */
#include "agent/guard.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_stop.h"
#include "policy/state/watch.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ARENA_MAX = 64 << 20,
	WARNED_MAX = 1000,
	WAKE_LOOKS = 2000, /* rows a step */
	WAKE_MAX = 200,    /* copies a step */
	REASON_SPACE = 200,
};
#define POLL_MS (2 * WHEN_SECOND_MS)
#define LOOK_EVERY_MS (30 * WHEN_SECOND_MS)
#define WAKE_FOR_MS (10 * WHEN_MINUTE_MS)

static const struct str author = {"tendril-agent", 13};

/* A crossing that was told. */
struct warned {
	uint32_t label; /* policy_label of it */
	enum stop_kind kind;
	enum breaker_level level;
	enum policy_rate rate;
};

struct guard {
	struct app *app;
	struct arena *arena;
	int64_t looked_ms;
	uint64_t last_seq; /* at the last look */
	struct warned warned[WARNED_MAX];
	size_t n_warned;
	uint64_t resumed_seq; /* of the newest end of a stop that was seen */
	bool waking;
	uint64_t wake_after; /* the walk over the copies is here */
	int64_t walked_ms, wake_until_ms;
};

int guard_open(struct guard **out, struct app *app, struct error *err)
{
	struct guard *g = fault_alloc() ? NULL : calloc(1, sizeof(*g));

	*out = NULL;
	if (g == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	g->app = app;
	g->arena = arena_new(ARENA_MAX);
	if (g->arena == NULL) {
		free(g);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*out = g;
	return 0;
}

void guard_close(struct guard **g)
{
	if (*g == NULL)
		return;
	arena_free(&(*g)->arena);
	free(*g);
	*g = NULL;
}

/* "complaints: 9 of 2000, 0.45 %", for the record. */
static void describe(struct buf *out, const struct breaker_finding *f)
{
	buf_printf(out, "%s: %llu of %llu, %.2f %%", policy_rate_name(f->rate),
	    (unsigned long long)f->count, (unsigned long long)f->of,
	    100.0 * (double)f->count / (double)f->of);
}

/* --- telling --- */

static struct warned *find_warned(struct guard *g, const struct watch_scope *s)
{
	uint32_t label = policy_label(s->label);

	for (size_t i = 0; i < g->n_warned; i++)
		if (g->warned[i].label == label && g->warned[i].kind == s->kind)
			return &g->warned[i];
	return NULL;
}

static void log_warning(const struct watch_scope *s)
{
	const struct breaker_finding *f = &s->finding;

	LOG_EV(LOG_LEVEL_WARNING, "breaker.warn",
	    KV_Z("scope", stop_kind_name(s->kind)), KV_STR("name", s->label),
	    KV_Z("rate", policy_rate_name(f->rate)),
	    KV_Z("level", breaker_level_name(f->level)),
	    KV_I64("count", (int64_t)f->count), KV_I64("of", (int64_t)f->of),
	    KV_I64("line", f->line),
	    KV_STR("rule", f->rule != NULL ? f->rule->text : STR("")));
}

/* Each crossing once, until the rates are below all lines again. */
static void warn(struct guard *g, const struct watch_scope *s)
{
	const struct breaker_finding *f = &s->finding;
	struct warned *w = find_warned(g, s);

	if (f->level == BREAKER_OK) {
		if (w != NULL)
			*w = g->warned[--g->n_warned];
		return;
	}
	if (w != NULL && w->level == f->level && w->rate == f->rate)
		return;
	if (w == NULL && g->n_warned < WARNED_MAX)
		w = &g->warned[g->n_warned++];
	if (w == NULL)
		return;
	*w =
	    (struct warned){policy_label(s->label), s->kind, f->level, f->rate};
	log_warning(s);
}

/* --- acting --- */

static int stop(struct guard *g, const struct policy *p,
    const struct watch_scope *s, struct error *err)
{
	const struct breaker_finding *f = &s->finding;
	struct ops_stop in = {.kind = s->kind,
	    .label = s->label,
	    .author = author,
	    .cause = {1 + (uint32_t)f->rate, f->count, f->of, f->line,
		p->version, (uint32_t)f->rule->line},
	    .if_seen = true,
	    .seen = s->stop.seq};
	struct buf reason;
	bool changed;
	int rc;

	buf_init(&reason, REASON_SPACE);
	describe(&reason, f);
	in.reason = buf_str(&reason);
	rc = ops_stop_begin(g->app->store, &in, &changed, err);
	if (rc == 0 && changed)
		LOG_EV(LOG_LEVEL_WARNING, "breaker.stop",
		    KV_Z("scope", stop_kind_name(s->kind)),
		    KV_STR("name", s->label), KV_STR("reason", in.reason),
		    KV_STR("rule", f->rule->text));
	buf_fini(&reason);
	return rc;
}

static int resume(struct guard *g, const struct watch_scope *s,
    struct str reason, struct error *err)
{
	struct ops_stop in = {.kind = s->kind,
	    .label = s->label,
	    .author = author,
	    .reason = reason,
	    .if_seen = true,
	    .seen = s->stop.seq};
	bool changed;
	int rc = ops_stop_end(g->app->store, &in, &changed, err);

	if (rc == 0 && changed)
		LOG_EV(LOG_LEVEL_NOTICE, "breaker.resume",
		    KV_Z("scope", stop_kind_name(s->kind)),
		    KV_STR("name", s->label), KV_STR("reason", reason));
	return rc;
}

static struct str resume_reason(const struct policy_breaker *b)
{
	if (b->mode != POLICY_BREAKER_ENFORCE)
		return STR("the breaker is not enforced any more");
	return b->resume == POLICY_RESUME_AFTER
		   ? STR("the time of the policy's resume is over")
		   : STR("the rates are below the lines");
}

static int act(struct guard *g, const struct policy *p,
    const struct watch_scope *s, int64_t now_ms, struct error *err)
{
	const struct stop_record *r = &s->stop;
	struct policy_breaker rules = *s->rules;

	if (r->stopped && r->until_ms != 0 && now_ms >= r->until_ms)
		return resume(g, s, STR("the time of the pause is over"), err);
	if (p == NULL)
		return 0;
	if (rules.mode == POLICY_BREAKER_ENFORCE &&
	    (p->shadow || g->app->conf->mode == CONF_MODE_SHADOW))
		rules.mode = POLICY_BREAKER_SHADOW;
	if (r->stopped && r->cause.rate != 0 &&
	    breaker_resumes(&rules, s->finding.level, r->since_ms, now_ms))
		return resume(g, s, resume_reason(&rules), err);
	if (rules.mode == POLICY_BREAKER_OFF || r->stopped)
		return 0;
	if (rules.mode == POLICY_BREAKER_ENFORCE &&
	    s->finding.level == BREAKER_STOP)
		return stop(g, p, s, err);
	warn(g, s);
	return 0;
}

/* --- looking --- */

static int look(struct guard *g, const struct policy *p, int64_t now_ms,
    struct watch *out, struct error *err)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(g->app->store->ledger, &t);

	arena_reset(g->arena);
	if (rc == 0)
		rc = watch_look(t, p, now_ms, g->arena, out);
	ledger_read_end(&t);
	if (rc == 0 && out->cut)
		LOG_EV_LIMITED(LOG_LEVEL_WARNING, "breaker.cut",
		    KV_I64("watched", (int64_t)out->n));
	return error_of(err, rc, "rates");
}

/* A stop has ended since the last look, whoever ended it. */
static void note_ends(struct guard *g, const struct watch *w, int64_t now_ms)
{
	uint64_t newest = g->resumed_seq;

	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].stop.stopped && w->v[i].stop.seq > newest)
			newest = w->v[i].stop.seq;
	if (newest != g->resumed_seq)
		g->wake_until_ms = now_ms + WAKE_FOR_MS;
	else if (g->waking || now_ms >= g->wake_until_ms ||
		 now_ms < g->walked_ms + LOOK_EVERY_MS)
		return;
	g->resumed_seq = newest;
	g->walked_ms = now_ms;
	g->waking = true;
	g->wake_after = 0;
}

static int look_and_act(struct guard *g, int64_t now_ms, struct error *err)
{
	const struct policy *p = NULL;
	struct watch w;
	int rc = policyver_cache_get(g->app->store->policies, &p, err);

	if (rc == 0)
		rc = look(g, p, now_ms, &w, err);
	if (rc == 0)
		note_ends(g, &w, now_ms);
	for (size_t i = 0; rc == 0 && i < w.n; i++)
		rc = act(g, p, &w.v[i], now_ms, err);
	policy_unref(&p);
	return rc;
}

/* Nothing has happened and no time has come since the last look. */
static int is_due(
    struct guard *g, int64_t now_ms, bool *due_out, struct error *err)
{
	struct ledger_txn *t = NULL;
	uint64_t seq = 0;
	int rc = ledger_read_begin(g->app->store->ledger, &t);

	if (rc == 0)
		rc = ledger_last_seq(t, &seq);
	ledger_read_end(&t);
	*due_out = seq != g->last_seq || now_ms < g->looked_ms ||
		   now_ms >= g->looked_ms + LOOK_EVERY_MS;
	g->last_seq = seq;
	return error_of(err, rc, "ledger");
}

/* --- bringing back --- */

struct found {
	uint64_t id[WAKE_MAX];
	size_t n;
};

static int is_free(const struct ledger_txn *t, const struct copy_record *r,
    int64_t now_ms, bool *yes_out)
{
	struct stop_names names = {r->segment, r->campaign, r->from_domain};
	struct stop_record stop;
	int rc = 0;

	*yes_out = r->kind == COPY_HELD && r->wait.reason == REASON_STOPPED &&
		   r->wait.due_ms > now_ms;
	if (*yes_out)
		rc = stop_find(t, &names, now_ms, &stop);
	*yes_out = *yes_out && rc == 0 && stop.kind == STOP_NONE;
	return rc;
}

static int collect(struct guard *g, int64_t now_ms, struct found *f)
{
	struct ledger_txn *t = NULL;
	struct copy_record r;
	bool yes;
	int rc = ledger_read_begin(g->app->store->ledger, &t);

	for (int i = 0; rc == 0 && i < WAKE_LOOKS && f->n < WAKE_MAX; i++) {
		rc = copy_next(t, g->wake_after, &r);
		if (rc == 0)
			rc = is_free(t, &r, now_ms, &yes);
		if (rc != 0)
			break;
		g->wake_after = r.id;
		if (yes)
			f->id[f->n++] = r.id;
	}
	ledger_read_end(&t);
	if (rc == ERR_NOT_FOUND)
		g->waking = false;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int wake(struct guard *g, int64_t now_ms, struct error *err)
{
	struct found f = {.n = 0};
	int rc = error_of(err, collect(g, now_ms, &f), "copies");

	for (size_t i = 0; rc == 0 && i < f.n; i++)
		rc = ops_copy_due(g->app->store, f.id[i], now_ms, err);
	if (rc == 0 && f.n > 0)
		LOG_EV(LOG_LEVEL_NOTICE, "breaker.woken",
		    KV_I64("copies", (int64_t)f.n));
	return rc;
}

int guard_look(
    struct guard *g, int64_t now_ms, int64_t *wait_ms_out, struct error *err)
{
	bool due;
	int rc = is_due(g, now_ms, &due, err);

	*wait_ms_out = POLL_MS;
	if (rc == 0 && due) {
		g->looked_ms = now_ms;
		rc = look_and_act(g, now_ms, err);
	}
	if (rc == 0 && g->waking)
		rc = wake(g, now_ms, err);
	if (rc == 0 && g->waking)
		*wait_ms_out = 0;
	return rc;
}

int guard_step(void *arg, int64_t *wait_ms_out, struct error *err)
{
	return guard_look(arg, clock_now_ms(), wait_ms_out, err);
}
