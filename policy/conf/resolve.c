/* resolve.c - names in a policy become what they name: segments, audiences,
 * holidays; and what facts its rules ask for is noted. */
#include "policy/conf/section_policy.h"

#include <string.h>

/* --- limits --- */

static int resolve_limit(const struct option_job *job, const struct policy *p,
    struct policy_limit *l)
{
	if (l->audience.n > 0) {
		l->caps.audience = policy_audience_find(p, l->audience);
		if (l->caps.audience == NULL)
			return option_fail(job, l->rule.line, ERR_SYNTAX,
			    "limit %.*s: there is no audience \"%.*s\"",
			    STR_ARG(l->name), STR_ARG(l->audience));
	}
	if (l->per != POLICY_PER_SEGMENT)
		return 0;
	l->label = policy_label(l->segment);
	return policy_segment_find(p, l->segment) != NULL
		   ? 0
		   : option_fail(job, l->rule.line, ERR_SYNTAX,
			 "limit %.*s: there is no segment \"%.*s\"",
			 STR_ARG(l->name), STR_ARG(l->segment));
}

/* --- hours --- */

static const struct policy_holidays *find_holidays(
    const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->n_holidays; i++)
		if (str_eq(p->holidays[i].name, name))
			return &p->holidays[i];
	return NULL;
}

static int count_days(const struct option_job *job, const struct policy *p,
    const struct policy_segment *s, size_t *n_out)
{
	*n_out = 0;
	for (size_t i = 0; i < s->holidays.n; i++) {
		const struct policy_holidays *h =
		    find_holidays(p, s->holidays.v[i]);

		if (h == NULL)
			return option_fail(job, s->rule.line, ERR_SYNTAX,
			    "segment %.*s: there is no section \"holidays "
			    "%.*s\"",
			    STR_ARG(s->name), STR_ARG(s->holidays.v[i]));
		*n_out += h->n;
	}
	return 0;
}

static int resolve_hours(const struct option_job *job, const struct policy *p,
    struct policy_segment *s)
{
	struct hours *h;
	struct hours_holiday *days;
	size_t n;
	int rc = count_days(job, p, s, &n);

	if (rc != 0 || (n == 0 && s->n_ranges == 0))
		return rc;
	h = arena_array(job->arena, 1, sizeof(*h));
	days = arena_array(job->arena, n + 1, sizeof(*days));
	if (h == NULL || days == NULL)
		return option_no_memory(job);
	*h = (struct hours){s->ranges, s->n_ranges, days, n};
	n = 0;
	for (size_t i = 0; i < s->holidays.n; i++) {
		const struct policy_holidays *of =
		    find_holidays(p, s->holidays.v[i]);

		if (of == NULL)
			continue;
		memcpy(days + n, of->days, of->n * sizeof(*days));
		n += of->n;
	}
	s->hours = h;
	return 0;
}

/* --- yield --- */

static int resolve_yield(const struct option_job *job, const struct policy *p,
    struct policy_segment *s)
{
	struct policy_yield *y = &s->yield;
	uint32_t *labels = arena_array(job->arena, y->n + 1, sizeof(*labels));

	if (labels == NULL)
		return option_no_memory(job);
	for (size_t i = 0; i < y->n; i++) {
		struct str name = y->segments.v[i];

		if (policy_segment_find(p, name) == NULL)
			return option_fail(job, y->rule.line, ERR_SYNTAX,
			    "segment %.*s: yield names segment \"%.*s\", "
			    "which is not there",
			    STR_ARG(s->name), STR_ARG(name));
		if (str_eq(name, s->name))
			return option_fail(job, y->rule.line, ERR_SYNTAX,
			    "segment %.*s: it cannot yield to itself; use "
			    "apart",
			    STR_ARG(s->name));
		labels[i] = policy_label(name);
	}
	y->labels = labels;
	return 0;
}

/* --- what is asked --- */

static bool has_calendar(const struct policy_caps *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->windows[i].span_ms == 0)
			return true;
	for (size_t i = 0; i < c->n_people; i++)
		if (c->people[i].span_ms == 0)
			return true;
	return false;
}

static bool has_limit(const struct policy_caps *c)
{
	return c->n > 0 || c->n_people > 0 || c->apart_ms > 0;
}

/* A company may be an attribute, and so is the zone. */
static void note_needs(struct policy *p)
{
	p->needs_company = has_limit(&p->company);
	p->needs_attributes = has_calendar(&p->person);
	for (size_t i = 0; i < p->n_limits; i++) {
		const struct policy_limit *l = &p->limits[i];

		p->needs_company |= l->per == POLICY_PER_COMPANY;
		p->needs_attributes |=
		    l->caps.audience != NULL || has_calendar(&l->caps);
	}
	for (size_t i = 0; i < p->n_segments; i++)
		p->needs_attributes |= has_calendar(&p->segments[i].caps) ||
				       p->segments[i].hours != NULL;
	p->needs_attributes |= p->needs_company;
}

static int resolve_limits(const struct option_job *job, struct policy *p)
{
	struct policy_limit *v =
	    arena_array(job->arena, p->n_limits + 1, sizeof(*v));
	int rc = 0;

	if (v == NULL)
		return option_no_memory(job);
	for (size_t i = 0; rc == 0 && i < p->n_limits; i++) {
		v[i] = p->limits[i];
		rc = resolve_limit(job, p, &v[i]);
	}
	p->limits = v;
	return rc;
}

static int resolve_segments(const struct option_job *job, struct policy *p)
{
	struct policy_segment *v =
	    arena_array(job->arena, p->n_segments + 1, sizeof(*v));
	int rc = 0;

	if (v == NULL)
		return option_no_memory(job);
	for (size_t i = 0; rc == 0 && i < p->n_segments; i++) {
		v[i] = p->segments[i];
		rc = resolve_hours(job, p, &v[i]);
		if (rc == 0)
			rc = resolve_yield(job, p, &v[i]);
	}
	p->segments = v;
	return rc;
}

int policy_resolve(const struct option_job *job, struct policy *p)
{
	int rc = resolve_limits(job, p);

	if (rc == 0)
		rc = resolve_segments(job, p);
	note_needs(p);
	return rc;
}
