/* arf.h - feedback reports (RFC 5965), as much as sorting and acting need.
 * Nothing here is trusted, and redacted addresses are normal (RFC 6590): the
 * recipient comes from a token of ours in the report. Threads: any. */
#ifndef POLICY_MAIL_ARF_H
#define POLICY_MAIL_ARF_H

#include "policy/mail/mime.h"

enum arf_type {
	ARF_OTHER, /* "other", or a word we do not know: RFC 5965 section 7.3 */
	ARF_ABUSE,
	ARF_FRAUD,
	ARF_VIRUS,
	ARF_NOT_SPAM,     /* RFC 6430 */
	ARF_AUTH_FAILURE, /* RFC 6591 */
	ARF_OPT_OUT,      /* drafts before RFC 5965; still sent */
};

/* Empty where absent. */
struct arf {
	enum arf_type type;
	struct str user_agent;
	struct str mail_from;   /* Original-Mail-From */
	struct str rcpt_to;     /* Original-Rcpt-To, the first */
	struct str removal;     /* Removal-Recipient, of the drafts */
	struct str envelope_id; /* Original-Envelope-Id */
	struct str source_ip;
	struct str arrival_date; /* Arrival-Date or Received-Date, as written */
	bool has_original;
	struct header_list original; /* fields of the reported message */
};

/* ERR_NOT_FOUND when there is no message/feedback-report part; ERR_LIMIT,
 * -ENOMEM. */
int arf_parse(
    const struct mime *m, struct arena *a, struct arf *out) MUST_CHECK;

#endif
