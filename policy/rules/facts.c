/* facts.c - the names of stored numbers. */
#include "policy/rules/facts.h"

#define NAME_OF(names, i)                                                      \
	((size_t)(i) < sizeof(names) / sizeof((names)[0]) &&                   \
		    (names)[i] != NULL                                         \
		? (names)[i]                                                   \
		: "unknown")

const char *slot_state_name(enum slot_state s)
{
	static const char *const names[] = {
	    [SLOT_PROPOSED] = "proposed",
	    [SLOT_QUEUED] = "queued",
	    [SLOT_DELIVERED] = "delivered",
	    [SLOT_RELEASED] = "released",
	};

	return NAME_OF(names, s);
}

static const char *const reasons[] = {
    [SUPPRESSION_MANUAL] = "manual",
    [SUPPRESSION_USER_UNKNOWN] = "user_unknown",
    [SUPPRESSION_MAILBOX_DISABLED] = "mailbox_disabled",
    [SUPPRESSION_MAILBOX_MOVED] = "mailbox_moved",
    [SUPPRESSION_HOST_UNKNOWN] = "host_unknown",
    [SUPPRESSION_COMPLAINT] = "complaint",
    [SUPPRESSION_OPT_OUT] = "opt_out",
    [SUPPRESSION_IMPORTED] = "imported",
    [SUPPRESSION_LEFT] = "left",
    [SUPPRESSION_REPLIED] = "replied",
    [SUPPRESSION_IN_REVIEW] = "in_review",
    [SUPPRESSION_MAILBOX_FULL] = "mailbox_full",
};

const char *suppression_reason_name(enum suppression_reason r)
{
	return NAME_OF(reasons, r);
}

bool suppression_is_pause(enum suppression_reason r)
{
	return r == SUPPRESSION_REPLIED || r == SUPPRESSION_IN_REVIEW;
}

int suppression_reason_from(struct str name)
{
	for (size_t i = 1; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i] != NULL && str_eq(str_of(reasons[i]), name))
			return (int)i;
	return 0;
}

const char *consent_state_name(enum consent_state s)
{
	static const char *const names[] = {
	    [CONSENT_NONE] = "none",
	    [CONSENT_GRANTED] = "granted",
	    [CONSENT_WITHDRAWN] = "withdrawn",
	    [CONSENT_OBJECTED] = "objected",
	};

	return NAME_OF(names, s);
}

const char *comply_result_name(enum comply_result r)
{
	static const char *const names[] = {
	    [COMPLY_OK] = "ok",
	    [COMPLY_NO_FROM] = "no_from",
	    [COMPLY_FROM_NOT_ALLOWED] = "from_not_allowed",
	    [COMPLY_NOT_ALIGNED] = "not_aligned",
	    [COMPLY_NO_UNSUBSCRIBE] = "no_unsubscribe",
	    [COMPLY_NO_POSTAL_ADDRESS] = "no_postal_address",
	    [COMPLY_NO_KEY] = "no_key",
	};

	return NAME_OF(names, r);
}
