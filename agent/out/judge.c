/* judge.c - see judge.h.
 *
 * The milter knows a message again by a key of what it says (samekey.h), and
 * would discard a second one. The same key is made here of the copy's file. A
 * relaxed canonical body and a few fields are all that goes in: what the MTA did
 * to the message on its way to the milter does not count. One-to-one mail is not
 * asked about: it has no deadline of a policy's.
 *
 * Nothing is stored for copies whose segment is removed when a policy is
 * applied: there may be thousands. The versions are on record, with what the
 * author chose, so the version that took the segment away decides over the
 * copies that were there by then, however often the agent is killed and whatever
 * is applied after it (policy/state/removed.h). */
#include "agent/out/judge.h"

#include "policy/mail/addrlist.h"
#include "policy/mail/dkim_body.h"
#include "policy/mail/headblock.h"
#include "policy/mail/textfind.h"
#include "policy/rules/comply.h"

#include <errno.h>

/* --- by the row --- */

static bool is_seed(const struct conf *conf, struct str address)
{
	for (size_t i = 0; i < conf->seeds.n; i++)
		if (str_eq(conf->seeds.v[i], address))
			return true;
	return false;
}

int judge_ask(
    const struct judge_in *j, struct decide_in *out, struct error *err)
{
	const struct conf *conf = j->app->conf;
	const struct copy_record *row = j->row;
	const struct conf_stream *st = conf_stream_find(conf, row->stream);
	int rc;

	*out = (struct decide_in){
	    .mode = DECIDE_SEND,
	    .segment = row->segment,
	    .stream = row->stream,
	    .campaign = row->campaign,
	    .from_domain = row->from_domain,
	    .may_hold = true,
	    .log_followed = conf->mta_log.file.n > 0,
	    .from_copy = true,
	    .held_id = row->id,
	    .arrived_ms = row->arrived_ms,
	    .forced = row->forced,
	};
	rc = address_parse(j->arena, j->address, &out->recipient, err);
	if (rc != 0)
		return rc;
	if (st == NULL)
		return error_set(err, ERR_NOT_FOUND, "stream %.*s is gone",
		    STR_ARG(row->stream));
	if (st->class == CONF_CLASS_ONE_TO_ONE)
		out->mode = DECIDE_ONE_TO_ONE;
	out->unknown = st->unknown;
	out->unknown_segment = st->unknown_segment;
	out->seed = is_seed(conf, out->recipient.text);
	return 0;
}

/* --- by the file --- */

struct file {
	struct header_list headers;
	struct str body;
	struct comply_in comply;
};

/* A header beyond all bounds is as unknown. */
static int read_file(const struct judge_in *j, struct file *f)
{
	struct str message = spool_copy_message(j->copy);
	size_t at;
	int rc = headblock_parse(message, j->arena, &f->headers, &at);

	if (rc == 0)
		f->body = str_from(message, at);
	return rc;
}

static int hash_body(struct str body, unsigned char out[DKIM_BODY_HASH])
{
	struct dkim_body *b = dkim_body_new();
	int rc = -ENOMEM;

	if (b != NULL) {
		dkim_body_update(b, body);
		rc = dkim_body_final(b, out);
	}
	dkim_body_free(&b);
	return rc;
}

static int make_key(const struct judge_in *j, const struct file *f,
    struct str recipient, struct samekey *out)
{
	const struct envelope *e = spool_copy_envelope(j->copy);
	struct samekey_in in = {
	    .stream = j->row->stream,
	    .recipient = recipient,
	    .first_queue_id = e->queue_id,
	    .copy_id = j->row->id,
	    .arrived_ms = e->arrived_ms,
	    .headers = &f->headers,
	};
	int rc = hash_body(f->body, in.body_hash);

	return rc == 0 ? samekey_make(&in, j->arena, out) : rc;
}

static int read_comply(const struct judge_in *j, struct file *f)
{
	const struct conf *conf = j->app->conf;
	struct addrlist from = {0};
	const struct header *h;
	size_t at = 0;
	int rc = 0;

	while (
	    rc == 0 && (h = header_next(&f->headers, STR("From"), &at)) != NULL)
		rc = addrlist_add(&from, j->arena, h->value);
	f->comply = (struct comply_in){
	    .stream = conf_stream_find(conf, j->row->stream),
	    .n_from = from.n + from.bad,
	    .has_base_url = conf->web.base_url.n > 0,
	};
	if (from.n == 1)
		f->comply.from_domain = from.v[0].addr.domain;
	f->comply.signer = conf_signer_find(conf, f->comply.from_domain);
	if (f->comply.signer != NULL)
		f->comply.n_keys = f->comply.signer->keys.n;
	return rc;
}

static int comply(
    void *arg, const struct policy_segment *s, enum comply_result *out)
{
	const struct file *f = arg;
	struct comply_in in = f->comply;
	int rc = 0;

	if (s->postal_address.n > 0)
		rc = textfind_in_message(&f->headers, f->body,
		    s->postal_address, &in.has_postal_address);
	*out = comply_decide(s, &in);
	return rc;
}

static int ask_file(
    const struct judge_in *j, struct file *f, struct decide_in *in)
{
	int rc = read_file(j, f);

	if (rc == 0)
		rc = make_key(j, f, in->recipient.text, &in->same);
	if (rc == 0)
		rc = read_comply(j, f);
	if (rc == 0) {
		in->comply = comply;
		in->comply_arg = f;
	} else if (rc == ERR_LIMIT) {
		in->same = (struct samekey){0};
		rc = 0;
	}
	return rc;
}

int judge_copy(const struct judge_in *j, int64_t now_ms, struct decide_out *out,
    struct error *err)
{
	struct file f = {.body = STR("")};
	struct decide_in in;
	int rc = judge_ask(j, &in, err);

	*out = (struct decide_out){0};
	if (rc == 0 && j->copy != NULL && in.mode == DECIDE_SEND)
		rc = error_of(err, ask_file(j, &f, &in), "copy");
	return rc != 0
		   ? rc
		   : decide_explain(j->app->store, &in, NULL, now_ms, out, err);
}

/* --- segments that are gone --- */

static enum judge_fate fate_of(
    const struct removal *v, const struct copy_record *row)
{
	if (v->applied_ms == 0 || row->added_ms > v->applied_ms)
		return JUDGE_DECIDE;
	return v->orphans == POLICYVER_ORPHANS_BOUNCE ? JUDGE_GIVE_BACK
						      : JUDGE_KEEP;
}

int judge_fate(struct app *app, const struct copy_record *row,
    enum judge_fate *out, struct error *err)
{
	struct store *s = app->store;
	const struct policy *policy;
	struct removal removal;
	bool known;
	uint32_t version;
	int rc = policyver_cache_get(s->policies, &policy, err);

	*out = JUDGE_DECIDE;
	if (rc != 0 || policy == NULL)
		return rc;
	version = policy->version;
	known = policy_segment_find(policy, row->segment) != NULL;
	policy_unref(&policy);
	if (known || row->kind != COPY_HELD || row->segment.n == 0)
		return 0;
	rc = removed_find(
	    s->removed, version, policy_label(row->segment), &removal, err);
	if (rc == 0)
		*out = fate_of(&removal, row);
	return rc;
}
