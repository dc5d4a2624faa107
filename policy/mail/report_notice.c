/* report_notice.c - failures that an MTA tells in words alone (notice.h).
 *
 * Who failed is found in this order: fields of RFC 3464 that stand in the text
 * itself, X-Failed-Recipients, the lines of the notice, its subject, a report
 * that a gateway wrapped into a notice of its own, the To field of the returned
 * message if that has one address. */
#include "policy/mail/report_internal.h"

#include "policy/mail/addrlist.h"
#include "policy/mail/multireport.h"
#include "policy/mail/notice_line.h"

/* --- who --- */

/* The only address in To of the returned message; empty if there is none. */
static int returned_to(struct report_job *j, struct str *out)
{
	const struct header *h = header_find(&j->notice.returned, STR("To"), 0);
	struct addrlist l = {0};
	int rc;

	*out = STR_NULL;
	if (h == NULL)
		return 0;
	rc = addrlist_add(&l, j->a, str_cut(h->value, 0, MULTIREPORT_TEXT_MAX));
	if (rc == 0 && l.n == 1 && l.bad == 0)
		*out = l.v[0].spec;
	return rc;
}

static int set_one(struct report_job *j, struct str address)
{
	return address.n == 0
		   ? 0
		   : notice_set_recipients(&j->notice, &address, 1, j->a);
}

/* "DELIVERY FAILURE: User Ann (ann@example.com) not listed in ..." */
static int from_subject(struct report_job *j)
{
	const struct header *h = header_find(&j->mime.head, STR("Subject"), 0);
	struct notice_address a;

	if (h == NULL || !notice_line_address(h->value, 0, &a) ||
	    notice_line_is_contact(a.address))
		return 0;
	return set_one(j, a.address);
}

static int from_failed_list(struct report_job *j, const struct header *h)
{
	struct str v[NOTICE_RECIPIENTS_MAX], rest = h->value, part;
	size_t n = 0;

	while (str_next(&rest, ',', &part)) {
		struct str address = multireport_address(part);
		if (!report_is_mailbox(address))
			continue;
		if (n == NOTICE_RECIPIENTS_MAX) {
			j->out->cut = true;
			break;
		}
		v[n++] = address;
	}
	return notice_set_recipients(&j->notice, v, n, j->a);
}

static int from_returned(struct report_job *j)
{
	struct str to;
	int rc = returned_to(j, &to);

	return rc == 0 ? set_one(j, to) : rc;
}

/* --- what --- */

static int judge_words(struct report_job *j, enum bounce_outcome outcome)
{
	static const struct dsn_recipient nothing;
	struct report *out = j->out;
	struct str to;
	int rc = returned_to(j, &to);

	out->rcpt = arena_array(j->a, j->notice.n, sizeof(*out->rcpt));
	if (rc == 0 && out->rcpt == NULL)
		rc = ERR_LIMIT;
	for (; rc == 0 && out->n < j->notice.n; out->n++) {
		struct report_recipient *r = &out->rcpt[out->n];

		r->address = j->notice.rcpt[out->n].address;
		if (j->notice.n == 1 && !str_ieq(to, r->address))
			r->returned_to = to;
		rc = report_judge(j, &nothing, outcome, r);
	}
	out->cut = out->cut || j->notice.cut;
	return rc;
}

/* Broken reports have the fields of their second part in the first. */
static int judge_fields(struct report_job *j)
{
	struct dsn d;
	int rc;

	if (!str_contains(j->notice.words, STR("final-recipient:")))
		return ERR_NOT_FOUND;
	rc = dsn_read(j->notice.text, j->a, &d);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < d.n; i++)
		if (!report_is_mailbox(d.rcpt[i].final))
			return ERR_NOT_FOUND;
	j->out->reporting_mta = d.reporting_mta;
	j->out->envelope_id = d.envelope_id;
	j->has_notice = false; /* to be read for these recipients */
	return report_judge_all(j, &d);
}

/* Gateways wrap a report into a notice that names nobody. */
static int judge_wrapped(struct report_job *j)
{
	struct header_list head = j->out->head;
	int rc = ERR_NOT_FOUND;

	for (size_t i = 1; i < j->mime.n; i++) {
		const struct mime_part *p = &j->mime.part[i];
		struct report_job inner = {j->rules, j->a, .out = j->out};

		if (p->kind != MIME_MESSAGE || !multireport_owns(&j->mime, i))
			continue;
		rc = mime_scan(p->body, j->a, &inner.mime);
		if (rc == 0)
			rc = report_sort_dsn(&inner);
		break;
	}
	j->out->head = head;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static enum bounce_outcome outcome_of(
    const struct notice_signs *s, const struct notice *n)
{
	if (notice_is_success(n))
		return BOUNCE_SENT;
	return notice_is_delay(s, n) ? BOUNCE_DELAYED : BOUNCE_FAILED;
}

static int judge(struct report_job *j, const struct notice_signs *s)
{
	int rc = judge_fields(j);

	if (rc != ERR_NOT_FOUND)
		return rc;
	rc = notice_find_recipients(&j->notice, &j->mime.head, j->a);
	if (rc == 0 && j->notice.n == 0)
		rc = from_subject(j);
	if (rc == 0 && j->notice.n == 0 && s->from_mta)
		rc = judge_wrapped(j);
	if (rc == 0 && j->notice.n == 0 && j->out->n == 0)
		rc = from_returned(j);
	if (rc == 0 && j->notice.n > 0)
		rc = judge_words(j, outcome_of(s, &j->notice));
	return rc;
}

static int judge_failed_list(struct report_job *j, const struct header *h)
{
	int rc = from_failed_list(j, h);

	j->out->source = REPORT_BY_FAILED_LIST;
	if (rc == 0 && j->notice.n > 0)
		rc = judge_words(j, BOUNCE_FAILED);
	return rc;
}

int report_sort_notice(struct report_job *j)
{
	const struct header *failed =
	    header_find(&j->mime.head, STR("X-Failed-Recipients"), 0);
	struct notice_signs signs;
	struct report *out = j->out;
	int rc = notice_signs(&j->mime, j->a, &signs);

	if (rc != 0)
		return rc;
	if (!signs.from_mta && !signs.null_sender && !signs.marked)
		return ERR_NOT_FOUND;
	rc = notice_read(&j->mime, j->a, &j->notice);
	if (rc != 0)
		return rc;
	j->has_notice = true;
	if (failed != NULL)
		rc = judge_failed_list(j, failed);
	else if (notice_is_bounce(&signs, &j->notice))
		rc = judge(j, &signs);
	else
		return ERR_NOT_FOUND;
	if (rc != 0 || (out->n == 0 && failed == NULL))
		return rc != 0 ? rc : ERR_NOT_FOUND;
	if (failed == NULL)
		out->source = REPORT_BY_NOTICE;
	if (out->original.n == 0)
		out->original = j->notice.returned;
	report_sum_up(out);
	return 0;
}
