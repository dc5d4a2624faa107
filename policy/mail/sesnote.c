/* sesnote.c - see sesnote.h. Backslashes go first, so that the inner text reads
 * as the outer one; a string with a quotation mark in it is cut there. */
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

/* Without backslashes and the "!\n " by which Sendmail breaks long lines. */
static struct str plain(struct str text, struct arena *a)
{
	struct str s = str_cut(text, 0, SESNOTE_TEXT_MAX);
	char *to = arena_alloc(a, s.n + 1);
	size_t n = 0;

	if (to == NULL)
		return STR_NULL;
	for (size_t i = 0; i < s.n; i++) {
		if (str_starts(str_from(s, i), STR("!\n ")))
			i += 2;
		else if (str_starts(str_from(s, i), STR("!\r\n ")))
			i += 3;
		else if (s.p[i] != '\\')
			to[n++] = s.p[i];
	}
	return (struct str){to, n};
}

/* What follows `key` (with its quotes and colon) in s; p == NULL: no key. */
static struct str after(struct str s, struct str key)
{
	const char *hit = s.n >= key.n ? memmem(s.p, s.n, key.p, key.n) : NULL;

	return hit != NULL ? str_from(s, (size_t)(hit - s.p) + key.n)
			   : STR_NULL;
}

/* A string's value; key with the opening quote of the value. */
static struct str value(struct str s, struct str key)
{
	struct str v = after(s, key);

	return str_cut(v, 0, str_find(v, 0, '"'));
}

static struct str status_of(struct str object, bool transient)
{
	struct str status = value(object, STR("\"status\":\""));

	if (transient && !str_starts(status, STR("4")))
		return STR("4.0.0");
	return status;
}

static void read_object(
    struct str object, bool transient, struct dsn_recipient *out)
{
	struct str diagnostic = value(object, STR("\"diagnosticCode\":\""));

	*out = (struct dsn_recipient){.action = DSN_FAILED};
	out->final =
	    multireport_address(value(object, STR("\"emailAddress\":\"")));
	out->status = status_of(object, transient);
	out->diagnostic = multireport_typed(diagnostic, &out->diagnostic_type);
}

static int read_list(
    struct str list, bool transient, struct arena *a, struct sesnote *out)
{
	out->rcpt = arena_array(a, SESNOTE_MAX, sizeof(*out->rcpt));
	if (out->rcpt == NULL)
		return ERR_LIMIT;
	while (out->n < SESNOTE_MAX) {
		size_t from = str_find(list, 0, '{');
		size_t to = str_find(list, from, '}');

		if (to == list.n)
			break;
		read_object(str_cut(list, from, to - from), transient,
		    &out->rcpt[out->n]);
		out->n += str_find(out->rcpt[out->n].final, 0, '@') <
			  out->rcpt[out->n].final.n;
		list = str_from(list, to + 1);
	}
	return 0;
}

int sesnote_read(struct str text, struct arena *a, struct sesnote *out)
{
	struct str s = plain(text, a), type, list, mta_type;
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
	else if (str_eq(type, STR("Complaint")))
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
	list = str_cut(list, 0, str_find(list, 0, ']'));
	return read_list(list, transient, a, out);
}
