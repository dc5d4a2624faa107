/* act.c - see act.h.
 *
 * A mail with several tokens is one proposal a token, and the digest goes with
 * the last one: killed in between, the mail comes again, and what was done is
 * known by its message id. */
#include "agent/in/act.h"

#include "policy/base/log.h"
#include "policy/mail/address.h"
#include "policy/state/message.h"
#include "policy/state/ops_feedback.h"
#include "policy/state/person.h"

#include <errno.h>

enum {
	FAILURES_MAX = 64, /* of one report; ours has one */
	EVIDENCE_MAX = 500,
	RECIPIENTS_MAX = 1000, /* of one queue id */
};

static bool relays_bounces(const struct app *app)
{
	return app->conf->agent.relay_bounces && app->conf->agent.release.n > 0;
}

/* --- canonical addresses --- */

/* Empty for what is no address. */
static struct str canonical(struct arena *a, struct str text)
{
	struct address addr;

	if (text.n == 0 || address_parse(a, text, &addr, NULL) != 0)
		return STR_NULL;
	return addr.text;
}

static void fill_failure(
    struct arena *a, const struct report_recipient *r, struct ops_failure *out)
{
	*out = (struct ops_failure){
	    .address = {canonical(a, r->address), canonical(a, r->original),
		canonical(a, r->original_xtext)},
	    .reason = r->reason,
	    .class = r->class,
	    .status = r->status,
	    .diagnostic = r->diagnostic,
	};
}

/* --- one token of a mail --- */

struct work {
	struct store *store;
	const struct sort *mail;
	const struct sort_token *token; /* NULL: none */
	const unsigned char *digest;
	struct ops_failure *failures;
	size_t n_failures;
	struct str evidence;
	bool last; /* the digest goes along */
	bool relay;
	/* results */
	bool seen;
	struct ops_feedback_out out;
};

static int emit_meaning(struct door_ctx *ctx, struct work *w)
{
	const struct token *t = &w->token->token;
	struct ops_bounce bounce = {.message_id = t->message_id,
	    .source = FEEDBACK_BY_DSN,
	    .failures = w->failures,
	    .n = w->n_failures,
	    .release_slot = true,
	    .relay = w->relay};
	struct ops_opt_out opt_out = {.message_id = t->message_id,
	    .subject_id = t->subject_id,
	    .origin = STR("unsubscribe-mail"),
	    .evidence = w->evidence};

	switch (w->token->meaning) {
	case SEEN_BOUNCE:
		return w->n_failures == 0
			   ? 0
			   : ops_bounce_emit(ctx, w->store, &bounce, &w->out);
	case SEEN_COMPLAINT:
		return ops_complaint_emit(
		    ctx, w->store, t->message_id, &w->out);
	case SEEN_UNSUBSCRIBE:
		if (t->kind != TOKEN_UNSUBSCRIBE)
			opt_out.origin = STR("feedback-report");
		return ops_opt_out_emit(ctx, w->store, &opt_out, &w->out);
	case SEEN_DELAYED:
	case SEEN_DELIVERED:
	case SEEN_AUTO_REPLY:
	case SEEN_REPORT:
	case SEEN_EXPIRED:
	case SEEN_UNPARSED:
		break;
	}
	return 0;
}

static int token_fn(struct door_ctx *ctx, void *arg)
{
	struct work *w = arg;
	int rc = seen_has(door_txn(ctx), w->digest, &w->seen);

	w->out = (struct ops_feedback_out){0};
	if (rc != 0 || w->seen)
		return rc;
	if (w->token != NULL)
		rc = emit_meaning(ctx, w);
	if (rc == 0 && w->last)
		rc = seen_emit(ctx, w->digest, w->mail->kind,
		    w->token != NULL ? w->token->token.message_id : 0);
	return rc;
}

static void tell_result(
    enum seen_kind kind, uint64_t id, const struct ops_feedback_out *o)
{
	const char *why = o->known ? bounce_reason_name(o->reason) : "";
	const char *suppressed = "";

	if (o->suppressed != 0)
		suppressed = suppression_reason_name(
		    (enum suppression_reason)o->suppressed);
	LOG_EV(LOG_LEVEL_NOTICE, "feedback", KV_I64("msg", (int64_t)id),
	    KV_Z("kind", seen_kind_name(kind)), KV_Z("reason", why),
	    KV_Z("suppressed", suppressed), KV_I64("news", o->news),
	    KV_I64("known", o->known));
	if (kind == SEEN_BOUNCE && o->known && o->news && !o->names_lead)
		LOG_EV(LOG_LEVEL_WARNING, "feedback.other_person",
		    KV_I64("msg", (int64_t)id));
}

/* --- a mail --- */

static int read_failures(const struct sort *mail, struct arena *a,
    struct ops_failure **v_out, size_t *n_out)
{
	struct ops_failure *v = arena_array(a, FAILURES_MAX, sizeof(*v));

	*n_out = 0;
	*v_out = v;
	if (v == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < mail->report.n && *n_out < FAILURES_MAX; i++)
		if (mail->report.rcpt[i].outcome == BOUNCE_FAILED)
			fill_failure(a, &mail->report.rcpt[i], &v[(*n_out)++]);
	return 0;
}

static struct str first_text(
    const struct sort *mail, const char *name, struct arena *a)
{
	const struct header *h =
	    header_find(&mail->report.head, str_of(name), 0);

	return h != NULL ? str_cut(header_text(a, h), 0, EVIDENCE_MAX)
			 : STR("");
}

/* Who asked: what the mail says, and where the milter saw it come from. */
static int read_evidence(
    const struct sort *mail, struct arena *a, struct str *out)
{
	struct str from = first_text(mail, "From", a);
	struct str origin = STR("");
	char *z;

	if (mail->has_origin)
		origin = first_text(mail, ORIGIN_FIELD, a);
	z = arena_printf(a, "From: %.*s%s%.*s", STR_ARG(from),
	    origin.n > 0 ? "; " : "", STR_ARG(origin));
	*out = str_of(z);
	return z != NULL ? 0 : ERR_LIMIT;
}

static int propose(const struct app *app, struct work *w, struct error *err)
{
	const struct sort *mail = w->mail;
	int rc = 0;

	for (size_t i = 0; rc == 0 && !w->seen; i++) {
		w->token = i < mail->n ? &mail->tokens[i] : NULL;
		w->last = i + 1 >= mail->n;
		rc = door_propose(app->store->door, token_fn, w, err);
		if (rc == 0 && !w->seen && w->token != NULL)
			tell_result(w->token->meaning,
			    w->token->token.message_id, &w->out);
		if (w->last)
			break;
	}
	return rc;
}

int act_mail(const struct app *app, const struct sort *mail,
    const unsigned char digest[SEEN_DIGEST], bool *news_out, struct error *err)
{
	struct work w = {.store = app->store,
	    .mail = mail,
	    .digest = digest,
	    .relay = relays_bounces(app)};
	struct arena *a = arena_new(1 << 20);
	int rc;

	*news_out = false;
	if (a == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	rc = read_failures(mail, a, &w.failures, &w.n_failures);
	if (rc == 0)
		rc = read_evidence(mail, a, &w.evidence);
	if (rc != 0)
		(void)error_set(err, rc, "%s", error_text(rc));
	else
		rc = propose(app, &w, err);
	*news_out = rc == 0 && !w.seen;
	arena_free(&a);
	return rc;
}

/* --- the log --- */

struct log_work {
	struct store *store;
	bool relay;
	const struct act_failure *f;
	struct bounce_answer answer;
	uint64_t message_id; /* 0: none of ours */
	struct ops_feedback_out out;
};

/* The message of that queue id, with several the one to that address. */
static int find_message(
    struct door_ctx *ctx, struct log_work *w, struct str rcpt)
{
	const struct ledger_txn *t = door_txn(ctx);
	uint64_t ids[RECIPIENTS_MAX];
	struct message_record m;
	struct str address;
	size_t n;
	int rc = message_by_queue(t, w->f->queue_id, ids, RECIPIENTS_MAX, &n);

	w->message_id = 0;
	if (rc == 0 && n == 1)
		w->message_id = ids[0];
	for (size_t i = 0; rc == 0 && n > 1 && i < n; i++) {
		rc = message_read(t, ids[i], &m);
		if (rc == 0)
			rc = person_address(
			    w->store, t, &m.lead, door_arena(ctx), &address);
		if (rc == 0 && str_eq(address, rcpt)) {
			w->message_id = ids[i];
			break;
		}
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int log_fn(struct door_ctx *ctx, void *arg)
{
	struct log_work *w = arg;
	struct arena *a = door_arena(ctx);
	struct ops_failure failure = {
	    .address = {canonical(a, w->f->rcpt), canonical(a, w->f->rewritten),
		STR_NULL},
	    .reason = w->answer.reason,
	    .class = w->answer.class,
	    .status = w->f->status,
	    .diagnostic = w->f->text,
	};
	struct ops_bounce in = {.source = FEEDBACK_BY_LOG,
	    .failures = &failure,
	    .n = 1,
	    .relay = w->relay};
	int rc = find_message(ctx, w, failure.address[0]);

	w->out = (struct ops_feedback_out){0};
	in.message_id = w->message_id;
	if (rc != 0 || w->message_id == 0)
		return rc;
	return ops_bounce_emit(ctx, w->store, &in, &w->out);
}

int act_log_bounce(const struct app *app, const struct bounce_rules *rules,
    const struct act_failure *f, struct error *err)
{
	struct bounce_evidence e = {.outcome = BOUNCE_FAILED,
	    .status = f->status,
	    .diagnostic = f->text};
	struct log_work w = {
	    .store = app->store, .relay = relays_bounces(app), .f = f};
	int rc;

	bounce_classify(rules, &e, &w.answer);
	rc = door_propose(app->store->door, log_fn, &w, err);
	if (rc == 0 && w.out.news)
		tell_result(SEEN_BOUNCE, w.message_id, &w.out);
	return rc;
}
