/* notice_advice.c - see notice_advice.h. */
#include "policy/mail/notice_advice.h"

#define COUNT(v) (sizeof(v) / sizeof(*(v)))

enum {
	SHORT_LINE = 50,    /* bytes; a shorter one was not broken to fit */
	SENTENCE_MAX = 512, /* bytes of a sentence that are looked at */
	ROOM = 4096, /* bytes of a text that are looked through at once */
};

/* Sentences that begin so say what to do, or what would be if. Not "please check
 * if", which is all that InterScan says of an address that is not there. */
static const char *const begins[] = {"if ", "in case ", "please check that",
    "please check the", "please check your", "please check whether",
    "please verify", "please make sure", "please ensure", "please confirm",
    "check that ", "check the ", "check your ", "check whether ", "verify ",
    "make sure", "ensure ", "perhaps", "maybe", "possibly", "either ", "when ",
    "whether ",
    /* Dutch, French, German, Italian, Polish, Portuguese, Spanish... */
    "controleer", "als ", "indien ", "vérifiez", "veuillez vérifier",
    "assurez-vous", "si ", "peut-être", "falls ", "wenn ", "sollte ",
    "bitte prüfen", "bitte überprüfen", "prüfen sie", "überprüfen sie",
    "vielleicht", "möglicherweise", "eventuell", "controlla", "verifica", "se ",
    "forse ", "sprawdź", "jeśli ", "jeżeli ", "być może", "confirme", "talvez",
    "compruebe", "comprueba", "quizá", "tal vez", "om ", "kontrollera", "hvis ",
    "kontroller", "zkontrolujte", "pokud ", "ellenőrizze", "ha ", "если ",
    "Если ", "проверьте", "Проверьте", "возможно", "Возможно"};

/* Wherever they stand, they make what is said one of several things. */
static const char *const doubts[] = {"may have ", "may be ", "may not be ",
    "may no longer ", "might have ", "might be ", "might not ", "could have ",
    "could be because", "can happen ", "typically ", "usually means",
    "möglicherweise", "peut être dû", "peut-être", "puede deberse", "pode ter ",
    "potrebbe ", "mogelijk "};

/* What is below or behind is a list of what it could be. */
static const char *const choices[] = {"possible reason", "possible cause",
    "common reason", "common cause", "typical reason", "typical cause",
    "likely cause", "likely reason", "following reasons", "following causes",
    "one of the following", "some reasons", "reasons include", "causes include",
    "mögliche ursache", "mögliche gründe", "möglichen ursachen",
    "folgende gründe", "folgenden gründe", "causes possibles",
    "raisons possibles", "raisons suivantes", "posibles causas",
    "causas posibles", "posibles motivos", "possibili cause",
    "possíveis causas", "mogelijke oorzaken", "możliwe przyczyny",
    "возможные причины", "Возможные причины"};

/* s is in lower case. */
static bool has_any(struct str s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_contains(s, str_of(v[i])))
			return true;
	return false;
}

static bool is_letter(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80;
}

/* Without bullets and quotation marks in front. */
static struct str bare(struct str s)
{
	while (s.n > 0 && !is_letter(s.p[0]))
		s = str_from(s, 1);
	return s;
}

/* In lower case and on one line; to has room for s. */
static struct str lower(struct str s, char *to)
{
	for (size_t i = 0; i < s.n; i++)
		to[i] = s.p[i] == '\n' ? ' ' : ascii_lower(s.p[i]);
	return (struct str){to, s.n};
}

/* sentence: in lower case. */
static bool begins_so(struct str sentence)
{
	struct str s = bare(sentence);

	for (size_t i = 0; s.n > 0 && i < COUNT(begins); i++)
		if (begins[i][0] == s.p[0] && str_starts(s, str_of(begins[i])))
			return true;
	return false;
}

/* What is anywhere in a text at all: most have none of it. */
struct found {
	bool choices, doubts;
};

static struct found look_through(struct str text)
{
	char room[ROOM];
	struct str low;

	if (text.n > ROOM)
		return (struct found){true, true};
	low = lower(text, room);
	return (struct found){has_any(low, choices, COUNT(choices)),
	    has_any(low, doubts, COUNT(doubts))};
}

/* Does a line of so many bytes end a sentence, if `next` comes behind it? A
 * short one was not broken to fit, but for what goes on in lower case. */
static bool ends_line(size_t length, char next)
{
	if (!is_letter(next) || ascii_is_digit(next))
		return true;
	return length < SHORT_LINE && (next < 'a' || next > 'z');
}

/* Where the sentence ends that begins at `at`: behind its full stop, at the end
 * of a paragraph, and of a line that could have gone on. */
static size_t sentence_end(struct str s, size_t at)
{
	size_t line = at;

	while (line > 0 && s.p[line - 1] != '\n' && at - line < SHORT_LINE)
		line--;
	for (size_t i = at; i + 1 < s.n; i++) {
		char next = s.p[i + 1];

		if (s.p[i] == '\n') {
			if (ends_line(i - line, next))
				return i + 1;
			line = i + 1;
		} else if ((s.p[i] == '.' || s.p[i] == '!' || s.p[i] == '?') &&
			   (ascii_is_blank(next) || next == '\n')) {
			return i + 1;
		}
	}
	return s.n;
}

static bool ends_paragraph(struct str s, size_t at)
{
	return at >= s.n || (at > 1 && s.p[at - 1] == '\n' && s.p[at] == '\n');
}

void notice_advice_drop(struct str text, struct buf *out)
{
	struct found found = look_through(text);
	bool choice = false, open = false; /* open: its list is still to come */
	size_t at = 0, end;
	char room[SENTENCE_MAX];

	for (; at < text.n; at = end) {
		struct str s, low;

		end = sentence_end(text, at);
		s = str_cut(text, at, end - at);
		low = lower(str_cut(s, 0, SENTENCE_MAX), room);
		if (found.choices && has_any(low, choices, COUNT(choices)))
			choice = open = true;
		if (!choice && !begins_so(low) &&
		    !(found.doubts && has_any(low, doubts, COUNT(doubts))))
			buf_add(out, s);
		if (choice && str_trim(s).n > 0)
			open = str_ends(str_trim(s), STR(":"));
		if (ends_paragraph(text, end) && !open)
			choice = false;
	}
}
