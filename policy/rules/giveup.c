/* giveup.c - see giveup.h. */
#include "policy/rules/giveup.h"

enum giveup_rank giveup_rank(const struct giveup_failure *f)
{
	if (!f->names_lead)
		return GIVEUP_OTHER_PERSON;
	if (f->class != BOUNCE_CLASS_PERSON)
		return GIVEUP_FAILED;
	return f->reason == BOUNCE_HOST_UNKNOWN ? GIVEUP_HOST : GIVEUP_PERSON;
}

bool giveup_counts(const struct giveup_failure *f)
{
	return f->names_lead && (f->reason == BOUNCE_HOST_UNKNOWN ||
				    f->reason == BOUNCE_MAILBOX_FULL);
}

void giveup_failed(
    struct giveup_row *row, int64_t last_delivered_ms, int64_t at_ms)
{
	if (row->count == 0 || last_delivered_ms > row->first_ms)
		*row = (struct giveup_row){.first_ms = at_ms};
	if (row->count < UINT32_MAX)
		row->count++;
}

static int reason_of(enum bounce_reason reason)
{
	if (reason == BOUNCE_USER_UNKNOWN)
		return SUPPRESSION_USER_UNKNOWN;
	if (reason == BOUNCE_MAILBOX_DISABLED)
		return SUPPRESSION_MAILBOX_DISABLED;
	if (reason == BOUNCE_MAILBOX_MOVED)
		return SUPPRESSION_MAILBOX_MOVED;
	return 0;
}

static bool is_end(
    const struct giveup_row *row, const struct giveup_limit *l, int64_t at_ms)
{
	return l->count > 0 && row->count >= l->count &&
	       at_ms - row->first_ms > l->span_ms;
}

int giveup_suppression(const struct giveup_failure *f,
    const struct giveup_row *row, const struct giveup_limits *l, int64_t at_ms)
{
	if (giveup_rank(f) == GIVEUP_PERSON)
		return reason_of(f->reason);
	if (!giveup_counts(f))
		return 0;
	if (f->reason == BOUNCE_HOST_UNKNOWN)
		return is_end(row, &l->no_host, at_ms)
			   ? SUPPRESSION_HOST_UNKNOWN
			   : 0;
	return is_end(row, &l->full, at_ms) ? SUPPRESSION_MAILBOX_FULL : 0;
}

/* A person's own word weighs most, then that of people here, then guesses. */
static int weight(enum suppression_reason r)
{
	switch (r) {
	case SUPPRESSION_COMPLAINT:
		return 5;
	case SUPPRESSION_OPT_OUT:
		return 4;
	case SUPPRESSION_MANUAL:
		return 3;
	case SUPPRESSION_IMPORTED:
		return 2;
	case SUPPRESSION_USER_UNKNOWN:
	case SUPPRESSION_MAILBOX_DISABLED:
	case SUPPRESSION_MAILBOX_MOVED:
	case SUPPRESSION_HOST_UNKNOWN:
	case SUPPRESSION_MAILBOX_FULL:
	case SUPPRESSION_LEFT:
		return 1;
	case SUPPRESSION_IN_REVIEW:
	case SUPPRESSION_REPLIED:
		break; /* beside all others: among themselves the end counts */
	}
	return 0;
}

static int64_t end_of(const struct suppression_fact *s)
{
	return s->until_ms != 0 ? s->until_ms : INT64_MAX;
}

bool giveup_replaces(const struct suppression_fact *now,
    const struct suppression_fact *next, int64_t at_ms)
{
	if (end_of(now) <= at_ms)
		return true;
	if (end_of(now) != end_of(next))
		return end_of(now) < end_of(next);
	return weight(next->reason) > weight(now->reason);
}

bool giveup_is_of_person(enum suppression_reason reason)
{
	return suppression_is_pause(reason) ||
	       weight(reason) > weight(SUPPRESSION_USER_UNKNOWN);
}
