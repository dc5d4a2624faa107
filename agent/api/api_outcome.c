/* api_outcome.c - /v1/outcomes: an application or a relay tells what became of
 * messages. */
#include "agent/api/routes.h"

#include "agent/ruleset.h"
#include "policy/base/clock.h"
#include "policy/state/ops_outcome.h"

#include <stdlib.h>

enum {
	OUTCOMES_MAX = 10000,
};

struct outcomes {
	struct api_call *c;
	struct bounce_rules *rules;
	struct ops_outcome *v;
	struct value **rows; /* one for each that was sent */
	size_t *places;      /* of v: which of them */
	size_t n, seen;
};

static int take_kind(struct str word, struct slot_change *out)
{
	static const struct {
		const char *word;
		enum slot_change_kind kind;
		enum slot_release release;
	} kinds[] = {
	    {"delivered", SLOT_CHANGE_DELIVERED, 0},
	    {"bounced", SLOT_CHANGE_RELEASED, RELEASE_BOUNCED},
	    {"expired", SLOT_CHANGE_RELEASED, RELEASE_EXPIRED},
	    {"removed", SLOT_CHANGE_RELEASED, RELEASE_REMOVED},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!str_eq(word, str_of(kinds[i].word)))
			continue;
		out->kind = kinds[i].kind;
		out->release = kinds[i].release;
		return 0;
	}
	return ERR_SYNTAX;
}

static int take_person(struct api_call *c, struct str text,
    struct slot_change *out, struct error *err)
{
	struct address address;
	int rc;

	if (text.n == 0)
		return 0;
	rc = address_parse(c->rq->arena, text, &address, err);
	if (rc == 0)
		rc = lead_id_of(c->app->store->lead_key, &address, &out->lead);
	out->has_lead = rc == 0;
	return rc;
}

static int take_one(struct api_call *c, const struct value *e,
    struct slot_change *out, struct error *err)
{
	struct str message = value_get_str(e, "message");
	struct str at = value_get_str(e, "at");
	int rc;

	*out = (struct slot_change){.queue_id = value_get_str(e, "queue_id"),
	    .status = value_get_str(e, "status"),
	    .at_ms = clock_now_ms()};
	if (message.n > 0 &&
	    (str_u64(message, UINT64_MAX, &out->message_id) != 0 ||
		out->message_id == 0))
		return error_set(err, ERR_SYNTAX, "\"message\" is no id");
	if (out->message_id == 0 && out->queue_id.n == 0)
		return error_set(
		    err, ERR_SYNTAX, "\"queue_id\" or \"message\" is missing");
	if (take_kind(value_get_str(e, "outcome"), out) != 0)
		return error_set(err, ERR_SYNTAX,
		    "\"outcome\" is delivered, bounced, expired or removed");
	if (at.n > 0 && api_parse_time(at, &out->at_ms, err) != 0)
		return ERR_SYNTAX;
	rc = take_person(c, value_get_str(e, "recipient"), out, err);
	return rc;
}

/* Why it bounced, read as the log's and a DSN's words are. */
static int take_failure(
    struct outcomes *x, const struct value *e, struct ops_outcome *o)
{
	struct bounce_evidence said = {.outcome = BOUNCE_FAILED,
	    .status = value_get_str(e, "status"),
	    .diagnostic = value_get_str(e, "diagnostic"),
	    .rcpt = value_get_str(e, "recipient")};
	struct bounce_answer answer;
	struct ops_failure *f;

	if (o->change.kind != SLOT_CHANGE_RELEASED ||
	    o->change.release != RELEASE_BOUNCED)
		return 0;
	f = arena_array(x->c->rq->arena, 1, sizeof(*f));
	if (f == NULL)
		return ERR_LIMIT;
	bounce_classify(x->rules, &said, &answer);
	*f = (struct ops_failure){.reason = answer.reason,
	    .class = answer.class,
	    .status = said.status,
	    .diagnostic = said.diagnostic};
	o->failure = f;
	o->relay = app_relays_bounces(x->c->app);
	return 0;
}

static void repeat(struct value *row, const struct value *e, const char *key)
{
	struct str s = value_get_str(e, key);

	if (s.n > 0)
		value_put_str(row, key, s);
}

/* What is wrong with one is told of that one. */
static int add_one(struct outcomes *x, const struct value *e)
{
	struct ops_outcome *o = &x->v[x->n];
	struct error err = {0};
	struct value *row = value_new_object();
	int rc = take_one(x->c, e, &o->change, &err);

	if (rc == 0)
		rc = take_failure(x, e, o);
	repeat(row, e, "queue_id");
	repeat(row, e, "message");
	repeat(row, e, "recipient");
	x->rows[x->seen] = row;
	if (rc == ERR_SYNTAX)
		value_put_str(row, "error", str_of(err.text));
	else if (rc != 0)
		x->c->err = err;
	else
		x->places[x->n++] = x->seen;
	x->seen++;
	return rc == ERR_SYNTAX ? 0 : rc;
}

static int read_all(struct outcomes *x)
{
	const struct value *list = value_get(x->c->body, "outcomes");
	size_t n = value_count(list);
	int rc = 0;

	if (!value_is_array(list))
		return error_set(&x->c->err, ERR_SYNTAX,
		    "\"outcomes\" is missing, or no array");
	if (n > OUTCOMES_MAX)
		return error_set(&x->c->err, ERR_LIMIT,
		    "more than %d outcomes in one call", OUTCOMES_MAX);
	x->v = arena_array(x->c->rq->arena, n + 1, sizeof(*x->v));
	x->rows = arena_array(x->c->rq->arena, n + 1, sizeof(struct value *));
	x->places = arena_array(x->c->rq->arena, n + 1, sizeof(*x->places));
	if (x->v == NULL || x->rows == NULL || x->places == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_one(x, value_at(list, i));
	return rc;
}

static void tell(struct outcomes *x)
{
	static const char *const words[] = {
	    [OPS_OUTCOME_CHANGED] = "changed",
	    [OPS_OUTCOME_UNCHANGED] = "unchanged",
	    [OPS_OUTCOME_UNKNOWN] = "unknown",
	    [OPS_OUTCOME_SEVERAL] = "several",
	};
	int64_t counts[4] = {0};

	for (size_t i = 0; i < x->n; i++) {
		const struct ops_outcome *o = &x->v[i];

		counts[o->result]++;
		value_put_str(
		    x->rows[x->places[i]], "result", str_of(words[o->result]));
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		value_put_i64(x->c->reply, words[i], counts[i]);
	value_put_i64(x->c->reply, "errors", (int64_t)(x->seen - x->n));
}

/* All or some were done where this fails: telling all again is right. */
static int apply_all(struct outcomes *x)
{
	int rc = ops_outcome_all(x->c->app->store, x->v, x->n);

	for (size_t i = 0; rc == 0 && i < x->n; i++)
		rc = x->v[i].rc;
	return rc;
}

int api_outcomes(struct api_call *c)
{
	struct outcomes x = {.c = c};
	struct value *results = value_new_array();
	int rc;

	x.rules = ruleset_get(c->app->rules);
	rc = read_all(&x);
	if (rc == 0)
		rc = apply_all(&x);
	if (rc == 0)
		tell(&x);
	for (size_t i = 0; i < x.seen; i++)
		value_add(results, x.rows[i]);
	value_put(c->reply, "results", results);
	bounce_rules_free(&x.rules);
	return rc;
}
