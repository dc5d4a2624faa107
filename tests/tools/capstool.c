/* capstool.c - caps_decide() by text, for tests/model/caps_model.py.
 *
 * Standard input, a case a line, numbers apart by blanks:
 *
 *   NOW LABEL RESERVE APART  N (MAX SPAN) x N  M (AT LABEL STATE COUNTS) x M
 *
 * Standard output, a line each: "free", or "RULE EARLIEST", where RULE is the
 * number of the window or "apart", and EARLIEST "never" or an instant. Exit
 * status 1 for a line that cannot be read. */
#include "policy/base/str.h"
#include "policy/rules/caps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LINE_BYTES = 65536,
	WINDOWS_MAX = 16,
	SLOTS_MAX = 1000
};

struct input {
	char *at;
	bool bad;
};

static int64_t number(struct input *in)
{
	char *end = NULL;
	long long v;

	errno = 0;
	v = strtoll(in->at, &end, 10);
	in->bad |= end == in->at || errno != 0;
	in->at = end;
	return v;
}

static size_t count(struct input *in, size_t max)
{
	int64_t v = number(in);

	in->bad |= v < 0 || (uint64_t)v > max;
	return in->bad ? 0 : (size_t)v;
}

static void tell(const struct policy_caps *caps, const struct caps_answer *a)
{
	if (!a->full) {
		puts("free");
		return;
	}
	if (a->rule == &caps->apart_rule)
		printf("apart");
	for (size_t i = 0; i < caps->n; i++)
		if (a->rule == &caps->windows[i].rule)
			printf("%zu", i);
	if (a->earliest_ms == CAPS_NEVER)
		puts(" never");
	else
		printf(" %" PRId64 "\n", a->earliest_ms);
}

static bool decide(char *line)
{
	static struct policy_window windows[WINDOWS_MAX];
	static struct slot_fact slots[SLOTS_MAX];
	struct input in = {line, false};
	struct policy_caps caps = {.windows = windows};
	struct caps_query q = {.slots = slots};
	struct caps_answer answer;

	q.now_ms = number(&in);
	q.label = (uint32_t)number(&in);
	q.keep = (uint32_t)number(&in);
	caps.apart_ms = number(&in);
	caps.n = count(&in, WINDOWS_MAX);
	for (size_t i = 0; i < caps.n; i++) {
		windows[i].max = (uint32_t)number(&in);
		windows[i].span_ms = number(&in);
	}
	q.n_slots = count(&in, SLOTS_MAX);
	for (size_t i = 0; i < q.n_slots; i++) {
		slots[i].at_ms = number(&in);
		slots[i].label = (uint32_t)number(&in);
		slots[i].state = (enum slot_state)number(&in);
		slots[i].counts = number(&in) != 0;
	}
	if (in.bad)
		return false;
	caps_decide(&caps, &q, &answer);
	tell(&caps, &answer);
	return true;
}

int main(void)
{
	static char line[LINE_BYTES];

	while (fgets(line, sizeof(line), stdin) != NULL)
		if (!decide(line)) {
			(void)fprintf(stderr, "capstool: %s", line);
			return 1;
		}
	return 0;
}
