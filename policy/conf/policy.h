/* policy.h - the marketer's rules, as an immutable, counted model.
 *
 * The source text lives in the ledger, versioned; policy_parse() makes this
 * model from it. Decisions name the rule that gave them by struct
 * policy_line. Everything is borrowed from the policy's own arena.
 * Threads: immutable; the count is atomic. */
#ifndef POLICY_CONF_POLICY_H
#define POLICY_CONF_POLICY_H

#include "policy/base/calendar.h"
#include "policy/base/hours.h"
#include "policy/conf/audience.h"
#include "policy/conf/conf.h"

/* A line of the policy text: what a verdict shows as its rule. text is the
 * rule as written, on one line, without comment ("at-most = \"1 per 7d\""). */
struct policy_line {
	int line;
	struct str section; /* "person", "segment newsletter", "" at top */
	struct str text;
};

/* Histories are bounded (slotlist.h): a limit beyond them would be one that
 * never acts, so policy_parse() refuses it. */
enum {
	POLICY_MAX_PER_WINDOW = 200
};

/* "N per 7d": rolling; "N per week": by the calendar of the person's zone, and
 * of a company by that of the policy's.
 * max = 0: never. */
struct policy_window {
	uint32_t max;
	int64_t span_ms; /* 0: by the calendar */
	enum calendar_unit unit;
	struct policy_line rule;
};

enum policy_action {
	POLICY_HOLD,   /* until the earliest instant, at most hold_ms */
	POLICY_DEFER,  /* 451 */
	POLICY_REJECT, /* 550 */
	POLICY_DROP,   /* accept and discard, on record */
};

enum policy_then {
	POLICY_THEN_BOUNCE,
	POLICY_THEN_DROP,
	POLICY_THEN_SEND, /* the rule that held ends; of hours and yield only */
};

struct policy_when {
	enum policy_action action;
	int64_t hold_ms; /* deadline of a hold; default 5 d */
	enum policy_then then;
	struct policy_line rule;
};

/* Whom a rule may be for. */
struct policy_audience {
	struct str name;
	const struct audience *condition;
	struct policy_line rule; /* the condition */
};

/* Caps of one scope. n == 0, n_people == 0 and apart_ms == 0: no cap. */
struct policy_caps {
	const struct policy_window *windows;
	size_t n;
	/* Of a company: at most so many different people. */
	const struct policy_window *people;
	size_t n_people;
	/* Whom it binds; NULL: everybody. What is counted is all of the scope,
	 * in the audience or not. */
	const struct policy_audience *audience;
	int64_t apart_ms; /* least time between two messages; 0: none */
	struct policy_line apart_rule;
	bool shadow; /* mode = shadow in this section */
};

enum policy_scope {
	POLICY_PER_PERSON,
	POLICY_PER_COMPANY,
	POLICY_PER_SEGMENT, /* a person's messages of one segment */
};

/* limit NAME { }: caps besides those of person, company and the segments. */
struct policy_limit {
	struct str name;
	enum policy_scope per;
	struct str segment; /* POLICY_PER_SEGMENT */
	uint32_t label;     /* of that segment; else 0 */
	struct str audience;
	struct policy_caps caps;
	struct policy_line rule;
};

/* holidays NAME { }: days on which the segments that name it are closed. */
struct policy_holidays {
	struct str name;
	const struct hours_holiday *days;
	size_t n;
	struct policy_line rule;
};

/* "2d to {demo-followup}": waits while a message of those segments waits for
 * the person, and until so long after the last one sent; at most so long from
 * its own arrival. */
struct policy_yield {
	int64_t span_ms; /* 0: none */
	const uint32_t *labels;
	size_t n;
	struct strs segments;
	struct policy_line rule;
};

/* "5 over 14d": whoever failed so often in a row, the last time more than that
 * after the first, is given up. "at once": 1, and no time. */
struct policy_giveup {
	uint32_t count; /* 0: never */
	int64_t span_ms;
};

enum policy_basis {
	POLICY_BASIS_CONSENT,             /* granted consent is required */
	POLICY_BASIS_LEGITIMATE_INTEREST, /* allowed until objected */
};

struct policy_segment {
	struct str name;
	uint32_t label; /* policy_label(name): what history records carry */
	struct policy_line rule; /* the section's first line */
	struct str purpose;
	struct policy_line purpose_rule;
	enum policy_basis basis;
	struct policy_line basis_rule;
	struct policy_caps caps;
	uint32_t keep_free; /* slots of each person cap left to earlier kinds */
	struct policy_when when_full;
	/* When it may be handed to the MTA; NULL: always. */
	const struct hours *hours;
	const struct hours_range *ranges; /* of send-on */
	size_t n_ranges;
	struct strs holidays; /* names */
	struct policy_line hours_rule;
	struct policy_when when_closed;
	struct policy_yield yield;
	struct policy_giveup unknown;     /* user-unknown */
	struct policy_giveup disabled;    /* mailbox-disabled */
	struct policy_giveup moved;       /* mailbox-moved */
	struct policy_giveup no_host;     /* host-unknown */
	struct policy_giveup full;        /* mailbox-full */
	struct policy_when not_compliant; /* HOLD or REJECT; default REJECT */
	struct str list_id;        /* List-Id phrase; default: the name */
	struct str postal_address; /* required text when not empty */
	bool shadow;
};

/* What the breaker counts of the messages of one segment, campaign or From
 * domain. Numbers are stored. */
enum policy_rate {
	POLICY_COMPLAINTS,
	POLICY_HARD_BOUNCES,
	POLICY_UNSUBSCRIBES,
	POLICY_OUR_FAULTS, /* bounces of class us (bounce.h) */
	POLICY_RATES
};

enum {
	POLICY_RATE_ALL = 100000 /* 100 %: rates are in parts of it */
};

/* "0.1%, 0.3%". */
struct policy_lines {
	bool set;            /* false: those of breaker { } hold */
	uint32_t warn, stop; /* parts of POLICY_RATE_ALL; both 0: not watched */
	struct policy_line rule;
};

enum policy_breaker_mode {
	POLICY_BREAKER_UNSET, /* as breaker { } has it */
	POLICY_BREAKER_ENFORCE,
	POLICY_BREAKER_SHADOW, /* warns where it would stop */
	POLICY_BREAKER_OFF,
};

/* When what the breaker stopped goes on. */
enum policy_resume {
	POLICY_RESUME_UNSET,
	POLICY_RESUME_BY_HAND,
	POLICY_RESUME_BELOW_WARN, /* the rate of the window is below its line */
	POLICY_RESUME_AFTER,      /* so long after the stop */
};

/* breaker { }, and breaker-for NAME { }, where 0 means: as breaker { }. */
struct policy_breaker {
	struct str name; /* of the segment; empty: of all */
	struct policy_line rule;
	enum policy_breaker_mode mode;
	int64_t window_ms;
	uint32_t min_sample; /* messages */
	uint32_t min_count;  /* complaints, bounces or opt-outs */
	struct policy_lines lines[POLICY_RATES];
	enum policy_resume resume;
	int64_t resume_ms; /* POLICY_RESUME_AFTER */
};

enum {
	POLICY_TITLE_MAX = 80 /* characters of UTF-8 */
};

/* What people are told of a purpose. */
struct policy_purpose {
	struct str name;
	struct policy_line rule; /* the section's first line */
	struct str title;
	struct str title_de, title_en, title_fr; /* empty: title */
};

struct policy {
	uint32_t version;       /* 0: not from the ledger */
	unsigned char hash[32]; /* SHA-256 of the source text */
	struct str path;        /* name in messages */
	struct str text;        /* the source, as applied */
	struct str time_zone;   /* IANA name; default UTC */
	bool shadow;            /* the whole product */
	int64_t reply_pause_ms; /* after a human reply; 0: none */
	int64_t review_ms;      /* to decide on a request in plain words */
	struct policy_caps person, company;
	const struct policy_limit *limits;
	size_t n_limits;
	const struct policy_holidays *holidays;
	size_t n_holidays;
	/* Which facts its rules ask for. */
	bool needs_company, needs_attributes;
	const struct policy_segment *segments; /* by `order`, then file */
	size_t n_segments;
	const struct policy_purpose *purposes; /* those with a section */
	size_t n_purposes;
	/* Those declared, by file, and behind them the reserved ones. */
	const struct attribute *attributes;
	size_t n_attributes;
	const struct policy_audience *audiences;
	size_t n_audiences;
	struct policy_breaker breaker; /* campaigns, domains, other segments */
	const struct policy_breaker *breakers; /* of segments with their own */
	size_t n_breakers;
};

/* Parses and checks. version is stored as given. On failure *out = NULL and
 * err says "path:line: what". The same traps are refused as in conf. */
int policy_parse(const struct policy **out, const char *path, struct str text,
    uint32_t version, struct error *err) MUST_CHECK;
const struct policy *policy_ref(const struct policy *p);
void policy_unref(const struct policy **p);

/* NULL when the policy has no such segment; exact, case counts. */
const struct policy_segment *policy_segment_find(
    const struct policy *p, struct str name);
const struct policy_audience *policy_audience_find(
    const struct policy *p, struct str name);
/* What holds for a segment: its own section over breaker { }. An empty name, or
 * one without a section: breaker { }. */
struct policy_breaker policy_breaker_of(
    const struct policy *p, struct str segment);
const char *policy_rate_name(enum policy_rate r);
/* "0.1%", of parts of POLICY_RATE_ALL. */
void policy_print_rate(struct buf *out, uint32_t rate);
/* The purpose's title on a page of that language ("de"), in any other, or its
 * bare name. */
struct str policy_purpose_title(
    const struct policy *p, struct str purpose, struct str language);
/* FNV-1a over the name; never 0. policy_parse refuses two segments, two
 * purposes or two attributes that share one. */
uint32_t policy_label(struct str name);
const char *policy_action_name(enum policy_action a);

/* Semantic differences, a line each, in plain words ("segment newsletter:
 * at-most was ..., is now ..."). Returns how many were emitted. */
size_t policy_diff(const struct policy *from, const struct policy *to,
    void (*emit)(void *arg, const char *line), void *arg);
/* What may be loaded and is hardly meant, a line "path:line: text" each. now_ms:
 * closed hours are looked at for a year from then on. */
void policy_warnings(const struct policy *p, int64_t now_ms,
    void (*emit)(void *arg, const char *line), void *arg);

/* Segments that the conf's streams name and the policy lacks, a line
 * "conf:line: text" each. Returns how many. */
size_t conf_check_policy(const struct conf *c, const struct policy *p,
    void (*emit)(void *arg, const char *line), void *arg);

/* Every option with its effective value, as a policy that reads back to the
 * same rules; and the tables as mdoc, for the manual. */
void policy_print(const struct policy *p, struct buf *out);
void policy_describe(struct buf *out);

#endif
