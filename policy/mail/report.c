/* report.c - see report.h. */
#include "policy/mail/report.h"

#include "policy/mail/arf.h"
#include "policy/mail/dsn.h"
#include "policy/mail/encword.h"
#include "policy/mail/multireport.h"

#include <string.h>

/* The search in the notice is the one step that is not linear; honest reports
 * stay far below. */
enum {
	NOTICE_MAX = 8192,
	NOTICE_ADDRESS_MAX = 320,
	NOTICE_RECIPIENTS_MAX = 16,
};

/* What the steps share. */
struct job {
	const struct bounce_rules *rules;
	struct arena *a;
	struct mime mime;
	struct report *out;
};

const char *report_kind_name(enum report_kind kind)
{
	static const char *const names[] = {"none", "hard", "soft", "delayed",
	    "delivered", "complaint", "unsubscribe", "auto-reply"};

	return (size_t)kind < sizeof(names) / sizeof(*names) ? names[kind]
							     : "none";
}

const char *report_source_name(enum report_source source)
{
	static const char *const names[] = {
	    "nothing", "dsn", "arf", "mdn", "headers", "x-failed-recipients"};

	return (size_t)source < sizeof(names) / sizeof(*names) ? names[source]
							       : "nothing";
}

/* ---- delivery status notifications ---- */

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

static bool is_mailbox(struct str address)
{
	return str_find(address, 0, '@') < address.n;
}

/* Where the lines that begin at `at` end: at an empty one. */
static size_t paragraph_end(struct str s, size_t at)
{
	struct str rest = str_from(s, at), line;

	while (str_next(&rest, '\n', &line) && str_trim(line).n > 0)
		at = (size_t)(line.p - s.p) + line.n + 1;
	return at;
}

/* The lines of the notice from the one that names the address to an empty
 * line: MTAs that give no Diagnostic-Code say there why. */
static struct str reason_in_notice(struct str notice, struct str address)
{
	struct str rest = notice, line;

	if (address.n == 0 || address.n > NOTICE_ADDRESS_MAX)
		return STR_NULL;
	while (str_next(&rest, '\n', &line)) {
		size_t at = (size_t)(line.p - notice.p);
		if (str_icontains(line, address))
			return str_cut(
			    notice, at, paragraph_end(notice, at) - at);
	}
	return STR_NULL;
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

static int fill_recipient(struct job *j, const struct dsn_recipient *in,
    struct str notice, struct report_recipient *out)
{
	struct bounce_evidence e = {.outcome = outcome_of(in)};
	struct bounce_answer answer;
	struct bounce_status found;
	struct str text = in->diagnostic;

	out->address = in->final;
	out->original = in->original;
	out->original_xtext = in->original_xtext;
	if (!is_mailbox(in->final) && is_mailbox(in->original))
		out->address = in->original;
	if (text.n == 0) {
		text = join(j->a, reason_in_notice(notice, out->address),
		    in->status_note);
		if (text.p == NULL)
			return ERR_LIMIT;
	}
	out->status = in->status;
	if (in->status.n == 0)
		(void)bounce_find_status(text, &found, &out->status);
	e.status = in->status;
	e.diagnostic = text;
	bounce_classify(j->rules, &e, &answer);
	out->diagnostic = text;
	out->reason = answer.reason;
	out->class = answer.class;
	out->outcome = e.outcome;
	return 0;
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

static void sum_up(struct report *out)
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

static int sort_dsn(struct job *j)
{
	struct report *out = j->out;
	struct str notice;
	struct dsn d;
	int rc = dsn_parse(&j->mime, j->a, &d);

	if (rc == 0)
		rc = multireport_notice(&j->mime, j->a, &notice);
	if (rc != 0)
		return rc;
	out->source = REPORT_BY_DSN;
	out->envelope_id = d.envelope_id;
	out->reporting_mta = d.reporting_mta;
	out->queue_id = d.queue_id;
	out->original = d.original;
	out->cut = d.cut || j->mime.cut;
	notice =
	    str_cut(notice, 0, d.n <= NOTICE_RECIPIENTS_MAX ? NOTICE_MAX : 0);
	if (d.n > 0) {
		out->rcpt = arena_array(j->a, d.n, sizeof(*out->rcpt));
		if (out->rcpt == NULL)
			return ERR_LIMIT;
	}
	for (; out->n < d.n; out->n++) {
		rc = fill_recipient(
		    j, &d.rcpt[out->n], notice, &out->rcpt[out->n]);
		if (rc != 0)
			return rc;
	}
	sum_up(out);
	return 0;
}

/* ---- X-Failed-Recipients ---- */

/* Exim, before it learnt RFC 3464, and some that copy it: the addresses are in
 * this field, the reasons in the notice. */
static int sort_failed_list(struct job *j)
{
	const struct header *h =
	    header_find(&j->mime.head, STR("X-Failed-Recipients"), 0);
	struct report *out = j->out;
	struct str rest, part, notice;
	int rc;

	if (h == NULL)
		return ERR_NOT_FOUND;
	rc = multireport_notice(&j->mime, j->a, &notice);
	if (rc != 0)
		return rc;
	notice = str_cut(notice, 0, NOTICE_MAX);
	out->source = REPORT_BY_FAILED_LIST;
	out->rcpt =
	    arena_array(j->a, NOTICE_RECIPIENTS_MAX, sizeof(*out->rcpt));
	if (out->rcpt == NULL)
		return ERR_LIMIT;
	rest = h->value;
	while (str_next(&rest, ',', &part)) {
		struct dsn_recipient r = {.action = DSN_FAILED};
		r.final = multireport_address(part);
		if (!is_mailbox(r.final))
			continue;
		if (out->n == NOTICE_RECIPIENTS_MAX) {
			out->cut = true;
			break;
		}
		rc = fill_recipient(j, &r, notice, &out->rcpt[out->n++]);
		if (rc != 0)
			return rc;
	}
	sum_up(out);
	return 0;
}

/* ---- feedback reports and receipts ---- */

static int sort_arf(struct job *j)
{
	static const struct {
		enum report_kind kind;
		enum bounce_reason reason;
	} meaning[] = {
	    [ARF_OTHER] = {REPORT_NONE, BOUNCE_OTHER_REPORT},
	    [ARF_ABUSE] = {REPORT_COMPLAINT, BOUNCE_ABUSE},
	    [ARF_FRAUD] = {REPORT_COMPLAINT, BOUNCE_ABUSE},
	    [ARF_VIRUS] = {REPORT_NONE, BOUNCE_OTHER_REPORT},
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

static int sort_mdn(struct job *j)
{
	bool found;
	size_t at = 0;

	if (multireport_next(&j->mime, "disposition-notification", &at) == NULL)
		return ERR_NOT_FOUND;
	j->out->source = REPORT_BY_MDN;
	j->out->reason = BOUNCE_OTHER_REPORT;
	return multireport_returned(&j->mime, j->a, &j->out->original, &found);
}

/* ---- automatic answers ---- */

/* The field's value on one line; empty when there is none. */
static int field_text(struct job *j, const char *name, struct str *out)
{
	const struct header *h = header_find(&j->mime.head, str_of(name), 0);

	*out = STR_NULL;
	if (h == NULL)
		return 0;
	*out = multireport_text(j->a, h->value);
	return out->p != NULL ? 0 : ERR_LIMIT;
}

/* Bounces in plain text come from these; they are no automatic answers. */
static bool is_from_mta(struct str from)
{
	struct str a = multireport_address(from);

	return str_istarts(a, STR("mailer-daemon@")) ||
	       str_istarts(a, STR("postmaster@")) ||
	       str_ieq(a, STR("mailer-daemon")) ||
	       str_istarts(a, STR("mail-daemon@")) ||
	       str_istarts(a, STR("mailerdaemon@"));
}

static bool subject_says_auto(struct str subject)
{
	static const char *const words[] = {"auto:", "autoreply", "auto-reply",
	    "auto reply", "automatic reply", "automatic response",
	    "automated reply", "automated response", "autoresponse",
	    "out of office", "out of the office", "away from the office",
	    "vacation", "automatische antwort", "abwesenheit", "abwesend",
	    "r\303\251ponse automatique", "absence du bureau",
	    "respuesta autom\303\241tica", "fuera de la oficina",
	    "risposta automatica", "fuori sede", "resposta autom\303\241tica",
	    "automatisch antwoord", "afwezig", "autosvar"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_icontains(subject, str_of(words[i])))
			return true;
	return false;
}

/* RFC 3834 section 5: anything but "no" was not written by a person. */
static bool says_auto_submitted(struct str value)
{
	struct str s = str_cut(value, 0, 2);

	return value.n > 0 &&
	       !(str_ieq(s, STR("no")) &&
		   (value.n == 2 || !ascii_is_alnum(value.p[2])));
}

/* Older answering programs mark themselves in other ways. */
static bool has_old_mark(const struct header_list *l)
{
	static const char *const names[] = {"X-Autoreply", "X-Autorespond",
	    "X-Auto-Reply", "X-Autoresponder", "X-Autoreply-From",
	    "X-Mail-Autoreply", "X-Autogenerated", "X-Vacation",
	    "X-Trusted-Delivery", "Delivered-Autoreply"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (header_count(l, str_of(names[i])) > 0)
			return true;
	return false;
}

static int is_auto_reply(struct job *j, bool *yes)
{
	struct str from, submitted, precedence, subject, path;
	bool bulk;
	int rc;

	*yes = false;
	if ((rc = field_text(j, "From", &from)) != 0 ||
	    (rc = field_text(j, "Auto-Submitted", &submitted)) != 0 ||
	    (rc = field_text(j, "Precedence", &precedence)) != 0 ||
	    (rc = field_text(j, "Subject", &subject)) != 0 ||
	    (rc = encword_decode(subject, j->a, &subject)) != 0 ||
	    (rc = field_text(j, "Return-Path", &path)) != 0)
		return rc;
	if (is_from_mta(from))
		return 0;
	bulk = str_ieq(precedence, STR("bulk")) ||
	       str_ieq(precedence, STR("junk"));
	*yes = says_auto_submitted(submitted) || has_old_mark(&j->mime.head) ||
	       str_ieq(precedence, STR("auto_reply")) ||
	       str_ieq(precedence, STR("auto-reply")) ||
	       (bulk && str_eq(path, STR("<>"))) ||
	       (bulk && str_istarts(subject, STR("re:"))) ||
	       subject_says_auto(subject);
	return 0;
}

static int sort_headers(struct job *j)
{
	bool yes;
	int rc = is_auto_reply(j, &yes);

	if (rc != 0 || !yes)
		return rc;
	j->out->source = REPORT_BY_HEADERS;
	j->out->kind = REPORT_AUTO_REPLY;
	j->out->reason = BOUNCE_AUTO_REPLY;
	return 0;
}

int report_classify(const struct bounce_rules *rules, struct str message,
    struct arena *a, struct report *out)
{
	struct job j = {.rules = rules, .a = a, .out = out};
	int rc;

	*out = (struct report){.reason = BOUNCE_NOT_A_BOUNCE};
	rc = mime_scan(message, a, &j.mime);
	if (rc != 0)
		return rc;
	out->head = j.mime.head;
	out->cut = j.mime.cut;
	rc = sort_dsn(&j);
	if (rc == ERR_NOT_FOUND)
		rc = sort_arf(&j);
	if (rc == ERR_NOT_FOUND)
		rc = sort_mdn(&j);
	if (rc == ERR_NOT_FOUND)
		rc = sort_failed_list(&j);
	if (rc == ERR_NOT_FOUND)
		rc = sort_headers(&j);
	return rc;
}
