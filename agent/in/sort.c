/* sort.c - see sort.h. */
#include "agent/in/sort.h"

#include "agent/in/sort_plain.h"
#include "agent/in/sort_search.h"
#include "policy/mail/addrlist.h"
#include "policy/mail/cfbl.h"
#include "policy/mail/headblock.h"
#include "policy/mail/token.h"
#include "policy/mail/verp.h"

#include <errno.h>

struct job {
	const struct sort_with *with;
	struct str message;
	struct arena *a;
	struct sort *out;
};

static bool has_message(const struct sort *s, const struct token *t)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->tokens[i].token.message_id == t->message_id &&
		    s->tokens[i].token.kind == t->kind)
			return true;
	return false;
}

static void add_token(struct sort *s, const struct token *t)
{
	if (s->n < SORT_TOKENS_MAX && !has_message(s, t))
		s->tokens[s->n++].token = *t;
}

/* --- where tokens are --- */

static int add_local(struct job *j, struct str local)
{
	struct token t;
	int rc = verp_parse(j->with->keys, local, &t);

	if (rc == 0)
		add_token(j->out, &t);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int add_address(struct job *j, struct str address)
{
	return add_local(j, str_cut(address, 0, str_rfind(address, '@')));
}

/* The field holds one bare address, as the MTA wrote it. */
static int add_trace(struct job *j, const char *name)
{
	const struct header *h =
	    header_find(&j->out->report.head, str_of(name), 0);
	struct str text;

	if (h == NULL)
		return 0;
	text = header_text(j->a, h);
	if (text.p == NULL)
		return ERR_LIMIT;
	return add_address(j, text);
}

static int add_list(struct job *j, const char *name)
{
	const struct header *h =
	    header_find(&j->out->report.head, str_of(name), 0);
	struct addrlist l = {0};
	int rc = 0;

	if (h == NULL)
		return 0;
	/* a full list: what was read so far is used */
	if (addrlist_add(&l, j->a, h->value) == -ENOMEM)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		rc = add_local(j, l.v[i].addr.local);
	return rc;
}

static int add_returned_text(
    struct job *j, struct str text, enum token_kind kind)
{
	struct token t;
	int rc = token_parse(j->with->keys, TOKEN_SET(kind), text, &t);

	if (rc == 0)
		add_token(j->out, &t);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int add_returned_id(struct job *j)
{
	const struct header *h =
	    header_find(&j->out->report.original, STR(TOKEN_FIELD), 0);
	struct str text;

	if (h == NULL)
		return 0;
	text = header_text(j->a, h);
	return text.p == NULL ? ERR_LIMIT
			      : add_returned_text(j, text, TOKEN_COMPOSED);
}

static int add_returned_cfbl(struct job *j)
{
	const struct header *h =
	    header_find(&j->out->report.original, STR("CFBL-Feedback-ID"), 0);
	struct str text;
	int rc;

	if (h == NULL)
		return 0;
	rc = cfbl_feedback_id(j->a, h->value, &text);
	return rc != 0 ? rc : add_returned_text(j, text, TOKEN_FEEDBACK);
}

static int find_returned(struct job *j)
{
	int rc = add_returned_id(j);

	if (rc == 0 && j->out->n == 0)
		rc = add_returned_cfbl(j);
	j->out->returned = j->out->n > 0;
	return rc;
}

static struct str body_of(struct str message)
{
	size_t at = headblock_start(message);
	struct header h;

	while (headblock_next(message, &at, &h))
		continue;
	(void)headblock_skip_empty(message, &at);
	return str_from(message, at);
}

static int hash_body(struct str message, unsigned char out[DKIM_BODY_HASH])
{
	struct dkim_body *b = dkim_body_new();
	int rc;

	if (b == NULL)
		return -ENOMEM;
	dkim_body_update(b, body_of(message));
	rc = dkim_body_final(b, out);
	dkim_body_free(&b);
	return rc;
}

/* The topmost field is the milter's, if any is. */
static int add_origin(struct job *j)
{
	const struct header *h =
	    header_find(&j->out->report.head, STR(ORIGIN_FIELD), 0);
	unsigned char body[DKIM_BODY_HASH];
	struct origin *o = &j->out->origin;
	int rc;

	if (h == NULL || j->with->cut)
		return 0;
	rc = hash_body(j->message, body);
	if (rc == 0)
		rc = origin_read(j->with->keys, h->value, body, j->a, o);
	j->out->has_origin = rc == 0;
	if (rc == 0 && o->answer != 0)
		add_token(j->out, &(struct token){.kind = TOKEN_FEEDBACK,
				      .message_id = o->answer});
	for (size_t i = 0; rc == 0 && i < o->rcpts.n; i++)
		rc = add_address(j, o->rcpts.v[i]);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Reporters take addresses out of what they send (RFC 6590), and fields with
 * them; what is left of a message of ours still says which it was. */
static int search_report(struct job *j)
{
	/* Our own servers' fields have the address that the milter gave. */
	size_t from =
	    sort_has_proof(j->out) ? 0 : j->message.n - body_of(j->message).n;
	struct token t;
	int rc;

	if (j->out->report.source != REPORT_BY_ARF &&
	    j->out->report.source != REPORT_BY_PLAIN)
		return 0;
	rc = sort_search(j->with->keys, j->message, from, j->a, &t);
	if (rc == 0)
		add_token(j->out, &t);
	j->out->quoted = rc == 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Where the milter found the message by a Message-ID, it sent the mail to the
 * address of that message itself: this is no sign that who reports has it. */
static void drop_unproven(struct sort *s)
{
	size_t n = 0;

	if (sort_has_proof(s) ||
	    !sort_speaks_of_person(sort_report_meaning(&s->report)))
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->tokens[i].token.kind != TOKEN_FEEDBACK)
			s->tokens[n++] = s->tokens[i];
	s->n = n;
}

static int find_tokens(struct job *j)
{
	struct sort *s = j->out;
	int rc = add_origin(j);

	if (rc == 0 && s->n == 0)
		rc = sort_plain(j->with, j->message, j->a, s);
	if (rc == 0)
		rc = add_trace(j, "X-Original-To");
	if (rc == 0)
		rc = add_trace(j, "Delivered-To");
	if (rc == 0)
		drop_unproven(s);
	if (rc == 0 && s->n == 0)
		rc = add_list(j, "To");
	if (rc == 0 && s->n == 0)
		rc = add_list(j, "Cc");
	if (rc == 0 && s->n == 0)
		rc = find_returned(j);
	if (rc == 0 && s->n == 0)
		rc = search_report(j);
	return rc;
}

/* --- what they mean --- */

static enum seen_kind feedback_meaning(enum arf_type type)
{
	switch (type) {
	case ARF_FRAUD:
		return SEEN_FRAUD;
	case ARF_VIRUS:
		return SEEN_VIRUS;
	case ARF_NOT_SPAM:
		return SEEN_NOT_SPAM;
	case ARF_ABUSE:
		return SEEN_COMPLAINT;
	case ARF_OPT_OUT:
		return SEEN_UNSUBSCRIBE;
	case ARF_AUTH_FAILURE:
	case ARF_OTHER:
		break;
	}
	return SEEN_REPORT;
}

enum seen_kind sort_report_meaning(const struct report *r)
{
	if (r->source == REPORT_BY_FORWARD)
		return SEEN_REPORT; /* who forwards is not who bounced */
	if (r->source == REPORT_BY_ARF)
		return feedback_meaning(r->feedback);
	switch (r->kind) {
	case REPORT_HARD:
	case REPORT_SOFT:
		return SEEN_BOUNCE;
	case REPORT_DELAYED:
		return SEEN_DELAYED;
	case REPORT_DELIVERED:
		return SEEN_DELIVERED;
	case REPORT_COMPLAINT:
		return SEEN_COMPLAINT;
	case REPORT_UNSUBSCRIBE:
		return SEEN_UNSUBSCRIBE;
	case REPORT_AUTO_REPLY:
		return SEEN_AUTO_REPLY;
	case REPORT_NONE:
		break;
	}
	return r->source == REPORT_BY_NOTHING ? SEEN_UNPARSED : SEEN_REPORT;
}

bool sort_speaks_of_person(enum seen_kind kind)
{
	return kind == SEEN_COMPLAINT || kind == SEEN_FRAUD ||
	       kind == SEEN_VIRUS || kind == SEEN_UNSUBSCRIBE;
}

bool sort_has_proof(const struct sort *s)
{
	if (s->has_origin)
		return s->origin.answer == 0;
	return header_count(&s->report.head, STR(ORIGIN_FIELD)) == 0;
}

static bool has_field(const struct job *j, const char *name)
{
	return header_count(&j->out->report.head, str_of(name)) > 0;
}

static bool has_null_sender(const struct job *j)
{
	const struct sort *s = j->out;
	const struct header *path =
	    header_find(&s->report.head, STR("Return-Path"), 0);

	if (s->has_origin)
		return s->origin.sender.n == 0;
	return path == NULL || str_eq(str_trim(path->value), STR("<>"));
}

/* What no MTA writes: it has somebody to answer to. */
static bool is_answer(const struct job *j)
{
	if (j->out->has_origin && j->out->origin.answer != 0)
		return true;
	return !has_null_sender(j) && has_field(j, "From") &&
	       (has_field(j, "In-Reply-To") || has_field(j, "References"));
}

static int read_reply(struct job *j)
{
	struct sort *s = j->out;
	struct reply_in in = {&s->report, j->message, has_null_sender(j)};
	enum seen_kind said = sort_report_meaning(&s->report);

	s->has_reply =
	    s->n > 0 && j->with->replies != NULL &&
	    (said == SEEN_AUTO_REPLY || s->report.source == REPORT_BY_MDN ||
		(said == SEEN_UNPARSED && is_answer(j)));
	return s->has_reply ? reply_read(j->with->replies, &in, j->a, &s->reply)
			    : 0;
}

/* A mail to an unsubscribe address means that, whatever is in it. A failure
 * is believed of a bounce address only, and while it is fresh. */
static enum seen_kind meaning(const struct job *j, const struct token *t)
{
	enum seen_kind said = sort_report_meaning(&j->out->report);

	if (t->kind == TOKEN_UNSUBSCRIBE)
		return SEEN_UNSUBSCRIBE;
	if (verp_is_expired(t, j->with->now_ms))
		return SEEN_EXPIRED;
	if (t->kind == TOKEN_FEEDBACK && said == SEEN_BOUNCE)
		return SEEN_REPORT;
	return said == SEEN_UNPARSED && j->out->has_reply ? SEEN_REPLY : said;
}

static int weight(enum seen_kind kind)
{
	static const enum seen_kind order[] = {SEEN_UNPARSED, SEEN_EXPIRED,
	    SEEN_REPORT, SEEN_NOT_SPAM, SEEN_DELIVERED, SEEN_DELAYED,
	    SEEN_AUTO_REPLY, SEEN_REPLY, SEEN_BOUNCE, SEEN_COMPLAINT,
	    SEEN_FRAUD, SEEN_VIRUS, SEEN_UNSUBSCRIBE};

	for (int i = 0; i < (int)(sizeof(order) / sizeof(*order)); i++)
		if (order[i] == kind)
			return i;
	return -1;
}

static void weigh(struct job *j)
{
	struct sort *s = j->out;

	s->kind = SEEN_UNPARSED;
	s->reason = s->n == 0 ? "no address or token of ours in it"
			      : "nothing to act on in it";
	for (size_t i = 0; i < s->n; i++) {
		s->tokens[i].meaning = meaning(j, &s->tokens[i].token);
		if (weight(s->tokens[i].meaning) > weight(s->kind))
			s->kind = s->tokens[i].meaning;
	}
}

int sort_mail(const struct sort_with *with, struct str message, struct arena *a,
    struct sort *out)
{
	struct job j = {with, message, a, out};
	int rc;

	*out = (struct sort){0};
	rc = report_classify(with->rules, message, a, &out->report);
	if (rc == 0)
		rc = find_tokens(&j);
	if (rc == 0)
		rc = read_reply(&j);
	if (rc == 0)
		weigh(&j);
	return rc;
}
