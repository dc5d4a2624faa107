/* breaker.c - see breaker.h. Rates are compared by multiplication crosswise:
 * nothing is divided, so nothing is rounded. */
#include "policy/rules/breaker.h"

uint64_t breaker_base(const struct breaker_counts *c, enum policy_rate r)
{
	uint64_t more = r == POLICY_HARD_BOUNCES ? c->refused
			: r == POLICY_OUR_FAULTS ? c->blocked
						 : 0;
	uint64_t sum;

	if (__builtin_add_overflow(c->delivered, more, &sum))
		return UINT64_MAX;
	return sum;
}

/* A product of 64 and 32 bits. */
struct product {
	uint64_t high;
	uint32_t low;
};

static struct product multiply(uint64_t a, uint32_t b)
{
	uint64_t low = (a & UINT32_MAX) * b;

	return (struct product){
	    (a >> 32) * b + (low >> 32), (uint32_t)(low & UINT32_MAX)};
}

bool breaker_reaches(uint64_t count, uint64_t of, uint32_t line)
{
	struct product a = multiply(count, POLICY_RATE_ALL);
	struct product b = multiply(of, line);

	if (of == 0 || line == 0)
		return false;
	return a.high != b.high ? a.high > b.high : a.low >= b.low;
}

static enum breaker_level level_of(
    const struct policy_lines *l, uint64_t count, uint64_t of)
{
	if (breaker_reaches(count, of, l->stop))
		return BREAKER_STOP;
	return breaker_reaches(count, of, l->warn) ? BREAKER_WARN : BREAKER_OK;
}

void breaker_judge(const struct policy_breaker *b,
    const struct breaker_counts *c, struct breaker_finding *out)
{
	*out = (struct breaker_finding){.level = BREAKER_OK};
	for (unsigned i = 0; i < POLICY_RATES; i++) {
		enum policy_rate r = (enum policy_rate)i;
		const struct policy_lines *l = &b->lines[i];
		uint64_t of = breaker_base(c, r);
		enum breaker_level level = level_of(l, c->n[i], of);

		if (of < b->min_sample || c->n[i] < b->min_count ||
		    level <= out->level)
			continue;
		*out = (struct breaker_finding){.level = level,
		    .rate = r,
		    .count = c->n[i],
		    .of = of,
		    .line = level == BREAKER_STOP ? l->stop : l->warn,
		    .rule = &l->rule};
	}
}

bool breaker_resumes(const struct policy_breaker *b, enum breaker_level level,
    int64_t since_ms, int64_t now_ms)
{
	if (b->mode != POLICY_BREAKER_ENFORCE)
		return true;
	switch (b->resume) {
	case POLICY_RESUME_BELOW_WARN:
		return level == BREAKER_OK;
	case POLICY_RESUME_AFTER:
		return now_ms >= since_ms && now_ms - since_ms >= b->resume_ms;
	case POLICY_RESUME_UNSET:
	case POLICY_RESUME_BY_HAND:
		break;
	}
	return false;
}

const char *breaker_level_name(enum breaker_level l)
{
	static const char *const names[] = {"ok", "warn", "stop"};

	return (unsigned)l < sizeof(names) / sizeof(names[0]) ? names[l]
							      : "unknown";
}
