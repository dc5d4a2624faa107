/* giveup.c - see giveup.h. */
#include "policy/rules/giveup.h"

#include <stddef.h>

/* What a failure may end in, and by which limit. */
static const struct kind {
	enum bounce_reason reason;
	bool of_class; /* only where it is of class person */
	enum suppression_reason ends_in;
	size_t limit;
} kinds[] = {
#define AT(field) offsetof(struct giveup_limits, field)
    {BOUNCE_USER_UNKNOWN, true, SUPPRESSION_USER_UNKNOWN, AT(unknown)},
    {BOUNCE_MAILBOX_DISABLED, true, SUPPRESSION_MAILBOX_DISABLED, AT(disabled)},
    {BOUNCE_MAILBOX_MOVED, true, SUPPRESSION_MAILBOX_MOVED, AT(moved)},
    {BOUNCE_HOST_UNKNOWN, false, SUPPRESSION_HOST_UNKNOWN, AT(no_host)},
    {BOUNCE_MAILBOX_FULL, false, SUPPRESSION_MAILBOX_FULL, AT(full)},
#undef AT
};

/* NULL: such a failure ends in nothing. */
static const struct kind *kind_of(const struct giveup_failure *f)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].reason == f->reason)
			return f->names_lead &&
				       (!kinds[i].of_class ||
					   f->class == BOUNCE_CLASS_PERSON)
				   ? &kinds[i]
				   : NULL;
	return NULL;
}

static const struct giveup_limit *limit_of(
    const struct kind *k, const struct giveup_limits *l)
{
	return (const struct giveup_limit *)(const void *)((const char *)l +
							   k->limit);
}

static bool is_at_once(const struct giveup_limit *l)
{
	return l->count == 1 && l->span_ms == 0;
}

enum giveup_rank giveup_rank(const struct giveup_failure *f)
{
	if (!f->names_lead)
		return GIVEUP_OTHER_PERSON;
	if (f->class != BOUNCE_CLASS_PERSON)
		return GIVEUP_FAILED;
	return f->reason == BOUNCE_HOST_UNKNOWN ? GIVEUP_HOST : GIVEUP_PERSON;
}

bool giveup_has_limit(const struct giveup_failure *f)
{
	return kind_of(f) != NULL;
}

bool giveup_counts(
    const struct giveup_failure *f, const struct giveup_limits *l)
{
	const struct kind *k = kind_of(f);

	return k != NULL && !is_at_once(limit_of(k, l));
}

void giveup_failed(
    struct giveup_row *row, int64_t last_delivered_ms, int64_t at_ms)
{
	if (row->count == 0 || last_delivered_ms > row->first_ms)
		*row = (struct giveup_row){.first_ms = at_ms};
	if (row->count < UINT32_MAX)
		row->count++;
}

static bool is_end(
    const struct giveup_row *row, const struct giveup_limit *l, int64_t at_ms)
{
	return is_at_once(l) || (l->count > 0 && row->count >= l->count &&
				    at_ms - row->first_ms > l->span_ms);
}

int giveup_suppression(const struct giveup_failure *f,
    const struct giveup_row *row, const struct giveup_limits *l, int64_t at_ms)
{
	const struct kind *k = kind_of(f);

	return k != NULL && is_end(row, limit_of(k, l), at_ms) ? (int)k->ends_in
							       : 0;
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
