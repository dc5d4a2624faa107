/* notice_words.c - see notice.h. Here: is it a notice at all?
 *
 * The words of a failure alone prove nothing: people quote bounces, and
 * newsletters speak of delivery. So the sender must be one that only mail
 * systems have, and a second thing must agree with it. Lists are looked for in
 * text of at most NOTICE_TEXT_MAX bytes, one search a phrase. */
#include "policy/mail/notice.h"

#include "policy/mail/encword.h"
#include "policy/mail/multireport.h"

#include <string.h>

#define COUNT(v) (sizeof(v) / sizeof(*(v)))

enum {
	MARK_FIELDS_MAX = 30, /* of one name */
	MARK_VALUE_MAX = 1024,
};

/* What MTAs write over a failure; lower case, white space is one blank. */
static const char *const failure[] = {"could not be delivered",
    "couldn't be delivered", "cannot be delivered", "can not be delivered",
    "can't be delivered", "not be delivered", "was not delivered",
    "were not delivered", "wasn't delivered", "not delivered to",
    "not been delivered", "unable to deliver", "not able to deliver",
    "wasn't able to deliver", "unable to send", "failed to deliver",
    "delivery failed", "delivery has failed", "delivery failure",
    "delivery to the following", "delivery of the message", "undeliverable",
    "undelivered", "non-deliverable", "nondeliverable", "did not reach",
    "fatal error", "permanent error", "permanent delivery", "delivery error",
    "delivery problem", "error delivering", "trouble delivering",
    "problem delivering", "problems delivering", "attempting to deliver",
    "trying to deliver", "unknown user", "user unknown", "unknown local",
    "mailbox exceeds", "could not be sent", "was not sent", "addresses had",
    "address had", "addresses failed", "address failed",
    "transcript of session", "failure reasons", "failed recipient",
    "failed address", "recipients was aborted", "recipients were affected",
    "rejected your message", "message was rejected",
    "message has been rejected", "automatically rejected", "not accepting mail",
    "returned permanent errors", "recipient address rejected", "does not exist",
    "message generated response", "error sending your mail", "non-delivered",
    "delivery attempt", "message is delayed", "has been delayed",
    /* Dutch, French, German, Italian, Polish, Portuguese, Spanish... */
    "niet worden bezorgd", "niet worden afgeleverd", "onbestelbaar",
    "n'a pas pu être", "n'a pas été remis", "n'a pas pu etre", "non remis",
    "chec de la remise", "nicht zugestellt", "unzustellbar",
    "zustellung fehlgeschlagen", "bermittlung fehlgeschlagen",
    "nicht übermittelt", "impossibile recapitare", "mancato recapito",
    "non è stato recapitato", "possibile recapitare", "dostarczyć",
    "nie została dostarczona", "niedostarcz", "foi possível entregar",
    "não pôde ser entregue", "o foi entregue", "se pudo entregar",
    "podido entregar", "se ha podido entregar", "no se entregó",
    "no se puede entregar", "kunde inte levereras", "kunne ikke leveres",
    "iletilemedi", "error al entregar", "entrega a estos destinatarios",
    "falha na entrega", "falha de entrega", "não é possível entregar",
    "consegna non riuscita", "recapito non riuscito",
    "fehler bei der nachrichtenzustellung", "konnte nicht gesendet werden",
    "impossible de remettre", "nie można dostarczyć", "nie powiodło się",
    "leverans till följande", "kunde inte nå", "levering til disse",
    "levering til følgende", "kunne ikke leveres", "bezorging aan de volgende",
    "niet worden bereikt", "doručit se nepodařilo", "nepodařilo se doručit",
    "nelze doručit", "nem kézbesíthető", "kézbesítése nem sikerült",
    "ei voitu toimittaa", "toimitus epäonnistui", "teslim edilemedi",
    "nu a putut fi livrat", "δεν ήταν δυνατή η παράδοση",
    "לא היתה אפשרות למסור",
    /* what Exchange writes in any language */
    "resolver.adr", "resolver.rst", "storedrv.", "smtpsend.",
    /* Russian, Japanese, Chinese, Korean */
    "доставка не выполнена", "не может быть доставлен", "配信に失敗",
    "传递失败", "傳遞失敗", "无法传递", "無法傳遞", "배달하지 못",
    "전달하지 못", "배달되지 않", "전송하지 못", "не удалось достав",
    "не доставлен", "недоставлен", "配信でき", "送信でき", "届けられ",
    "配信不能", "宛先不明", "无法投递", "无法送达", "退信"};

/* Subjects of such mails. */
static const char *const subjects[] = {"returned mail", "undeliver",
    "undelivered", "failure notice", "failure notification", "delivery failure",
    "delivery failed", "delivery has failed", "delivery status",
    "delivery problem", "delivery error", "delivery report",
    "delivery notification", "delivery unsuccessful", "mail delivery",
    "non-delivery", "nondelivery", "non delivery", "could not be delivered",
    "couldn't be delivered", "cannot be delivered", "returned to sender",
    "return to sender", "returning message", "returned message",
    "error sending your mail", "mail failure", "mail system error",
    "mail could not", "message status", "message delivery",
    "message undelivered", "user unknown", "unknown user", "bounced mail",
    "delayed mail", "warning: could not send", "warning: message",
    "permanent error", "unable to deliver", "postmaster notify", "unzustellbar",
    "nicht zugestellt", "zustellung fehlgeschlagen", "bermittlungsfehler",
    "non remis", "chec de la remise", "mancato recapito",
    "no se puede entregar", "no se pudo entregar", "onbestelbaar",
    "niet bezorgd", "niedostarcz", "não entregue", "não é possível entregar",
    "falha na entrega", "impossibile recapitare", "non recapitabile",
    "recapito non riuscito", "impossible de remettre", "nie można dostarczyć",
    "kunde inte levereras", "kan inte levereras", "kunne ikke leveres",
    "kan ikke leveres", "niet-bestelbaar", "niet te bezorgen", "nelze doručit",
    "nedoručiteln", "kézbesíthetetlen", "nem kézbesíthető", "ei voi toimittaa",
    "ei voitu toimittaa", "iletilemedi", "iletilemez", "teslim edilemedi",
    "nelivrat", "недоставк", "не доставлен", "не удается доставить", "配信",
    "退信", "无法传递", "無法傳遞", "传递失败", "배달되지", "배달 실패",
    "전달되지", "недоставлен"};

/* Still trying. Not "temporary": final failures speak of that as well. */
static const char *const delay[] = {"not yet been delivered",
    "not yet delivered", "still being retried", "will be retried",
    "keep trying", "continue trying", "continue to try", "will try again",
    "continues to try", "delivery attempts will continue",
    "warning message only", "this is a warning only", "this is only a warning",
    "not need to resend", "no action is required", "temporary failure report",
    "is delayed for", "message is delayed", "has been delayed",
    "delivery is delayed", "delivery delayed", "still undelivered",
    "not been able to deliver your message yet", "noch nicht zugestellt",
    "weiterhin versucht", "n'a pas encore été", "aún no se ha",
    "non è stato ancora"};

/* A notice of a delay has none of these. */
static const char *const final[] = {
    "giving up",
    "given up",
    "gave up",
    "permanent error",
    "permanent failure",
    "permanently",
    "removed from the queue",
    "removed from the mail queue",
    "no further delivery attempts",
    "deleted from queue",
    "will not be retried",
    "has failed",
};

static const char *const delayed_subjects[] = {
    "delay", "warning", "not yet", "still being retried", "verzöger", "retard"};

static const char *const success[] = {"successfully delivered",
    "was successfully", "successful delivery", "delivered successfully",
    "has been delivered to", "was delivered to the following", "was relayed to",
    "successfully relayed", "message was delivered", "were successfully",
    "erfolgreich zugestellt"};

static bool says(struct str words, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_contains(words, str_of(v[i])))
			return true;
	return false;
}

/* --- the fields --- */

static struct str lower(struct str s, struct arena *a)
{
	char *to = arena_alloc(a, s.n + 1);

	if (to == NULL)
		return STR_NULL;
	for (size_t i = 0; i < s.n; i++)
		to[i] = ascii_lower(s.p[i]);
	return (struct str){to, s.n};
}

/* The field decoded, on one line, in lower case; empty without one. */
static int field_words(const struct header_list *l, const char *name,
    struct arena *a, struct str *out)
{
	const struct header *h = header_find(l, str_of(name), 0);
	int rc;

	*out = STR("");
	if (h == NULL)
		return 0;
	*out = multireport_text(a, h->value);
	if (out->p == NULL)
		return ERR_LIMIT;
	rc = encword_decode(*out, a, out);
	if (rc == 0)
		*out = lower(*out, a);
	return rc != 0 || out->p != NULL ? rc : ERR_LIMIT;
}

static bool is_mta_name(struct str local)
{
	static const struct str names[] = {STR("mailer-daemon"),
	    STR("postmaster"), STR("mail-daemon"), STR("mailerdaemon"),
	    STR("maildaemon"), STR("mailer_daemon"), STR("mdaemon"),
	    STR("mmdf"), STR("mail.delivery.system"), STR("mail-delivery"),
	    STR("maildelivery"), STR("maildeliverysystem"), STR("poostmaster"),
	    STR("mail-delivery-system"), STR("mail_daemon"), STR("post_master"),
	    STR("postoffice")};

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_eq(local, names[i]))
			return true;
	return false;
}

static bool is_mta(struct str from)
{
	static const char *const names[] = {"mail delivery s",
	    "mail delivery system", "mailer-daemon", "mailer daemon",
	    "delivery subsystem", "system administrator", "mail administrator",
	    "mail delivery service", "internet mail delivery", "mail router",
	    "message router", "interscan notification"};
	struct str a = multireport_address(from);
	size_t at = str_rfind(a, '@');

	/* Exchange's own sender, of which the number is the same everywhere */
	if (str_starts(a, STR("microsoftexchange329e")))
		return true;
	return str_eq(from, STR("<>")) || is_mta_name(str_cut(a, 0, at)) ||
	       says(from, names, COUNT(names));
}

/* mbox files keep the envelope sender in their first line. */
static bool is_null_sender(const struct mime *m, struct str path)
{
	return str_eq(path, STR("<>")) ||
	       str_starts(path, STR("<mailer-daemon")) ||
	       str_istarts(m->message, STR("From MAILER-DAEMON")) ||
	       str_istarts(m->message, STR("From <>"));
}

/* Is there such a field, with the word in it where there is one to be? */
static bool has_mark(
    const struct header_list *l, struct str name, struct str word)
{
	const struct header *h;
	size_t at = 0;

	for (int i = 0; i < MARK_FIELDS_MAX; i++) {
		h = header_next(l, name, &at);
		if (h == NULL)
			return false;
		if (str_icontains(str_cut(h->value, 0, MARK_VALUE_MAX), word))
			return true;
	}
	return false;
}

/* Fields that nothing but a notice has, and where they say so. */
static bool is_marked(const struct header_list *l)
{
	static const struct {
		struct str name, word; /* empty: any */
	} marks[] = {
	    {STR("X-Failed-Recipients"), STR("")},
	    {STR("X-MS-Exchange-Message-Is-Ndr"), STR("")},
	    {STR("X-MS-Embedded-Report"), STR("")},
	    {STR("X-MX-Bounce"), STR("")},
	    {STR("Content-Type"), STR("delivery-status")},
	    {STR("Auto-Submitted"), STR("auto-generated (failure")},
	    {STR("Auto-Submitted"), STR("auto-generated (warning")},
	    {STR("Received"), STR("for bounce)")},
	    {STR("Received"), STR("queue-bounce")},
	    {STR("Received"), STR("from MAILER-DAEMON")},
	    {STR("X-Mailer"), STR("<SMTP32")},
	};

	for (size_t i = 0; i < COUNT(marks); i++)
		if (has_mark(l, marks[i].name, marks[i].word))
			return true;
	return false;
}

int notice_signs(
    const struct mime *m, struct arena *a, struct notice_signs *out)
{
	struct str from, path, subject;
	int rc;

	*out = (struct notice_signs){0};
	if ((rc = field_words(&m->head, "From", a, &from)) != 0 ||
	    (rc = field_words(&m->head, "Return-Path", a, &path)) != 0 ||
	    (rc = field_words(&m->head, "Subject", a, &subject)) != 0)
		return rc;
	out->marked = is_marked(&m->head);
	out->from_mta = is_mta(from);
	out->null_sender = is_null_sender(m, path);
	out->from_list = header_count(&m->head, STR("List-Id")) > 0 ||
			 header_count(&m->head, STR("List-Unsubscribe")) > 0;
	out->subject_says = says(subject, subjects, COUNT(subjects));
	out->late = says(subject, delayed_subjects, COUNT(delayed_subjects));
	out->answers = path.n > 0 && !out->null_sender &&
		       (header_count(&m->head, STR("In-Reply-To")) > 0 ||
			   header_count(&m->head, STR("References")) > 0);
	return 0;
}

/* --- the whole --- */

bool notice_is_bounce(const struct notice_signs *s, const struct notice *n)
{
	bool intro =
	    says(n->words, failure, COUNT(failure)) || notice_is_success(n);
	bool agreed = s->null_sender || s->marked;

	if (s->from_list && !agreed)
		return false;
	/* "System Administrator" and "Post Office" may be people who answer */
	if (s->answers && !s->marked && !s->subject_says)
		return false;
	if (s->from_mta)
		return intro ||
		       (s->subject_says && (agreed || n->has_returned));
	if (s->null_sender && s->marked)
		return intro || s->subject_says;
	return agreed && intro && s->subject_says;
}

bool notice_is_delay(const struct notice_signs *s, const struct notice *n)
{
	bool over = says(n->words, final, COUNT(final));

	return (s->late && !over) ||
	       (says(n->words, delay, COUNT(delay)) && !over);
}

bool notice_is_success(const struct notice *n)
{
	static const char *const failed[] = {"could not", "couldn't", "cannot",
	    "not be delivered", "not delivered", "unable to", "failed",
	    "failure", "undeliver", "rejected", "error"};

	return says(n->words, success, COUNT(success)) &&
	       !says(n->words, failed, COUNT(failed));
}
