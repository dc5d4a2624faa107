/* unsubscribe.c - one-click unsubscribe (RFC 8058) and its page.
 *
 *   POST with List-Unsubscribe=One-Click   withdraws consent to the purpose
 *   POST with all=1 (the page's button)    suppresses all nurture
 *   GET                                    the page; HEAD the same without it
 *
 * GET and HEAD change nothing: mail gateways fetch every link, and peers that
 * acted on GET lost whole companies of readers. The link never expires: the
 * token's subject id stands for lead and purpose for ever; the message id in
 * it is evidence only and may have aged. */
#include "agent/web/public.h"

#include "policy/base/log.h"
#include "policy/state/ops.h"
#include "policy/state/subject.h"

enum {
	PURPOSE_MAX = 200
};

struct target {
	struct lead_id lead;
	uint64_t message_id;
	struct str purpose; /* in the request's arena */
};

static void not_found(struct server_reply *rp)
{
	rp->status = 404;
	buf_addz(&rp->body, "Not found.\n");
}

static void trouble(struct server_reply *rp, const struct error *err)
{
	LOG_EV(LOG_LEVEL_ERR, "unsubscribe.trouble", KV_Z("error", err->text));
	rp->status = 503;
	buf_reset(&rp->body);
	buf_addz(&rp->body, "Please try again in a few minutes.\n");
}

/* ERR_NOT_FOUND for anything that is not a live token of ours. */
static int find_target(struct app *app, const struct server_request *rq,
    struct str token, struct target *out)
{
	struct subject_record r;
	struct ledger_txn *t = NULL;
	struct token tok;
	int rc =
	    token_parse(app->tokens, TOKEN_SET(TOKEN_UNSUBSCRIBE), token, &tok);

	if (rc == 0)
		rc = ledger_read_begin(app->store->ledger, &t);
	if (rc == 0)
		rc = subject_read(t, tok.subject_id, &r);
	if (rc == 0) {
		out->lead = r.lead;
		out->message_id = tok.message_id;
		out->purpose = arena_str(rq->arena, r.purpose);
		rc = out->purpose.p != NULL ? 0 : ERR_LIMIT;
	}
	ledger_read_end(&t);
	return rc;
}

static void add_html(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n && i < PURPOSE_MAX; i++) {
		switch (s.p[i]) {
		case '<':
			buf_addz(b, "&lt;");
			break;
		case '>':
			buf_addz(b, "&gt;");
			break;
		case '&':
			buf_addz(b, "&amp;");
			break;
		case '"':
			buf_addz(b, "&quot;");
			break;
		default:
			buf_addc(b, s.p[i]);
		}
	}
}

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\">"
    "<meta name=\"robots\" content=\"noindex\">"
    "<title>Unsubscribe</title><style>"
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem "
    "auto;padding:0 1.2rem;color:#1c2430;background:#fff}"
    "h1{font-size:1.5rem;margin:0 0 1rem}"
    "button{font:inherit;padding:.6rem 1.1rem;margin:.3rem 0;border-radius:"
    ".4rem;border:1px solid #1f5fbf;background:#1f5fbf;color:#fff;"
    "cursor:pointer;width:100%}"
    "button.all{background:#fff;color:#1c2430;border-color:#8a94a3}"
    "p.small{color:#5a6573;font-size:.95rem}"
    "</style></head><body><main>\n";
static const char page_tail[] = "</main></body></html>\n";

static void begin_page(struct server_reply *rp)
{
	rp->status = 200;
	rp->content_type = "text/html; charset=utf-8";
	buf_addz(&rp->body, page_head);
}

static void ask_page(struct server_reply *rp, const struct target *t)
{
	begin_page(rp);
	buf_addz(&rp->body, "<h1>Unsubscribe</h1>\n<p>You receive our mail "
			    "about <strong>");
	add_html(&rp->body, t->purpose);
	buf_addz(&rp->body, "</strong>.</p>\n"
			    "<form method=\"post\"><input type=\"hidden\" "
			    "name=\"List-Unsubscribe\" value=\"One-Click\">"
			    "<button id=\"one\">Stop mail about ");
	add_html(&rp->body, t->purpose);
	buf_addz(&rp->body,
	    "</button></form>\n"
	    "<form method=\"post\"><input type=\"hidden\" name=\"all\" "
	    "value=\"1\"><button id=\"all\" class=\"all\">Stop all marketing "
	    "mail</button></form>\n"
	    "<p class=\"small\">Messages that you ask for, such as receipts, "
	    "still reach you.</p>\n");
	buf_addz(&rp->body, page_tail);
}

static void done_page(struct server_reply *rp, const struct target *t, bool all)
{
	begin_page(rp);
	buf_addz(&rp->body, "<h1>Done</h1>\n<p>");
	if (all) {
		buf_addz(&rp->body, "You will receive no more marketing mail "
				    "from us.");
	} else {
		buf_addz(&rp->body, "You will receive no more mail about "
				    "<strong>");
		add_html(&rp->body, t->purpose);
		buf_addz(&rp->body, "</strong>.");
	}
	buf_addz(&rp->body, "</p>\n");
	buf_addz(&rp->body, page_tail);
}

/* One field of application/x-www-form-urlencoded, or of multipart/form-data:
 * name and value hold no character that would be encoded, but in the one
 * whole fields are told apart by "&", in the other by the field's quoted
 * name. */
static bool asks_for(
    const struct server_request *rq, struct str part, struct str pair)
{
	struct str rest = rq->body, one;

	if (str_icontains(rq->content_type, STR("multipart/form-data")))
		return str_contains(rq->body, part);
	while (str_next(&rest, '&', &one))
		if (str_eq(str_trim(one), pair))
			return true;
	return false;
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

/* Durable before the 200; 200 also when nothing was left to do. */
static void act(struct app *app, const struct server_request *rq,
    const struct target *t, struct server_reply *rp)
{
	bool all = asks_for(rq, STR("name=\"all\""), STR("all=1"));
	bool one =
	    asks_for(rq, STR("One-Click"), STR("List-Unsubscribe=One-Click"));
	struct error err = {0};
	int rc;

	if (!all && !one) {
		rp->status = 400;
		buf_addz(&rp->body,
		    "Wanted: List-Unsubscribe=One-Click (RFC 8058).\n");
		return;
	}
	rc = withdraw(app, rq, t, &err);
	if (rc == 0 && all)
		rc = suppress_all(app, rq, t, &err);
	if (rc != 0) {
		trouble(rp, &err);
		return;
	}
	LOG_EV(LOG_LEVEL_NOTICE, "unsubscribed",
	    KV_I64("msg", (int64_t)t->message_id),
	    KV_STR("purpose", t->purpose), KV_I64("all", all));
	done_page(rp, t, all);
}

void unsubscribe_handle(struct app *app, const struct server_request *rq,
    struct str token, struct server_reply *rp)
{
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
		not_found(rp);
	} else if (rc != 0) {
		(void)error_set(&err, rc, "%s", error_text(rc));
		trouble(rp, &err);
	} else if (rq->method == SERVER_POST) {
		act(app, rq, &t, rp);
	} else {
		ask_page(rp, &t);
	}
}
