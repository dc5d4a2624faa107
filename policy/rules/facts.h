/* facts.h - all that is known of one recipient at a moment: what the pure
 * rules decide on. Filled by state/facts in one read transaction; tests and
 * `simulate` fill it by hand. Times are ms since 1970. Threads: one owner. */
#ifndef POLICY_RULES_FACTS_H
#define POLICY_RULES_FACTS_H

#include "policy/base/zone.h"

/* proposed -> queued -> delivered, or released. Numbers are stored. */
enum slot_state {
	SLOT_PROPOSED = 1,  /* said yes; the MTA's log has not confirmed */
	SLOT_QUEUED = 2,    /* qmgr: queue active */
	SLOT_DELIVERED = 3, /* dated: remote 250, or acceptance without a log */
	SLOT_RELEASED = 4,  /* positive evidence that it was not delivered */
};

struct slot_fact {
	uint64_t message_id;
	int64_t at_ms;   /* delivered: that instant; before: the proposal */
	uint64_t key;    /* same-message key, see dup.h */
	uint64_t person; /* of a company's history: which of its people:
			  * any number of theirs; of a person's own: 0 */
	uint32_t label;  /* policy_label of the segment */
	enum slot_state state;
	bool counts; /* false: seeds and double-opt-in, never counted */
};

/* A message that is held and will compete for a slot: one that waits for a
 * limit, an order or hours, and not for a stop or its repair. */
struct waiting_fact {
	uint64_t copy_id; /* older ones have lower ids */
	uint64_t person;  /* as in slot_fact */
	uint32_t label;   /* policy_label of its segment */
	int64_t arrived_ms; /* when its message came */
};

enum {
	/* More that are ahead than any limit has slots change nothing. */
	FACTS_WAITING_MAX = 256
};

/* Why a person must not be written to. Numbers are stored; names are API. */
enum suppression_reason {
	SUPPRESSION_MANUAL = 1,
	SUPPRESSION_USER_UNKNOWN = 2,
	SUPPRESSION_MAILBOX_DISABLED = 3,
	SUPPRESSION_MAILBOX_MOVED = 4,
	SUPPRESSION_HOST_UNKNOWN = 5,
	SUPPRESSION_COMPLAINT = 6,
	SUPPRESSION_OPT_OUT = 7, /* all nurture, by the person */
	SUPPRESSION_IMPORTED = 8,
	SUPPRESSION_LEFT = 9, /* the person has left the company */
	/* Pauses of all nurture: what comes waits, as the segment's when-full
	 * says. */
	SUPPRESSION_REPLIED = 10,   /* talks with us */
	SUPPRESSION_IN_REVIEW = 11, /* asks to be left alone, it seems */
	SUPPRESSION_MAILBOX_FULL = 12, /* for weeks */
};

/* The label of pauses, which no segment has: they stand beside a suppression,
 * which may last longer or end before. */
#define SUPPRESSION_PAUSE_LABEL UINT32_MAX
bool suppression_is_pause(enum suppression_reason r);

struct suppression_fact {
	uint32_t label; /* 0: all nurture; else one segment */
	enum suppression_reason reason;
	int64_t since_ms;
	int64_t until_ms; /* 0: for ever; else no longer in force at it */
};

/* Consent to the segment's purpose. Numbers are stored. */
enum consent_state {
	CONSENT_NONE = 0,
	CONSENT_GRANTED = 1,
	CONSENT_WITHDRAWN = 2,
	CONSENT_OBJECTED =
	    3, /* GDPR Art. 21: also against legitimate interest */
};

/* What comply.h found; the first failing rule. Numbers are stored. */
enum comply_result {
	COMPLY_OK = 0,
	COMPLY_NO_FROM = 1,          /* no From, several, or unparsable */
	COMPLY_FROM_NOT_ALLOWED = 2, /* this origin may not sign for it */
	COMPLY_NOT_ALIGNED = 3,      /* bounce domain of another organisation */
	COMPLY_NO_UNSUBSCRIBE = 4,
	COMPLY_NO_POSTAL_ADDRESS = 5,
	COMPLY_NO_KEY = 6, /* no usable key for the From domain */
};

struct attribute_value; /* policy/conf/audience.h */

struct facts {
	const struct suppression_fact *suppressions;
	size_t n_suppressions;
	/* All nurture waits: why, 0 where it does not; until when, 0: until
	 * somebody says so. */
	enum suppression_reason paused;
	int64_t paused_until_ms;
	enum consent_state consent;
	int64_t consent_since_ms;
	enum comply_result compliance;
	const struct slot_fact *slots; /* any order; released ones do no harm */
	size_t n_slots;
	/* Other held messages to this person, any order. */
	const struct waiting_fact *waiting;
	size_t n_waiting;
	/* The same for the person's company, where a policy asks for it: of
	 * held messages those that wait for its limit. */
	bool has_company;
	uint64_t person; /* this one's */
	const struct slot_fact *company_slots;
	size_t n_company_slots;
	const struct waiting_fact *company_waiting;
	size_t n_company_waiting;
	/* What is known of the person; NULL where no rule asks. */
	const struct attribute_value *attributes;
	size_t n_attributes;
	int64_t today; /* of the person, in days since 1970 */
	/* The person's, else the policy's; and the policy's, by which a
	 * company's limits go since its people live in several. NULL: UTC. */
	const struct zone *zone, *policy_zone;
	/* The message: when it first came (0: now) and, where it is held, its
	 * copy (0: it comes now, behind all that wait) and until when it was to
	 * be held by this policy (0: that is not known). */
	int64_t arrived_ms;
	uint64_t copy_id;
	int64_t held_until_ms;
	/* Slots without a date count as if delivered when they were proposed,
	 * and not now: at best. */
	bool at_best;
	bool seed;            /* proof address: caps do not apply */
	bool segment_stopped; /* paused or stopped by the breaker */
};

const char *slot_state_name(enum slot_state s);
const char *suppression_reason_name(enum suppression_reason r);
/* 0 when there is no such name. */
int suppression_reason_from(struct str name);
const char *consent_state_name(enum consent_state s);
const char *comply_result_name(enum comply_result r);

#endif
