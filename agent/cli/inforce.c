/* inforce.c - see inforce.h. */
#include "agent/cli/inforce.h"

enum {
	NEAR = 3 /* typing mistakes less than this */
};

const struct policy *inforce_policy(struct cli *c)
{
	const struct policy *p = NULL;
	struct value *reply;
	struct error err;
	int64_t version = 0;
	int code = cli_call(c,
	    &(struct cli_request){.method = "GET",
		.path = "/v1/policy",
		.quiet = ERR_UNAVAILABLE},
	    &reply, NULL);

	(void)value_get_i64(reply, "version", &version);
	if (code != CLI_DONE ||
	    policy_parse(&p, "policy", value_get_str(reply, "text"),
		(uint32_t)version, &err) != 0)
		p = NULL;
	value_free(&reply);
	return p;
}

/* The nearest name; p NULL: none is near. */
static struct str nearest(
    const struct policy *p, struct str name, bool of_purposes)
{
	struct str best = STR_NULL;
	unsigned least = NEAR;

	for (size_t i = 0; i < p->n_segments; i++) {
		const struct policy_segment *s = &p->segments[i];
		struct str one = of_purposes ? s->purpose : s->name;
		unsigned distance = str_distance(name, one);

		if (distance < least) {
			least = distance;
			best = one;
		}
	}
	return best;
}

static void say_unknown_purpose(const struct policy *p, struct str purpose)
{
	const struct policy_segment *s = policy_segment_find(p, purpose);
	struct str near = nearest(p, purpose, true);

	if (s != NULL)
		(void)cli_fail(CLI_DONE,
		    "note: that is on record, and changes nothing today: no "
		    "segment has the purpose \"%.*s\"; the purpose of segment "
		    "%.*s is \"%.*s\"",
		    STR_ARG(purpose), STR_ARG(s->name), STR_ARG(s->purpose));
	else
		(void)cli_fail(CLI_DONE,
		    "note: that is on record, and changes nothing today: no "
		    "segment has the purpose \"%.*s\"%s%.*s%s",
		    STR_ARG(purpose), near.p != NULL ? "; did you mean \"" : "",
		    STR_ARG(near), near.p != NULL ? "\"?" : "");
}

void inforce_purpose(struct cli *c, struct str purpose)
{
	const struct policy *p = inforce_policy(c);
	bool known = p == NULL;

	for (size_t i = 0; !known && i < p->n_segments; i++)
		known = str_eq(p->segments[i].purpose, purpose);
	if (!known)
		say_unknown_purpose(p, purpose);
	policy_unref(&p);
}

void inforce_segment(struct cli *c, struct str name)
{
	const struct policy *p = name.p != NULL ? inforce_policy(c) : NULL;
	struct str near;

	if (p != NULL && policy_segment_find(p, name) == NULL) {
		near = nearest(p, name, false);
		(void)cli_fail(CLI_DONE,
		    "note: the policy in force has no segment \"%.*s\"%s%.*s%s",
		    STR_ARG(name), near.p != NULL ? "; did you mean \"" : "",
		    STR_ARG(near), near.p != NULL ? "\"?" : "");
	}
	policy_unref(&p);
}
