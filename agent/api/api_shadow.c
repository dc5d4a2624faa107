/* api_shadow.c - /v1/shadow: what rules in shadow mode would have done, by
 * segment, line and action, with examples. Decisions are told by events, most
 * of which are of another kind: those are passed over by their type. */
#include "agent/api/routes.h"

#include "agent/api/show.h"
#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/state/past.h"
#include "policy/state/refusal.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHUNK = 20000,
	GROUPS_MAX = 500,
	EXAMPLES = 3,
	LOOK_MS = 20000, /* then what was not looked at is said */
	NAME_MAX = 128,
};
#define SINCE_MS (30 * WHEN_DAY_MS)

struct shadow_group {
	char segment[NAME_MAX];
	size_t n_segment;
	uint32_t version, line, action, reason, detail;
	uint64_t n;
	int64_t first_ms, last_ms;
	struct lead_id examples[EXAMPLES];
	size_t n_examples;
};

struct shadow {
	struct api_call *c;
	int64_t since_ms, until_ms;
	struct str segment; /* empty: all */
	struct shadow_group *v;
	size_t n;
	uint64_t next, looked, left_out; /* events; of groups too many */
	int64_t at_ms;
	bool more;
};

static struct shadow_group *find(
    struct shadow *x, const struct event_refusal *e)
{
	struct str segment = str_cut(e->segment, 0, NAME_MAX);

	for (size_t i = 0; i < x->n; i++) {
		struct shadow_group *g = &x->v[i];

		if (g->version == e->policy_version && g->line == e->line &&
		    g->action == e->action && g->reason == e->reason &&
		    str_eq((struct str){g->segment, g->n_segment}, segment))
			return g;
	}
	if (x->n == GROUPS_MAX)
		return NULL;
	x->v[x->n] = (struct shadow_group){.version = e->policy_version,
	    .line = e->line,
	    .action = e->action,
	    .reason = e->reason,
	    .n_segment = segment.n};
	if (segment.n > 0)
		memcpy(x->v[x->n].segment, segment.p, segment.n);
	return &x->v[x->n++];
}

/* The last ones: of them most is known. */
static void add_example(
    struct shadow_group *g, const unsigned char lead[LEAD_ID_BYTES])
{
	struct lead_id *at = &g->examples[g->n_examples % EXAMPLES];

	memcpy(at->b, lead, sizeof(at->b));
	g->n_examples++;
}

static void note(
    struct shadow *x, const struct event *ev, const struct event_refusal *e)
{
	struct shadow_group *g = find(x, e);

	if (g == NULL) {
		x->left_out++;
		return;
	}
	g->first_ms = g->n == 0 ? ev->time_ms : g->first_ms;
	g->last_ms = ev->time_ms;
	g->n++;
	add_example(g, e->lead);
}

static int look_at(struct shadow *x, struct str key, struct str value)
{
	struct event_refusal e;
	struct event ev;
	int rc;

	if (value.n < 2 || codec_get_u16(value.p) != EV_DECIDED)
		return 0;
	rc = event_decode(key, value, &ev);
	if (rc == 0)
		rc = refusal_decode(ev.payload, &e);
	if (rc != 0)
		return rc;
	x->at_ms = ev.time_ms;
	if (e.shadowed && ev.time_ms >= x->since_ms &&
	    ev.time_ms < x->until_ms &&
	    (x->segment.n == 0 || str_eq(x->segment, e.segment)))
		note(x, &ev, &e);
	return 0;
}

static int walk(struct shadow *x, const struct ledger_txn *t)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = event_iter_open(t, x->next, LEDGER_UP, &it);

	for (int i = 0; rc == 0 && i < CHUNK; i++) {
		rc = ledger_iter_next(&it, &key, &value);
		if (rc != 0)
			break;
		x->next = codec_get_u64(key.p) + 1;
		x->looked++;
		rc = look_at(x, key, value);
	}
	ledger_iter_close(&it);
	return rc;
}

static int walk_all(struct shadow *x)
{
	int64_t end = clock_mono_ms() + LOOK_MS;
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(x->c->app->store->ledger, &t);

	if (rc == 0)
		rc = past_find_event(t, x->since_ms, &x->next);
	ledger_read_end(&t);
	while (rc == 0) {
		x->more =
		    clock_mono_ms() > end || atomic_load(&x->c->app->stopping);
		if (x->more)
			return 0;
		rc = ledger_read_begin(x->c->app->store->ledger, &t);
		if (rc == 0)
			rc = walk(x, t);
		ledger_read_end(&t);
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int by_count(const void *a, const void *b)
{
	const struct shadow_group *x = a, *y = b;

	return x->n > y->n ? -1 : x->n < y->n;
}

static struct value *show_group(
    const struct show *s, const struct shadow_group *g)
{
	struct value *o = value_new_object(), *list = value_new_array();
	size_t n = g->n_examples < EXAMPLES ? g->n_examples : EXAMPLES;

	value_put_str(o, "segment", (struct str){g->segment, g->n_segment});
	value_put_str(o, "would",
	    str_of(verdict_action_name((enum verdict_action)g->action)));
	value_put_str(o, "reason",
	    str_of(verdict_reason_name((enum verdict_reason)g->reason)));
	show_rule(s, o, g->version, g->line);
	value_put_i64(o, "messages", (int64_t)g->n);
	value_put_time(o, "first", g->first_ms);
	value_put_time(o, "last", g->last_ms);
	for (size_t i = 0; i < n; i++) {
		struct value *one = value_new_object();

		show_lead(s, one, "address", &g->examples[i]);
		value_add(list, one);
	}
	value_put(o, "examples", list);
	return o;
}

static int show_all(struct shadow *x)
{
	struct value *list = value_new_array();
	struct ledger_txn *t = NULL;
	struct show s;
	int rc = ledger_read_begin(x->c->app->store->ledger, &t);

	qsort(x->v, x->n, sizeof(*x->v), by_count);
	show_init(&s, x->c, t);
	for (size_t i = 0; rc == 0 && i < x->n; i++)
		value_add(list, show_group(&s, &x->v[i]));
	ledger_read_end(&t);
	value_put_time(x->c->reply, "since", x->since_ms);
	value_put_time(x->c->reply, "until", x->more ? x->at_ms : x->until_ms);
	value_put_bool(x->c->reply, "more", x->more);
	if (x->left_out > 0)
		value_put_i64(x->c->reply, "left_out", (int64_t)x->left_out);
	value_put(x->c->reply, "rows", list);
	return rc;
}

int api_shadow(struct api_call *c)
{
	int64_t now_ms = clock_now_ms();
	struct shadow x = {.c = c,
	    .since_ms = now_ms - SINCE_MS,
	    .until_ms = now_ms + 1,
	    .segment = api_arg(c, "segment")};
	int rc = api_time(c, "since", &x.since_ms);

	if (rc == 0)
		rc = api_time(c, "until", &x.until_ms);
	x.v = arena_array(c->rq->arena, GROUPS_MAX, sizeof(*x.v));
	if (rc == 0 && x.v == NULL)
		rc = ERR_LIMIT;
	if (rc == 0)
		rc = walk_all(&x);
	return rc == 0 ? show_all(&x) : rc;
}
