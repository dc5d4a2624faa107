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

void giveup_host_failed(
    struct giveup_hosts *h, int64_t last_delivered_ms, int64_t at_ms)
{
	if (h->count == 0 || last_delivered_ms > h->first_ms)
		*h = (struct giveup_hosts){.first_ms = at_ms};
	h->count++;
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

int giveup_suppression(const struct giveup_failure *f,
    const struct giveup_hosts *hosts, int64_t at_ms)
{
	enum giveup_rank rank = giveup_rank(f);

	if (rank == GIVEUP_PERSON)
		return reason_of(f->reason);
	if (rank == GIVEUP_HOST && hosts->count >= GIVEUP_HOST_FAILURES &&
	    at_ms - hosts->first_ms > GIVEUP_HOST_MS)
		return SUPPRESSION_HOST_UNKNOWN;
	return 0;
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
		return 1;
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
	return weight(reason) > weight(SUPPRESSION_USER_UNKNOWN);
}
