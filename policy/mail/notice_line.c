/* notice_line.c - see notice_line.h. */
#include "policy/mail/notice_line.h"

#include <string.h>

#define COUNT(v) (sizeof(v) / sizeof(*(v)))

/* So many bytes before an address say whose it is: however many addresses a
 * line has, it is read in linear time. */
enum {
	CONTEXT_MAX = 160
};

/* --- addresses --- */

static bool is_local(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", c) != NULL);
}

static bool is_domain(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 || c == '.' ||
	       c == '-';
}

/* Where the local part before the "@" begins. */
static size_t local_from(struct str s, size_t from, size_t at)
{
	size_t i = at;

	if (at > from + NOTICE_ADDRESS_MAX)
		from = at - NOTICE_ADDRESS_MAX;
	if (i > from && s.p[i - 1] == '"') { /* a quoted one */
		for (i--; i > from && s.p[i - 1] != '"'; i--)
			;
		return i > from ? i - 1 : at;
	}
	while (i > from && is_local(s.p[i - 1]))
		i--;
	while (i < at && strchr("'=*./-", s.p[i]) != NULL)
		i++; /* quotes and bullets that stuck to it */
	return i;
}

static size_t domain_to(struct str s, size_t at)
{
	size_t i = at + 1;

	while (i < s.n && is_domain(s.p[i]))
		i++;
	while (i > at + 1 && (s.p[i - 1] == '.' || s.p[i - 1] == '-'))
		i--;
	return i;
}

bool notice_line_address(struct str line, size_t at, struct notice_address *out)
{
	for (size_t i = str_find(line, at, '@'); i < line.n;
	     i = str_find(line, i + 1, '@')) {
		size_t from = local_from(line, at, i), to = domain_to(line, i);

		if (from == i || to == i + 1 || to - from > NOTICE_ADDRESS_MAX)
			continue;
		*out = (struct notice_address){
		    str_cut(line, from, to - from), from, to};
		return true;
	}
	return false;
}

bool notice_line_is_contact(struct str address)
{
	static const struct str names[] = {STR("postmaster"),
	    STR("mailer-daemon"), STR("abuse"), STR("support"), STR("helpdesk"),
	    STR("hostmaster"), STR("webmaster"), STR("mail-daemon"),
	    STR("no-reply"), STR("noreply")};
	struct str local = str_cut(address, 0, str_find(address, 0, '@'));

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_ieq(local, names[i]))
			return true;
	return false;
}

/* --- what stands around them --- */

/* Without ornaments on the right: blanks, brackets, quotes. */
static struct str strip_right(struct str s)
{
	while (s.n > 0 && (s.p[s.n - 1] == '\n' ||
			      strchr(" \t<\"'([*>-", s.p[s.n - 1]) != NULL))
		s.n--;
	return s;
}

/* Bullets and brackets alone. */
static bool is_empty(struct str before)
{
	return strip_right(before).n == 0;
}

/* What follows the address, behind its closing bracket or quote. */
static struct str after(struct str line, size_t to)
{
	while (to < line.n && strchr(">\"')]", line.p[to]) != NULL)
		to++;
	return str_from(line, to);
}

static bool ends_address(struct str rest)
{
	struct str s = str_trim(rest);

	return s.n == 0 || strchr(":;,([<|", s.p[0]) != NULL ||
	       str_starts(s, STR("...")) || str_istarts(s, STR("on ")) ||
	       str_starts(s, STR("- ")) || str_istarts(s, STR("invalid"));
}

/* "550 " or "550 5.1.1 " and nothing else? */
static bool is_code(struct str s)
{
	s = strip_right(s);
	if (s.n < 3 || (s.p[0] != '4' && s.p[0] != '5') ||
	    !ascii_is_digit(s.p[1]) || !ascii_is_digit(s.p[2]))
		return false;
	for (size_t i = 3; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]) && strchr(" .-", s.p[i]) == NULL)
			return false;
	return true;
}

bool notice_line_is_verdict(struct str line, const struct notice_address *a)
{
	struct str before = str_cut(line, 0, a->from);

	return (is_code(before) || is_empty(before)) &&
	       str_starts(after(line, a->to), STR("...")) &&
	       !str_starts(line, STR(">>>"));
}

static bool has_any(struct str s, const char *const *v, size_t n)
{
	if (s.n > CONTEXT_MAX)
		s = str_from(s, s.n - CONTEXT_MAX);
	for (size_t i = 0; i < n; i++)
		if (str_icontains(s, str_of(v[i])))
			return true;
	return false;
}

/* Whose address is it that such words lead up to? Not a recipient's. */
static bool is_other(struct str s)
{
	static const char *const words[] = {"from", "sender", "reply",
	    "return-path", "message-id", "mailto", "contact", "postmaster",
	    "administrator", "help", "support", "behalf", "questions", "visit",
	    "forward", "write to", " id "};

	return has_any(s, words, COUNT(words));
}

static enum notice_strength labelled(struct str label)
{
	static const char *const names[] = {"recipient", "address", "failed",
	    "undeliverable", "deliver", "unknown", "mailbox", "error", "user",
	    "empf\303\244nger", "destinataire", "destinatario",
	    "\345\256\233\345\205\210"};
	struct str s = str_trim(label);

	if (is_other(s))
		return NOTICE_NO_ADDRESS;
	if (has_any(s, names, COUNT(names)))
		return NOTICE_LABELLED;
	return str_iends(s, STR("to")) ? NOTICE_SENTENCE : NOTICE_MENTIONED;
}

static enum notice_strength in_sentence(struct str before)
{
	static const char *const cues[] = {"deliver", "message to", "mail to",
	    "mailed to", "email to", "recipient", "unknown", "user ", "reach",
	    "address", "send to", "sent to", "rcpt to", "errors:", "mailbox",
	    "zugestellt", "an ", "destinatario", "destinataire"};

	if (is_other(before))
		return NOTICE_NO_ADDRESS;
	return has_any(before, cues, COUNT(cues)) ? NOTICE_SENTENCE
						  : NOTICE_MENTIONED;
}

/* SMTP as it was spoken: a command names whom we wrote to, a reply anybody. */
static bool is_dialogue(struct str line)
{
	return str_starts(line, STR("<<<")) || str_starts(line, STR(">>>")) ||
	       str_starts(line, STR("<--")) || str_starts(line, STR("-->"));
}

static enum notice_strength spoken(struct str line)
{
	if (str_icontains(str_cut(line, 0, 40), STR("mail from")))
		return NOTICE_NO_ADDRESS;
	return str_icontains(str_cut(line, 0, 40), STR("rcpt to"))
		   ? NOTICE_SENTENCE
		   : NOTICE_MENTIONED;
}

enum notice_strength notice_line_strength(
    struct str line, const struct notice_address *a, struct str before)
{
	struct str left = str_cut(line, 0, a->from);
	struct str stripped = strip_right(left);

	if (notice_line_is_contact(a->address))
		return NOTICE_NO_ADDRESS;
	if (is_dialogue(line) && !is_empty(left))
		return spoken(line);
	if (notice_line_is_verdict(line, a) && is_code(left))
		return NOTICE_TRANSCRIPT;
	if (is_empty(left)) {
		if (ends_address(after(line, a->to)) ||
		    str_find(left, 0, '<') < left.n)
			return is_other(before) ? NOTICE_SENTENCE
						: NOTICE_LISTED;
		return in_sentence(before);
	}
	if (stripped.n > 0 && stripped.p[stripped.n - 1] == ':')
		return labelled(str_cut(stripped, 0, stripped.n - 1));
	return is_code(str_cut(line, 0, 4)) ? NOTICE_MENTIONED
					    : in_sentence(left);
}
