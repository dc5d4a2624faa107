/* bounce.c - see bounce.h.
 *
 * Order of evidence: plain words of the diagnostic; the status code inside the
 * diagnostic, which is the remote server's own; the Status field, which the
 * reporting MTA may have made up; vague words; the SMTP code. A code that
 * blames the person gives way to vague words that blame anything else. Last of
 * all, a person is taken out of it unless the failure is permanent on all
 * counts. */
#include "policy/rules/bounce.h"

#include "policy/base/fault.h"
#include "policy/rules/bounce_table.h"
#include "policy/rules/phrases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HITS = PHRASES_WORDS(PHRASES_MAX)
};

/* One row of the table, its phrases numbered. */
struct rule {
	const struct bounce_text_rule *row;
	size_t from, to; /* phrases of `any` */
	size_t also;     /* phrase of `also`, if it has one */
};

struct bounce_rules {
	struct phrases *phrases;
	struct rule *rule; /* the strong ones, then the weak ones */
	const char **phrase;
	char *text; /* of all phrases */
	size_t n_phrases;
};

static const struct {
	const char *name;
	enum bounce_class class;
} reasons[] = {
    [BOUNCE_OTHER] = {"other", BOUNCE_CLASS_OTHER},
    [BOUNCE_USER_UNKNOWN] = {"user_unknown", BOUNCE_CLASS_PERSON},
    [BOUNCE_HOST_UNKNOWN] = {"host_unknown", BOUNCE_CLASS_PERSON},
    [BOUNCE_MAILBOX_DISABLED] = {"mailbox_disabled", BOUNCE_CLASS_PERSON},
    [BOUNCE_MAILBOX_MOVED] = {"mailbox_moved", BOUNCE_CLASS_PERSON},
    [BOUNCE_MAILBOX_FULL] = {"mailbox_full", BOUNCE_CLASS_MAILBOX},
    [BOUNCE_TOO_BIG] = {"too_big", BOUNCE_CLASS_MESSAGE},
    [BOUNCE_CONTENT] = {"content", BOUNCE_CLASS_MESSAGE},
    [BOUNCE_SPAM_CONTENT] = {"spam_content", BOUNCE_CLASS_MESSAGE},
    [BOUNCE_POLICY] = {"policy", BOUNCE_CLASS_MESSAGE},
    [BOUNCE_REPUTATION] = {"reputation", BOUNCE_CLASS_US},
    [BOUNCE_AUTH_FAILURE] = {"auth_failure", BOUNCE_CLASS_US},
    [BOUNCE_THROTTLED] = {"throttled", BOUNCE_CLASS_US},
    [BOUNCE_RELAY_DENIED] = {"relay_denied", BOUNCE_CLASS_US},
    [BOUNCE_NETWORK] = {"network", BOUNCE_CLASS_PATH},
    [BOUNCE_EXPIRED] = {"expired", BOUNCE_CLASS_PATH},
    [BOUNCE_SYSTEM] = {"system", BOUNCE_CLASS_PATH},
    [BOUNCE_PROTOCOL] = {"protocol", BOUNCE_CLASS_PATH},
    [BOUNCE_ABUSE] = {"abuse", BOUNCE_CLASS_COMPLAINT},
    [BOUNCE_OPT_OUT] = {"opt_out", BOUNCE_CLASS_COMPLAINT},
    [BOUNCE_AUTO_REPLY] = {"auto_reply", BOUNCE_CLASS_NONE},
    [BOUNCE_DELIVERED] = {"delivered", BOUNCE_CLASS_NONE},
    [BOUNCE_NOT_A_BOUNCE] = {"not_a_bounce", BOUNCE_CLASS_NONE},
    [BOUNCE_AUTH_REPORT] = {"auth_report", BOUNCE_CLASS_NONE},
    [BOUNCE_OTHER_REPORT] = {"other_report", BOUNCE_CLASS_NONE},
};

enum bounce_class bounce_class_of(enum bounce_reason reason)
{
	return (size_t)reason < sizeof(reasons) / sizeof(*reasons)
		   ? reasons[reason].class
		   : BOUNCE_CLASS_OTHER;
}

const char *bounce_reason_name(enum bounce_reason reason)
{
	return (size_t)reason < sizeof(reasons) / sizeof(*reasons)
		   ? reasons[reason].name
		   : "other";
}

const char *bounce_class_name(enum bounce_class class)
{
	static const char *const names[] = {"other", "person", "mailbox",
	    "message", "us", "path", "complaint", "none"};

	return (size_t) class < sizeof(names) / sizeof(*names) ? names[class]
							       : "other";
}

/* ---- rules ---- */

static const struct bounce_text_rule *row_at(size_t i)
{
	return i < bounce_strong_n ? &bounce_strong[i]
				   : &bounce_weak[i - bounce_strong_n];
}

static size_t rows(void)
{
	return bounce_strong_n + bounce_weak_n;
}

/* Bytes of all phrases with a NUL behind each, and how many there are. */
static size_t measure(size_t *count)
{
	size_t bytes = 0;

	*count = 0;
	for (size_t i = 0; i < rows(); i++) {
		const struct bounce_text_rule *r = row_at(i);
		bytes += strlen(r->any) + 1;
		*count += 1;
		for (const char *z = r->any; *z != '\0'; z++)
			*count += *z == '|';
		if (r->also != NULL) {
			bytes += strlen(r->also) + 1;
			*count += 1;
		}
	}
	return bytes;
}

static char *add_phrase(struct bounce_rules *r, char *to, struct str phrase)
{
	r->phrase[r->n_phrases++] = to;
	memcpy(to, phrase.p, phrase.n);
	return to + phrase.n + 1; /* the NUL is there: calloc */
}

static void number_phrases(struct bounce_rules *r)
{
	char *to = r->text;

	for (size_t i = 0; i < rows(); i++) {
		struct rule *rule = &r->rule[i];
		struct str rest, phrase;

		rule->row = row_at(i);
		rule->from = r->n_phrases;
		rest = str_of(rule->row->any);
		while (str_next(&rest, '|', &phrase))
			to = add_phrase(r, to, phrase);
		rule->to = rule->also = r->n_phrases;
		if (rule->row->also != NULL)
			to = add_phrase(r, to, str_of(rule->row->also));
	}
}

int bounce_rules_new(struct bounce_rules **out)
{
	struct bounce_rules *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));
	size_t count, bytes = measure(&count);
	int rc = -ENOMEM;

	*out = NULL;
	if (r == NULL || fault_alloc())
		goto out;
	r->rule = calloc(rows(), sizeof(*r->rule));
	r->phrase = calloc(count, sizeof(*r->phrase));
	r->text = calloc(bytes, 1);
	if (r->rule == NULL || r->phrase == NULL || r->text == NULL)
		goto out;
	number_phrases(r);
	rc = phrases_new(r->phrase, r->n_phrases, &r->phrases);
	if (rc == 0) {
		*out = r;
		r = NULL;
	}
out:
	bounce_rules_free(&r);
	return rc;
}

void bounce_rules_free(struct bounce_rules **r)
{
	if (*r == NULL)
		return;
	phrases_free(&(*r)->phrases);
	free((*r)->rule);
	free((*r)->phrase);
	free((*r)->text);
	free(*r);
	*r = NULL;
}

/* ---- codes ---- */

static bool is_edge(char c)
{
	return !ascii_is_alnum(c) && c != '.' && c != '-' && c != '_';
}

/* The code that begins at s; its length, or 0. */
static size_t read_status(struct str s, struct bounce_status *out)
{
	unsigned *const field[] = {&out->subject, &out->detail};
	size_t at = 1;

	if (s.n < 5 || (s.p[0] != '2' && s.p[0] != '4' && s.p[0] != '5'))
		return 0;
	*out = (struct bounce_status){.class = (unsigned)(s.p[0] - '0')};
	for (size_t i = 0; i < 2; i++) {
		size_t from = ++at;
		if (from > s.n || s.p[from - 1] != '.')
			return 0;
		for (; at < s.n && ascii_is_digit(s.p[at]); at++) {
			if (at - from == 3)
				return 0;
			*field[i] = *field[i] * 10 + (unsigned)(s.p[at] - '0');
		}
		if (at == from)
			return 0;
	}
	return at;
}

bool bounce_find_status(
    struct str text, struct bounce_status *out, struct str *code_out)
{
	struct str s = str_cut(text, 0, PHRASES_TEXT_MAX);

	for (size_t i = 0; i < s.n; i++) {
		struct bounce_status found;
		size_t n;

		/* "550-5.1.1" is the one place where it follows a dash */
		if (i > 0 && !is_edge(s.p[i - 1]) &&
		    (s.p[i - 1] != '-' || i < 4 || !ascii_is_digit(s.p[i - 2])))
			continue;
		n = read_status(str_from(s, i), &found);
		if (n == 0 || (i + n < s.n && ascii_is_alnum(s.p[i + n])) ||
		    (i + n + 1 < s.n && s.p[i + n] == '.' &&
			ascii_is_digit(s.p[i + n + 1])))
			continue; /* "5.1.1.7" is an address */
		*out = found;
		if (code_out != NULL)
			*code_out = str_cut(s, i, n);
		return true;
	}
	*out = (struct bounce_status){0};
	return false;
}

/* The first SMTP reply code: three digits, 4 or 5 first, as a word. */
static unsigned find_smtp(struct str text)
{
	struct str s = str_cut(text, 0, PHRASES_TEXT_MAX);

	for (size_t i = 0; i + 3 <= s.n; i++) {
		unsigned v = 0;
		size_t k = 0;

		if (s.p[i] != '4' && s.p[i] != '5')
			continue;
		if (i > 0 && (!is_edge(s.p[i - 1])))
			continue;
		for (; k < 3 && ascii_is_digit(s.p[i + k]); k++)
			v = v * 10 + (unsigned)(s.p[i + k] - '0');
		/* second digit 0 to 5: RFC 5321 section 4.2.1 */
		if (k < 3 || s.p[i + 1] > '5' ||
		    (i + 3 < s.n && !is_edge(s.p[i + 3]) && s.p[i + 3] != '-'))
			continue;
		return v;
	}
	return 0;
}

/* All that one decision looks at. */
struct scene {
	const struct bounce_rules *rules;
	enum bounce_outcome outcome;
	unsigned smtp;                    /* in the diagnostic */
	struct bounce_status text, field; /* in it, and in the Status field */
	uint64_t hits[HITS];
};

static bool is_temporary(const struct scene *s)
{
	return s->outcome != BOUNCE_FAILED || s->smtp / 100 == 4 ||
	       s->text.class == 4 || s->field.class == 4;
}

/* ---- the decision ---- */

/* The phrase by which the rule matches; NULL if it does not. */
static const char *match_rule(const struct bounce_rules *r,
    const struct rule *rule, const uint64_t *hits, enum bounce_outcome outcome)
{
	if (rule->row->also != NULL && !phrases_has(hits, rule->also))
		return NULL;
	if (rule->row->when == BOUNCE_AT_END && outcome != BOUNCE_FAILED)
		return NULL;
	for (size_t i = rule->from; i < rule->to; i++)
		if (phrases_has(hits, i))
			return r->phrase[i];
	return NULL;
}

/* The first rule from `from` to before `to` that matches. */
static bool try_text(
    const struct scene *s, size_t from, size_t to, struct bounce_answer *out)
{
	for (size_t i = from; i < to; i++) {
		const struct rule *rule = &s->rules->rule[i];
		const char *phrase =
		    match_rule(s->rules, rule, s->hits, s->outcome);
		if (phrase == NULL)
			continue;
		out->reason = rule->row->reason;
		out->rule = phrase;
		return true;
	}
	return false;
}

static bool try_status(const struct bounce_status *s, struct bounce_answer *out)
{
	if (s->class != 4 && s->class != 5)
		return false;
	for (size_t i = 0; i < bounce_status_rules_n; i++) {
		const struct bounce_status_rule *r = &bounce_status_rules[i];
		if (s->subject != r->subject || s->detail < r->from ||
		    s->detail > r->to)
			continue;
		out->reason = r->reason;
		out->rule = r->name;
		return true;
	}
	return false;
}

static bool try_smtp(unsigned code, struct bounce_answer *out)
{
	for (size_t i = 0; i < bounce_smtp_rules_n; i++)
		if (bounce_smtp_rules[i].code == code) {
			out->reason = bounce_smtp_rules[i].reason;
			out->rule = bounce_smtp_rules[i].name;
			return true;
		}
	return false;
}

static bool blames_person(const struct bounce_answer *a)
{
	return bounce_class_of(a->reason) == BOUNCE_CLASS_PERSON;
}

static void decide(const struct scene *s, struct bounce_answer *out)
{
	struct bounce_answer weak = {0};
	bool vague, by_code;

	if (try_text(s, 0, bounce_strong_n, out))
		return;
	vague = try_text(s, bounce_strong_n, rows(), &weak);
	by_code = try_status(&s->text, out) || try_status(&s->field, out);
	if (vague &&
	    (!by_code || (blames_person(out) && !blames_person(&weak))))
		*out = weak;
	else if (!by_code)
		(void)try_smtp(s->smtp, out);
}

/* A person is not dead for a failure that may pass. */
static void spare_person(const struct scene *s, struct bounce_answer *a)
{
	if (!blames_person(a))
		return;
	if (a->reason == BOUNCE_HOST_UNKNOWN)
		a->reason = BOUNCE_NETWORK;
	else
		a->reason =
		    s->outcome == BOUNCE_FAILED ? BOUNCE_EXPIRED : BOUNCE_OTHER;
}

void bounce_classify(const struct bounce_rules *r,
    const struct bounce_evidence *in, struct bounce_answer *out)
{
	struct bounce_answer a = {.reason = BOUNCE_OTHER, .rule = "nothing"};
	struct scene s = {.rules = r, .outcome = in->outcome};

	s.smtp = find_smtp(in->diagnostic);
	(void)bounce_find_status(in->diagnostic, &s.text, NULL);
	(void)bounce_find_status(in->status, &s.field, NULL);
	if (in->outcome == BOUNCE_SENT) {
		a.reason = BOUNCE_DELIVERED;
		a.rule = "delivered";
	} else {
		phrases_match(r->phrases, in->diagnostic, s.hits);
		decide(&s, &a);
		if (is_temporary(&s))
			spare_person(&s, &a);
	}
	a.class = bounce_class_of(a.reason);
	a.smtp_code = s.smtp;
	*out = a;
}
