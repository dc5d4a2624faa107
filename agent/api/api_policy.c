/* api_policy.c - /v1/policy: apply, show, log. */
#include "agent/api/routes.h"

#include "policy/base/codec.h"
#include "policy/state/ops.h"

static void put_policy(
    struct value *o, const struct policyver_record *r, bool with_text)
{
	char hash[65];

	codec_hex(r->hash, sizeof(r->hash), hash);
	value_put_i64(o, "version", r->version);
	value_put_time(o, "applied", r->applied_ms);
	value_put_str(o, "author", r->author);
	value_put_str(o, "reason", r->reason);
	value_put_str(o, "sha256", str_of(hash));
	if (with_text)
		value_put_str(o, "text", r->text);
}

int api_policy_apply(struct api_call *c)
{
	struct ops_policy in = {.author = c->user};
	uint32_t version;
	int64_t base = 0;
	struct str name = api_arg(c, "path");
	int rc = api_need(c, "text", &in.text);

	if (rc == 0)
		rc = api_need(c, "reason", &in.reason);
	if (rc != 0)
		return rc;
	in.path = arena_str(c->rq->arena, name.n > 0 ? name : STR("policy"));
	if (in.path.p == NULL)
		return ERR_LIMIT;
	if (value_get_i64(c->body, "base", &base) && base > 0 &&
	    base <= UINT32_MAX)
		in.base = (uint32_t)base;
	rc = ops_policy_apply(c->app->store, &in, &version, &c->err);
	if (rc == 0)
		value_put_i64(c->reply, "version", version);
	return rc;
}

static int show_log(
    struct api_call *c, const struct ledger_txn *t, uint32_t current)
{
	struct value *list = value_new_array();
	int rc = 0;

	for (uint32_t v = current; rc == 0 && v > 0; v--) {
		struct policyver_record r;
		struct value *o;

		rc = policyver_read(t, v, &r);
		if (rc != 0)
			break;
		o = value_new_object();
		put_policy(o, &r, false);
		value_add(list, o);
	}
	value_put(c->reply, "versions", list);
	return rc;
}

static int show_one(
    struct api_call *c, const struct ledger_txn *t, uint32_t current)
{
	struct str want = api_arg(c, "version");
	struct policyver_record r;
	uint64_t version = current;
	int rc = 0;

	if (want.n > 0)
		rc = str_u64(want, UINT32_MAX, &version);
	if (rc == 0 && version == 0)
		rc = error_set(
		    &c->err, ERR_NOT_FOUND, "no policy was applied yet");
	if (rc == 0)
		rc = policyver_read(t, (uint32_t)version, &r);
	if (rc == 0)
		put_policy(c->reply, &r, true);
	return rc;
}

int api_policy_show(struct api_call *c)
{
	struct ledger_txn *t = NULL;
	uint32_t current;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	if (rc == 0)
		rc = policyver_current(t, &current);
	if (rc == 0)
		rc = str_eq(c->rest, STR("/log")) ? show_log(c, t, current)
						  : show_one(c, t, current);
	ledger_read_end(&t);
	return rc;
}
