/* pastpeople.h - the people in rows of the past (past.h), by number. Threads:
 * one owner. */
#ifndef POLICY_STATE_PASTPEOPLE_H
#define POLICY_STATE_PASTPEOPLE_H

#include "policy/base/error.h"
#include "policy/mail/lead_id.h"

struct past_person {
	struct lead_id lead;
	uint64_t group; /* people of one group are played together */
};

struct pastpeople { /* zero is empty */
	struct past_person *v;
	size_t n, cap;
	uint32_t *slots; /* number + 1, 0: free */
	size_t n_slots;
};

enum {
	/* Bytes of memory each takes, about, when there are many. */
	PASTPEOPLE_BYTES = sizeof(struct past_person) + 3 * sizeof(uint32_t),
};
#define PASTPEOPLE_GONE UINT32_MAX

void pastpeople_fini(struct pastpeople *p);
void pastpeople_clear(struct pastpeople *p);

/* The number of a person; true in *new_out: who has no group yet. -ENOMEM. */
int pastpeople_add(struct pastpeople *p, const struct lead_id *lead,
    uint32_t *number_out, bool *new_out) MUST_CHECK;

/* Those of the groups that are `part` modulo `parts` stay. now_out has room
 * for all: the new number of each, or PASTPEOPLE_GONE. */
void pastpeople_thin(
    struct pastpeople *p, unsigned parts, unsigned part, uint32_t *now_out);
/* Numbers by group, then lead; now_out as above. -ENOMEM. After this nobody is
 * added any more, until pastpeople_clear(). */
int pastpeople_sort(struct pastpeople *p, uint32_t *now_out) MUST_CHECK;

#endif
