/* nurture.c - see nurture.h.
 *
 * A verdict that needs a copy is found without one first (ERR_NEED_COPY,
 * nothing has happened), the copy written, and proposed with its id. The
 * second verdict may be another - time passed - and then the copy goes. */
#include "milter/nurture.h"

#include "milter/reply.h"
#include "milter/shadow.h"
#include "milter/takeover.h"
#include "policy/base/log.h"
#include "policy/mail/textfind.h"

enum {
	ID_TRIES = 3,
};

int nurture_labels(struct message *m)
{
	struct session *s = m->s;

	return recognise_labels(
	    s->stream, &s->g.headers, s->g.arena, &m->segment, &m->campaign);
}

/* All recipients have the same message, and nearly always the same segment. */
static int find_postal(struct message *m, struct str words, bool *found_out)
{
	int rc = 0;

	if (m->postal.words.p == NULL || !str_eq(m->postal.words, words)) {
		rc = textfind_in_message(
		    &m->s->g.headers, m->body, words, &m->postal.found);
		m->postal.words =
		    rc == 0 ? arena_str(m->s->g.arena, words) : STR_NULL;
	}
	*found_out = rc == 0 && m->postal.found;
	return rc;
}

/* Compliance with the policy's segment; asked for each version tried. */
int nurture_comply(
    void *arg, const struct policy_segment *seg, enum comply_result *out)
{
	struct message *m = arg;
	struct comply_in in = m->comply;
	int rc = 0;

	if (seg->postal_address.n > 0)
		rc =
		    find_postal(m, seg->postal_address, &in.has_postal_address);
	*out = comply_decide(seg, &in);
	return rc;
}

static int fill(
    struct message *m, size_t rcpt, struct decide_in *in, struct error *err)
{
	struct session *s = m->s;
	int rc = eom_fill_decide(m, rcpt, in, err);

	in->mode = DECIDE_SEND;
	in->comply = nurture_comply;
	in->comply_arg = m;
	in->may_hold = m->copy_id == 0 && takeover_is_possible(s);
	return rc;
}

static int propose_with_copy(struct message *m, struct store *store,
    struct decide_in *in, struct decide_out *out, struct error *err)
{
	int rc = takeover_write(m, COPY_HELD, &in->copy_id, err);

	if (rc != 0)
		return rc;
	rc = decide_propose(store, in, out, err);
	if (rc != 0 || out->verdict.action != VERDICT_HOLD)
		takeover_forget(m->s, in->copy_id);
	return rc;
}

static int propose(struct message *m, struct decide_in *in,
    struct decide_out *out, struct error *err)
{
	struct store *store = eom_store(m->s, err);
	int rc;

	if (store == NULL)
		return ERR_UNAVAILABLE;
	rc = decide_propose(store, in, out, err);
	if (rc != ERR_NEED_COPY)
		return rc;
	rc = ERR_EXISTS;
	for (int i = 0; i < ID_TRIES && rc == ERR_EXISTS; i++) {
		decide_fini(out);
		rc = propose_with_copy(m, store, in, out, err);
	}
	return rc;
}

static enum answer answer_decided(struct message *m, const struct decide_out *p)
{
	struct session *s = m->s;
	struct error err = {0};
	struct reply r;
	enum answer a = reply_from_verdict(&p->verdict, &r);

	if (a == ANSWER_TEMPFAIL && s->local)
		return takeover_undecided(m);
	if (a != ANSWER_CONTINUE)
		return eom_say(s, a, &r);
	if (eom_send_on(m, p, &err) == 0)
		return a;
	eom_release_slot(m, p);
	return eom_trouble(m, "send", &err);
}

static enum answer decide_one(struct message *m)
{
	struct session *s = m->s;
	struct decide_out p = {0};
	struct decide_in in;
	struct error err = {0};
	struct reply r;
	enum answer a;
	int rc = fill(m, 0, &in, &err);

	if (rc == ERR_SYNTAX)
		return eom_say(s, reply_bad_address(&r), &r);
	if (rc != 0)
		return eom_trouble(m, "proposal", &err);
	if (propose(m, &in, &p, &err) != 0)
		a = eom_trouble(m, "decide", &err);
	else {
		eom_log_decision(m, in.recipient.text, &p);
		a = answer_decided(m, &p);
	}
	decide_fini(&p);
	return a;
}

/* --- several recipients --- */

/* What no recipient's facts could change is said at once, and not to each of
 * them by a report. What cannot be known now is decided with each of them. */
static struct verdict whole_verdict(
    struct message *m, const struct policy *policy)
{
	struct verdict v = {.action = VERDICT_REJECT};
	const struct policy_segment *seg;

	if (policy == NULL)
		return (struct verdict){
		    .action = VERDICT_DEFER, .reason = REASON_NO_POLICY};
	seg = policy_segment_find(policy, m->segment);
	if (seg == NULL && m->s->stream->unknown == CONF_UNKNOWN_REJECT) {
		v.reason = REASON_UNKNOWN_SEGMENT;
		return v;
	}
	if (seg != NULL && seg->not_compliant.action == POLICY_REJECT &&
	    nurture_comply(m, seg, &v.compliance) != 0)
		v.compliance = COMPLY_OK;
	if (v.compliance != COMPLY_OK)
		v.reason = REASON_NOT_COMPLIANT;
	else
		v.action = VERDICT_ALLOW;
	return v;
}

/* True: the answer is in *out. */
static bool refuse_whole(
    struct message *m, struct store *store, enum answer *out, struct error *err)
{
	const struct policy *policy;
	struct verdict v;
	struct reply r;

	if (policyver_cache_get(store->policies, &policy, err) != 0)
		return false;
	v = whole_verdict(m, policy);
	policy_unref(&policy);
	*out = reply_from_verdict(&v, &r);
	if (*out == ANSWER_CONTINUE || (*out == ANSWER_TEMPFAIL && m->s->local))
		return false;
	eom_log_decision(m, STR("-"), &(struct decide_out){.verdict = v});
	*out = eom_say(m->s, *out, &r);
	return true;
}

static enum answer take_over(struct message *m)
{
	struct error err = {0};
	struct store *store = eom_store(m->s, &err);
	enum answer a;

	if (store != NULL && refuse_whole(m, store, &a, &err))
		return a;
	return takeover_all(m);
}

enum answer nurture_run(struct message *m)
{
	struct session *s = m->s;
	struct error err = {0};
	int rc = nurture_labels(m);

	if (rc != 0) {
		(void)error_set(&err, rc, "%s", error_text(rc));
		return eom_trouble(m, "segment", &err);
	}
	m->shadow = eom_is_shadow(s);
	/* A body that cannot be read is not one that lacks something. */
	rc = gather_body(&s->g, &m->body);
	if (rc != 0 && !m->shadow) {
		(void)error_set(&err, rc, "%s", error_text(rc));
		return eom_trouble(m, "body", &err);
	}
	if (m->shadow)
		return shadow_run(m);
	if (s->g.n_rcpts == 1 || m->copy_id != 0)
		return decide_one(m);
	return take_over(m);
}
