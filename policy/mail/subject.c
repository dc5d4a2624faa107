/* subject.c - see subject.h.
 *
 * What stands first in a subject is most often not its own: mail filters put their
 * warnings there, mailers the sign of an answer. What we wrote stands behind that
 * sign, so words found there show nothing; without one they may still be ours, for
 * some mailers and many people leave it out. */
#include "policy/mail/subject.h"

#include "policy/mail/nfc.h"

#include <string.h>

enum {
	SUBJECT_MAX = 400,
	LOWER_MAX = 4 * SUBJECT_MAX,
	MARKS_MAX = 8,
	DIGITS_OF_CASE = 4,
};

/* In lower case; what is no UTF-8 as it is. */
static struct str lower(struct str s, char out[LOWER_MAX])
{
	size_t n = 0;

	s = str_trim(str_cut(s, 0, SUBJECT_MAX));
	while (s.n > 0 && !nfc_is_utf8(s) && s.n + 4 > SUBJECT_MAX)
		s.n--; /* not within a character */
	return nfc_lower(s, out, LOWER_MAX, &n) == 0 ? (struct str){out, n} : s;
}

static bool has_any_of(struct str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_contains(s, str_of(words[i])))
			return true;
	return false;
}
#define HAS_ANY_OF(s, words)                                                   \
	has_any_of(s, words, sizeof(words) / sizeof((words)[0]))

static size_t starts_any_of(struct str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(s, str_of(words[i])))
			return strlen(words[i]);
	return 0;
}
#define STARTS_ANY_OF(s, words)                                                \
	starts_any_of(s, words, sizeof(words) / sizeof((words)[0]))

/* --- what stands in front --- */

/* "[EXTERNAL]", "{Spam?}", "***SPAM***": its length, or 0. */
static size_t bracket_at(struct str s)
{
	static const struct {
		const char *open, *close;
	} pairs[] = {{"[", "]"}, {"{", "}"}, {"(", ")"}, {"<", ">"},
	    {"***", "***"}, {"【", "】"}, {"［", "］"}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct str open = str_of(pairs[i].open),
			   close = str_of(pairs[i].close);

		if (!str_starts(s, open))
			continue;
		for (size_t at = open.n; at + close.n <= s.n; at++)
			if (str_starts(str_from(s, at), close))
				return at + close.n;
	}
	return 0;
}

static struct str skip_marks(struct str s)
{
	static const char *const labels[] = {"external:", "external mail:",
	    "external email:", "ext:", "extern:", "externe:", "externo:",
	    "esterno:", "spam:", "spam?:", "suspected spam:", "junk:",
	    "caution:", "warning:", "*spam*", "外部:", "外部："};

	for (int i = 0; i < MARKS_MAX; i++) {
		size_t n;

		s = str_trim(s);
		n = bracket_at(s);
		if (n == 0)
			n = STARTS_ANY_OF(s, labels);
		if (n == 0)
			return s;
		s = str_from(s, n);
	}
	return s;
}

/* The length of a colon at s, of either width and behind blanks; or 0. */
static size_t colon_at(struct str s)
{
	static const struct str wide = {"：", 3};
	size_t at = 0;

	while (at < s.n && s.p[at] == ' ')
		at++;
	if (at < s.n && s.p[at] == ':')
		return at + 1;
	return str_starts(str_from(s, at), wide) ? at + wide.n : 0;
}

/* "[2]", "(3)", "^2", as in "Re[2]:". */
static size_t count_at(struct str s)
{
	size_t at = s.n > 0 && memchr("[(^", s.p[0], 3) != NULL ? 1 : 0;
	size_t from = at;

	while (at > 0 && at < s.n && ascii_is_digit(s.p[at]))
		at++;
	if (at == from)
		return 0;
	return at < s.n && (s.p[at] == ']' || s.p[at] == ')') ? at + 1 : at;
}

/* The subject is in lower case and begins with no mark. */
static bool is_answer(struct str s)
{
	static const char *const signs[] = {"re", "aw", "antw", "antwort", "sv",
	    "vs", "odp", "odpowiedź", "odp.", "r", "rif", "ref", "res", "resp",
	    "rv", "rép", "réf", "rép.", "ynt", "yan", "yanıt", "i̇lt", "ilt",
	    "vast", "vá", "válasz", "továbbítás", "atb", "betr", "betreff",
	    "ang", "απ", "απάντηση", "σχετ", "πρθ", "ответ", "отв", "пересл",
	    "отг", "відповідь", "fwd", "fw", "wg", "tr", "i", "doorst", "vl",
	    "vb", "pd", "fs", "enc", "rvs", "bls", "balas", "trs", "odg",
	    "antwoord", "svar", "vastaus", "risposta", "respuesta", "resposta",
	    "réponse", "răspuns", "réponse à", "trả lời", "tl", "תגובה", "הש",
	    "رد", "الرد", "回复", "答复", "回覆", "答覆", "返信", "回信",
	    "转发", "轉寄", "転送", "회신", "답장", "전달"};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		struct str sign = str_of(signs[i]), after;

		if (!str_starts(s, sign))
			continue;
		after = str_from(s, sign.n);
		if (colon_at(str_from(after, count_at(after))) > 0)
			return true;
	}
	return false;
}

bool subject_is_answer(struct str subject)
{
	char text[LOWER_MAX];

	return is_answer(skip_marks(lower(subject, text)));
}

/* --- automatic answers --- */

static const char *const named[] = {"autoreply", "auto-reply", "auto reply",
    "automatic reply", "automatic response", "automated reply",
    "automated response", "autoresponse", "auto-response", "auto response",
    "autoresponder", "automatische antwort", "automatische rückantwort",
    "abwesenheitsnotiz", "abwesenheitsmeldung", "abwesenheitsnachricht",
    "abwesenheitsbenachrichtigung", "abwesenheitsassistent",
    "abwesenheitsagent", "abwesenheitshinweis", "out-of-office reply",
    "out of office reply", "out of office autoreply", "réponse automatique",
    "respuesta automática", "risposta automatica", "resposta automática",
    "automatisch antwoord", "autosvar", "automatyczna odpowied",
    "odpowiedź automatyczna", "autoodpowied", "automatisk svar",
    "automatiskt svar", "automaattinen vastaus", "automatická odpov",
    "automatikus válasz", "răspuns automat", "otomatik yanıt",
    "автоматический ответ", "автоответ", "автоматична відповідь",
    "автоматичен отговор", "αυτόματη απάντηση", "מענה אוטומטי",
    "תשובה אוטומטית", "رد تلقائي", "request received", "ticket received",
    "message received", "自动回复", "自动答复", "自動回覆", "自動返信",
    "自動応答", "自動送信", "不在通知", "不在のお知らせ", "不在連絡",
    "자동 회신", "자동회신", "자동 응답", "자동응답", "자동 답장"};

/* Is the word a mark of its own, and none of a sentence: "(autoreply)", "Automatic
 * reply: x", or the end? */
static bool is_mark(struct str s, struct str word)
{
	for (size_t at = 0; at + word.n <= s.n; at++) {
		struct str after = str_from(s, at + word.n);

		if (!str_starts(str_from(s, at), word))
			continue;
		if (after.n == 0 || after.p[0] == ')' || after.p[0] == ']' ||
		    str_starts(after, STR("】")) || colon_at(after) > 0)
			return true;
	}
	return false;
}

static bool has_named_mark(struct str s)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (is_mark(s, str_of(named[i])))
			return true;
	return false;
}

/* Programs alone begin so. */
static bool is_receipt(struct str s)
{
	static const char *const begins[] = {
	    "auto:", "received:", "accusé de réception", "accuse de reception",
	    "eingangsbestätigung", "empfangsbestätigung",
	    "acknowledgement of receipt", "confirmation of receipt",
	    "confirmation de réception", "acknowledgment of receipt",
	    "acuse de recibo", "conferma di ricezione", "ontvangstbevestiging",
	    "aviso de recebimento", "potwierdzenie otrzymania",
	    "подтверждение получения", "mottagningsbekräftelse"};

	return STARTS_ANY_OF(s, begins) > 0;
}

/* So do programs, and people seldom. */
static bool is_thanks(struct str s)
{
	static const char *const begins[] = {"thank you for contacting",
	    "thanks for contacting", "thank you for your message",
	    "thank you for your email", "thank you for your e-mail",
	    "thank you for your mail", "thank you for your inquiry",
	    "thank you for your enquiry", "thank you for reaching out",
	    "thank you for getting in touch", "we received your",
	    "we have received your", "we've received your", "wir haben ihre",
	    "ihre nachricht an", "vielen dank für ihre nachricht",
	    "vielen dank für ihre anfrage", "vielen dank für ihre e-mail",
	    "vielen dank für ihre mail", "ihre anfrage ist eingegangen",
	    "merci pour votre message", "merci de nous avoir contact",
	    "nous avons bien reçu", "gracias por contactar",
	    "gracias por su mensaje", "hemos recibido",
	    "grazie per averci contattato", "grazie per il tuo messaggio",
	    "obrigado por entrar em contato", "bedankt voor uw bericht",
	    "お問い合わせありがとう", "お問い合わせいただき",
	    "문의해 주셔서 감사"};

	return STARTS_ANY_OF(s, begins) > 0;
}

/* What may follow a word that says who is away: no plain word. */
static bool ends_word(struct str after)
{
	static const char *const goes_on[] = {"until", "till", "from",
	    "re:", "re ", "reply", "notice", "message", "notification",
	    "response", "bis", "ab ", "vom", "jusqu", "hasta", "fino", "tot ",
	    "até", "från", "–", "—", "【", "】", "：", "のお知らせ", "です"};
	struct str s = str_trim(after);

	if (s.n == 0)
		return true;
	if ((unsigned char)s.p[0] < 0x80 && !ascii_is_alnum(s.p[0]))
		return s.p[0] != '-' || s.n < after.n;
	return ascii_is_digit(s.p[0]) || STARTS_ANY_OF(s, goes_on) > 0;
}

/* Does it begin with one of the words, as a name of what it is? */
static bool begins_with(struct str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(s, str_of(words[i])) &&
		    ends_word(str_from(s, strlen(words[i]))))
			return true;
	return false;
}
#define BEGINS_WITH(s, words)                                                  \
	begins_with(s, words, sizeof(words) / sizeof((words)[0]))

static const char *const away[] = {"out of office", "out of the office",
    "away from the office", "vacation", "abwesenheit", "abwesend",
    "absence du bureau", "fuera de la oficina", "fuori sede", "fuori ufficio",
    "fora do escritório", "afwezig", "nie ma mnie w biurze", "mimo kancelář",
    "不在"};

/* "Your request was received (12345)". */
static bool is_case(struct str s)
{
	static const char *const things[] = {"request", "ticket", "case",
	    "inquiry", "enquiry", "anfrage", "vorgang", "demande", "solicitud",
	    "richiesta", "solicitação", "zgłoszeni", "заявка", "обращение",
	    "お問い合わせ", "受付"};
	static const char *const done[] = {"received", "created", "opened",
	    "registered", "eingegangen", "erhalten", "eröffnet", "reçu",
	    "enregistr", "recibid", "ricevut", "recebid", "przyję", "принят",
	    "зарегистрирован", "受け付け", "受付"};
	size_t digits = 0;

	for (size_t i = 0; i < s.n; i++)
		digits += ascii_is_digit(s.p[i]);
	return digits >= DIGITS_OF_CASE && HAS_ANY_OF(s, things) &&
	       HAS_ANY_OF(s, done);
}

enum subject_auto subject_says_auto(struct str subject, bool answers)
{
	char text[LOWER_MAX];
	struct str s = lower(subject, text), own = skip_marks(s);

	if (is_answer(own))
		return has_named_mark(s) ? SUBJECT_WEAK : SUBJECT_OPEN;
	if (has_named_mark(s) || BEGINS_WITH(own, named) || is_receipt(own) ||
	    is_case(s) || subject_has_ticket(subject))
		return SUBJECT_AUTO;
	if (HAS_ANY_OF(s, named) || is_thanks(own) || BEGINS_WITH(own, away))
		return SUBJECT_WEAK;
	return !answers && HAS_ANY_OF(s, away) ? SUBJECT_WEAK : SUBJECT_OPEN;
}

bool subject_has_ticket(struct str subject)
{
	size_t open = str_find(subject, 0, '['),
	       close = str_find(subject, open, ']');
	struct str in = str_cut(subject, open + 1, close - open - 1);
	size_t digits = 0;

	if (open >= subject.n || close >= subject.n)
		return str_icontains(subject, STR("ticket #")) ||
		       str_icontains(subject, STR("ticket#")) ||
		       str_icontains(subject, STR("case #"));
	for (size_t i = 0; i < in.n; i++)
		digits += ascii_is_digit(in.p[i]);
	return digits >= 2 && (str_find(in, 0, '#') < in.n ||
				  str_icontains(in, STR("ticket")) ||
				  str_icontains(in, STR("case")) ||
				  str_icontains(in, STR("request")));
}
