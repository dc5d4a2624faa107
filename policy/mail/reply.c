/* reply.c - see reply.h: the fields of an answer, and what it is by them and by
 * its words, which reply_wish.c reads. */
#include "policy/mail/reply.h"

#include "policy/mail/encword.h"
#include "policy/mail/multireport.h"
#include "policy/mail/nfc.h"
#include "policy/mail/reply_clause.h"
#include "policy/mail/reply_left.h"
#include "policy/mail/reply_text.h"
#include "policy/mail/reply_wish.h"
#include "policy/mail/subject.h"

#include <string.h>

enum {
	NAME_MIN = 3,   /* letters of a part of an address that is a name */
	LINK_WORDS = 2, /* of the text of a link: "Newsletter abbestellen" */
	SUBJECT_MAX = 400,
};

/* --- the fields --- */

struct job {
	const struct reply_rules *rules;
	const struct reply_in *in;
	struct arena *a;
	const struct header_list *head;
	struct str subject;
	struct reply *out;
};

static bool has_any(
    const struct header_list *l, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (header_count(l, str_of(names[i])) > 0)
			return true;
	return false;
}
#define HAS_ANY(l, names) has_any(l, names, sizeof(names) / sizeof((names)[0]))

static bool has_challenge_field(const struct job *j)
{
	static const char *const names[] = {"X-Boxbe-Request", "X-Boxbe-Key",
	    "X-TMDA-Fingerprint", "X-SpamArrest", "X-Spamarrest-noauth",
	    "X-Qurb-Challenge", "X-ASK-Auth",
	    "X-ChoiceMail-Registration-Request", "X-Knowspam",
	    "X-UOL-AntiSpam"};
	const struct header *agent =
	    header_find(j->head, STR("X-Delivery-Agent"), 0);

	return HAS_ANY(j->head, names) ||
	       (agent != NULL && str_icontains(agent->value, STR("TMDA")));
}

static bool has_ticket_field(const struct job *j)
{
	static const char *const names[] = {"X-RT-Ticket", "RT-Ticket",
	    "X-RT-Loop-Prevention", "X-OTRS-Loop", "X-OTRS-FollowUp-State",
	    "X-Znuny-Loop", "X-Zendesk-From-Account-ID", "X-Zendesk-Ticket-ID",
	    "X-JIRA-FingerPrint", "X-Freshdesk-Ticket", "X-FD-Ticket-Id",
	    "X-FreshDesk-Loop", "X-Zammad-Ticket-Id", "X-Help-Scout-Loop",
	    "X-SN-Ticket", "X-ServiceNow-Generated", "X-HubSpot-Ticket",
	    "X-osTicket-Id", "X-Intercom-Bin"};

	return HAS_ANY(j->head, names);
}

/* "Please confirm (conf#8f5e)", "[confirm: ...]": of what asks for it. */
static bool has_challenge_mark(struct str subject)
{
	return str_icontains(subject, STR("(conf#")) ||
	       str_icontains(subject, STR("[conf#")) ||
	       str_icontains(subject, STR("sender verification")) ||
	       str_icontains(subject, STR("verify your message")) ||
	       str_icontains(subject, STR("[spamarrest"));
}

/* Of the first encoded word: encword.h leaves the bytes as they are. */
static struct str charset_of(struct str subject)
{
	struct str rest = subject, name;

	while (rest.n > 0 && !str_starts(rest, STR("=?")))
		rest = str_from(rest, 1);
	rest = str_from(rest, 2);
	return str_next(&rest, '?', &name) ? name : STR("");
}

static int read_subject(struct job *j)
{
	const struct header *h = header_find(j->head, STR("Subject"), 0);
	struct str charset;
	struct header cut;
	int rc;

	j->subject = STR("");
	if (h == NULL)
		return 0;
	cut = (struct header){h->name, str_cut(h->value, 0, SUBJECT_MAX)};
	j->subject = header_text(j->a, &cut);
	if (j->subject.p == NULL)
		return ERR_LIMIT;
	charset = charset_of(j->subject);
	rc = encword_decode(j->subject, j->a, &j->subject);
	if (rc == 0)
		rc = reply_text_utf8(j->subject, charset, j->a, &j->subject);
	return rc;
}

/* --- the successor --- */

static bool is_address_byte(char c)
{
	return ascii_is_alnum(c) || memchr("._+-", c, 4) != NULL;
}

/* The first address in the text that is not the writer's. */
static struct str find_other(struct str text, struct str writer)
{
	size_t at = 0;

	while ((at = str_find(text, at, '@')) < text.n) {
		size_t from = at, end = at + 1;
		struct str found;

		while (from > 0 && is_address_byte(text.p[from - 1]))
			from--;
		while (end < text.n && is_address_byte(text.p[end]))
			end++;
		while (end > at + 1 && text.p[end - 1] == '.')
			end--;
		found = str_cut(text, from, end - from);
		if (from < at &&
		    str_find(str_cut(text, at, end - at), 0, '.') < end - at &&
		    !str_icontains(writer, found))
			return found;
		at = end > at ? end : at + 1;
	}
	return STR("");
}

/* --- all --- */

/* Whoever is away will be back; and then it is not of them that somebody left. */
static bool has_left(const struct wish_reading *r)
{
	return r->left.clause.p != NULL &&
	       (r->found & (WORD_AWAY | WORD_BACK)) == 0;
}

static enum reply_kind kind_of_program(
    const struct job *j, const struct wish_reading *r)
{
	uint64_t found = r->found;

	if (has_challenge_field(j) || has_challenge_mark(j->subject) ||
	    (found & WORD_PROVE) != 0)
		return REPLY_CHALLENGE;
	if (has_left(r))
		return REPLY_LEFT;
	if (has_ticket_field(j) || subject_has_ticket(j->subject) ||
	    (found & WORD_TICKET) != 0)
		return REPLY_TICKET;
	return (found & WORD_AWAY) != 0 ? REPLY_VACATION : REPLY_AUTO;
}

/* Words between blanks, more than LINK_WORDS; a language without blanks has none. */
static bool is_sentence(struct str clause)
{
	size_t blanks = 0;

	for (size_t i = 1; i < clause.n; i++) {
		if ((unsigned char)clause.p[i] >= 0xe3 &&
		    (unsigned char)clause.p[i] < 0xf0)
			return true;
		blanks += ascii_is_blank(clause.p[i]) &&
			  !ascii_is_blank(clause.p[i - 1]);
	}
	return blanks >= LINK_WORDS;
}

/* Does the writer ask for no more, in a sentence or in an answer that is nothing
 * else? Two words below others may be a link of the firm's. */
static bool asks_plainly(const struct job *j, const struct wish_reading *r)
{
	struct str clause;

	if (r->opt_out.p != NULL &&
	    (is_sentence(r->opt_out) ||
		r->opt_out.n == str_trim(j->out->text).n))
		return true;
	return wish_is_one_word(j->rules, j->out->text, &clause);
}

/* What help desks send: of the program that says a ticket was made, and of clerks
 * unless they ask for something. */
static bool is_ticket(const struct job *j, const struct wish_reading *r)
{
	if ((r->found & WORD_TICKET) == 0 ||
	    (r->opt_out.p != NULL && (r->found & WORD_ACK) == 0) ||
	    asks_plainly(j, r))
		return false;
	return has_ticket_field(j) ||
	       (subject_has_ticket(j->subject) &&
		   header_count(j->head, STR("X-Auto-Response-Suppress")) > 0);
}

static enum reply_kind kind_of_person(
    const struct job *j, struct wish_reading *r)
{
	struct str clause;

	if (has_challenge_field(j))
		return REPLY_CHALLENGE;
	if (is_ticket(j, r))
		return REPLY_TICKET;
	if (r->opt_out.p != NULL)
		return REPLY_OPT_OUT;
	if (wish_is_one_word(j->rules,
		j->out->text.n > 0 ? j->out->text : j->subject, &clause) ||
	    (!subject_is_answer(j->subject) &&
		wish_is_one_word(j->rules, j->subject, &clause))) {
		r->opt_out = clause;
		return REPLY_OPT_OUT;
	}
	if (has_left(r))
		return REPLY_LEFT;
	return REPLY_HUMAN;
}

static struct wish_reading new_reading(const struct job *j)
{
	const struct header *from = header_find(j->head, STR("From"), 0);
	struct str writer =
	    multireport_address(from != NULL ? from->value : STR(""));
	struct wish_reading r = {.left = {.firm = reply_left_firm(writer)}};

	r.left.v = clause_phrases(j->rules, &r.left.n);
	return r;
}

static struct str field_of(const struct job *j, const char *name)
{
	const struct header *h = header_find(j->head, str_of(name), 0);

	return h != NULL ? str_trim(h->value) : STR("");
}

/* What goes to many has these; but answers of mailing lists and of sales programs
 * have them too, and a provider marks what its users write so. */
static bool is_to_many(const struct job *j)
{
	struct str precedence = field_of(j, "Precedence"),
		   feedback = field_of(j, "Feedback-ID");

	return (field_of(j, "List-Unsubscribe").n > 0 ||
		   (feedback.n > 0 && !str_contains(feedback, STR(":user:"))) ||
		   str_ieq(precedence, STR("bulk")) ||
		   str_ieq(precedence, STR("junk"))) &&
	       !subject_is_answer(j->subject);
}

/* A wish outweighs a subject that may be ours, unless what has that subject says
 * that somebody is away. What asks for no automatic answers may be a person's. */
static bool is_by_program(const struct job *j, const struct wish_reading *r)
{
	const struct report *report = j->in->report;
	bool away = (r->found & (WORD_AWAY | WORD_BACK)) != 0;

	if (j->in->null_sender || (r->found & WORD_ROBOT) != 0 || is_to_many(j))
		return true;
	if (report->kind == REPORT_AUTO_REPLY)
		return !report->weak || away || !asks_plainly(j, r);
	return (away || (r->found & WORD_ACK) != 0) && !asks_plainly(j, r) &&
	       header_count(j->head, STR("X-Auto-Response-Suppress")) > 0;
}

/* "unsubscribe" as all that the subject says: above nothing, or in place of what
 * we wrote there. */
static void read_words(struct job *j, struct wish_reading *r)
{
	struct wish_reading of_subject = new_reading(j);
	bool empty = j->out->text.n == 0;

	wish_read(j->rules, j->out->text, r);
	wish_read(j->rules, j->subject, &of_subject);
	j->out->automatic = is_by_program(j, r);
	if (r->opt_out.p == NULL && (empty || !subject_is_answer(j->subject)))
		r->opt_out = of_subject.opt_out;
	if (!j->out->automatic && !empty)
		return;
	r->found |= of_subject.found;
	if (r->left.clause.p == NULL && !r->left.passes)
		r->left = of_subject.left;
}

static int fill(struct job *j, struct wish_reading *r)
{
	const struct header *from = header_find(j->head, STR("From"), 0);
	struct reply *out = j->out;
	struct str quote = out->text;

	if (out->kind == REPLY_OPT_OUT)
		quote = r->opt_out;
	if (out->kind == REPLY_LEFT) {
		quote = r->left.clause;
		out->certain = out->automatic && r->left.myself;
		out->sure = out->automatic && r->left.sure;
		out->successor =
		    find_other(out->text, from != NULL ? from->value : STR(""));
	}
	if (quote.n > REPLY_QUOTE_MAX) {
		quote.n = REPLY_QUOTE_MAX;
		while (quote.n > 0 && !nfc_is_utf8(quote))
			quote.n--;
	}
	out->quote = quote;
	return 0;
}

int reply_read(const struct reply_rules *rules, const struct reply_in *in,
    struct arena *a, struct reply *out)
{
	struct job j = {rules, in, a, &in->report->head, STR(""), out};
	struct wish_reading r = new_reading(&j);
	struct mime m;
	int rc = read_subject(&j);

	*out = (struct reply){.kind = REPLY_RECEIPT, .text = STR("")};
	if (rc != 0 || in->report->source == REPORT_BY_MDN)
		return rc;
	rc = mime_scan(in->message, a, &m);
	if (rc == 0)
		rc = reply_text(&m, a, REPLY_TEXT_MAX, &out->text);
	if (rc != 0)
		return rc;
	read_words(&j, &r);
	out->kind =
	    out->automatic ? kind_of_program(&j, &r) : kind_of_person(&j, &r);
	return fill(&j, &r);
}

/* Of nobody, whatever else may be named so. */
static bool is_role(struct str local)
{
	static const char *const names[] = {"info", "sales", "office",
	    "contact", "kontakt", "support", "team", "hello", "mail", "email",
	    "service", "marketing", "vertrieb", "einkauf", "admin", "post",
	    "billing", "accounts", "jobs", "press", "web", "shop"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(local, str_of(names[i])))
			return true;
	return false;
}

/* Does what follows a name show that it is that of another: "Ada's deputy", "Ada
 * King" for ada.lovelace? */
static bool is_of_other(struct str after, struct str local)
{
	struct str next = str_trim(after);

	if (str_starts(after, STR("'")) || str_starts(after, STR("’")))
		return true;
	next = str_cut(next, 0, str_find(next, 0, ' '));
	return after.n > next.n && next.n > 0 && next.p[0] >= 'A' &&
	       next.p[0] <= 'Z' && !str_icontains(local, next);
}

/* As a word of its own, and the name of who has the address. */
static bool has_name(struct str s, struct str name, struct str local)
{
	for (size_t at = 0; at + name.n <= s.n; at++) {
		struct str after = str_from(s, at + name.n);

		if (!str_istarts(str_from(s, at), name))
			continue;
		if ((at == 0 || !ascii_is_alnum(s.p[at - 1])) &&
		    (after.n == 0 || !ascii_is_alnum(after.p[0])) &&
		    !is_of_other(after, local))
			return true;
	}
	return false;
}

/* "john.doe@..." is named by "John" or "Doe". */
bool reply_says_left(const struct reply *r, struct str address)
{
	struct str local = str_cut(address, 0, str_rfind(address, '@'));
	size_t from = 0;

	if (!r->sure || r->certain)
		return r->certain;
	for (size_t i = 0; i <= local.n; i++) {
		struct str part = str_cut(local, from, i - from);

		if (i < local.n && memchr("._-+", local.p[i], 4) == NULL)
			continue;
		if (part.n >= NAME_MIN && !is_role(part) &&
		    has_name(r->quote, part, local))
			return true;
		from = i + 1;
	}
	return false;
}

const char *reply_kind_name(enum reply_kind kind)
{
	switch (kind) {
	case REPLY_HUMAN:
		return "human";
	case REPLY_OPT_OUT:
		return "opt_out";
	case REPLY_VACATION:
		return "vacation";
	case REPLY_AUTO:
		return "auto";
	case REPLY_CHALLENGE:
		return "challenge";
	case REPLY_LEFT:
		return "left";
	case REPLY_TICKET:
		return "ticket";
	case REPLY_RECEIPT:
		return "receipt";
	}
	return "unknown";
}
