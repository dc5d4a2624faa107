/* pastpeople.c - see pastpeople.h. */
#include "policy/state/pastpeople.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST = 1024,
};

/* Ids are hashes with a key: no bytes of them are better than others. */
static size_t slot_of(const struct pastpeople *p, const struct lead_id *lead)
{
	size_t at = (size_t)lead_id_tag(lead) & (p->n_slots - 1);

	while (p->slots[at] != 0 &&
	       !lead_id_eq(&p->v[p->slots[at] - 1].lead, lead))
		at = (at + 1) & (p->n_slots - 1);
	return at;
}

static void fill_slots(struct pastpeople *p)
{
	memset(p->slots, 0, p->n_slots * sizeof(*p->slots));
	for (size_t i = 0; i < p->n; i++)
		p->slots[slot_of(p, &p->v[i].lead)] = (uint32_t)i + 1;
}

static int grow(struct pastpeople *p)
{
	size_t cap = p->cap > 0 ? 2 * p->cap : (size_t)FIRST;
	struct past_person *v =
	    fault_alloc() ? NULL : realloc(p->v, cap * sizeof(*v));
	uint32_t *slots;

	if (v == NULL)
		return -ENOMEM;
	p->v = v;
	slots =
	    fault_alloc() ? NULL : realloc(p->slots, 2 * cap * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	p->slots = slots;
	p->cap = cap;
	p->n_slots = 2 * cap;
	fill_slots(p);
	return 0;
}

int pastpeople_add(struct pastpeople *p, const struct lead_id *lead,
    uint32_t *number_out, bool *new_out)
{
	int rc = p->n == p->cap ? grow(p) : 0;
	size_t at;

	if (rc != 0)
		return rc;
	at = slot_of(p, lead);
	*new_out = p->slots[at] == 0;
	if (*new_out) {
		p->v[p->n++] = (struct past_person){.lead = *lead};
		p->slots[at] = (uint32_t)p->n;
	}
	*number_out = p->slots[at] - 1;
	return 0;
}

void pastpeople_thin(
    struct pastpeople *p, unsigned parts, unsigned part, uint32_t *now_out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		bool stays = p->v[i].group % parts == part;

		now_out[i] = stays ? (uint32_t)n : PASTPEOPLE_GONE;
		if (stays)
			p->v[n++] = p->v[i];
	}
	p->n = n;
	fill_slots(p);
}

/* --- order --- */

struct place {
	uint64_t group, tag;
	uint32_t number;
};

static int by_group(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int pastpeople_sort(struct pastpeople *p, uint32_t *now_out)
{
	size_t cap = p->cap > 0 ? p->cap : 1;
	struct place *places =
	    fault_alloc() ? NULL : calloc(cap, sizeof(*places));
	struct past_person *v = fault_alloc() ? NULL : calloc(cap, sizeof(*v));

	if (places == NULL || v == NULL) {
		free(places);
		free(v);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->n; i++)
		places[i] = (struct place){
		    p->v[i].group, lead_id_tag(&p->v[i].lead), (uint32_t)i};
	qsort(places, p->n, sizeof(*places), by_group);
	for (size_t i = 0; i < p->n; i++) {
		now_out[places[i].number] = (uint32_t)i;
		v[i] = p->v[places[i].number];
	}
	free(places);
	free(p->v);
	p->v = v;
	return 0;
}

void pastpeople_clear(struct pastpeople *p)
{
	p->n = 0;
	if (p->n_slots > 0)
		fill_slots(p);
}

void pastpeople_fini(struct pastpeople *p)
{
	free(p->v);
	free(p->slots);
	*p = (struct pastpeople){0};
}
