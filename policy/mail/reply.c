/* reply.c - see reply.h.
 *
 * The words are looked for clause by clause: what stands between two marks of
 * punctuation, or two line ends. So "not" in one clause denies nothing of another,
 * and the instructions in somebody's footer are told from a wish. */
#include "policy/mail/reply.h"

#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/mail/encword.h"
#include "policy/mail/multireport.h"
#include "policy/mail/nfc.h"
#include "policy/mail/reply_left.h"
#include "policy/mail/reply_text.h"
#include "policy/mail/reply_words.h"
#include "policy/mail/subject.h"
#include "policy/rules/phrases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLAUSE_MAX = 1000,
	FOLDED_MAX = 1 << 18,
	CLAUSES_MAX = 200,
	LOWER_MAX = 4 * CLAUSE_MAX,
	ALONE_WORDS =
	    6, /* of a whole answer that may be one word of the table */
	WHOLE_MAX = 200,
	NAME_MIN = 3, /* letters of a part of an address that is a name */
	SUBJECT_MAX = 400,
};

struct reply_rules {
	struct phrases *phrases;
	struct reply_phrase *v; /* of all tables, numbered as in phrases */
	size_t n;
};

/* As phrases.h wants it: folded as the text will be, its "*" kept. */
static int fold(
    const char *phrase, struct buf *b, struct arena *a, const char **out)
{
	struct str text = str_of(phrase);
	bool open = str_ends(text, STR("*"));
	int rc;

	buf_reset(b);
	phrases_fold(str_cut(text, 0, text.n - open), b);
	rc = buf_error(b);
	text = str_trim(buf_str(b));
	*out = arena_printf(a, "%.*s%s", STR_ARG(text), open ? "*" : "");
	return rc == 0 && *out == NULL ? -ENOMEM : rc;
}

static int gather(struct reply_rules *r)
{
	static const struct reply_words *const tables[] = {&reply_words_wish,
	    &reply_words_pair, &reply_words_auto, &reply_words_left,
	    &reply_words_stay};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		n += tables[i]->n;
	r->v = fault_alloc() ? NULL : calloc(n, sizeof(*r->v));
	if (r->v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		memcpy(r->v + r->n, tables[i]->v, tables[i]->n * sizeof(*r->v));
		r->n += tables[i]->n;
	}
	return 0;
}

static int compile(struct reply_rules *r, struct arena *a)
{
	int rc = gather(r);
	const char **v = rc == 0 ? arena_array(a, r->n, sizeof(*v)) : NULL;
	struct buf b;

	if (rc == 0 && v == NULL)
		rc = -ENOMEM;
	buf_init(&b, CLAUSE_MAX);
	for (size_t i = 0; rc == 0 && i < r->n; i++)
		rc = fold(r->v[i].text, &b, a, &v[i]);
	buf_fini(&b);
	return rc == 0 ? phrases_new(v, r->n, &r->phrases) : rc;
}

int reply_rules_new(struct reply_rules **out)
{
	struct reply_rules *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));
	struct arena *a = arena_new(FOLDED_MAX);
	int rc = r != NULL && a != NULL ? compile(r, a) : -ENOMEM;

	arena_free(&a);
	if (rc != 0)
		reply_rules_free(&r);
	*out = r;
	return rc;
}

void reply_rules_free(struct reply_rules **r)
{
	if (*r == NULL)
		return;
	phrases_free(&(*r)->phrases);
	free((*r)->v);
	free(*r);
	*r = NULL;
}

/* --- a clause --- */

/* In lower case, with typographic apostrophes and blanks as the table has them;
 * *n_out 0 for what is no text. */
static void lower(struct str s, char out[LOWER_MAX], size_t *n_out)
{
	static const struct {
		const char *from;
		size_t n;
		char to;
	} marks[] = {{"\342\200\231", 3, '\''}, {"\342\200\230", 3, '\''},
	    {"\302\240", 2, ' '}, {"\342\200\221", 3, '-'}};
	size_t n = 0;

	*n_out = 0;
	if (nfc_lower(s, out, LOWER_MAX, &n) != 0)
		return;
	for (size_t i = 0; i < n;) {
		size_t k = 0;

		while (k < 4 &&
		       (n - i < marks[k].n ||
			   memcmp(out + i, marks[k].from, marks[k].n) != 0))
			k++;
		out[(*n_out)++] = k < 4 ? marks[k].to : out[i];
		i += k < 4 ? marks[k].n : 1;
	}
}

/* Of a language that has no blanks between words. */
static bool is_dense(const char *z)
{
	return (unsigned char)z[0] >= 0xe3 && (unsigned char)z[0] < 0xf0;
}

static bool has_dense(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_dense(s.p + i))
			return true;
	return false;
}

static unsigned words_of(const struct reply_rules *r, struct str clause)
{
	uint64_t hits[PHRASES_WORDS(PHRASES_MAX)] = {0};
	char text[LOWER_MAX];
	unsigned found = 0;
	struct str s = {text, 0};

	lower(clause, text, &s.n);
	phrases_match(r->phrases, s, hits);
	for (size_t w = 0; w < PHRASES_WORDS(r->n); w++)
		for (uint64_t rest = hits[w]; rest != 0; rest &= rest - 1)
			found |=
			    r->v[w * 64 + (size_t)__builtin_ctzll(rest)].word;
	if (!has_dense(s))
		return found;
	for (size_t i = 0; i < r->n; i++)
		if (is_dense(r->v[i].text) &&
		    str_contains(s, str_of(r->v[i].text)))
			found |= r->v[i].word;
	return found;
}

/* The length of a mark that ends a clause at s, or 0. An apostrophe is none, nor
 * a point or colon within a word. */
static size_t mark_at(struct str s)
{
	static const char *const wide[] = {"\343\200\202", "\343\200\201",
	    "\357\274\201", "\357\274\237", "\357\274\214", "\342\200\223",
	    "\342\200\224"};
	bool ends = s.n < 2 || s.p[1] == ' ' || s.p[1] == '\n';

	if (s.p[0] == '\n' || s.p[0] == '!' || s.p[0] == '?' || s.p[0] == ';' ||
	    s.p[0] == '(' || s.p[0] == ')')
		return 1;
	if ((s.p[0] == '.' || s.p[0] == ',' || s.p[0] == ':') && ends)
		return 1;
	if (str_starts(s, STR(" - ")))
		return 3;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (str_starts(s, str_of(wide[i])))
			return strlen(wide[i]);
	return 0;
}

/* A wrapped line goes on in the next: its end is no end of a clause unless what
 * stands before it is short, or the next one is empty. */
static bool is_wrap(struct str text, size_t at, size_t from)
{
	return text.p[at] == '\n' && at - from > 50 && at + 1 < text.n &&
	       text.p[at + 1] != '\n';
}

static bool next_clause(struct str text, size_t *at, struct str *out)
{
	size_t from = *at, line = *at, i;

	if (from >= text.n)
		return false;
	for (i = from; i < text.n && i - from < CLAUSE_MAX; i++) {
		size_t n = mark_at(str_from(text, i));

		if (n == 0)
			continue;
		if (is_wrap(text, i, line)) {
			line = i + 1;
			continue;
		}
		*out = str_trim(str_cut(text, from, i - from));
		*at = i + n;
		return true;
	}
	while (i > from + 1 && i < text.n &&
	       ((unsigned char)text.p[i] & 0xc0) == 0x80)
		i--; /* not within a character */
	*out = str_trim(str_cut(text, from, i - from));
	*at = i;
	return true;
}

/* --- the words --- */

struct reading {
	const struct reply_rules *rules;
	unsigned found;     /* of all clauses */
	struct str opt_out; /* a clause; p NULL: none */
	struct reply_left left;
};

static bool has_both(unsigned words, unsigned a, unsigned b)
{
	return (words & a) != 0 && (words & b) != 0;
}

/* Words that ask for no more two or three together. */
static bool asks_together(unsigned words)
{
	bool denied = (words & (WORD_NOT | WORD_REFUSE)) != 0;

	/* not "I do not want to be removed from your mails" */
	if (has_both(words, WORD_REFUSE, WORD_MAILS) &&
	    (words & (WORD_STOP | WORD_REMOVE)) == 0)
		return true;
	if ((words & WORD_MORE) != 0 && has_both(words, WORD_NOT, WORD_MAILS) &&
	    (words & (WORD_STOP | WORD_REMOVE | WORD_HALT)) == 0)
		return true;
	if (denied)
		return false;
	return has_both(words, WORD_REMOVE, WORD_LIST) ||
	       has_both(words, WORD_HALT, WORD_MAILS | WORD_SEND) ||
	       ((words & WORD_ME) != 0 &&
		   has_both(words, WORD_REMOVE, WORD_ROLL));
}

/* "If you want to unsubscribe", "to unsubscribe, write"; not "I want to". */
static bool is_instruction(unsigned words)
{
	return (words & WORD_IF) != 0 ||
	       ((words & WORD_TO) != 0 && (words & WORD_WANT) == 0);
}

static bool asks_to_stop(unsigned words)
{
	if (is_instruction(words))
		return false;
	return (words & WORD_NO_MORE) != 0 || asks_together(words) ||
	       ((words & WORD_STOP) != 0 &&
		   (words & (WORD_NOT | WORD_REFUSE)) == 0);
}

/* Is what stands before `at` the end of a sentence, or of a line? */
static bool ends_sentence(struct str text, size_t at)
{
	static const char *const ends[] = {".", "!", "?", "\n", "\343\200\202",
	    "\357\274\201", "\357\274\237"};
	struct str before = str_cut(text, 0, at);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (str_ends(before, str_of(ends[i])))
			return true;
	return false;
}

static void read_clauses(struct reading *r, struct str text)
{
	struct str clause;
	size_t at = 0;

	for (int i = 0; i < CLAUSES_MAX && next_clause(text, &at, &clause);
	     i++) {
		unsigned words = clause.n > 0 ? words_of(r->rules, clause) : 0;

		r->found |= words;
		if (r->opt_out.p == NULL && asks_to_stop(words))
			r->opt_out = clause;
		reply_left_add(
		    &r->left, clause, words, ends_sentence(text, at));
	}
	reply_left_end(&r->left);
}

static size_t count_words(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += !ascii_is_blank(s.p[i]) && s.p[i] != '\n' &&
		     (i == 0 || ascii_is_blank(s.p[i - 1]) ||
			 s.p[i - 1] == '\n');
	return n;
}

/* A whole clause that is that word and no more: "Remove!", "Stop please". */
static bool is_alone(const struct reply_rules *r, struct str clause)
{
	char text[LOWER_MAX];
	struct str s = {text, 0};

	if (count_words(clause) > 3)
		return false;
	lower(clause, text, &s.n);
	for (size_t i = 0; i < r->n; i++) {
		struct str word = str_of(r->v[i].text);

		if (r->v[i].word == WORD_ALONE &&
		    (str_eq(s, word) || (str_starts(s, word) &&
					    (words_of(r, str_from(s, word.n)) &
						WORD_POLITE) != 0)))
			return true;
	}
	return false;
}

/* An answer of few words, one of which says it all. */
static bool is_one_word(
    const struct reply_rules *r, struct str text, struct str *clause_out)
{
	size_t at = 0;

	if (text.n > WHOLE_MAX || count_words(text) > ALONE_WORDS)
		return false;
	while (next_clause(text, &at, clause_out)) {
		if (clause_out->n == 0)
			continue;
		if (is_alone(r, *clause_out))
			return true;
		if ((words_of(r, *clause_out) & WORD_POLITE) == 0)
			return false;
	}
	return false;
}

/* --- the fields --- */

struct job {
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

static int read_subject(struct job *j)
{
	const struct header *h = header_find(j->head, STR("Subject"), 0);
	struct header cut;
	int rc;

	j->subject = STR("");
	if (h == NULL)
		return 0;
	cut = (struct header){h->name, str_cut(h->value, 0, SUBJECT_MAX)};
	j->subject = header_text(j->a, &cut);
	if (j->subject.p == NULL)
		return ERR_LIMIT;
	rc = encword_decode(j->subject, j->a, &j->subject);
	if (rc == 0)
		rc = reply_text_utf8(j->subject, STR(""), j->a, &j->subject);
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
static bool has_left(const struct reading *r)
{
	return r->left.clause.p != NULL &&
	       (r->found & (WORD_AWAY | WORD_BACK)) == 0;
}

static enum reply_kind kind_of_program(
    const struct job *j, const struct reading *r)
{
	unsigned found = r->found;

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

/* What help desks send: of the program that says a ticket was made, and of clerks
 * unless they ask for something. */
static bool is_ticket(const struct job *j, const struct reading *r)
{
	if ((r->found & WORD_TICKET) == 0 ||
	    (r->opt_out.p != NULL && (r->found & WORD_ACK) == 0))
		return false;
	return has_ticket_field(j) ||
	       (subject_has_ticket(j->subject) &&
		   header_count(j->head, STR("X-Auto-Response-Suppress")) > 0);
}

static enum reply_kind kind_of_person(const struct job *j, struct reading *r)
{
	struct str clause;

	if (has_challenge_field(j))
		return REPLY_CHALLENGE;
	if (is_ticket(j, r))
		return REPLY_TICKET;
	if (r->opt_out.p != NULL)
		return REPLY_OPT_OUT;
	if (is_one_word(r->rules,
		j->out->text.n > 0 ? j->out->text : j->subject, &clause)) {
		r->opt_out = clause;
		return REPLY_OPT_OUT;
	}
	if (has_left(r))
		return REPLY_LEFT;
	return REPLY_HUMAN;
}

static struct reading new_reading(
    const struct job *j, const struct reply_rules *rules)
{
	const struct header *from = header_find(j->head, STR("From"), 0);
	struct str writer =
	    multireport_address(from != NULL ? from->value : STR(""));

	return (struct reading){.rules = rules,
	    .left = {
		.v = rules->v, .n = rules->n, .firm = reply_left_firm(writer)}};
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
 * that somebody is away. */
static bool is_by_program(const struct job *j, const struct reading *r)
{
	const struct report *report = j->in->report;
	struct str clause;
	bool asks = r->opt_out.p != NULL ||
		    is_one_word(r->rules, j->out->text, &clause);

	if (j->in->null_sender || (r->found & WORD_ROBOT) != 0 || is_to_many(j))
		return true;
	return report->kind == REPORT_AUTO_REPLY &&
	       !(report->weak && asks &&
		   (r->found & (WORD_AWAY | WORD_BACK)) == 0);
}

/* "unsubscribe" as all that the subject says, above nothing. */
static void read_words(struct job *j, struct reading *r)
{
	struct str text = j->out->text;

	read_clauses(r, text);
	j->out->automatic = is_by_program(j, r);
	if (j->out->automatic || text.n == 0) {
		struct reading of_subject = new_reading(j, r->rules);

		read_clauses(&of_subject, j->subject);
		r->found |= of_subject.found;
		if (r->left.clause.p == NULL && !r->left.passes)
			r->left = of_subject.left;
		if (r->opt_out.p == NULL && text.n == 0)
			r->opt_out = of_subject.opt_out;
	}
}

static int fill(struct job *j, struct reading *r)
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
	struct job j = {in, a, &in->report->head, STR(""), out};
	struct reading r = new_reading(&j, rules);
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

/* As a word of its own, and not "Ada's". */
static bool has_word(struct str s, struct str word)
{
	for (size_t at = 0; at + word.n <= s.n; at++) {
		if (memcmp(s.p + at, word.p, word.n) != 0)
			continue;
		if ((at == 0 || !ascii_is_alnum(s.p[at - 1])) &&
		    (at + word.n == s.n || (!ascii_is_alnum(s.p[at + word.n]) &&
					       s.p[at + word.n] != '\'')))
			return true;
	}
	return false;
}

/* "john.doe@..." is named by "John" or "Doe". */
bool reply_says_left(const struct reply *r, struct str address)
{
	struct str local = str_cut(address, 0, str_rfind(address, '@'));
	char text[LOWER_MAX];
	struct str s = {text, 0};
	size_t from = 0;

	if (!r->sure || r->certain)
		return r->certain;
	lower(str_cut(r->quote, 0, CLAUSE_MAX), text, &s.n);
	for (size_t i = 0; i <= local.n; i++) {
		struct str part = str_cut(local, from, i - from);

		if (i < local.n && memchr("._-+", local.p[i], 4) == NULL)
			continue;
		if (part.n >= NAME_MIN && !is_role(part) && has_word(s, part))
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
