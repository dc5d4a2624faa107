/* reply.c - see reply.h. */
#include "milter/reply.h"

#include "policy/base/clock.h"

#include <stdio.h>
#include <string.h>

enum {
	ADDRESS_SHOWN = 100
};

void reply_set(
    struct reply *r, int code, const char *enhanced, const char *fmt, ...)
{
	va_list ap;

	r->code = code;
	(void)snprintf(r->enhanced, sizeof(r->enhanced), "%s", enhanced);
	va_start(ap, fmt);
	(void)vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	/* libmilter refuses CR and LF, and reads % as a format. */
	for (char *p = r->text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~' ||
		    *p == '%')
			*p = '?';
}

enum answer reply_trouble(struct reply *out)
{
	reply_set(out, 451, "4.3.0", "Local trouble, please try again later");
	return ANSWER_TEMPFAIL;
}

enum answer reply_stopping(struct reply *out)
{
	reply_set(out, 451, "4.3.2", "Restarting, please try again later");
	return ANSWER_TEMPFAIL;
}

enum answer reply_too_complex(struct reply *out)
{
	reply_set(out, 552, "5.3.4", "Message is too large or too complex");
	return ANSWER_REJECT;
}

enum answer reply_no_such_address(struct reply *out)
{
	reply_set(out, 550, "5.1.1", "No such address here");
	return ANSWER_REJECT;
}

enum answer reply_enough(struct reply *out)
{
	reply_set(out, 452, "4.5.3", "Too many recipients of this kind");
	return ANSWER_TEMPFAIL;
}

enum answer reply_bad_address(struct reply *out)
{
	reply_set(out, 550, "5.1.3", "Malformed recipient address");
	return ANSWER_REJECT;
}

enum answer reply_bad_address_named(struct str address, struct reply *out)
{
	reply_set(out, 550, "5.1.3", "Malformed recipient address: %.*s",
	    STR_ARG(str_cut(address, 0, ADDRESS_SHOWN)));
	return ANSWER_REJECT;
}

enum answer reply_too_many(struct reply *out)
{
	reply_set(out, 550, "5.5.3", "Too many recipients");
	return ANSWER_REJECT;
}

enum answer reply_not_configured(struct reply *out)
{
	reply_set(out, 451, "4.3.5",
	    "No release listener: one recipient a message, please");
	return ANSWER_TEMPFAIL;
}

enum answer reply_astray(struct reply *out)
{
	reply_set(out, 451, "4.3.5", "Not the listener of a release stream");
	return ANSWER_TEMPFAIL;
}

enum answer reply_not_ours(struct reply *out)
{
	reply_set(out, 550, "5.7.7", "Not a copy of ours");
	return ANSWER_REJECT;
}

static const char *refusal_text(const struct verdict *v)
{
	switch (v->reason) {
	case REASON_SUPPRESSED:
	case REASON_SUPPRESSED_SEGMENT:
		return "Recipient is suppressed";
	case REASON_OBJECTED:
		return "Recipient objected to this purpose";
	case REASON_WITHDRAWN:
		return "Recipient withdrew consent to this purpose";
	case REASON_NO_CONSENT:
		return "Recipient gave no consent to this purpose";
	case REASON_NOT_COMPLIANT:
		return "Message does not comply";
	case REASON_STOPPED:
		return "Sending of this kind is stopped";
	case REASON_SEGMENT_CAP:
		return "Frequency cap of the segment is reached";
	case REASON_PERSON_CAP:
		return "Frequency cap of the recipient is reached";
	case REASON_COMPANY_CAP:
		return "Frequency cap of the company is reached";
	case REASON_ORDER:
		return "Others that wait go first";
	case REASON_YIELD:
		return "Gives way to another message";
	case REASON_CLOSED:
		return "Outside the hours of the segment";
	case REASON_PAUSED:
		return "Mail of this kind to the recipient is paused";
	case REASON_UNKNOWN_SEGMENT:
		return "No or unknown segment";
	case REASON_NO_POLICY:
		return "No policy is applied yet";
	case REASON_IN_FLIGHT:
		return "Same message is on its way";
	case REASON_ALLOWED:
	case REASON_DUPLICATE:
	case REASON_TAKEN:
	case REASON_NOT_NURTURE:
	case REASON_TROUBLE:
		break;
	}
	return "Refused by policy";
}

/* RFC 3463: x.7.1 is "delivery not authorized"; x.2.1 would name the mailbox
 * dead, and senders clean their lists by it. 4.2.0 tells the agent that the
 * message is its own, on its way. */
static const char *status_of(const struct verdict *v, int code)
{
	if (v->reason == REASON_IN_FLIGHT)
		return "4.2.0";
	return code < 500 ? "4.7.1" : "5.7.1";
}

static void set_refusal(const struct verdict *v, int code, struct reply *out)
{
	const char *detail = v->reason == REASON_NOT_COMPLIANT
				 ? comply_result_name(v->compliance)
				 : verdict_reason_name(v->reason);
	char when[CLOCK_TEXT];

	if (v->earliest_ms == 0) {
		reply_set(out, code, status_of(v, code), "%s (%s)",
		    refusal_text(v), detail);
		return;
	}
	clock_format(v->earliest_ms, when);
	reply_set(out, code, status_of(v, code), "%s (%s), not before %s",
	    refusal_text(v), detail, when);
}

enum answer reply_named(
    const struct verdict *v, struct str recipient, struct reply *out)
{
	struct reply plain;
	enum answer a = reply_from_verdict(v, &plain);

	*out = plain;
	if (a == ANSWER_REJECT || a == ANSWER_TEMPFAIL)
		reply_set(out, plain.code, plain.enhanced, "%.*s: %.80s",
		    STR_ARG(str_cut(recipient, 0, ADDRESS_SHOWN)), plain.text);
	return a;
}

enum answer reply_from_verdict(const struct verdict *v, struct reply *out)
{
	*out = (struct reply){0};
	switch (v->action) {
	case VERDICT_ALLOW:
		return ANSWER_CONTINUE;
	case VERDICT_HOLD: /* the copy is in the spool */
	case VERDICT_DROP:
		return ANSWER_DISCARD;
	case VERDICT_REJECT:
		set_refusal(v, 550, out);
		return ANSWER_REJECT;
	case VERDICT_DEFER:
		set_refusal(v, 451, out);
		return ANSWER_TEMPFAIL;
	}
	return reply_trouble(out);
}
