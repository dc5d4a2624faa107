/* bounce.c - see bounce.h.
 *
 * Order of evidence: plain words of the diagnostic; the status code inside the
 * diagnostic, which is the remote server's own; the Status field, which the
 * reporting MTA may have made up; vague words; the SMTP code. A code that
 * blames the person gives way to vague words that blame anything else. Then
 * the doubts: circumstances in which words that blame the person are no proof.
 * Last of all, a person is taken out of it unless the failure is permanent on
 * all counts. */
#include "policy/rules/bounce.h"

#include "policy/rules/bounce_rules.h"

#include <string.h>

enum {
	HITS = PHRASES_WORDS(PHRASES_MAX)
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

bool bounce_reason_of_name(struct str name, enum bounce_reason *out)
{
	for (int i = BOUNCE_OTHER; i <= BOUNCE_AUTO_REPLY; i++) {
		enum bounce_reason r = (enum bounce_reason)i;

		if (str_eq(name, str_of(reasons[r].name)) &&
		    reasons[r].class != BOUNCE_CLASS_COMPLAINT) {
			*out = r;
			return true;
		}
	}
	return false;
}

void bounce_by_print(const struct bounce_by *by, struct buf *out)
{
	if (by->file != NULL)
		buf_printf(out, "%s:%u: ", by->file, by->line);
	buf_addz(out, by->text);
}

/* All that one decision looks at. */
struct scene {
	const struct bounce_rules *rules;
	const struct bounce_evidence *in;
	unsigned smtp;                    /* in the diagnostic */
	struct bounce_status text, field; /* in it, and in the Status field */
	struct str host, domain;          /* who said it; the recipient's */
	struct str words; /* of the diagnostic, those that count */
	bool probed;      /* of an address that was tried at another server */
	bool passing;     /* what was said of that may pass */
	uint64_t hits[HITS];
	bool sure;        /* the line that decided is beyond doubt */
	bool stage_known; /* stage was looked for */
	enum bounce_stage stage;
};

static bool is_temporary(const struct scene *s)
{
	return s->in->outcome != BOUNCE_FAILED || s->passing ||
	       s->smtp / 100 == 4 || s->text.class == 4 || s->field.class == 4;
}

/* ---- hits ---- */

/* The next number from `at` whose bit is set; `to` when there is none. */
static size_t next_hit(const uint64_t *hits, size_t at, size_t to)
{
	while (at < to) {
		uint64_t rest = hits[at / 64] >> (at % 64);

		if (rest != 0) {
			at += (size_t)__builtin_ctzll(rest);
			return at < to ? at : to;
		}
		at = (at / 64 + 1) * 64;
	}
	return to;
}

static size_t layer_begin(const struct bounce_rules *r, enum bounce_layer layer)
{
	return layer == BOUNCE_WORDS ? 0 : r->end[layer - 1];
}

static bool has_also(const struct bounce_line *l, const uint64_t *hits)
{
	return l->also == NULL || phrases_has(hits, l->also_at);
}

/* ---- stage ---- */

static enum bounce_stage stage_by_words(
    const struct bounce_rules *r, const uint64_t *hits)
{
	size_t end = r->end[BOUNCE_STAGE];

	for (size_t i = next_hit(hits, layer_begin(r, BOUNCE_STAGE), end);
	     i < end; i = next_hit(hits, i + 1, end))
		if (has_also(&r->line[i], hits))
			return r->line[i].section->stage;
	return BOUNCE_STAGE_UNKNOWN;
}

static enum bounce_stage stage_of(struct scene *s)
{
	uint64_t hits[HITS] = {0};

	if (s->stage_known)
		return s->stage;
	s->stage_known = true;
	s->stage = stage_by_words(s->rules, s->hits);
	if (s->stage == BOUNCE_STAGE_UNKNOWN && s->in->notice.n > 0) {
		phrases_match(s->rules->phrases, s->in->notice, hits);
		s->stage = stage_by_words(s->rules, hits);
	}
	if (s->stage == BOUNCE_STAGE_UNKNOWN)
		s->stage = bounce_find_stage(s->in->notice);
	return s->stage;
}

/* ---- conditions ---- */

static bool is_below(struct str host, struct str domain)
{
	return host.n >= domain.n && str_iends(host, domain) &&
	       (host.n == domain.n || host.p[host.n - domain.n - 1] == '.');
}

static bool is_at(const struct scene *s, const struct strs *domains)
{
	for (size_t i = 0; i < domains->n; i++)
		if (is_below(s->host, domains->v[i]) ||
		    is_below(s->domain, domains->v[i]))
			return true;
	return false;
}

/* The server's own status is worth more than the field. */
static const struct bounce_status *status_of(const struct scene *s)
{
	return s->text.class != 0 ? &s->text : &s->field;
}

static bool has_code(const struct scene *s, const struct bounce_codes *codes,
    const struct bounce_status *status)
{
	for (size_t i = 0; i < codes->n; i++)
		if (bounce_code_matches(&codes->v[i], s->smtp, status))
			return true;
	return false;
}

static bool has_said(const struct scene *s, const struct bounce_when *w)
{
	return s->text.class == 0 ? w->said_none
				  : has_code(s, &w->said, &s->text);
}

static bool holds(struct scene *s, const struct bounce_when *w)
{
	if (w->outcomes != 0 && (w->outcomes >> s->in->outcome & 1) == 0)
		return false;
	if (w->at.n > 0 && !is_at(s, &w->at))
		return false;
	if (w->code.n > 0 && !has_code(s, &w->code, status_of(s)))
		return false;
	if (w->unless.n > 0 && has_code(s, &w->unless, status_of(s)))
		return false;
	if ((w->said_none || w->said.n > 0) && !has_said(s, w))
		return false;
	return w->stages == 0 || (w->stages >> stage_of(s) & 1) != 0;
}

/* ---- the decision ---- */

static void answer_by(const struct bounce_line *l, struct bounce_answer *out)
{
	out->reason = l->section->reason;
	out->by = (struct bounce_by){l->section->file, l->line, l->text};
}

/* The first line of a layer that matches; of: the answer that is doubted. */
static bool try_words(struct scene *s, enum bounce_layer layer,
    enum bounce_reason of, struct bounce_answer *out)
{
	const struct bounce_rules *r = s->rules;
	size_t end = r->end[layer];

	for (size_t i = next_hit(s->hits, layer_begin(r, layer), end); i < end;
	     i = next_hit(s->hits, i + 1, end)) {
		const struct bounce_line *l = &r->line[i];
		const struct bounce_when *w = &l->section->when;

		if ((w->of != 0 && (w->of >> of & 1) == 0) ||
		    !has_also(l, s->hits) || !holds(s, w))
			continue;
		answer_by(l, out);
		s->sure = w->sure;
		return true;
	}
	return false;
}

static bool try_codes(struct scene *s, unsigned smtp,
    const struct bounce_status *status, struct bounce_answer *out)
{
	for (size_t i = 0; i < s->rules->n_codes; i++) {
		const struct bounce_line *l = &s->rules->code[i];

		if (!bounce_code_matches(&l->code, smtp, status) ||
		    !holds(s, &l->section->when))
			continue;
		answer_by(l, out);
		return true;
	}
	return false;
}

static bool blames_person(const struct bounce_answer *a)
{
	return bounce_class_of(a->reason) == BOUNCE_CLASS_PERSON;
}

static void decide(struct scene *s, struct bounce_answer *out)
{
	static const struct bounce_status none;
	struct bounce_answer weak = {0};
	bool vague, by_code;

	if (try_words(s, BOUNCE_WORDS, 0, out))
		return;
	vague = try_words(s, BOUNCE_VAGUE, 0, &weak);
	by_code =
	    try_codes(s, 0, &s->text, out) || try_codes(s, 0, &s->field, out);
	if (vague &&
	    (!by_code || (blames_person(out) && !blames_person(&weak))))
		*out = weak;
	else if (!by_code)
		(void)try_codes(s, s->smtp, &none, out);
}

/* A person is not dead for a failure that may pass. */
static void spare_person(const struct scene *s, struct bounce_answer *a)
{
	if (a->reason == BOUNCE_HOST_UNKNOWN)
		a->reason = BOUNCE_NETWORK;
	else
		a->reason = s->in->outcome == BOUNCE_FAILED ? BOUNCE_EXPIRED
							    : BOUNCE_OTHER;
}

/* "dns; mx.example.com (192.0.2.1)" */
static struct str host_of(const struct bounce_evidence *in)
{
	struct str s = in->mta;
	size_t semicolon = str_find(s, 0, ';');

	if (s.n == 0)
		return bounce_find_host(in->diagnostic);
	if (semicolon < s.n)
		s = str_from(s, semicolon + 1);
	s = str_trim(s);
	s = str_cut(s, 0, str_find(s, 0, ' '));
	return str_ends(s, STR(".")) ? str_cut(s, 0, s.n - 1) : s;
}

static struct str domain_of(struct str rcpt)
{
	struct str s = str_from(rcpt, str_rfind(rcpt, '@') + 1);

	return str_ends(s, STR(">")) ? str_cut(s, 0, s.n - 1) : s;
}

/* Postfix tried the address at another server (reject_unverified_recipient):
 * "550 5.1.1 <ann@example.com>: Recipient address rejected: undeliverable
 * address: host mx2[192.0.2.1] said: 554 5.7.1 ..."; the code in front is the
 * same whatever it met there, which stands behind. */
static size_t probe_at(struct str text)
{
	static const struct str word =
	    STR("Recipient address rejected: undeliverable address: ");
	struct str s = str_cut(text, 0, PHRASES_TEXT_MAX);
	const char *hit =
	    s.n > word.n ? memmem(s.p, s.n, word.p, word.n) : NULL;

	return hit != NULL ? (size_t)(hit - s.p) + word.n : text.n;
}

/* What was met there, and whether the answer in front of it is for good. */
static void look_behind(struct scene *s, size_t at)
{
	struct str front = str_cut(s->words, 0, at);

	s->probed = true;
	(void)bounce_find_status(front, &s->text, NULL);
	s->passing = s->text.class == 4 || s->field.class == 4 ||
		     bounce_find_smtp(front) / 100 == 4;
	s->field = (struct bounce_status){0};
	s->words = str_from(s->words, at);
}

static void look(struct scene *s)
{
	size_t at = probe_at(s->in->diagnostic);

	(void)bounce_find_status(s->in->status, &s->field, NULL);
	s->words = s->in->diagnostic;
	if (at < s->words.n)
		look_behind(s, at);
	s->smtp = bounce_find_smtp(s->words);
	(void)bounce_find_status(s->words, &s->text, NULL);
	s->host = host_of(s->in);
	s->domain = domain_of(s->in->rcpt);
	memcpy(s->hits, s->rules->always, sizeof(s->hits));
	phrases_match(s->rules->phrases, s->words, s->hits);
}

void bounce_classify(const struct bounce_rules *r,
    const struct bounce_evidence *in, struct bounce_answer *out)
{
	struct bounce_answer a = {
	    .reason = BOUNCE_OTHER, .by = {.text = "nothing"}};
	struct scene s = {.rules = r, .in = in};

	if (in->outcome == BOUNCE_SENT) {
		s.smtp = bounce_find_smtp(in->diagnostic);
		a.reason = BOUNCE_DELIVERED;
		a.by.text = "delivered";
	} else {
		look(&s);
		decide(&s, &a);
		if (blames_person(&a) && !s.sure)
			(void)try_words(&s, BOUNCE_DOUBT, a.reason, &a);
		if (blames_person(&a) && is_temporary(&s))
			spare_person(&s, &a);
		if (s.probed && (a.reason == BOUNCE_HOST_UNKNOWN ||
				    a.reason == BOUNCE_EXPIRED))
			a.reason = BOUNCE_NETWORK; /* to the other server */
	}
	a.class = bounce_class_of(a.reason);
	a.smtp_code = bounce_find_smtp(in->diagnostic);
	*out = a;
}
