/* report_auto.c - automatic answers, by the fields of the mail (RFC 3834 and
 * what came before it). */
#include "policy/mail/report_internal.h"

#include "policy/mail/encword.h"
#include "policy/mail/multireport.h"

/* The field's value on one line; empty when there is none. */
static int field_text(struct report_job *j, const char *name, struct str *out)
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

static bool has_any_of(struct str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_icontains(s, str_of(words[i])))
			return true;
	return false;
}
#define HAS_ANY_OF(s, words)                                                   \
	has_any_of(s, words, sizeof(words) / sizeof((words)[0]))

/* "Re: ...", in whatever language: a short word and a colon. */
static bool is_answer_to(struct str subject)
{
	static const char *const marks[] = {
	    "re:", "aw:", "antw:", "sv:", "vs:", "odp:", "r:", "ref:", "res:",
	    "rv:", "ynt:", "vast:", "re :", "\345\233\236\345\244\215",
	    "\347\255\224\345\244\215", "\345\233\236\350\246\206"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (str_istarts(subject, str_of(marks[i])))
			return true;
	return false;
}

/* Is it a mark of its own, and no word of a sentence: "(autoreply)", "Automatic
 * reply: x", or the end? */
static bool is_mark(struct str subject, struct str word)
{
	for (size_t at = 0; at + word.n <= subject.n; at++) {
		struct str after = str_from(subject, at + word.n);

		if (!str_istarts(str_from(subject, at), word))
			continue;
		if (after.n == 0 || after.p[0] == ':' || after.p[0] == ')' ||
		    after.p[0] == ']' || str_starts(after, STR(" :")) ||
		    str_starts(after, STR("\357\274\232")))
			return true;
	}
	return false;
}

/* Words that name an automatic answer, or say that somebody is away. In an answer
 * to us they may be what we wrote ourselves: "Re: Vacation homes". */
static bool subject_says_auto(struct str subject)
{
	static const char *const named[] = {"autoreply", "auto-reply",
	    "auto reply", "automatic reply", "automatic response",
	    "automated reply", "automated response", "autoresponse",
	    "automatische antwort", "abwesenheitsnotiz",
	    "r\303\251ponse automatique", "respuesta autom\303\241tica",
	    "risposta automatica", "resposta autom\303\241tica",
	    "automatisch antwoord", "autosvar", "automatyczna odpowied",
	    "odpowied\305\272 automatyczna", "autoodpowied", "automatisk svar",
	    "automatiskt svar", "automaattinen vastaus",
	    "automatick\303\241 odpov", "automatikus v\303\241lasz",
	    "r\304\203spuns automat", "otomatik yan\304\261t",
	    "\320\260\320\262\321\202\320\276\320\274\320\260\321\202"
	    "\320\270\321\207\320\265\321\201\320\272\320\270\320\271 "
	    "\320\276\321\202\320\262\320\265\321\202",
	    "\320\220\320\262\321\202\320\276\320\274\320\260\321\202"
	    "\320\270\321\207\320\265\321\201\320\272\320\270\320\271 "
	    "\320\276\321\202\320\262\320\265\321\202",
	    "\350\207\252\345\212\250\345\233\236\345\244\215",
	    "\350\207\252\345\212\250\347\255\224\345\244\215",
	    "\350\207\252\345\213\225\345\233\236\350\246\206",
	    "\350\207\252\345\213\225\350\277\224\344\277\241",
	    "\350\207\252\345\213\225\345\277\234\347\255\224",
	    "\354\236\220\353\217\231 \355\232\214\354\213\240",
	    "\354\236\220\353\217\231 \354\235\221\353\213\265",
	    "\354\236\220\353\217\231\354\235\221\353\213\265"};
	static const char *const away[] = {"out of office", "out of the office",
	    "away from the office", "vacation", "abwesenheit", "abwesend",
	    "absence du bureau", "fuera de la oficina", "fuori sede",
	    "fuori ufficio", "fora do escrit\303\263rio", "afwezig",
	    "nie ma mnie w biurze", "mimo kancel\303\241\305\231",
	    "\344\270\215\345\234\250"};

	if (!is_answer_to(subject))
		return str_istarts(subject, STR("auto:")) ||
		       HAS_ANY_OF(subject, named) || HAS_ANY_OF(subject, away);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (is_mark(subject, str_of(named[i])))
			return true;
	return false;
}

/* What goes to many says of itself what it is; its subject is no proof. */
static bool is_list_mail(const struct header_list *l)
{
	return header_count(l, STR("List-Id")) > 0 ||
	       header_count(l, STR("List-Unsubscribe")) > 0;
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

static int is_auto_reply(struct report_job *j, bool *yes)
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
	       (subject_says_auto(subject) && !is_list_mail(&j->mime.head));
	return 0;
}

int report_sort_auto(struct report_job *j)
{
	bool yes;
	int rc = is_auto_reply(j, &yes);

	if (rc != 0)
		return rc;
	if (!yes)
		return ERR_NOT_FOUND;
	j->out->source = REPORT_BY_HEADERS;
	j->out->kind = REPORT_AUTO_REPLY;
	j->out->reason = BOUNCE_AUTO_REPLY;
	return 0;
}
