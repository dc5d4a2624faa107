/* breaker.h - has a segment, a campaign or a From domain too many complaints,
 * hard bounces, opt-outs or refusals that are about us? Pure.
 *
 * Gmail and Yahoo ask for less than 0.1 % of complaints and act at 0.3 %;
 * mail that reaches that line is already counted against the domain, so it is
 * stopped before. A rate that reaches a line has crossed it.
 * Threads: any. */
#ifndef POLICY_RULES_BREAKER_H
#define POLICY_RULES_BREAKER_H

#include "policy/conf/policy.h"

/* Of the messages that were accepted in a window. */
struct breaker_counts {
	uint64_t delivered;
	uint64_t refused; /* bounced hard, without having been delivered */
	uint64_t n[POLICY_RATES];
	uint64_t blocked; /* as refused, but for what we are */
};

enum breaker_level {
	BREAKER_OK,
	BREAKER_WARN,
	BREAKER_STOP
};

struct breaker_finding {
	enum breaker_level level;
	/* The rate that is furthest; of several the first. */
	enum policy_rate rate;
	uint64_t count, of;
	uint32_t line; /* the one it has crossed; 0: none */
	const struct policy_line *rule;
};

/* What a rate is measured against: messages delivered, for hard bounces those
 * that were refused too, since a list of dead addresses delivers nothing, and
 * for faults of ours those that were blocked, since nobody takes mail of a
 * sender that is listed everywhere. */
uint64_t breaker_base(const struct breaker_counts *c, enum policy_rate r);
/* count / of >= line / POLICY_RATE_ALL, exactly, for all numbers; false where
 * of or line is 0. */
bool breaker_reaches(uint64_t count, uint64_t of, uint32_t line);

/* Whatever the mode. */
void breaker_judge(const struct policy_breaker *b,
    const struct breaker_counts *c, struct breaker_finding *out);

/* Does what the breaker stopped at since_ms go on at now_ms, its rates being
 * `level` now? A breaker that does not stop (any more) lets go. */
bool breaker_resumes(const struct policy_breaker *b, enum breaker_level level,
    int64_t since_ms, int64_t now_ms);

const char *breaker_level_name(enum breaker_level l);

#endif
