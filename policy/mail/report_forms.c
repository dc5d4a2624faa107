/* report_forms.c - reports in forms of their own: Amazon's notes (sesnote.h),
 * and reports that a person forwarded whole.
 *
 * A forwarded report is told for what it says, by its fields of RFC 3464 alone,
 * and never acted upon: see report.h. An answer that quotes one is none. */
#include "policy/mail/report_internal.h"

#include "policy/mail/multireport.h"
#include "policy/mail/sesnote.h"

#include <string.h>

/* The first text of the mail, decoded. */
static int first_text(struct report_job *j, struct str *out)
{
	return multireport_notice(&j->mime, j->a, out);
}

/* ---- Amazon ---- */

static int fill_complaint(struct report_job *j, const struct sesnote *s)
{
	struct report *out = j->out;

	out->kind = REPORT_COMPLAINT;
	out->reason = BOUNCE_ABUSE;
	out->rcpt = arena_array(j->a, s->n + 1, sizeof(*out->rcpt));
	if (out->rcpt == NULL)
		return ERR_LIMIT;
	for (; out->n < s->n; out->n++) {
		struct report_recipient *r = &out->rcpt[out->n];
		r->address = s->rcpt[out->n].final;
		r->reason = BOUNCE_ABUSE;
		r->class = bounce_class_of(BOUNCE_ABUSE);
		r->outcome = BOUNCE_SENT; /* it did arrive */
	}
	return 0;
}

int report_sort_sesnote(struct report_job *j)
{
	struct dsn d = {0};
	struct sesnote s;
	struct str text;
	int rc;

	if (!sesnote_is(&j->mime.head))
		return ERR_NOT_FOUND;
	rc = first_text(j, &text);
	if (rc == 0)
		rc = sesnote_read(text, j->a, &s);
	if (rc != 0)
		return rc;
	j->out->source = REPORT_BY_SES;
	j->out->reason = BOUNCE_OTHER_REPORT;
	j->out->reporting_mta = s.reporting_mta;
	if (s.type == SESNOTE_COMPLAINT)
		return fill_complaint(j, &s);
	if (s.type != SESNOTE_BOUNCE)
		return 0;
	d.rcpt = s.rcpt;
	d.n = s.n;
	rc = report_judge_all(j, &d);
	if (rc == 0)
		report_sum_up(j->out);
	return rc;
}

/* ---- forwarded ---- */

static bool is_forward(struct str subject)
{
	static const struct str prefixes[] = {STR("fwd:"), STR("fw:"),
	    STR("wg:"), STR("tr:"), STR("rv:"), STR("i:"), STR("pd:")};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (str_istarts(subject, prefixes[i]))
			return true;
	return false;
}

/* Without the marks that mail programs put before quoted lines. */
static struct str unquote(struct str text, struct arena *a)
{
	struct str rest = str_cut(text, 0, NOTICE_TEXT_MAX), line;
	char *to = arena_alloc(a, rest.n + 1);
	size_t n = 0;

	if (to == NULL)
		return STR_NULL;
	while (str_next(&rest, '\n', &line)) {
		if (str_starts(line, STR(">")))
			line = str_from(line, 1);
		if (str_starts(line, STR(" ")))
			line = str_from(line, 1);
		if (line.n > 0)
			memcpy(to + n, line.p, line.n);
		n += line.n;
		to[n++] = '\n';
	}
	return (struct str){to, n};
}

static bool is_whole(const struct dsn *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (!report_is_mailbox(d->rcpt[i].final) ||
		    d->rcpt[i].action == DSN_NO_ACTION ||
		    d->rcpt[i].status.n == 0)
			return false;
	return d->n > 0;
}

int report_sort_forward(struct report_job *j)
{
	const struct header *h = header_find(&j->mime.head, STR("Subject"), 0);
	struct str text;
	struct dsn d;
	int rc;

	if (h == NULL || !is_forward(str_trim(h->value)))
		return ERR_NOT_FOUND;
	rc = first_text(j, &text);
	if (rc != 0)
		return rc;
	text = unquote(text, j->a);
	if (text.p == NULL)
		return ERR_LIMIT;
	rc = dsn_read(text, j->a, &d);
	if (rc != 0 || !is_whole(&d))
		return rc != 0 ? rc : ERR_NOT_FOUND;
	j->out->source = REPORT_BY_FORWARD;
	j->out->reporting_mta = d.reporting_mta;
	j->out->envelope_id = d.envelope_id;
	rc = report_judge_all(j, &d);
	if (rc == 0)
		report_sum_up(j->out);
	return rc;
}
