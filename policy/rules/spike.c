/* spike.c - see spike.h. Shares are compared by multiplication crosswise. */
#include "policy/rules/spike.h"

enum {
	THOUSAND = 1000
};
/* Of counts, so that products fit: more than there ever is in weeks. */
#define COUNT_MAX UINT64_C(1000000000)

static uint64_t bounded(uint64_t n)
{
	return n < COUNT_MAX ? n : COUNT_MAX;
}

static uint64_t all_of(const struct spike_counts *c)
{
	return bounded(c->delivered) + bounded(c->unknown);
}

/* unknown / all of c, times SPIKE_TIMES of part / of? */
static bool exceeds(const struct spike_counts *c, uint64_t part, uint64_t of)
{
	return bounded(c->unknown) * of > SPIKE_TIMES * part * all_of(c);
}

bool spike_may_be(const struct spike_counts *now)
{
	return now->unknown >= SPIKE_MIN && exceeds(now, SPIKE_LEAST, THOUSAND);
}

/* By numbers: the window is no longer than its hours. */
static bool is_by_number(const struct spike_facts *f)
{
	if (f->base_hours < SPIKE_BASE_HOURS_MIN)
		return true;
	return bounded(f->now.unknown) * bounded(f->base_hours) >
	       SPIKE_TIMES * SPIKE_WINDOW_HOURS * bounded(f->base.unknown);
}

bool spike_is(const struct spike_facts *f)
{
	uint64_t of = all_of(&f->base);

	if (!spike_may_be(&f->now))
		return false;
	if (f->now.delivered == 0 && f->base.delivered == 0)
		return is_by_number(f);
	if (of < SPIKE_BASE_MIN)
		return exceeds(&f->now, SPIKE_USUAL, THOUSAND);
	return exceeds(&f->now, bounded(f->base.unknown), of);
}

bool spike_confirms(const struct spike_past *p, int64_t at_ms)
{
	return p->failed_ms != 0 && p->delivered_ms <= p->failed_ms &&
	       at_ms - p->failed_ms > SPIKE_CONFIRM_MS;
}
