/* api_policy.c - /v1/policy: show, log, diff. */
#include "agent/api/routes.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/conf/tell.h"
#include "policy/state/policyver.h"

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

int api_policy_log(struct api_call *c)
{
	struct value *list = value_new_array();
	struct ledger_txn *t = NULL;
	uint32_t current = 0;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	if (rc == 0)
		rc = policyver_current(t, &current);
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
	ledger_read_end(&t);
	value_put(c->reply, "versions", list);
	return rc;
}

static int read_one(
    struct api_call *c, const struct ledger_txn *t, uint32_t current)
{
	struct policyver_record r;
	uint64_t version = current;
	int rc = api_number(c, "version", UINT32_MAX, &version);

	if (rc == 0 && version == 0)
		rc = error_set(
		    &c->err, ERR_NOT_FOUND, "no policy was applied yet");
	if (rc != 0)
		return rc;
	rc = policyver_read(t, (uint32_t)version, &r);
	if (rc == ERR_NOT_FOUND)
		return error_set(&c->err, rc, "no policy version %llu",
		    (unsigned long long)version);
	if (rc != 0)
		return rc;
	put_policy(c->reply, &r, true);
	value_put_bool(c->reply, "in_force", version == current);
	return 0;
}

int api_policy_show(struct api_call *c)
{
	struct ledger_txn *t = NULL;
	uint32_t current;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	if (rc == 0)
		rc = policyver_current(t, &current);
	if (rc == 0)
		rc = read_one(c, t, current);
	ledger_read_end(&t);
	return rc;
}

struct pair {
	const struct policy *from, *to;
	uint64_t from_version, to_version; /* to: 0 for a given text */
};

/* Without `from` and `to`: what the last change was. With a text: against the
 * version in force. */
static int load_pair(
    struct api_call *c, const struct ledger_txn *t, struct pair *p)
{
	struct str text = api_arg(c, "text");
	uint32_t current;
	int rc = policyver_current(t, &current);

	p->to_version = text.p != NULL ? 0 : current;
	p->from_version = current;
	if (text.p == NULL && api_arg(c, "from").n == 0 && current > 1)
		p->from_version = current - 1;
	if (rc == 0)
		rc = api_number(c, "from", UINT32_MAX, &p->from_version);
	if (rc == 0 && text.p == NULL)
		rc = api_number(c, "to", UINT32_MAX, &p->to_version);
	if (rc == 0)
		rc = policyver_load(
		    t, (uint32_t)p->from_version, &p->from, &c->err);
	if (rc == 0)
		rc = text.p != NULL
			 ? policy_parse(&p->to, "policy", text, 0, &c->err)
			 : policyver_load(
			       t, (uint32_t)p->to_version, &p->to, &c->err);
	return rc;
}

static void add_line(void *arg, const char *line)
{
	value_add_str(arg, str_of(line));
}

int api_policy_diff(struct api_call *c)
{
	struct ledger_txn *t = NULL;
	struct pair p = {0};
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	if (rc == 0)
		rc = load_pair(c, t, &p);
	ledger_read_end(&t);
	if (rc == 0) {
		struct value *effects = value_new_array();
		struct value *changes = value_new_array();
		struct value *warnings = value_new_array();

		(void)policy_tell(p.from, p.to, add_line, effects);
		(void)policy_diff(p.from, p.to, add_line, changes);
		policy_warnings(p.to, clock_now_ms(), add_line, warnings);
		(void)conf_check_policy(c->app->conf, p.to, add_line, warnings);
		value_put_i64(c->reply, "from", (int64_t)p.from_version);
		if (p.to_version != 0)
			value_put_i64(c->reply, "to", (int64_t)p.to_version);
		value_put(c->reply, "effects", effects);
		value_put(c->reply, "changes", changes);
		value_put(c->reply, "warnings", warnings);
	}
	policy_unref(&p.from);
	policy_unref(&p.to);
	return rc;
}
