/* section_policy.h - types shared by the policy's sections: rules that carry
 * their line. Internal to policy/conf. Pure. Threads: any. */
#ifndef POLICY_CONF_SECTION_POLICY_H
#define POLICY_CONF_SECTION_POLICY_H

#include "policy/conf/policy.h"
#include "policy/conf/section.h"

enum {
	POLICY_MAX_WINDOWS = 16,
	POLICY_MAX_RANGES = 32,
	POLICY_MAX_HOLIDAYS = 500,
	POLICY_MAX_YIELD = 32
};

/* The model while it is built. */
struct policy_draft {
	struct policy policy; /* first: a policy is its draft */
	struct strs order;
	const struct attribute *declared; /* without the reserved ones */
	size_t n_declared;
};

/* The rule "name = value" as written, of an option with one value. */
int policy_rule_of(const struct option_job *job, const struct read_option *in,
    struct policy_line *out) MUST_CHECK;
/* The same for one value of a list. */
int policy_rule_of_value(const struct option_job *job,
    const struct read_option *in, size_t i, struct policy_line *out) MUST_CHECK;
/* The attributes of all, and the conditions over them; after the sections. */
int policy_set_attributes(
    const struct option_job *job, struct policy_draft *d) MUST_CHECK;
int policy_set_audiences(const struct option_job *job,
    const struct read_tree *tree, struct policy_draft *d) MUST_CHECK;
/* A section's first line, "kind name {", as a rule. */
int policy_rule_of_section(const struct option_job *job,
    const struct read_section *in, struct policy_line *out) MUST_CHECK;
/* After all sections are read: names become what they name. */
int policy_resolve(const struct option_job *job, struct policy *p) MUST_CHECK;
/* "hold 5d, then bounce". */
void policy_print_when(struct buf *out, const struct policy_when *w);
void policy_print_window(struct buf *out, const struct policy_window *w);

extern const struct option_type policy_shadow_type;  /* bool */
extern const struct option_type policy_windows_type; /* struct policy_caps */
extern const struct option_type policy_people_type;  /* struct policy_caps */
extern const struct option_type policy_apart_type;   /* struct policy_caps */
extern const struct option_type policy_when_type;    /* struct policy_when */
extern const struct option_type policy_closed_type;  /* the same, or send */
extern const struct option_type policy_comply_type;  /* the same, two words */
extern const struct option_type policy_zone_type;    /* struct str */

#endif
