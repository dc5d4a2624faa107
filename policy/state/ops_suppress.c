/* ops_suppress.c - add and remove suppressions. */
#include "policy/base/fault.h"
#include "policy/mail/address_digest.h"
#include "policy/mail/domain.h"
#include "policy/rules/giveup.h"
#include "policy/state/crowd.h"
#include "policy/state/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_digest(struct arena *a, struct str hex,
    enum address_digest_kind kind, struct ops_target *out, struct error *err)
{
	struct address_digest d;
	int rc = address_digest_parse(hex, &d);

	if (rc != 0 || d.kind != kind)
		return error_set(err, ERR_SYNTAX,
		    "wanted %zu hexadecimal digits after the colon",
		    2 * address_digest_size(kind));
	out->kind = kind == ADDRESS_DIGEST_MD5 ? SUPPRESS_MD5 : SUPPRESS_SHA256;
	out->what = arena_str(
	    a, (struct str){(const char *)d.b, address_digest_size(kind)});
	return out->what.p != NULL ? 0 : ERR_LIMIT;
}

int ops_target_parse(
    struct arena *a, struct str text, struct ops_target *out, struct error *err)
{
	*out = (struct ops_target){.kind = SUPPRESS_LEAD};
	if (str_istarts(text, STR("sha256:")))
		return parse_digest(
		    a, str_from(text, 7), ADDRESS_DIGEST_SHA256, out, err);
	if (str_istarts(text, STR("md5:")))
		return parse_digest(
		    a, str_from(text, 4), ADDRESS_DIGEST_MD5, out, err);
	if (str_starts(text, STR("@"))) {
		out->kind = SUPPRESS_DOMAIN;
		return domain_parse(a, str_from(text, 1), &out->what, err);
	}
	return address_parse(a, text, &out->address, err);
}

struct change {
	struct store *store;
	const struct ops_suppress *in;
	struct person person;
	struct str what;
	uint32_t label;
	bool changed;
};

/* A pause is of all nurture, and beside what else there is. */
static uint32_t label_of(const struct ops_suppress *in)
{
	if (suppression_is_pause(in->reason))
		return SUPPRESSION_PAUSE_LABEL;
	return in->segment.n > 0 ? policy_label(in->segment) : 0;
}

static int open_target(struct change *c, struct door_ctx *ctx)
{
	int rc;

	c->changed = false;
	c->label = label_of(c->in);
	c->what = c->in->target.what;
	if (c->in->target.kind != SUPPRESS_LEAD)
		return 0;
	if (c->in->target.address.text.n > 0)
		rc = person_open(&c->person, c->store, door_txn(ctx),
		    &c->in->target.address);
	else
		rc = person_open_id(
		    &c->person, c->store, door_txn(ctx), &c->in->target.lead);
	c->what = (struct str){(const char *)c->person.id.b, LEAD_ID_BYTES};
	return rc;
}

static bool replaces(const struct ops_suppress *in,
    const struct suppression_record *there, int64_t now_ms)
{
	struct suppression_fact now = {
	    .reason = there->reason, .until_ms = there->until_ms};
	struct suppression_fact next = {
	    .reason = in->reason, .until_ms = in->until_ms};

	return giveup_replaces(&now, &next, now_ms);
}

static int emit_added(struct change *c, struct door_ctx *ctx)
{
	struct event_suppressed e = {.kind = c->in->target.kind,
	    .what = c->what,
	    .label = c->label,
	    .reason = c->in->reason,
	    .until_ms = c->in->until_ms,
	    .segment =
		c->label != SUPPRESSION_PAUSE_LABEL ? c->in->segment : STR(""),
	    .origin = c->in->origin,
	    .author = c->in->author,
	    .message_id = c->in->message_id};
	int rc = 0;

	if (e.kind == SUPPRESS_LEAD) {
		rc = person_emit(&c->person, ctx, &c->in->target.address);
		if (rc == 0)
			rc = person_seal(&c->person, PERSON_EVIDENCE,
			    c->in->note, door_arena(ctx), &e.note);
	} else {
		e.remark = c->in->note;
	}
	if (rc == 0)
		rc = payload_emit(
		    ctx, EV_SUPPRESSED, &suppression_added_payload, &e);
	c->changed = rc == 0;
	return rc;
}

static int refuse_md5(struct door_ctx *ctx)
{
	return error_set(door_error(ctx), -ENOTSUP,
	    "MD5 is forbidden by this machine's OpenSSL configuration: the "
	    "entry would bind nobody");
}

static int add_opened(struct change *c, struct door_ctx *ctx)
{
	struct suppression_record now;
	int rc = suppression_read(
	    door_txn(ctx), c->in->target.kind, c->what, c->label, &now);

	if (rc == ERR_NOT_FOUND ||
	    (rc == 0 && replaces(c->in, &now, door_now_ms(ctx))))
		rc = emit_added(c, ctx);
	return rc;
}

/* What was said of the person binds where the lead goes on, too. */
static int add_moved(struct change *c, struct door_ctx *ctx)
{
	int rc = person_next(&c->person, door_txn(ctx));

	for (int i = 0; rc == 0 && i < LEAD_MOVES_MAX; i++) {
		c->what =
		    (struct str){(const char *)c->person.id.b, LEAD_ID_BYTES};
		rc = add_opened(c, ctx);
		if (rc == 0)
			rc = person_next(&c->person, door_txn(ctx));
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int add_fn(struct door_ctx *ctx, void *arg)
{
	struct change *c = arg;
	int rc;

	if (c->in->target.kind == SUPPRESS_MD5 && suppression_md5_forbidden())
		return refuse_md5(ctx);
	rc = open_target(c, ctx);
	if (rc == 0)
		rc = add_opened(c, ctx);
	if (rc == 0 && c->in->target.kind == SUPPRESS_LEAD &&
	    giveup_is_of_person(c->in->reason))
		rc = add_moved(c, ctx);
	person_fini(&c->person);
	return rc;
}

/* The note is the sealed bytes of the event that made it: nothing is opened. */
int ops_suppress_end_emit(
    struct door_ctx *ctx, const struct suppression_record *r, int64_t until_ms)
{
	struct event_suppressed e = {0};
	struct event made;
	int rc = event_get(door_txn(ctx), r->seq, &made);

	if (rc == 0)
		rc = suppression_decode(made.payload, &e);
	if (rc != 0)
		return rc;
	if (e.first_seq == 0)
		e.first_seq = r->seq;
	e.since_ms = r->since_ms;
	e.until_ms = until_ms;
	return payload_emit(ctx, EV_SUPPRESSED, &suppression_added_payload, &e);
}

static int emit_removed(struct change *c, struct door_ctx *ctx)
{
	struct event_unsuppressed e = {.kind = c->in->target.kind,
	    .what = c->what,
	    .label = c->label,
	    .author = c->in->author};
	int rc = 0;

	if (e.kind == SUPPRESS_LEAD)
		rc = person_seal(&c->person, PERSON_EVIDENCE, c->in->note,
		    door_arena(ctx), &e.note);
	else
		e.why = c->in->note;
	if (rc == 0)
		rc = payload_emit(
		    ctx, EV_UNSUPPRESSED, &suppression_removed_payload, &e);
	c->changed = rc == 0;
	return rc;
}

static int remove_opened(struct change *c, struct door_ctx *ctx)
{
	struct suppression_record now;
	int rc = suppression_read(
	    door_txn(ctx), c->in->target.kind, c->what, c->label, &now);

	if (rc == 0 && (c->in->if_event == 0 || c->in->if_event == now.seq))
		rc = emit_removed(c, ctx);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int remove_fn(struct door_ctx *ctx, void *arg)
{
	struct change *c = arg;
	int rc = open_target(c, ctx);

	if (rc == 0)
		rc = remove_opened(c, ctx);
	person_fini(&c->person);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int ops_unsuppress_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_suppress *in, bool *changed_out)
{
	struct change c = {.store = s, .in = in};
	int rc = open_target(&c, ctx);

	if (rc == 0)
		rc = remove_opened(&c, ctx);
	for (int i = 0; rc == 0 && i < LEAD_MOVES_MAX; i++) {
		rc = person_next(&c.person, door_txn(ctx));
		c.what =
		    (struct str){(const char *)c.person.id.b, LEAD_ID_BYTES};
		if (rc == 0)
			rc = remove_opened(&c, ctx);
	}
	person_fini(&c.person);
	*changed_out = c.changed;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int run(struct store *s, const struct ops_suppress *in, door_fn *fn,
    bool *changed_out, struct error *err)
{
	struct change c = {.store = s, .in = in};
	int rc = door_propose(s->door, fn, &c, err);

	*changed_out = rc == 0 && c.changed;
	return rc;
}

int ops_suppress_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_suppress *in, bool *changed_out)
{
	struct change c = {.store = s, .in = in};
	int rc = add_fn(ctx, &c);

	*changed_out = rc == 0 && c.changed;
	return rc;
}

int ops_suppress_add(struct store *s, const struct ops_suppress *in,
    bool *changed_out, struct error *err)
{
	return run(s, in, add_fn, changed_out, err);
}

/* A number of changes, and who makes them. */
struct many {
	struct store *store;
	door_fn *fn;
	struct change *changes; /* room for CROWD_MAX */
};

static int change_some(const struct many *m, const struct ops_suppress *v,
    size_t n, struct ops_suppress_result *out)
{
	struct crowd_member members[CROWD_MAX];
	struct crowd *crowd = NULL;
	int rc;

	for (size_t i = 0; i < n; i++) {
		m->changes[i] = (struct change){.store = m->store, .in = &v[i]};
		members[i] = (struct crowd_member){.arg = &m->changes[i]};
	}
	rc = crowd_begin(&crowd, m->store->door, m->fn, members, n);
	crowd_end(&crowd);
	for (size_t i = 0; i < n && rc == 0; i++)
		out[i] = (struct ops_suppress_result){
		    members[i].rc, members[i].rc == 0 && m->changes[i].changed};
	return rc;
}

static int change_all(struct many *m, const struct ops_suppress *v, size_t n,
    struct ops_suppress_result *out)
{
	size_t at_once = n < CROWD_MAX ? n : CROWD_MAX, from = 0;
	int rc;

	m->changes =
	    fault_alloc() ? NULL : calloc(at_once + 1, sizeof(*m->changes));
	rc = m->changes != NULL ? 0 : -ENOMEM;

	while (rc == 0 && from < n) {
		size_t k = n - from < CROWD_MAX ? n - from : CROWD_MAX;

		rc = change_some(m, v + from, k, out + from);
		from += k;
	}
	free(m->changes);
	return rc;
}

int ops_suppress_add_all(struct store *s, const struct ops_suppress *v,
    size_t n, struct ops_suppress_result *out)
{
	struct many m = {.store = s, .fn = add_fn};

	return change_all(&m, v, n, out);
}

int ops_suppress_remove_all(struct store *s, const struct ops_suppress *v,
    size_t n, struct ops_suppress_result *out)
{
	struct many m = {.store = s, .fn = remove_fn};

	return change_all(&m, v, n, out);
}

int ops_suppress_remove(struct store *s, const struct ops_suppress *in,
    bool *changed_out, struct error *err)
{
	return run(s, in, remove_fn, changed_out, err);
}
