/* report.c - see report.h. */
#include "policy/mail/report.h"

#include "policy/mail/multireport.h"
#include "policy/mail/report_internal.h"

#include <string.h>

const char *report_kind_name(enum report_kind kind)
{
	static const char *const names[] = {"none", "hard", "soft", "delayed",
	    "delivered", "complaint", "unsubscribe", "auto-reply"};

	return (size_t)kind < sizeof(names) / sizeof(*names) ? names[kind]
							     : "none";
}

const char *report_source_name(enum report_source source)
{
	static const char *const names[] = {"nothing", "dsn", "arf", "mdn",
	    "headers", "x-failed-recipients", "notice", "ses", "forward",
	    "plain"};

	return (size_t)source < sizeof(names) / sizeof(*names) ? names[source]
							       : "nothing";
}

/* How much a recipient counts towards the kind of the whole. */
static enum report_kind kind_of(const struct report_recipient *r)
{
	if (r->class == BOUNCE_CLASS_PERSON)
		return REPORT_HARD;
	if (r->outcome == BOUNCE_SENT)
		return REPORT_DELIVERED;
	if (r->reason == BOUNCE_AUTO_REPLY)
		return REPORT_AUTO_REPLY;
	return r->outcome == BOUNCE_DELAYED ? REPORT_DELAYED : REPORT_SOFT;
}

void report_sum_up(struct report *out)
{
	/* the first of these that a recipient has is the mail's */
	static const enum report_kind order[] = {REPORT_HARD, REPORT_SOFT,
	    REPORT_DELAYED, REPORT_AUTO_REPLY, REPORT_DELIVERED};

	out->reason = BOUNCE_NOT_A_BOUNCE;
	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
		for (size_t i = 0; i < out->n; i++)
			if (kind_of(&out->rcpt[i]) == order[k]) {
				out->kind = order[k];
				out->reason = out->rcpt[i].reason;
				return;
			}
}

/* ---- delivery status notifications ---- */

int report_sort_dsn(struct report_job *j)
{
	struct report *out = j->out;
	struct dsn d;
	int rc = dsn_parse(&j->mime, j->a, &d);

	if (rc != 0)
		return rc;
	out->source = REPORT_BY_DSN;
	out->envelope_id = d.envelope_id;
	out->reporting_mta = d.reporting_mta;
	out->queue_id = d.queue_id;
	out->original = d.original;
	out->cut = d.cut || j->mime.cut;
	rc = report_judge_all(j, &d);
	if (rc == 0)
		report_sum_up(out);
	return rc;
}

/* ---- feedback reports and receipts ---- */

static int sort_arf(struct report_job *j)
{
	static const struct {
		enum report_kind kind;
		enum bounce_reason reason;
	} meaning[] = {
	    [ARF_OTHER] = {REPORT_NONE, BOUNCE_OTHER_REPORT},
	    [ARF_ABUSE] = {REPORT_COMPLAINT, BOUNCE_ABUSE},
	    [ARF_FRAUD] = {REPORT_COMPLAINT, BOUNCE_ABUSE},
	    [ARF_VIRUS] = {REPORT_COMPLAINT, BOUNCE_ABUSE},
	    [ARF_NOT_SPAM] = {REPORT_NONE, BOUNCE_OTHER_REPORT},
	    [ARF_AUTH_FAILURE] = {REPORT_NONE, BOUNCE_AUTH_REPORT},
	    [ARF_OPT_OUT] = {REPORT_UNSUBSCRIBE, BOUNCE_OPT_OUT},
	};
	struct report *out = j->out;
	struct arf f;
	int rc = arf_parse(&j->mime, j->a, &f);

	if (rc != 0)
		return rc;
	out->source = REPORT_BY_ARF;
	out->feedback = f.type;
	out->kind = meaning[f.type].kind;
	out->reason = meaning[f.type].reason;
	out->envelope_id = f.envelope_id;
	out->original = f.original;
	out->cut = j->mime.cut;
	out->rcpt = arena_array(j->a, 1, sizeof(*out->rcpt));
	if (out->rcpt == NULL)
		return ERR_LIMIT;
	out->rcpt[0].address = f.rcpt_to.n > 0 ? f.rcpt_to : f.removal;
	out->rcpt[0].reason = out->reason;
	out->rcpt[0].class = bounce_class_of(out->reason);
	out->rcpt[0].outcome = BOUNCE_SENT; /* it did arrive */
	out->n = out->rcpt[0].address.n > 0;
	return 0;
}

static int sort_mdn(struct report_job *j)
{
	struct report *out = j->out;
	struct mdn d;
	int rc = mdn_parse(&j->mime, j->a, &d);

	if (rc != 0)
		return rc;
	/* Sieve's "reject", and Dovecot's of a full mailbox, come as receipts
	 * of a message that was deleted (RFC 5429 section 2.1). */
	if (d.type == MDN_DELETED && d.action == MDN_AUTOMATIC) {
		rc = report_sort_notice(j);
		if (rc != ERR_NOT_FOUND)
			return rc;
	}
	out->source = REPORT_BY_MDN;
	out->reason = BOUNCE_OTHER_REPORT;
	out->original = d.returned;
	out->disposition = d.type;
	out->original_message_id = d.message_id;
	out->rcpt = arena_array(j->a, 1, sizeof(*out->rcpt));
	if (out->rcpt == NULL)
		return ERR_LIMIT;
	out->rcpt[0].address = d.final;
	out->rcpt[0].original = d.original;
	out->rcpt[0].diagnostic = d.error;
	out->rcpt[0].reason = out->reason;
	out->rcpt[0].class = bounce_class_of(out->reason);
	out->rcpt[0].outcome = BOUNCE_SENT; /* it did arrive */
	out->n = report_is_mailbox(d.final);
	return 0;
}

/* A status part that names nobody: the notice beside it may. */
static int sort_delivery(struct report_job *j)
{
	int rc = report_sort_dsn(j);

	if (rc == 0 && j->out->n == 0) {
		rc = report_sort_notice(j);
		if (rc == ERR_NOT_FOUND)
			rc = 0;
	}
	return rc;
}

enum {
	BARE_CR_MAX = 256 << 10, /* bytes of a mail that is copied */
};

/* A file whose lines end with CR alone, as old mail programs keep mail: as if
 * they ended with LF. Another mail is left alone. */
static int read_lines(struct str *message, struct arena *a)
{
	char *copy;

	if (message->n == 0 || message->n > BARE_CR_MAX ||
	    memchr(message->p, '\n', message->n) != NULL ||
	    memchr(message->p, '\r', message->n) == NULL)
		return 0;
	copy = arena_alloc(a, message->n);
	if (copy == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < message->n; i++)
		copy[i] = message->p[i] == '\r' ? '\n' : message->p[i];
	message->p = copy;
	return 0;
}

int report_classify(const struct bounce_rules *rules, struct str message,
    struct arena *a, struct report *out)
{
	struct report_job j = {.rules = rules, .a = a, .out = out};
	int rc;

	*out = (struct report){.reason = BOUNCE_NOT_A_BOUNCE};
	rc = read_lines(&message, a);
	if (rc == 0)
		rc = mime_scan(message, a, &j.mime);
	if (rc != 0)
		return rc;
	out->head = j.mime.head;
	out->cut = j.mime.cut;
	rc = sort_delivery(&j);
	if (rc == ERR_NOT_FOUND)
		rc = sort_arf(&j);
	if (rc == ERR_NOT_FOUND)
		rc = sort_mdn(&j);
	if (rc == ERR_NOT_FOUND)
		rc = report_sort_sesnote(&j);
	if (rc == ERR_NOT_FOUND)
		rc = report_sort_notice(&j);
	if (rc == ERR_NOT_FOUND)
		rc = report_sort_auto(&j);
	if (rc == ERR_NOT_FOUND)
		rc = report_sort_forward(&j);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}
