/* sesnote.c - see sesnote.h. The inner text is freed of the outer one's
 * backslashes, one level of them, so that both read alike; brackets, braces and
 * quotation marks within strings are none. */
#include "policy/mail/sesnote.h"

#include "policy/mail/multireport.h"

#include <string.h>

bool sesnote_is(const struct header_list *head)
{
	const struct header *from = header_find(head, STR("From"), 0);

	return header_count(head, STR("x-amz-sns-message-id")) > 0 ||
	       (from != NULL && str_iends(multireport_address(from->value),
				    STR("@sns.amazonaws.com")));
}

/* Length of the "!\n " there, by which Sendmail breaks long lines. */
static size_t break_at(struct str s, size_t i)
{
	if (s.p[i] != '!')
		return 0;
	if (str_starts(str_from(s, i), STR("!\n ")))
		return 3;
	return str_starts(str_from(s, i), STR("!\r\n ")) ? 4 : 0;
}

/* What "\\x" stands for; of white space a blank. */
static char escaped(char c)
{
	return c == 'n' || c == 'r' || c == 't' ? ' ' : c;
}

/* Without breaks; with `inner`, "\\x" is x. p == NULL: arena full. */
static struct str plain(struct str s, bool inner, struct arena *a)
{
	char *to = arena_alloc(a, s.n + 1);
	size_t n = 0, gap;

	if (to == NULL)
		return STR_NULL;
	for (size_t i = 0; i < s.n; i++) {
		gap = break_at(s, i);
		if (gap > 0) {
			i += gap - 1;
			continue;
		}
		if (inner && s.p[i] == '\\' && i + 1 < s.n)
			to[n++] = escaped(s.p[++i]);
		else
			to[n++] = s.p[i];
	}
	return (struct str){to, n};
}

/* The text that says what happened, be it alone or within another one. */
static struct str read_text(struct str text, struct arena *a)
{
	struct str s = plain(str_cut(text, 0, SESNOTE_TEXT_MAX), false, a);

	if (s.p == NULL || (!str_contains(s, STR("\\\"notificationType\\\"")) &&
			       !str_contains(s, STR("\\\"eventType\\\""))))
		return s;
	return plain(s, true, a);
}

/* Where the string ends that begins at `at`, behind its quotation mark. */
static size_t string_end(struct str s, size_t at)
{
	while (at < s.n && s.p[at] != '"')
		at += s.p[at] == '\\' && at + 1 < s.n ? 2 : 1;
	return at;
}

/* The next `c` that is in no string; s.n when there is none. */
static size_t find_bare(struct str s, size_t at, char c)
{
	while (at < s.n && s.p[at] != c)
		at = s.p[at] == '"' ? string_end(s, at + 1) + 1 : at + 1;
	return at < s.n ? at : s.n;
}

/* What follows `key` (with its quotes and colon) in s; p == NULL: no key. */
static struct str after(struct str s, struct str key)
{
	const char *hit = s.n >= key.n ? memmem(s.p, s.n, key.p, key.n) : NULL;

	return hit != NULL ? str_from(s, (size_t)(hit - s.p) + key.n)
			   : STR_NULL;
}

/* A string's value, as it is written; key with the opening quote of it. */
static struct str value(struct str s, struct str key)
{
	struct str v = after(s, key);

	return str_cut(v, 0, string_end(v, 0));
}

static struct str status_of(struct str object, bool transient)
{
	struct str status = value(object, STR("\"status\":\""));

	if (transient && !str_starts(status, STR("4")))
		return STR("4.0.0");
	return status;
}

/* ERR_LIMIT: the arena is full. */
static int read_object(struct str object, bool transient, struct arena *a,
    struct dsn_recipient *out)
{
	struct str diagnostic =
	    plain(value(object, STR("\"diagnosticCode\":\"")), true, a);

	*out = (struct dsn_recipient){.action = DSN_FAILED};
	if (diagnostic.p == NULL)
		return ERR_LIMIT;
	out->final =
	    multireport_address(value(object, STR("\"emailAddress\":\"")));
	out->status = status_of(object, transient);
	out->diagnostic = multireport_typed(diagnostic, &out->diagnostic_type);
	return 0;
}

static int read_list(
    struct str list, bool transient, struct arena *a, struct sesnote *out)
{
	out->rcpt = arena_array(a, SESNOTE_MAX, sizeof(*out->rcpt));
	if (out->rcpt == NULL)
		return ERR_LIMIT;
	while (out->n < SESNOTE_MAX) {
		size_t from = find_bare(list, 0, '{');
		size_t to = find_bare(list, from, '}');
		int rc;

		if (to == list.n)
			break;
		rc = read_object(str_cut(list, from, to - from), transient, a,
		    &out->rcpt[out->n]);
		if (rc != 0)
			return rc;
		out->n += str_find(out->rcpt[out->n].final, 0, '@') <
			  out->rcpt[out->n].final.n;
		list = str_from(list, to + 1);
	}
	return 0;
}

/* Feedback that blames nothing (RFC 5965 section 7.3, RFC 6430, RFC 6591). */
static bool is_no_complaint(struct str s)
{
	struct str type = value(s, STR("\"complaintFeedbackType\":\""));

	return str_ieq(type, STR("not-spam")) ||
	       str_ieq(type, STR("auth-failure"));
}

int sesnote_read(struct str text, struct arena *a, struct sesnote *out)
{
	struct str s = read_text(text, a), type, list, mta_type;
	bool transient;

	*out = (struct sesnote){0};
	if (s.p == NULL)
		return ERR_LIMIT;
	type = value(s, STR("\"notificationType\":\""));
	if (type.n == 0)
		type = value(s, STR("\"eventType\":\""));
	if (type.n == 0)
		return ERR_NOT_FOUND;
	if (str_eq(type, STR("Bounce")))
		out->type = SESNOTE_BOUNCE;
	else if (str_eq(type, STR("Complaint")) && !is_no_complaint(s))
		out->type = SESNOTE_COMPLAINT;
	else
		return 0;
	transient =
	    !str_eq(value(s, STR("\"bounceType\":\"")), STR("Permanent"));
	out->reporting_mta =
	    multireport_typed(value(s, STR("\"reportingMTA\":\"")), &mta_type);
	list = after(s, out->type == SESNOTE_BOUNCE
			    ? STR("\"bouncedRecipients\":[")
			    : STR("\"complainedRecipients\":["));
	list = str_cut(list, 0, find_bare(list, 0, ']'));
	return read_list(list, transient, a, out);
}
