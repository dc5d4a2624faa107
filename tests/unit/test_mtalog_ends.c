/* test_mtalog_ends.c - agent/cli/mtalog_ends.h: what a session's end says, and the
 * queue manager's line, in any order. */
#include "tests/unit/tap.h"

#include "agent/cli/mtalog_ends.h"
#include "policy/base/fault.h"

#include <stdlib.h>
#include <string.h>

/* "ID KIND[COUNT]@TIME " of each that was passed on. */
static void on_outcome(void *arg, const struct outcome *o)
{
	struct buf *out = arg;

	buf_printf(out, "%.*s %s", STR_ARG(o->queue_id), outcome_name(o->kind));
	if (o->count > 0)
		buf_printf(out, "%u", (unsigned)o->count);
	buf_printf(out, "@%lld ", (long long)o->time_ms);
}

/* Q: queued, by a session's end; 1 to 9: by the queue manager, to so many; D:
 * delivered; L: Sendmail tells of 2 late; E: a session's end that tells nothing. */
static struct outcome outcome_of(char what, const char *id, int64_t time_ms)
{
	struct outcome o = {
	    .kind = OUTCOME_QUEUED, .queue_id = str_of(id), .time_ms = time_ms};

	if (what == 'D')
		o.kind = OUTCOME_DELIVERED;
	if (what == 'E')
		o.kind = OUTCOME_SESSION_END;
	if (what == 'L')
		o.late = true;
	if (what == 'L' || (what >= '1' && what <= '9'))
		o.count = what == 'L' ? 2 : (uint32_t)(what - '0');
	return o;
}

/* of: letters and ids, "Qa 2a"; their times are 1, 2... */
static void is_passed(const char *of, const char *want, const char *name)
{
	struct ends *e = ends_new();
	struct str rest = str_of(of), word;
	struct buf out;
	int64_t time_ms = 0;

	buf_init(&out, 1 << 16);
	while (str_next(&rest, ' ', &word)) {
		char id[2] = {word.p[1], '\0'};
		struct outcome o = outcome_of(word.p[0], id, ++time_ms);

		ends_outcome(e, &o, on_outcome, &out);
	}
	buf_addz(&out, "| ");
	ends_flush(e, on_outcome, &out);
	ends_flush(e, on_outcome, &out);
	IS_S(buf_str(&out), str_of(want), "%s", name);
	buf_fini(&out);
	ends_free(&e);
}

static void test_orders(void)
{
	is_passed("2a Qa Da", "a queued2@1 a queued@2 a delivered@3 | ",
	    "the end behind: as it is, once something else is told");
	is_passed("Qa 2a Da", "a queued2@2 a delivered@3 | ",
	    "the end first: the other line says it, too");
	is_passed("Qa Da", "a queued@1 a delivered@2 | ",
	    "a delivery: what waits goes before it");
	is_passed("Qa La", "a queued2@2 | ", "told late");
	is_passed("Qa Db 2b 2a", "b delivered@2 b queued2@3 a queued2@4 | ",
	    "another one is passed on meanwhile");
	is_passed("Qa Qa 2a", "a queued@1 a queued2@3 | ", "said twice");
	is_passed("Qa", "| a queued@1 ", "nothing else comes");
	is_passed("Qa Qb 1a", "a queued1@3 | b queued@2 ", "to one");
	is_passed("Ea", "a session-end@1 | ", "an end that tells nothing");
	is_passed("Q", " queued@1 | ", "no queue id");
}

/* More than there is room for: the oldest first, none is lost. */
static void test_many(void)
{
	struct ends *e = ends_new();
	struct buf out;
	size_t said = 0;
	char id[40];

	buf_init(&out, 1 << 20);
	for (int i = 0; i < 3 * ENDS_MAX; i++) {
		struct outcome o;

		(void)snprintf(id, sizeof(id), "id%d", i);
		o = outcome_of('Q', id, i);
		ends_outcome(e, &o, on_outcome, &out);
	}
	OK(str_starts(buf_str(&out), STR("id0 queued@0 id1 ")), "the oldest");
	ends_flush(e, on_outcome, &out);
	for (size_t i = 0; i < out.n; i++)
		said += out.p[i] == '@';
	IS_INT((long long)said, 3 * ENDS_MAX, "none is lost");
	buf_reset(&out);
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	ends_outcome(
	    e, &(struct outcome){.queue_id = str_of(id)}, on_outcome, &out);
	OK(out.n > 0, "an id longer than any: at once");
	buf_fini(&out);
	ends_free(&e);
	fault_alloc_at(1);
	OK(ends_new() == NULL, "no memory");
	fault_alloc_at(0);
}

int main(void)
{
	test_orders();
	test_many();
	return tap_done();
}
