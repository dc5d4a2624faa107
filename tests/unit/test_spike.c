/* test_spike.c - is it the provider's fault that so many mailboxes are gone? */
#include "tests/unit/tap.h"

#include "policy/rules/spike.h"

#define T0 INT64_C(1795342800000)

static void test_spikes(void)
{
	static const struct {
		const char *name;
		struct spike_facts f;
		bool spike;
	} cases[] = {
	    {"nothing", {{0, 0}, {0, 0}, 0}, false},
	    {"all of too few", {{0, SPIKE_MIN - 1}, {0, 0}, 0}, false},
	    {"all, of a provider that never took any",
		{{0, SPIKE_MIN}, {0, 0}, 0}, true},
	    /* 0.5 % before: a line at 2.5 % */
	    {"five times as before, and no more", {{975, 25}, {99500, 500}, 9},
		false},
	    {"one more", {{974, 26}, {99500, 500}, 9}, true},
	    {"as ever, at ten times the volume", {{9950, 50}, {99500, 500}, 9},
		false},
	    /* none before: a line at 1 % */
	    {"first failures there ever were", {{990, 20}, {99500, 0}, 0},
		true},
	    {"few of many", {{9900, 20}, {99500, 0}, 0}, false},
	    {"a hundredth exactly", {{1980, 20}, {99500, 0}, 0}, false},
	    /* a base that says little: a line at 5 % */
	    {"new provider, an old list", {{80, 20}, {10, 0}, 0}, true},
	    {"new provider, a good list", {{480, 20}, {10, 0}, 0}, false},
	    {"new provider, one in twenty", {{380, 20}, {10, 0}, 0}, false},
	    /* a provider that always refuses many */
	    {"half of all, as ever", {{50, 50}, {500, 500}, 9}, false},
	    /* no log is followed */
	    {"by number: many hours with ten", {{0, 100}, {0, 60}, 6}, false},
	    {"by number: one more", {{0, 101}, {0, 60}, 6}, true},
	    {"by number: hardly anything before", {{0, 20}, {0, 9}, 3}, true},
	    {"no end of numbers",
		{{UINT64_MAX, UINT64_MAX}, {UINT64_MAX, 1}, UINT64_MAX}, true},
	    {"nor there", {{UINT64_MAX, 20}, {1, UINT64_MAX}, 1}, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		IS_INT(
		    spike_is(&cases[i].f), cases[i].spike, "%s", cases[i].name);
}

/* What may not be one is none, whatever was before. */
static void test_may_be(void)
{
	for (uint64_t unknown = 0; unknown < 60; unknown += 3)
		for (uint64_t taken = 0; taken < 9000; taken += 450) {
			struct spike_facts f = {
			    {taken, unknown}, {100000, 0}, 0};
			if (spike_is(&f) && !spike_may_be(&f.now))
				OK(false, "%d of %d", (int)unknown, (int)taken);
		}
	OK(spike_may_be(&(struct spike_counts){0, SPIKE_MIN}), "may be one");
}

static void test_confirms(void)
{
	static const struct {
		const char *name;
		struct spike_past p;
		int64_t at_ms;
		bool yes;
	} cases[] = {
	    {"the first", {0, 0}, T0, false},
	    {"at once", {T0, 0}, T0, false},
	    {"a day later", {T0, 0}, T0 + SPIKE_CONFIRM_MS, false},
	    {"more than a day", {T0, 0}, T0 + SPIKE_CONFIRM_MS + 1, true},
	    {"a delivery between", {T0, T0 + 1}, T0 + 9 * SPIKE_CONFIRM_MS,
		false},
	    {"a delivery before", {T0, T0 - 1}, T0 + 9 * SPIKE_CONFIRM_MS,
		true},
	    {"a clock set back", {T0, 0}, T0 - SPIKE_CONFIRM_MS, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		IS_INT(spike_confirms(&cases[i].p, cases[i].at_ms),
		    cases[i].yes, "%s", cases[i].name);
}

int main(void)
{
	test_spikes();
	test_may_be();
	test_confirms();
	return tap_done();
}
