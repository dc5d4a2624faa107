/* api_policy_change.c - /v1/policy: apply, check, revert.
 *
 * A segment that a stream of the conf names, or that copies are held for, is
 * not removed by accident: "orphans" must say what becomes of them, "hold"
 * (they wait for their deadline) or "bounce" (they go back at once: the agent
 * does that by the version that is on record, agent/out/judge.c). The
 * look at the copies is not part of the proposal: a copy that comes in between
 * counts as an orphan like those that came before. */
#include "agent/api/routes.h"

#include "policy/base/clock.h"
#include "policy/conf/tell.h"
#include "policy/state/copy.h"
#include "policy/state/ops.h"

struct change {
	struct api_call *c;
	struct str text;
	const char *path;
	enum policyver_orphans orphans;
	const struct policy *from, *to; /* from NULL: the first policy */
	bool is_kept_back;              /* a segment would be orphaned */
};

static void add_line(void *arg, const char *line)
{
	value_add_str(arg, str_of(line));
}

static bool stream_names(const struct conf_stream *s, struct str segment)
{
	if (str_eq(s->segment, segment) || str_eq(s->unknown_segment, segment))
		return true;
	for (size_t i = 0; i < s->n_segment_map; i++)
		if (str_eq(s->segment_map[i].to, segment))
			return true;
	return false;
}

static int count_held(
    const struct ledger_txn *t, struct str segment, uint64_t *out)
{
	struct copy_record r;
	uint64_t after = 0;
	int rc;

	*out = 0;
	while ((rc = copy_next(t, after, &r)) == 0) {
		after = r.id;
		if (r.kind == COPY_HELD && str_eq(r.segment, segment))
			(*out)++;
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* What would be without rules when this segment goes. */
static int look_at_removed(struct change *ch, const struct ledger_txn *t,
    const struct policy_segment *s, struct value *list)
{
	const struct conf *conf = ch->c->app->conf;
	struct value *o, *streams = value_new_array();
	uint64_t held;
	int rc = count_held(t, s->name, &held);

	for (size_t i = 0; i < conf->n_streams; i++)
		if (stream_names(&conf->streams[i], s->name))
			value_add_str(streams, conf->streams[i].name);
	if (rc == 0 && (held > 0 || value_count(streams) > 0)) {
		ch->is_kept_back = true;
		o = value_new_object();
		value_put_str(o, "segment", s->name);
		value_put_i64(o, "held", (int64_t)held);
		value_put(o, "streams", streams);
		if (ch->orphans != POLICYVER_ORPHANS_NONE)
			value_put_str(o, "orphans", api_arg(ch->c, "orphans"));
		value_add(list, o);
		return 0;
	}
	value_free(&streams);
	return rc;
}

static int look_at_orphans(struct change *ch, const struct ledger_txn *t)
{
	struct value *list = value_new_array();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ch->from->n_segments; i++)
		if (policy_segment_find(ch->to, ch->from->segments[i].name) ==
		    NULL)
			rc = look_at_removed(
			    ch, t, &ch->from->segments[i], list);
	value_put(ch->c->reply, "orphans", list);
	return rc;
}

/* Fills effects, changes, warnings and orphans of the reply. */
static int examine(struct change *ch)
{
	struct api_call *c = ch->c;
	struct value *effects = value_new_array();
	struct value *changes = value_new_array();
	struct value *warnings = value_new_array();
	struct ledger_txn *t = NULL;
	int rc = policy_parse(&ch->to, ch->path, ch->text, 0, &c->err);

	if (rc == 0)
		rc = policyver_cache_get(
		    c->app->store->policies, &ch->from, &c->err);
	if (rc == 0) {
		policy_warnings(ch->to, clock_now_ms(), add_line, warnings);
		(void)conf_check_policy(
		    c->app->conf, ch->to, add_line, warnings);
	}
	if (rc == 0 && ch->from != NULL) {
		(void)policy_tell(ch->from, ch->to, add_line, effects);
		(void)policy_diff(ch->from, ch->to, add_line, changes);
		rc = ledger_read_begin(c->app->store->ledger, &t);
		if (rc == 0)
			rc = look_at_orphans(ch, t);
		ledger_read_end(&t);
	}
	value_put(c->reply, "effects", effects);
	value_put(c->reply, "changes", changes);
	value_put(c->reply, "warnings", warnings);
	return rc;
}

static int read_orphans(struct api_call *c, enum policyver_orphans *out)
{
	struct str s = api_arg(c, "orphans");

	*out = POLICYVER_ORPHANS_NONE;
	if (s.n == 0)
		return 0;
	if (str_eq(s, STR("hold")))
		*out = POLICYVER_ORPHANS_HOLD;
	else if (str_eq(s, STR("bounce")))
		*out = POLICYVER_ORPHANS_BOUNCE;
	else
		return error_set(
		    &c->err, ERR_SYNTAX, "\"orphans\" is hold or bounce");
	return 0;
}

static int open_change(struct change *ch, struct api_call *c)
{
	struct str name = api_arg(c, "path");
	int rc = read_orphans(c, &ch->orphans);

	ch->c = c;
	ch->path = arena_str(c->rq->arena, name.n > 0 ? name : STR("policy")).p;
	if (rc == 0 && ch->path == NULL)
		rc = ERR_LIMIT;
	return rc;
}

static void close_change(struct change *ch)
{
	policy_unref(&ch->from);
	policy_unref(&ch->to);
}

static int refuse_orphans(struct change *ch)
{
	return error_set(&ch->c->err, ERR_EXISTS,
	    "a segment that is removed is named by a stream of the conf, or "
	    "messages are held for it: say orphans=hold or orphans=bounce");
}

/* What is in force is no fault: asked again, the answer is the same. */
static int put_in_force(struct api_call *c, const struct ops_policy *in)
{
	uint32_t version;
	int rc = ops_policy_apply(c->app->store, in, &version, &c->err);

	if (rc != 0 && rc != ERR_EXISTS)
		return rc;
	value_put_i64(c->reply, "version", version);
	value_put_bool(c->reply, "changed", rc == 0);
	return 0;
}

static int apply(struct change *ch)
{
	struct api_call *c = ch->c;
	struct ops_policy in = {.author = c->user,
	    .path = str_of(ch->path),
	    .text = ch->text,
	    .orphans = ch->orphans};
	uint64_t base = 0;
	int rc = api_need(c, "reason", &in.reason);

	if (rc == 0)
		rc = api_number(c, "base", UINT32_MAX, &base);
	if (rc == 0)
		rc = examine(ch);
	if (rc == 0 && ch->is_kept_back &&
	    ch->orphans == POLICYVER_ORPHANS_NONE)
		rc = refuse_orphans(ch);
	in.base = (uint32_t)base;
	return rc == 0 ? put_in_force(c, &in) : rc;
}

int api_policy_apply(struct api_call *c)
{
	struct change ch = {0};
	int rc = open_change(&ch, c);

	if (rc == 0)
		rc = api_need(c, "text", &ch.text);
	if (rc == 0)
		rc = apply(&ch);
	close_change(&ch);
	return rc;
}

int api_policy_check(struct api_call *c)
{
	struct change ch = {0};
	int rc = open_change(&ch, c);

	if (rc == 0)
		rc = api_need(c, "text", &ch.text);
	if (rc == 0)
		rc = examine(&ch);
	if (rc == 0)
		value_put_i64(c->reply, "in_force",
		    ch.from != NULL ? ch.from->version : 0);
	close_change(&ch);
	return rc;
}

static int old_text(struct api_call *c, uint32_t version, struct str *out)
{
	struct policyver_record r;
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	if (rc == 0)
		rc = policyver_read(t, version, &r);
	if (rc == 0) {
		*out = arena_str(c->rq->arena, r.text);
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	ledger_read_end(&t);
	return rc == ERR_NOT_FOUND
		   ? error_set(&c->err, rc, "no policy version %u", version)
		   : rc;
}

int api_policy_revert(struct api_call *c)
{
	struct change ch = {0};
	uint64_t version = 0;
	int rc = open_change(&ch, c);

	if (rc == 0)
		rc = api_number(c, "version", UINT32_MAX, &version);
	if (rc == 0)
		rc = old_text(c, (uint32_t)version, &ch.text);
	if (rc == 0)
		rc = apply(&ch);
	close_change(&ch);
	return rc;
}
