/* unsubscribe.c - one-click unsubscribe (RFC 8058) and its page.
 *
 *   POST with List-Unsubscribe=One-Click   withdraws consent to the purpose
 *   POST with all=1 (the page's button)    suppresses all nurture as well
 *   GET                                    the page; HEAD the same without it
 *
 * GET and HEAD change nothing: mail gateways fetch every link, and peers that
 * acted on GET lost whole companies of readers. The link never expires: the
 * token's subject id stands for lead and purpose for ever; the message id in
 * it is evidence only and may have aged. A person who was forgotten meanwhile
 * is answered like any other: what he asks for is so. But where the ledger has
 * no such subject - it was restored from before the mail - nothing can be
 * done, and saying 200 would be a lie. */
#include "agent/web/form.h"
#include "agent/web/page.h"
#include "agent/web/public.h"

#include "policy/base/log.h"
#include "policy/state/consent.h"
#include "policy/state/ops.h"
#include "policy/state/policyver.h"
#include "policy/state/subject.h"

struct target {
	struct lead_id lead;
	uint64_t message_id;
	struct str purpose; /* in the request's arena */
	struct str title;   /* what the page calls it; the same */
	bool stopped, all_stopped;
};

static void trouble(
    struct server_reply *rp, const struct words *w, const struct error *err)
{
	LOG_EV(LOG_LEVEL_ERR, "unsubscribe.trouble", KV_Z("error", err->text));
	page_begin(rp, w, w->failed);
	page_say(rp, w->try_again);
	page_end(rp);
	rp->status = 503;
}

/* What the page says of a person who opted out before. */
static int read_state(const struct ledger_txn *t, struct target *out)
{
	struct suppression_record s;
	struct consent_record c;
	int rc = consent_read(t, &out->lead, policy_label(out->purpose), &c);

	if (rc == 0)
		out->stopped =
		    c.state == CONSENT_WITHDRAWN || c.state == CONSENT_OBJECTED;
	else if (rc != ERR_NOT_FOUND)
		return rc;
	rc = suppression_read(t, SUPPRESS_LEAD,
	    (struct str){(const char *)out->lead.b, LEAD_ID_BYTES}, 0, &s);
	out->all_stopped = rc == 0 && s.until_ms == 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int read_subject(const struct ledger_txn *t,
    const struct server_request *rq, uint64_t subject_id, struct target *out)
{
	struct subject_record r;
	int rc = subject_read(t, subject_id, &r);

	if (rc == ERR_NOT_FOUND)
		LOG_EV_LIMITED(LOG_LEVEL_ERR, "unsubscribe.unknown");
	if (rc != 0)
		return rc;
	out->lead = r.lead;
	out->purpose = arena_str(rq->arena, r.purpose);
	return out->purpose.p != NULL ? read_state(t, out) : ERR_LIMIT;
}

/* ERR_NOT_FOUND for anything that is not a token of ours, or of nobody. */
static int find_target(struct app *app, const struct server_request *rq,
    struct str token, struct target *out)
{
	struct ledger_txn *t = NULL;
	struct token tok;
	int rc =
	    token_parse(app->tokens, TOKEN_SET(TOKEN_UNSUBSCRIBE), token, &tok);

	*out = (struct target){0};
	if (rc != 0)
		return rc;
	out->message_id = tok.message_id;
	rc = ledger_read_begin(app->store->ledger, &t);
	if (rc == 0)
		rc = read_subject(t, rq, tok.subject_id, out);
	ledger_read_end(&t);
	return rc;
}

/* No page is refused for want of a title: the bare name is understood too. */
static void set_title(struct app *app, const struct server_request *rq,
    const struct words *w, struct target *t)
{
	const struct policy *p = NULL;
	struct error err = {0};

	t->title = t->purpose;
	if (policyver_cache_get(app->store->policies, &p, &err) != 0) {
		LOG_EV_LIMITED(LOG_LEVEL_ERR, "unsubscribe.trouble",
		    KV_Z("error", err.text));
		return;
	}
	if (p != NULL)
		t->title = arena_str(rq->arena,
		    policy_purpose_title(p, t->purpose, str_of(w->lang)));
	if (t->title.p == NULL)
		t->title = t->purpose;
	policy_unref(&p);
}

static void put_all_button(struct server_reply *rp, const struct words *w)
{
	static const struct page_field all = {"all", "1"};

	page_button_second(rp, &all, w->all_stop);
}

static void put_footer(struct server_reply *rp, const struct words *w)
{
	page_say_small(rp, w->still);
	page_end(rp);
}

static void ask_page(
    struct server_reply *rp, const struct words *w, const struct target *t)
{
	static const struct page_field one = {"List-Unsubscribe", "One-Click"};
	bool stopped = t->stopped || t->all_stopped;

	page_begin(rp, w, stopped ? w->stopped : w->ask);
	if (t->all_stopped)
		page_say(rp, w->all_no_more);
	else
		page_say_about(rp,
		    stopped ? &w->receives_no_more : &w->receives, t->title);
	if (!stopped)
		page_button(rp, &one, &w->stop, t->title);
	if (!t->all_stopped)
		put_all_button(rp, w);
	put_footer(rp, w);
}

static void done_page(struct server_reply *rp, const struct words *w,
    const struct target *t, bool all)
{
	page_begin(rp, w, w->done);
	if (all)
		page_say(rp, w->all_will_no_more);
	else
		page_say_about(rp, &w->will_no_more, t->title);
	if (!all && !t->all_stopped)
		put_all_button(rp, w);
	put_footer(rp, w);
}

static int withdraw(struct app *app, const struct server_request *rq,
    const struct target *t, struct error *err)
{
	struct ops_consent in = {.lead = t->lead,
	    .purpose = t->purpose,
	    .state = CONSENT_WITHDRAWN,
	    .origin = STR("one-click"),
	    .author = STR("recipient"),
	    .evidence = str_of(rq->client),
	    .message_id = t->message_id};
	bool changed;

	return ops_consent_set(app->store, &in, &changed, err);
}

static int suppress_all(struct app *app, const struct server_request *rq,
    const struct target *t, struct error *err)
{
	struct ops_suppress in = {.reason = SUPPRESSION_OPT_OUT,
	    .origin = STR("unsubscribe-page"),
	    .author = STR("recipient"),
	    .note = str_of(rq->client),
	    .message_id = t->message_id};
	bool changed;

	in.target.kind = SUPPRESS_LEAD;
	in.target.lead = t->lead;
	return ops_suppress_add(app->store, &in, &changed, err);
}

/* A person forgotten meanwhile is as good as unsubscribed. */
static int opt_out(struct app *app, const struct server_request *rq,
    const struct target *t, bool all, struct error *err)
{
	int rc = withdraw(app, rq, t, err);

	if (rc == 0 && all)
		rc = suppress_all(app, rq, t, err);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Durable before the 200; 200 also when nothing was left to do. */
static void act(struct app *app, const struct server_request *rq,
    struct target *t, struct server_reply *rp)
{
	const struct words *w = words_for(rq->language);
	struct error err = {0};
	struct str value;
	bool all = form_get(rq, "all", &value) == 0 && str_eq(value, STR("1"));
	bool one = form_get(rq, "List-Unsubscribe", &value) == 0 &&
		   str_ieq(value, STR("One-Click"));
	int rc;

	if (!all && !one) {
		rp->status = 400;
		buf_addz(&rp->body,
		    "Wanted: List-Unsubscribe=One-Click (RFC 8058).\n");
		return;
	}
	rc = opt_out(app, rq, t, all, &err);
	if (rc != 0) {
		trouble(rp, w, &err);
		return;
	}
	LOG_EV(LOG_LEVEL_NOTICE, "unsubscribed",
	    KV_I64("msg", (int64_t)t->message_id),
	    KV_STR("purpose", t->purpose), KV_I64("all", all));
	set_title(app, rq, w, t);
	done_page(rp, w, t, all);
}

void unsubscribe_handle(struct app *app, const struct server_request *rq,
    struct str token, struct server_reply *rp)
{
	const struct words *w = words_for(rq->language);
	struct target t;
	struct error err = {0};
	int rc;

	if (rq->method != SERVER_GET && rq->method != SERVER_HEAD &&
	    rq->method != SERVER_POST) {
		rp->status = 405;
		rp->allow = "GET, HEAD, POST";
		buf_addz(&rp->body, "Method not allowed.\n");
		return;
	}
	rc = find_target(app, rq, token, &t);
	if (rc == ERR_NOT_FOUND) {
		page_not_found(rp, w);
	} else if (rc != 0) {
		(void)error_set(&err, rc, "%s", error_text(rc));
		trouble(rp, w, &err);
	} else if (rq->method == SERVER_POST) {
		act(app, rq, &t, rp);
	} else {
		set_title(app, rq, w, &t);
		ask_page(rp, w, &t);
	}
}
