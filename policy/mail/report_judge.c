/* report_judge.c - what one recipient's failure was: the fields of a DSN, made
 * good by the words of the notice beside it.
 *
 * The remote server's own words count for most, and its own status code for
 * more than the field's, which the reporting MTA may have made up: of
 * "5.1.0 - Unknown address error 550-'5.2.2 Mailbox full'" the code that says
 * something is 5.2.2. The notice is read where the fields say nothing, and
 * where they blame the person by words alone: a server that took RCPT and then
 * says "unknown user" to DATA speaks of a filter as often as of the person. */
#include "policy/mail/report_internal.h"

#include "policy/mail/multireport.h"

#include <string.h>

bool report_is_mailbox(struct str address)
{
	return str_find(address, 0, '@') < address.n;
}

static enum bounce_outcome outcome_of(const struct dsn_recipient *r)
{
	switch (r->action) {
	case DSN_FAILED:
		return BOUNCE_FAILED;
	case DSN_DELAYED:
		return BOUNCE_DELAYED;
	case DSN_DELIVERED:
	case DSN_RELAYED:
	case DSN_EXPANDED:
		return BOUNCE_SENT;
	case DSN_NO_ACTION:
	default:
		break;
	}
	/* required, but some leave it out: no word, no failure for good */
	if (str_starts(r->status, STR("5")))
		return BOUNCE_FAILED;
	return str_starts(r->status, STR("2")) ? BOUNCE_SENT : BOUNCE_DELAYED;
}

/* --- status codes --- */

/* "x.0.0" says nothing, "x.1.0" little. */
static int worth(const struct bounce_status *s)
{
	if (s->class == 0)
		return 0;
	return s->detail > 0 ? 3 : s->subject > 0 ? 2 : 1;
}

/* The first code of the text that is worth most. */
static struct str best_code(struct str text, struct bounce_status *best)
{
	struct str code, found = STR_NULL, rest = text;
	struct bounce_status s;

	*best = (struct bounce_status){0};
	while (bounce_find_status(rest, &s, &code)) {
		if (worth(&s) > worth(best)) {
			*best = s;
			found = code;
		}
		rest = str_from(text, (size_t)(code.p - text.p) + code.n);
	}
	return found;
}

static struct str choose_status(struct str field, struct str text)
{
	struct bounce_status in_field, in_text;
	struct str found = best_code(text, &in_text);

	(void)bounce_find_status(field, &in_field, NULL);
	if (in_text.class == 2 ||
	    (worth(&in_text) <= worth(&in_field) && worth(&in_text) < 3))
		return field;
	return found.n > 0 ? found : field;
}

/* Does a code say that the address or mailbox is bad? */
static bool code_blames(struct str s)
{
	struct bounce_status found;

	(void)best_code(s, &found);
	return (found.subject == 1 || found.subject == 2) && found.detail > 0;
}

/* --- words --- */

/* The notice beside the fields, with the fields' recipients. */
static int read_notice(struct report_job *j)
{
	struct str v[NOTICE_RECIPIENTS_MAX];
	size_t n = 0;
	int rc;

	if (j->has_notice)
		return 0;
	for (; n < j->out->n && n < NOTICE_RECIPIENTS_MAX; n++)
		v[n] = j->out->rcpt[n].address;
	rc = notice_read(&j->mime, j->a, &j->notice);
	if (rc == 0)
		rc = notice_set_recipients(&j->notice, v, n, j->a);
	j->has_notice = rc == 0;
	return rc;
}

/* The recipient's number in the notice; its n when it is none of them. */
static size_t number_of(const struct notice *n, struct str address)
{
	size_t i = 0;

	while (i < n->n && !str_ieq(n->rcpt[i].address, address))
		i++;
	return i;
}

/* Both on one line; p == NULL: arena full. */
static struct str join(struct arena *a, struct str x, struct str y)
{
	char *p = arena_alloc(a, x.n + y.n + 1);

	if (p == NULL)
		return STR_NULL;
	if (x.n > 0)
		memcpy(p, x.p, x.n);
	p[x.n] = ' ';
	if (y.n > 0)
		memcpy(p + x.n + 1, y.p, y.n);
	return multireport_text(a, (struct str){p, x.n + y.n + 1});
}

/* An opinion, and the evidence for it. */
struct view {
	struct bounce_evidence e;
	struct bounce_answer answer;
};

static void classify(
    const struct report_job *j, struct view *v, struct str text)
{
	v->e.diagnostic = text;
	bounce_classify(j->rules, &v->e, &v->answer);
}

typedef int evidence_fn(const struct notice *n, size_t i,
    enum notice_reach reach, struct arena *a, struct str *out);

/* What the notice says of recipient i within reach, and the note beside it. */
static int classify_around(struct report_job *j, size_t i,
    enum notice_reach reach, evidence_fn *evidence, struct str note,
    struct view *v)
{
	struct str text = STR("");
	int rc = 0;

	if (i < j->notice.n)
		rc = evidence(&j->notice, i, reach, j->a, &text);
	if (rc != 0)
		return rc;
	text = join(j->a, text, note);
	if (text.p == NULL)
		return ERR_LIMIT;
	if (evidence != notice_evidence && str_eq(text, v->e.diagnostic))
		return 0; /* no advice in it: as before */
	classify(j, v, text);
	return 0;
}

/* Further and further from the recipient's own lines, until they say
 * something; advice blames nobody. */
static int look_around(
    struct report_job *j, struct str address, struct str note, struct view *v)
{
	size_t i = number_of(&j->notice, address);
	struct view best = *v;

	for (int r = NOTICE_OWN; r <= NOTICE_ALL; r++) {
		enum notice_reach reach = (enum notice_reach)r;
		int rc = classify_around(j, i, reach, notice_evidence, note, v);

		if (rc == 0 && v->answer.class == BOUNCE_CLASS_PERSON)
			rc = classify_around(
			    j, i, reach, notice_evidence_told, note, v);
		if (rc != 0)
			return rc;
		if (best.e.diagnostic.n == 0 ||
		    v->answer.reason != BOUNCE_OTHER)
			best = *v;
		if (best.answer.reason != BOUNCE_OTHER)
			break;
	}
	*v = best;
	return 0;
}

/* Not the person, if a 550 came after RCPT was accepted and no status code says
 * that it is: in answer to DATA that is a "rejection for policy reasons"
 * (RFC 5321 section 4.3.2), whatever the words. */
static int spare_after_data(
    struct report_job *j, struct str address, struct view *v)
{
	struct str own = STR("");
	size_t i;
	int rc;

	if (v->answer.class != BOUNCE_CLASS_PERSON ||
	    v->answer.smtp_code != 550 || code_blames(v->e.diagnostic) ||
	    code_blames(v->e.status))
		return 0;
	rc = read_notice(j);
	i = number_of(&j->notice, address);
	if (rc == 0 && i < j->notice.n)
		rc = notice_evidence(&j->notice, i, NOTICE_OWN, j->a, &own);
	if (rc != 0)
		return rc;
	v->e.notice = own;
	classify(j, v, v->e.diagnostic);
	if (v->answer.class != BOUNCE_CLASS_PERSON)
		return 0;
	if (notice_says_after_data(v->e.diagnostic) ||
	    notice_says_after_data(own) ||
	    (i < j->notice.n && notice_after_data(&j->notice, i))) {
		v->answer.reason = BOUNCE_POLICY;
		v->answer.class = bounce_class_of(BOUNCE_POLICY);
		v->answer.by = (struct bounce_by){.text = "after DATA"};
	}
	return 0;
}

/* A code that stands elsewhere in a notice about one recipient is about it. */
static int find_status(struct report_job *j, struct str *out)
{
	struct str text;
	int rc;

	if (!j->has_notice || j->notice.n != 1)
		return 0;
	rc = notice_evidence(&j->notice, 0, NOTICE_ALL, j->a, &text);
	if (rc == 0)
		*out = choose_status(STR_NULL, text);
	return rc;
}

int report_judge(struct report_job *j, const struct dsn_recipient *in,
    enum bounce_outcome outcome, struct report_recipient *out)
{
	struct view v = {.e = {.outcome = outcome,
			     .status = in->status,
			     .mta = in->remote_mta,
			     .rcpt = out->address}};
	int rc = 0;

	classify(j, &v, in->diagnostic);
	if (outcome != BOUNCE_SENT &&
	    (in->diagnostic.n == 0 || v.answer.reason == BOUNCE_OTHER)) {
		rc = read_notice(j);
		if (rc == 0)
			rc = look_around(j, out->address, in->status_note, &v);
	}
	if (rc == 0)
		rc = spare_after_data(j, out->address, &v);
	out->status = choose_status(in->status, v.e.diagnostic);
	if (rc == 0 && out->status.n == 0)
		rc = find_status(j, &out->status);
	if (rc != 0)
		return rc;
	if (v.answer.class == BOUNCE_CLASS_PERSON &&
	    str_starts(out->status, STR("4"))) {
		v.e.status = out->status;
		classify(j, &v, v.e.diagnostic);
	}
	out->diagnostic = v.e.diagnostic;
	out->reason = v.answer.reason;
	out->class = v.answer.class;
	out->by = v.answer.by;
	out->outcome = outcome;
	return 0;
}

/* --- all of a DSN --- */

static void take_addresses(
    const struct dsn_recipient *in, struct report_recipient *out)
{
	out->address = in->final;
	out->original = in->original;
	out->original_xtext = in->original_xtext;
	if (!report_is_mailbox(in->final) && report_is_mailbox(in->original))
		out->address = in->original;
}

int report_judge_all(struct report_job *j, const struct dsn *d)
{
	struct report *out = j->out;
	int rc = 0;

	if (d->n == 0)
		return 0;
	out->rcpt = arena_array(j->a, d->n, sizeof(*out->rcpt));
	if (out->rcpt == NULL)
		return ERR_LIMIT;
	for (; out->n < d->n; out->n++)
		take_addresses(&d->rcpt[out->n], &out->rcpt[out->n]);
	for (size_t i = 0; rc == 0 && i < d->n; i++)
		rc = report_judge(
		    j, &d->rcpt[i], outcome_of(&d->rcpt[i]), &out->rcpt[i]);
	return rc;
}
