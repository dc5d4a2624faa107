/* reply_footer.c - see reply_footer.h. Whatever speaks of its writer ("me", "my") is
 * none, but for what they offer: "tell me and I will take you off". A line that is
 * not sure is kept: a footer taken for a wish stops mail to somebody who did not
 * ask, which they will tell; a wish taken for a footer is never heard of. */
#include "policy/mail/reply_footer.h"

#include "policy/mail/nfc.h"

#include <string.h>

enum {
	LOWER_MAX = 4 * REPLY_FOOTER_MAX,
	NAME_LINE_MAX = 70,
	NAME_WORDS = 6,
	CLOSING_MAX = 50,
	LABEL_LETTERS = 40,
	LABEL_WORDS = 4,
	LABELS_MAX = 8,
	DISCLAIMER_MIN = 60,
	FIRST_WORDS = 60, /* bytes that hold any of them */
};

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

/* --- words --- */

/* In lower case, one blank for whatever is no letter, one at both ends. */
struct words {
	char text[LOWER_MAX + 2];
	struct str s;
};

static void read_words(struct str s, struct words *w)
{
	char low[LOWER_MAX];
	size_t n = 0, to = 0;

	s = str_cut(s, 0, REPLY_FOOTER_MAX);
	while (s.n > 0 && !nfc_is_utf8(s))
		s.n--;
	if (nfc_lower(s, low, sizeof(low), &n) != 0)
		n = 0;
	w->text[to++] = ' ';
	for (size_t i = 0; i < n; i++) {
		size_t odd = i + 2 < n && (memcmp(low + i, "’", 3) == 0 ||
					      memcmp(low + i, "？", 3) == 0)
				 ? 3
				 : 1;

		odd =
		    i + 1 < n && memcmp(low + i, "\302\240", 2) == 0 ? 2 : odd;
		if (odd == 1 && (ascii_is_alnum(low[i]) ||
				    ((unsigned char)low[i] & 0x80) != 0))
			w->text[to++] = low[i];
		else if (w->text[to - 1] != ' ')
			w->text[to++] = ' ';
		i += odd - 1;
	}
	if (w->text[to - 1] != ' ')
		w->text[to++] = ' ';
	w->s = (struct str){w->text, to};
}

/* Where a phrase begins a word ("mail*" also as a part of one), from `at` on; the
 * end: nowhere. Of languages without blanks, anywhere. */
static size_t find_phrase(struct str s, size_t at, struct str phrase)
{
	bool open = str_ends(phrase, STR("*"));
	bool dense = (unsigned char)phrase.p[0] >= 0xe3;

	phrase.n -= open;
	for (; at + phrase.n < s.n; at++) {
		if (s.p[at] != phrase.p[0] ||
		    memcmp(s.p + at, phrase.p, phrase.n) != 0)
			continue;
		if (dense ||
		    (s.p[at - 1] == ' ' && (open || s.p[at + phrase.n] == ' ')))
			return at;
	}
	return s.n;
}

static bool has_one(const struct words *w, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (find_phrase(w->s, 1, str_of(v[i])) < w->s.n)
			return true;
	return false;
}
#define HAS_ONE(w, v) has_one(w, v, COUNT(v))

/* A word of the first list right before one of the second, but for an "e" as of
 * "e-mails". */
static bool has_pair(const struct words *w, const char *const *first, size_t n,
    const char *const *second, size_t m)
{
	for (size_t i = 0; i < n; i++) {
		struct str word = str_of(first[i]);
		size_t at = 1;

		while ((at = find_phrase(w->s, at, word)) < w->s.n) {
			struct str rest = str_from(w->s, at + word.n + 1);

			if (str_starts(rest, STR("e ")))
				rest = str_from(rest, 2);
			for (size_t k = 0; k < m; k++)
				if (str_starts(rest, str_of(second[k])))
					return true;
			at += word.n;
		}
	}
	return false;
}

/* --- whom it speaks of --- */

static bool speaks_of_writer(const struct words *w)
{
	static const char *const words[] = {"i", "me", "my", "us", "ich",
	    "mich", "mir", "mein*", "uns", "je", "j", "moi", "m", "mon", "ma",
	    "mes", "yo", "mi", "darme", "borrarme", "eu", "meu", "minha", "io",
	    "mio", "mia", "ik", "mij", "mijn", "jag", "mig", "mitt", "jeg",
	    "meg", "mit", "minut", "minua", "mnie", "mój", "moje*", "mě", "mne",
	    "engem", "я", "меня", "мой", "мою", "мене", "мені", "мій", "beni",
	    "bana", "mă", "mea", "με", "μου", "我", "私", "저를", "제"};
	/* of who sends an offer */
	static const char *const offers[] = {"from me", "from us", "to me",
	    "to us", "let me", "let us", "tell me", "tell us", "email me",
	    "email us", "von mir", "von uns", "teilen sie uns", "sagen sie",
	    "de moi", "de ma part", "de mi", "de mim", "da me", "van mij",
	    "van ons", "från mig", "från oss", "fra mig", "fra meg", "ode mnie",
	    "ode mě", "от меня", "benden", "de la mine"};
	static const char *const take_off[] = {"take you off", "remove you*",
	    "unsubscribe you", "delete you*", "i will stop", "i ll stop",
	    "i won t", "i will not", "nehme ich sie", "nehme ich dich",
	    "streiche ich", "trage ich", "je vous retire*", "je ne vous",
	    "te daré", "le daré", "rimuoverò", "haal ik", "tar jag bort",
	    "fjerner jeg"};

	return HAS_ONE(w, words) && !HAS_ONE(w, offers) &&
	       !HAS_ONE(w, take_off);
}

static const char *const mails[] = {"mails", "emails", "newsletter", "messages",
    "mailing", "communication", "updates", "nachrichten", "rundschreiben",
    "verteiler", "courriels", "lettre", "envois", "envíos", "correos",
    "mensajes", "boletin", "boletín", "comunica", "mensagens", "messaggi",
    "nieuwsbrief", "berichten", "mejl", "utskick", "nyhetsbrev", "nyhedsbrev",
    "e post", "beskeder", "meldinger", "maili", "wiadomo", "zpráv", "správ",
    "рассыл", "пис", "сообщ", "розсил", "лист", "повідом", "bülten",
    "mesajlar"};

/* These only as yours: "our list" and "our mail" may be the writer's own. */
static const char *const lists[] = {"list", "mail", "email", "database",
    "datenbank", "base", "bestand", "adress", "baz", "баз", "спис"};

static bool speaks_of_our_mails(const struct words *w)
{
	static const char *const our[] = {"our", "unsere", "unseren", "unserem",
	    "unserer", "nos", "notre", "nuestros", "nuestro", "nuestra",
	    "nuestras", "nossos", "nossas", "nossa", "nosso", "nostre",
	    "nostra", "nostri", "nostro", "onze", "våra", "vårt", "vores",
	    "våre", "naszych", "naszego", "naszej", "našich", "našeho", "našej",
	    "naše", "нашей", "наших", "нашу", "наши", "наші", "нашої", "bizim",
	    "noastre"};

	return has_pair(w, our, COUNT(our), mails, COUNT(mails));
}

static bool speaks_of_your_mails(const struct words *w)
{
	static const char *const your[] = {"your", "ihre", "ihren", "ihrem",
	    "ihrer", "eure", "eurem", "eurer", "votre", "vos", "sus", "su",
	    "vuestro", "vuestra", "suas", "sua", "seus", "vostra", "vostre",
	    "vostri", "uw", "jullie", "din", "dina", "er", "ert", "jeres",
	    "deres", "waszych", "waszej", "vašich", "vašeho", "вашей", "ваших",
	    "вашу", "вашої"};

	return has_pair(w, your, COUNT(your), mails, COUNT(mails)) ||
	       has_pair(w, your, COUNT(your), lists, COUNT(lists));
}

static bool speaks_to_reader(const struct words *w)
{
	static const char *const words[] = {"you", "your", "yourself", "sie",
	    "ihre*", "ihnen", "du", "dich", "dein*", "vous", "votre", "vos",
	    "usted*", "sus", "su", "tus", "puede", "você", "seus", "sua", "lei",
	    "suoi", "può", "u", "uw", "je", "jouw", "du", "dig", "din", "deg",
	    "państwo", "twój", "vám", "vás", "вас", "вам", "ваш*", "вы", "ви",
	    "siz*", "dumneavoastră"};

	return HAS_ONE(w, words);
}

/* --- what it says --- */

/* Where to, or how. */
static bool shows_way(struct str text)
{
	static const char *const words[] = {"here", "click", "reply",
	    "we will stop", "we ll stop", "hier", "klicken", "antworten",
	    "antworte", "ici", "cliquez", "clique", "répondez", "aquí",
	    "haga clic", "pulse", "responda", "responde", "aqui", "clicca*",
	    "qui", "risponda", "rispondi", "rispondete", "klik", "beantwoord*",
	    "här", "klicka", "svara", "her", "klikk", "tästä", "tutaj",
	    "kliknij", "odpowiedz", "zde", "klikněte", "kliknite", "kattints*",
	    "здесь", "нажмите", "ответьте", "тут", "натисніть", "burada*",
	    "tıkla*", "aici", "εδώ", "こちら", "返信", "点击", "此处", "点此",
	    "點此", "여기"};
	struct words w;

	read_words(text, &w);
	return HAS_ONE(&w, words);
}

/* "Not interested? Unsubscribe here", but not "Can you take her off? Thanks". */
static bool answers_itself(struct str text)
{
	struct str rest = str_from(text, str_find(text, 0, '?') + 1);

	return str_trim(rest).n > 0 && shows_way(rest);
}

/* What the reader may do, or gets. */
static bool grants(const struct words *w)
{
	static const char *const words[] = {"can", "may", "receive",
	    "receiving", "any time", "anytime", "wish", "prefer", "subscribed",
	    "können", "kannst", "jederzeit", "erhalten", "bekommen",
	    "abonniert", "pouvez", "recevez", "recevoir", "tout moment",
	    "puede*", "recib*", "derechos", "pode*", "receb*", "momento", "può",
	    "riceve*", "kunt", "kan", "ontvang*", "får", "modtager", "mottar",
	    "możesz", "można", "otrzym*", "můžete", "dostáv*", "môžete",
	    "можете", "получа*", "отрим*", "bármikor", "puteți", "primiți",
	    "μπορείτε"};

	return HAS_ONE(w, words);
}

/* "If you no longer wish": of the reader's will. */
static bool asks_readers_will(const struct words *w)
{
	static const char *const words[] = {"if you no longer",
	    "if you do not want", "if you do not wish", "if you don t want",
	    "if you don t wish", "if you would prefer not",
	    "if you would rather not", "if you d rather not",
	    "if you wish to stop", "if you want to stop",
	    "should you no longer", "should you not wish", "wenn sie keine",
	    "falls sie keine", "sollten sie keine", "sofern sie keine",
	    "möchten sie keine", "sie möchten keine", "sie wollen keine",
	    "wenn du keine", "si vous ne souhaitez", "si vous ne voulez",
	    "vous ne souhaitez", "si usted no desea", "si no desea",
	    "si no quiere", "si ya no desea", "si ya no quiere",
	    "en caso de no desear", "se você não deseja", "se você não quer",
	    "se não deseja", "se não quiser", "caso não deseje",
	    "caso não queira", "qualora non desider*", "qualora non vo*",
	    "se non desidera", "se non vuo*", "als u geen", "indien u geen",
	    "wilt u geen", "als je geen", "om du inte vill", "vill du inte ha",
	    "vill du inte längre", "hvis du ikke ønsker", "hvis du ikke vil",
	    "hvis du ikke længere", "hvis du ikke lenger", "vil du ikke ha",
	    "vil du ikke modtage", "vil du ikke motta", "vil du ikke længere",
	    "vil du ikke lenger", "jos et halua", "jos ette halua",
	    "jeśli nie chcesz", "jeśli nie chcą", "jeżeli nie chcesz",
	    "jeśli nie życz*", "pokud nechcete", "pokud si nepřejete",
	    "ak nechcete", "ak si neželáte", "ha nem szeretne", "ha nem kíván",
	    "если вы не хотите", "если вы больше не хотите",
	    "если вы не желаете", "если не хотите", "якщо ви не бажаєте",
	    "якщо ви не хочете", "якщо не бажаєте", "almak istemiyorsanız",
	    "dacă nu doriți", "dacă nu mai doriți", "αν δεν θέλετε",
	    "αν δεν επιθυμείτε", "ご希望されない", "不要な方", "希望されない方",
	    "如果您不想", "如果您不希望", "如您不想", "如不想",
	    "원하지 않으시면", "원치 않으시면"};

	return HAS_ONE(w, words);
}

/* "To stop receiving these mails, click here": not "we asked you to stop" */
static bool shows_how(struct str text, const struct words *w)
{
	static const char *const words[] = {"to stop", "to unsubscribe",
	    "to opt out", "to be removed", "to no longer", "um sich",
	    "um keine", "zum abmelden", "zum abbestellen", "pour ne plus",
	    "pour vous", "para dejar de", "para no recibir", "para darse",
	    "para não", "para deixar de", "para cancelar", "per non",
	    "per annullare", "om geen", "för att", "for å", "for at", "aby nie",
	    "aby zrezyg*", "abyste", "чтобы", "щоб", "pentru a nu"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (find_phrase(str_cut(w->s, 0, FIRST_WORDS), 1,
			str_of(words[i])) == 1)
			return shows_way(text);
	return false;
}

static bool is_disclaimer(const struct words *w)
{
	static const char *const words[] = {"intended recipient",
	    "unintended recipient", "intended addressee", "received in error",
	    "received this in error", "confidential", "vertraulich*",
	    "richtige adressat", "destinataire prévu", "confidentiel*",
	    "confidencial*", "destinatario indicado", "riservat*",
	    "vertrouwelijk*", "konfidentiell*", "fortrolig*", "poufn*",
	    "důvěrn*", "конфиденциальн*", "конфіденційн*"};

	return HAS_ONE(w, words);
}

/* --- links --- */

static size_t separator(struct str s)
{
	static const char *const marks[] = {"|", "•", "·", "｜"};

	for (size_t i = 0; i < COUNT(marks); i++)
		if (str_starts(s, str_of(marks[i])))
			return strlen(marks[i]);
	return 0;
}

static bool is_label(struct str s)
{
	s = str_trim(s);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '@' || s.p[i] == '!' || s.p[i] == '.' ||
		    ascii_is_digit(s.p[i]))
			return false;
	return s.n > 0 && s.n <= LABEL_LETTERS && str_words(s) <= LABEL_WORDS;
}

/* "Manage preferences | Unsubscribe" */
static bool is_links(struct str text)
{
	size_t from = 0, found = 0;

	for (size_t at = 0; at < text.n; at++) {
		size_t n = separator(str_from(text, at));

		if (n == 0)
			continue;
		if (!is_label(str_cut(text, from, at - from)) ||
		    ++found > LABELS_MAX)
			return false;
		at += n - 1;
		from = at + 1;
	}
	return found > 0 && is_label(str_from(text, from));
}

/* --- all --- */

bool reply_footer_is_offer(struct str text)
{
	struct words w;

	text = str_cut(text, 0, REPLY_FOOTER_MAX);
	if (is_links(text))
		return true;
	read_words(text, &w);
	if (asks_readers_will(&w) && speaks_of_our_mails(&w))
		return true; /* also above "unsubscribe me", a button's words */
	if (speaks_of_writer(&w) || speaks_of_your_mails(&w))
		return false;
	return asks_readers_will(&w) || answers_itself(text) ||
	       shows_how(text, &w) ||
	       (text.n >= DISCLAIMER_MIN && is_disclaimer(&w)) ||
	       (speaks_of_our_mails(&w) && speaks_to_reader(&w) && grants(&w));
}

static bool is_closing(struct str line)
{
	static const char *const starts[] = {"regards", "best", "kind regards",
	    "warm regards", "many thanks", "thanks", "thank you", "cheers",
	    "sincerely", "yours", "all the best", "mit freundlich",
	    "mit besten", "viele grüße", "viele grüsse", "liebe grüße",
	    "beste grüße", "freundliche grüße", "schöne grüße", "gruß", "mfg",
	    "vg", "lg", "cordialement", "bien à vous", "bien cordialement",
	    "salutations", "saludos", "un saludo", "atentamente", "cordial",
	    "saluti", "distinti saluti", "atenciosamente", "abraço",
	    "cumprimentos", "met vriendelijke", "groet", "med vänlig", "mvh",
	    "hälsningar", "med venlig", "venlig hilsen", "vennlig hilsen",
	    "terveisin", "ystävällisin", "pozdrawiam", "z poważaniem",
	    "s pozdravem", "s pozdravom", "üdvözlettel", "с уважением",
	    "з повагою", "saygılarımla", "iyi çalışmalar", "cu stimă",
	    "με εκτίμηση", "敬具", "よろしく", "此致"};
	struct words w;

	if (line.n > CLOSING_MAX)
		return false;
	read_words(line, &w);
	for (size_t i = 0; i < COUNT(starts); i++)
		if (str_starts(str_from(w.s, 1), str_of(starts[i])))
			return true;
	return false;
}

/* "Ben Miller", "Ada Lovelace | Acme Inc.", "/Ben" */
static bool looks_like_name(struct str line)
{
	static const char *const small[] = {"von", "van", "de", "der", "den",
	    "da", "di", "del", "of", "and", "und", "bin", "al", "la", "le"};
	struct str word;
	size_t n = 0;

	if (str_starts(line, STR("/")) || str_starts(line, STR("-")))
		line = str_trim(str_from(line, 1));
	if (line.n == 0 || line.n > NAME_LINE_MAX ||
	    memchr("!?:;,", line.p[line.n - 1], 5) != NULL)
		return false;
	while (str_next(&line, ' ', &word)) {
		bool capital;

		if (word.n == 0)
			continue;
		capital = (word.p[0] >= 'A' && word.p[0] <= 'Z') ||
			  ((unsigned char)word.p[0] & 0x80) != 0 ||
			  separator(word) > 0 || word.p[0] == '&';
		for (size_t i = 0; !capital && i < COUNT(small); i++)
			capital = str_eq(word, str_of(small[i]));
		if (!capital || ++n > NAME_WORDS)
			return false;
	}
	return true;
}

bool reply_footer_is_name(struct str line, bool below_empty)
{
	return (below_empty && looks_like_name(line)) || is_closing(line);
}
