/* submit.c - see submit.h.
 *
 * Which answers speak for the recipient and which for the whole way: until the
 * message is there a temporary refusal is the MTA's trouble (a milter that is
 * down makes Postfix say 451 to RCPT); at the end it is the verdict, unless its
 * status is of class 4.3 (the mail system). The milter's 5.7.7 is trouble too:
 * it does not know our token (two key files), and to refuse all copies for
 * that would be the worst answer. */
#include "agent/out/submit.h"

#include "agent/in/mtalog_id.h"
#include "agent/out/maildate.h"
#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/mail/headblock.h"
#include "policy/mail/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOP_MAX = 1024
};

struct submit {
	struct app *app;
	struct smtp *smtp;
};

int submit_open(struct submit **out, struct app *app, struct error *err)
{
	struct submit *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	s->app = app;
	s->smtp = smtp_new(&(struct smtp_options){
	    .server = app->conf->agent.release,
	    .name = app->conf->authserv_id,
	    .stop = &app->stopping,
	});
	if (s->smtp == NULL) {
		submit_close(&s);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*out = s;
	return 0;
}

void submit_close(struct submit **s)
{
	if (*s == NULL)
		return;
	smtp_free(&(*s)->smtp);
	free(*s);
	*s = NULL;
}

void submit_drop(struct submit *s)
{
	smtp_drop(s->smtp);
}

static bool speaks_for_all(const struct smtp_reply *r)
{
	if (r->stage == SMTP_STAGE_OPEN || r->code == 421 ||
	    strcmp(r->enhanced, "5.7.7") == 0)
		return true;
	return r->code < 500 &&
	       (r->stage != SMTP_STAGE_END ||
		   str_starts(str_of(r->enhanced), STR("4.3.")));
}

static enum submit_outcome outcome_of(const struct smtp_reply *r)
{
	if (r->code < 300)
		return SUBMIT_SENT;
	if (speaks_for_all(r))
		return SUBMIT_TROUBLE;
	return r->code >= 500 ? SUBMIT_REFUSED : SUBMIT_LATER;
}

static void send_it(struct submit *s, const struct smtp_mail *m,
    struct submit_result *out, struct error *err)
{
	if (smtp_send(s->smtp, m, &out->reply, err) != 0) {
		out->outcome = SUBMIT_TROUBLE;
		return;
	}
	out->outcome = outcome_of(&out->reply);
	if (out->outcome != SUBMIT_TROUBLE)
		return;
	smtp_drop(s->smtp);
	(void)error_set(err, ERR_UNAVAILABLE, "release: %d %s %s",
	    out->reply.code, out->reply.enhanced, out->reply.text);
}

static int add_token(struct submit *s, uint64_t id, struct buf *top)
{
	struct token t = {.kind = TOKEN_RAW, .message_id = id};
	char text[TOKEN_TEXT_MAX + 1];
	int rc = token_make(s->app->tokens, &t, text);

	if (rc == 0)
		buf_printf(top, TOKEN_FIELD ": %s\r\n", text);
	return rc != 0 ? rc : buf_error(top);
}

static bool has_message_id(struct str message)
{
	struct header h;
	size_t at = 0;

	while (headblock_next(message, &at, &h))
		if (str_ieq(h.name, STR("Message-ID")))
			return true;
	return false;
}

/* RFC 5321 section 4.4: we had the message, and the MTA's own trace of its
 * first arrival is not shown to milters. Queue ids are plain; what is not goes
 * unsaid. */
static void add_trace(
    struct submit *s, const struct envelope *e, struct buf *top)
{
	bool plain = e->queue_id.n > 0;

	for (size_t i = 0; i < e->queue_id.n; i++)
		plain &= ascii_is_alnum(e->queue_id.p[i]);
	buf_printf(top, "Received: by %.*s (Tendril)",
	    STR_ARG(s->app->conf->authserv_id));
	if (plain)
		buf_printf(top, " id %.*s", STR_ARG(e->queue_id));
	buf_addz(top, ";\r\n\t");
	maildate_add(top, e->arrived_ms);
	buf_addz(top, "\r\n");
}

static int make_top(struct submit *s, uint64_t id, const struct spool_copy *c,
    uint32_t index, struct buf *top)
{
	int rc = add_token(s, id, top);

	add_trace(s, spool_copy_envelope(c), top);
	if (rc == 0 && !has_message_id(spool_copy_message(c)))
		buf_printf(top, "Message-ID: <%016llx.%u@%.*s>\r\n",
		    (unsigned long long)id, index,
		    STR_ARG(s->app->conf->authserv_id));
	return rc != 0 ? rc : buf_error(top);
}

/* Takes top, which rc says is complete. */
static void send_below(struct submit *s, int rc, struct buf *top,
    struct smtp_mail *m, struct submit_result *out, struct error *err)
{
	m->top = buf_str(top);
	*out = (struct submit_result){.outcome = SUBMIT_TROUBLE};
	if (rc == 0)
		send_it(s, m, out, err);
	else
		(void)error_of(err, rc, "token");
	buf_fini(top);
}

void submit_copy(struct submit *s, uint64_t id, const struct spool_copy *c,
    uint32_t index, struct submit_result *out, struct error *err)
{
	const struct envelope *e = spool_copy_envelope(c);
	struct smtp_mail m = {
	    .sender = e->sender,
	    .sender_args = e->sender_args,
	    .rcpt = e->rcpts[index].address,
	    .rcpt_args = e->rcpts[index].args,
	    .message = spool_copy_message(c),
	};
	struct buf top;
	int rc;

	buf_init(&top, TOP_MAX);
	rc = make_top(s, id, c, index, &top);
	send_below(s, rc, &top, &m, out, err);
}

struct str submit_queue_id(const struct smtp_reply *reply)
{
	return mtalog_queued_as(str_of(reply->text));
}

void submit_report(struct submit *s, const struct submit_mail *report,
    struct submit_result *out, struct error *err)
{
	static const struct str utf8_arg = {"SMTPUTF8", 8};
	static const struct str notify = {"NOTIFY=NEVER", 12};
	struct smtp_mail m = {
	    .rcpt = report->to,
	    .sender_args = {&utf8_arg, report->utf8 ? 1 : 0},
	    .rcpt_args = {&notify, 1},
	    .message = report->message,
	};
	struct buf top;
	int rc;

	buf_init(&top, TOP_MAX);
	rc = add_token(s, report->id, &top);
	send_below(s, rc, &top, &m, out, err);
}
