/* pastnames.c - see pastnames.h. */
#include "policy/state/pastnames.h"

#include "policy/base/arena.h"
#include "policy/base/fault.h"
#include "policy/conf/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAMES_MAX = 60000,
	NAMES_SLOTS = 131072,
	NAMES_BYTES = 16 << 20,
	NAME_MANY = 1, /* the name of those that are too many */
	WHATS_MAX = 100000,
	WHATS_SLOTS = 262144,
	KINDS = 3, /* of names: segment, campaign, domain */
};

struct pastnames {
	struct arena *arena;
	struct str *v;
	size_t n;
	uint16_t *slots;      /* number, 0: free */
	unsigned last[KINDS]; /* of each kind: nearly always again */
	struct past_what *whats;
	size_t n_whats;
	uint32_t *what_slots; /* number + 1, 0: free */
	uint32_t last_what;
};

/* --- names --- */

static uint64_t hash_of(struct str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static size_t name_slot(const struct pastnames *x, struct str s)
{
	size_t at = hash_of(s) % NAMES_SLOTS;

	while (x->slots[at] != 0 && !str_eq(x->v[x->slots[at]], s))
		at = (at + 1) % NAMES_SLOTS;
	return at;
}

static unsigned add_name(struct pastnames *x, struct str s, size_t at)
{
	struct str copy = x->n < NAMES_MAX ? arena_str(x->arena, s) : STR_NULL;

	if (copy.p == NULL)
		return NAME_MANY;
	x->v[x->n] = copy;
	x->slots[at] = (uint16_t)x->n;
	return (unsigned)x->n++;
}

static unsigned name_of(struct pastnames *x, struct str s, unsigned kind)
{
	size_t at;

	if (s.n == 0)
		return 0;
	if (str_eq(x->v[x->last[kind]], s))
		return x->last[kind];
	at = name_slot(x, s);
	x->last[kind] = x->slots[at] != 0 ? x->slots[at] : add_name(x, s, at);
	return x->last[kind];
}

struct str pastnames_text(const struct pastnames *x, unsigned number)
{
	return number < x->n ? x->v[number] : STR("");
}

unsigned pastnames_find(const struct pastnames *x, struct str text)
{
	return text.n > 0 ? x->slots[name_slot(x, text)] : 0;
}

/* --- all three --- */

static bool is_same(const struct past_what *a, const unsigned name[KINDS])
{
	return a->segment == name[0] && a->campaign == name[1] &&
	       a->domain == name[2];
}

static size_t what_slot(const struct pastnames *x, const unsigned name[KINDS])
{
	uint64_t key =
	    (uint64_t)name[0] << 32 | (uint64_t)name[1] << 16 | name[2];
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) &
		    (WHATS_SLOTS - 1);

	while (x->what_slots[at] != 0 &&
	       !is_same(&x->whats[x->what_slots[at] - 1], name))
		at = (at + 1) & (WHATS_SLOTS - 1);
	return at;
}

static uint32_t what_of(struct pastnames *x, const unsigned name[KINDS])
{
	size_t at = what_slot(x, name);

	if (x->what_slots[at] != 0)
		return x->what_slots[at] - 1;
	if (x->n_whats == WHATS_MAX)
		return UINT32_MAX;
	x->whats[x->n_whats] = (struct past_what){
	    .label = name[0] > NAME_MANY ? policy_label(x->v[name[0]]) : 0,
	    .segment = (uint16_t)name[0],
	    .campaign = (uint16_t)name[1],
	    .domain = (uint16_t)name[2]};
	x->what_slots[at] = (uint32_t)++x->n_whats;
	return x->what_slots[at] - 1;
}

uint32_t pastnames_what(struct pastnames *x, struct str segment,
    struct str campaign, struct str domain)
{
	unsigned name[KINDS] = {name_of(x, segment, 0), name_of(x, campaign, 1),
	    name_of(x, domain, 2)};
	uint32_t what;

	if (is_same(&x->whats[x->last_what], name))
		return x->last_what;
	what = what_of(x, name);
	name[1] = name[2] = NAME_MANY;
	if (what == UINT32_MAX)
		what = what_of(x, name);
	x->last_what = what != UINT32_MAX ? what : NAME_MANY;
	return x->last_what;
}

void pastnames_keep(struct pastnames *x, struct str segment)
{
	const unsigned name[KINDS] = {
	    name_of(x, segment, 0), NAME_MANY, NAME_MANY};

	(void)what_of(x, name);
}

const struct past_what *pastnames_at(const struct pastnames *x, uint32_t what)
{
	return &x->whats[what < x->n_whats ? what : 0];
}

size_t pastnames_n(const struct pastnames *x)
{
	return x->n_whats;
}

/* --- all --- */

/* The first two of both kinds: nothing, and too many. */
static void begin(struct pastnames *x)
{
	static const unsigned first[2][KINDS] = {
	    {0, 0, 0}, {NAME_MANY, NAME_MANY, NAME_MANY}};

	x->v[0] = STR("");
	x->v[NAME_MANY] = STR("...");
	x->n = 2;
	(void)what_of(x, first[0]);
	(void)what_of(x, first[1]);
}

static void *many(size_t n, size_t size)
{
	return fault_alloc() ? NULL : calloc(n, size);
}

int pastnames_new(struct pastnames **out)
{
	struct pastnames *x = many(1, sizeof(*x));

	*out = x;
	if (x == NULL)
		return -ENOMEM;
	x->arena = arena_new(NAMES_BYTES);
	x->v = many(NAMES_MAX, sizeof(*x->v));
	x->slots = many(NAMES_SLOTS, sizeof(*x->slots));
	x->whats = many(WHATS_MAX, sizeof(*x->whats));
	x->what_slots = many(WHATS_SLOTS, sizeof(*x->what_slots));
	if (x->arena == NULL || x->v == NULL || x->slots == NULL ||
	    x->whats == NULL || x->what_slots == NULL) {
		pastnames_free(out);
		return -ENOMEM;
	}
	begin(x);
	return 0;
}

void pastnames_free(struct pastnames **n)
{
	struct pastnames *x = *n;

	if (x == NULL)
		return;
	arena_free(&x->arena);
	free(x->v);
	free(x->slots);
	free(x->whats);
	free(x->what_slots);
	free(x);
	*n = NULL;
}
