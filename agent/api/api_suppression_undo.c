/* api_suppression_undo.c - POST /v1/suppressions/undo: takes back what bounces
 * of a bad time did, by reason, provider and time.
 *
 * Only suppressions that reports of failures made, of the reasons that they
 * make: what a person said (a complaint, an opt-out), what people here entered
 * and what came with a list is never touched. Each is removed only if it is
 * still the one that was found, so that a call may be repeated. */
#include "agent/api/routes.h"
#include "agent/api/show.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/log.h"
#include "policy/mail/domain.h"
#include "policy/rules/giveup.h"
#include "policy/state/ops.h"

#include <errno.h>
#include <string.h>

enum {
	UNDO_LOOKS = 20000, /* rows of one call */
	UNDO_MAX = 500,     /* that it takes back */
	ADDRESS_ARENA = 16384,
};

struct undo {
	struct api_call *c;
	struct show s;
	enum suppression_reason reason;
	struct str provider;        /* canonical; empty: any */
	int64_t since_ms, until_ms; /* since <= made < until */
	struct arena *scratch;
	struct ops_suppress *v;
	size_t n;
	unsigned char key[LEDGER_KEY_MAX]; /* of the last row looked at */
	size_t key_n;
	bool more;
};

static bool is_below(struct str domain, struct str of)
{
	if (str_eq(domain, of))
		return true;
	return domain.n > of.n && str_ends(domain, of) &&
	       domain.p[domain.n - of.n - 1] == '.';
}

/* Is the person's mailbox there? One whose key is gone is nobody's. */
static bool is_at_provider(struct undo *u, const struct lead_id *id)
{
	struct str address;

	if (u->provider.n == 0)
		return true;
	arena_reset(u->scratch);
	if (person_address(u->s.store, u->s.t, id, u->scratch, &address) != 0)
		return false;
	return is_below(
	    str_from(address, str_rfind(address, '@') + 1), u->provider);
}

static bool is_meant(
    struct undo *u, const struct suppression_record *r, struct lead_id *id_out)
{
	if (r->kind != SUPPRESS_LEAD || r->what.n != sizeof(id_out->b) ||
	    r->reason != u->reason || !suppression_is_of_failure(r) ||
	    r->since_ms < u->since_ms || r->since_ms >= u->until_ms)
		return false;
	memcpy(id_out->b, r->what.p, sizeof(id_out->b));
	return is_at_provider(u, id_out);
}

static int take(struct undo *u, const struct suppression_record *r,
    const struct lead_id *id)
{
	struct ops_suppress *in = &u->v[u->n++];
	struct arena *a = u->c->rq->arena;

	*in = (struct ops_suppress){
	    .target = {.kind = SUPPRESS_LEAD, .lead = *id},
	    .author = u->c->user,
	    .note = api_arg(u->c, "note"),
	    .if_event = r->seq};
	in->segment = arena_str(a, r->segment);
	return in->segment.p != NULL ? 0 : ERR_LIMIT;
}

static int collect(struct undo *u, const struct ledger_txn *t)
{
	struct suppression_record r;
	struct lead_id id;
	struct str key;
	int rc = 0;

	for (int i = 0; i < UNDO_LOOKS && u->n < UNDO_MAX; i++) {
		rc = suppression_next(
		    t, (struct str){(const char *)u->key, u->key_n}, &key, &r);
		if (rc != 0)
			return rc == ERR_NOT_FOUND ? 0 : rc;
		memcpy(u->key, key.p, key.n);
		u->key_n = key.n;
		if (is_meant(u, &r, &id))
			rc = take(u, &r, &id);
		if (rc != 0)
			return rc;
	}
	u->more = true;
	return 0;
}

static int read_reason(struct undo *u)
{
	struct str name;
	int rc = api_need(u->c, "reason", &name);

	if (rc != 0)
		return rc;
	u->reason = (enum suppression_reason)suppression_reason_from(name);
	if (u->reason == 0 || giveup_is_of_person(u->reason))
		return error_set(&u->c->err, ERR_SYNTAX,
		    "\"%.*s\" is not a reason of failed deliveries: "
		    "user_unknown, mailbox_disabled, mailbox_moved, "
		    "host_unknown or mailbox_full",
		    STR_ARG(name));
	return 0;
}

static int read_provider(struct undo *u)
{
	struct str text = api_arg(u->c, "provider");

	if (text.n == 0)
		return 0;
	if (str_starts(text, STR("@")))
		text = str_from(text, 1);
	return domain_parse(u->c->rq->arena, text, &u->provider, &u->c->err);
}

static int read_times(struct undo *u)
{
	struct str ignored;
	int rc = api_need(u->c, "since", &ignored);

	u->until_ms = clock_now_ms() + 1;
	if (rc == 0)
		rc = api_time(u->c, "since", &u->since_ms);
	if (rc == 0)
		rc = api_time(u->c, "until", &u->until_ms);
	if (rc == 0 && u->since_ms >= u->until_ms)
		rc = error_set(&u->c->err, ERR_SYNTAX,
		    "\"since\" is not before \"until\"");
	return rc;
}

static int read_after(struct undo *u)
{
	struct str hex = api_arg(u->c, "after");

	u->key_n = hex.n / 2;
	if (hex.n == 0)
		return 0;
	if (u->key_n > sizeof(u->key) ||
	    codec_unhex(hex, u->key_n, u->key) != 0)
		return error_set(&u->c->err, ERR_SYNTAX,
		    "\"after\" is not what a reply gave as \"next\"");
	return 0;
}

static int read_wishes(struct undo *u)
{
	struct str ignored;
	int rc = read_reason(u);

	if (rc == 0)
		rc = read_provider(u);
	if (rc == 0)
		rc = read_times(u);
	if (rc == 0)
		rc = read_after(u);
	if (rc == 0 && !api_flag(u->c, "dry_run"))
		rc = api_need(u->c, "note", &ignored); /* for auditors */
	if (rc == 0)
		u->v = arena_array(u->c->rq->arena, UNDO_MAX, sizeof(*u->v));
	return rc == 0 && u->v == NULL ? ERR_LIMIT : rc;
}

static int find_all(struct undo *u)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(u->c->app->store->ledger, &t);

	if (rc == 0) {
		show_init(&u->s, u->c, t);
		rc = collect(u, t);
	}
	ledger_read_end(&t);
	return rc;
}

static int remove_all(struct undo *u, size_t *changed_out)
{
	struct ops_suppress_result *results =
	    arena_array(u->c->rq->arena, u->n + 1, sizeof(*results));
	int rc = results == NULL ? ERR_LIMIT : 0;

	*changed_out = 0;
	if (rc == 0)
		rc = ops_suppress_remove_all(
		    u->c->app->store, u->v, u->n, results);
	for (size_t i = 0; rc == 0 && i < u->n; i++) {
		rc = results[i].rc;
		*changed_out += results[i].changed;
	}
	return rc;
}

static void put_next(const struct undo *u)
{
	char hex[2 * LEDGER_KEY_MAX + 1];

	if (!u->more) {
		value_put_null(u->c->reply, "next");
		return;
	}
	codec_hex(u->key, u->key_n, hex);
	value_put_str(u->c->reply, "next", str_of(hex));
}

static void tell(const struct undo *u, size_t changed)
{
	if (changed > 0)
		LOG_EV(LOG_LEVEL_NOTICE, "suppress.undo",
		    KV_Z("reason", suppression_reason_name(u->reason)),
		    KV_STR("provider", u->provider),
		    KV_I64("count", (int64_t)changed),
		    KV_STR("author", u->c->user));
}

int api_suppression_undo(struct api_call *c)
{
	struct undo u = {.c = c, .scratch = arena_new(ADDRESS_ARENA)};
	size_t changed = 0;
	int rc = u.scratch == NULL ? -ENOMEM : read_wishes(&u);

	if (rc == 0)
		rc = find_all(&u);
	if (rc == 0 && !api_flag(c, "dry_run"))
		rc = remove_all(&u, &changed);
	arena_free(&u.scratch);
	if (rc != 0)
		return rc;
	tell(&u, changed);
	value_put_i64(c->reply, "found", (int64_t)u.n);
	value_put_i64(c->reply, "undone", (int64_t)changed);
	put_next(&u);
	return 0;
}
