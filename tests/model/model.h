/* model.h - the frequency policy again, slow and plain, to be compared with
 * policy/rules: lists, linear scans, everything counted anew at each question.
 * Shares no code with it; the words are those of verdict.h and caps.h.
 * Threads: one. */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include "tests/model/place.h"

#define MODEL_NEVER INT64_MAX
#define MODEL_HOUR INT64_C(3600000)
#define MODEL_DAY (24 * MODEL_HOUR)

enum {
	MODEL_SEGMENTS = 5,
	MODEL_LIMITS = 40,
	MODEL_PEOPLE = 6,
	MODEL_SENDS = 400,
	MODEL_WAITING = 12,
	MODEL_HOLIDAYS = 16,
	MODEL_TEXT = 64
};

/* --- the policy --- */

enum model_scope {
	PER_SEGMENT,
	PER_PERSON,
	PER_COMPANY
};

enum model_span {
	ROLLING,
	BY_DAY,
	BY_WEEK,
	BY_MONTH,
	APART
};

/* One value of at-most or at-most-people, or one apart. */
struct model_limit {
	char section[MODEL_TEXT], text[MODEL_TEXT]; /* as a verdict shows it */
	enum model_scope scope;
	int segment; /* PER_SEGMENT: whose */
	enum model_span span;
	int64_t ms; /* ROLLING, APART */
	int most;
	bool people;     /* counts people instead of messages */
	int audience;    /* whom it binds; -1: everybody */
	bool keeps_free; /* leaves what the segment's keep-free says */
	bool shadow;
};

enum model_action {
	HOLD,
	DEFER,
	REJECT,
	DROP
};

enum model_then {
	THEN_BOUNCE,
	THEN_DROP,
	THEN_SEND
};

struct model_when {
	enum model_action action;
	int64_t hold_ms;
	enum model_then then;
};

struct model_range {
	unsigned days; /* bit 0: Monday */
	int from, to;  /* minutes of the day; to is the first closed one */
};

struct model_segment {
	int place; /* in the order; 0 goes first */
	bool by_consent, shadow;
	int keep_free;
	struct model_when full, closed, not_compliant;
	struct model_range range[3];
	int n_ranges;                /* 0: at any time of the day */
	int holiday[MODEL_HOLIDAYS]; /* local days */
	int n_holidays;
	int64_t yield_ms;   /* 0: to nobody */
	unsigned yields_to; /* bits: segments */
};

struct model_policy {
	struct model_segment segment[MODEL_SEGMENTS];
	int n_segments;
	int place; /* its zone: for limits of companies */
	struct model_limit limit[MODEL_LIMITS];
	int n_limits;
};

/* --- the world --- */

enum model_consent {
	NO_WORD,
	GRANTED,
	WITHDRAWN,
	OBJECTED
};

struct model_person {
	int company; /* -1: none */
	int place;
	unsigned audiences; /* bits: those it is in */
	enum model_consent consent;
	bool suppressed;
	int64_t suppressed_until_ms; /* 0: for ever */
};

enum model_fate {
	ON_ITS_WAY, /* at_ms: when it was let go */
	DELIVERED,  /* at_ms: then */
	RELEASED
};

struct model_send {
	int person, segment; /* segment -1: one-to-one */
	enum model_fate fate;
	int64_t at_ms;
	bool counts;
};

struct model_waiting {
	int64_t id; /* older ones have lower ids */
	int person, segment;
	int64_t arrived_ms;
	bool seed;
	bool competes;    /* waits for a limit, an order, hours */
	bool for_company; /* for a limit of the company, or its order */
};

struct model_world {
	int64_t now_ms;
	struct model_person person[MODEL_PEOPLE];
	int n_people;
	struct model_send send[MODEL_SENDS];
	int n_sends;
	struct model_waiting waiting[MODEL_WAITING];
	int n_waiting;
	bool stopped[MODEL_SEGMENTS];
};

/* --- question and answer --- */

struct model_question {
	int person, segment;
	int64_t arrived_ms; /* 0: now */
	int64_t id;         /* of a waiting one; 0: it comes now */
	bool seed, compliant;
	int64_t held_until_ms; /* as it was told by this policy; 0: never */
};

struct model_cause {
	const char *reason;
	const struct model_limit *limit; /* NULL: not a limit */
};

struct model_answer {
	const char *action;
	/* Any of these may be told: several limits may open at once. */
	struct model_cause cause[MODEL_LIMITS];
	int n_causes;
	int64_t earliest_ms; /* 0: no instant is known */
	int64_t deadline_ms; /* of a hold; else 0 */
	bool shadowed;
};

void model_decide(const struct model_policy *p, const struct model_world *w,
    const struct model_question *q, struct model_answer *out);

/* Does that waiting message go before the one in question? */
bool model_is_ahead(const struct model_policy *p,
    const struct model_question *q, const struct model_waiting *w);
/* When a message sent then no longer counts there. */
int64_t model_leaves(const struct model_limit *l, int place, int64_t sent_ms);
bool model_is_open(const struct model_segment *s, int place, int64_t ms);

#endif
