/* judge.c - what must hold of the messages that were delivered, whatever was
 * said of them; see run_internal.h. */
#include "tests/model/run_internal.h"

static bool is_counted(
    const struct run *r, int i, const struct model_limit *l, int person)
{
	const struct model_send *m = &r->now.send[i];

	if (!m->counts || m->fate != DELIVERED || r->flight[i].odd)
		return false;
	if (l->scope == PER_COMPANY)
		return run_is_colleague(&r->now, m->person, person);
	return m->person == person &&
	       (l->scope == PER_PERSON || m->segment == l->segment);
}

/* Do the deliveries a and b count together in the window that ends with the
 * delivery `end`? */
static bool is_within(
    const struct run *r, const struct model_limit *l, int place, int end, int i)
{
	int64_t to = r->now.send[end].at_ms, at = r->now.send[i].at_ms;

	if (l->span == ROLLING || l->span == APART)
		return at <= to && at > to - l->ms;
	return model_leaves(l, place, at) == model_leaves(l, place, to);
}

/* No stretch of time that has the delivery x has more than the limit allows,
 * of it and those that were let go before it. */
static void check_window(
    struct run *r, const struct model_limit *l, int place, int x)
{
	int person = r->now.send[x].person;

	for (int end = 0; end <= x; end++) {
		unsigned people = 0;
		int n = 0;

		if (!is_counted(r, end, l, person) ||
		    !is_within(r, l, place, end, x))
			continue;
		for (int i = 0; i <= x; i++) {
			unsigned bit = 1U << r->now.send[i].person;

			if (!is_counted(r, i, l, person) ||
			    !is_within(r, l, place, end, i))
				continue;
			n += !l->people || (people & bit) == 0;
			people |= bit;
		}
		if (n > l->most)
			run_fail(r,
			    "deliveries: %d within \"%s\" of %s, person %d; "
			    "send %d is the last",
			    n, l->text, l->section, person, x);
	}
}

/* Had this person been written to before? Then at-most-people lets it be. */
static bool is_known(const struct run *r, int x)
{
	for (int i = 0; i < x; i++)
		if (r->now.send[i].person == r->now.send[x].person)
			return true;
	return false;
}

void judge_deliveries(struct run *r, int x)
{
	const struct model_send *m = &r->now.send[x];
	const struct model_policy *p = &r->w->policy[r->flight[x].policy].rules;
	unsigned audiences = r->now.person[m->person].audiences;

	if (!r->flight[x].judged || m->fate != DELIVERED || r->flight[x].odd)
		return;
	for (int i = 0; i < p->n_limits; i++) {
		const struct model_limit *l = &p->limit[i];

		/* Somebody new brings along what he was sent. */
		if (l->shadow || (l->people && is_known(r, x)) ||
		    (l->scope == PER_COMPANY && r->moves > 0) ||
		    (l->scope == PER_SEGMENT && l->segment != m->segment) ||
		    (l->audience >= 0 && (audiences >> l->audience & 1) == 0))
			continue;
		check_window(r, l,
		    l->scope == PER_COMPANY ? p->place
					    : r->now.person[m->person].place,
		    x);
	}
}
