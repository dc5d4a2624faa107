/* dnscache.c - see dnscache.h.
 *
 * Sets of a few slots, as in a processor's cache: a name's hash gives its set,
 * where the slot that was not asked for longest is overwritten. So nothing is
 * ever searched, and a list of names chosen to collide fills one set. The hash
 * begins with bytes of chance: whose set that is cannot be chosen. A hand that
 * goes round all slots drops what is over, and makes room in bytes: what was
 * asked for since it came by last is passed over once. */
#include "policy/mail/dnscache.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	WAYS = 8,
	SETS = DNSCACHE_ENTRIES / WAYS,
	STEPS = 2, /* of the hand, with each put */
};

struct entry {
	enum resolver_type type;
	struct str name;
	int64_t since_ms, until_ms;
	uint64_t used; /* the number of the question that found it last */
	bool lately;   /* since the hand came by */
	size_t size;   /* of all this */
	struct resolver_answer answer;
	struct str v[]; /* the records; behind them their bytes and the name */
};

struct dnscache {
	struct entry *slots[DNSCACHE_ENTRIES];
	size_t entries, bytes, hand;
	uint64_t seed, questions, found;
};

int dnscache_new(struct dnscache **out)
{
	struct dnscache *c = fault_alloc() ? NULL : calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return -ENOMEM;
	/* a kernel that has no chance yet: its names collide, that is all */
	if (getrandom(&c->seed, sizeof(c->seed), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(c->seed))
		c->seed = (uint64_t)clock_mono_ms();
	return 0;
}

static void drop(struct dnscache *c, size_t slot)
{
	struct entry *e = c->slots[slot];

	if (e == NULL)
		return;
	c->entries--;
	c->bytes -= e->size;
	free(e);
	c->slots[slot] = NULL;
}

void dnscache_free(struct dnscache **c)
{
	if (*c == NULL)
		return;
	for (size_t i = 0; i < DNSCACHE_ENTRIES; i++)
		drop(*c, i);
	free(*c);
	*c = NULL;
}

/* FNV-1a, and a last stir: only some bits of it are used. */
static size_t set_of(
    const struct dnscache *c, enum resolver_type type, struct str name)
{
	uint64_t h = c->seed ^ (uint64_t)type;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)ascii_lower(name.p[i])) *
		    1099511628211u;
	h ^= h >> 32;
	return (size_t)(h % SETS) * WAYS;
}

static bool is_over(const struct entry *e, int64_t now_ms)
{
	return now_ms < e->since_ms || now_ms >= e->until_ms;
}

/* The slot that has it, be it over or not; DNSCACHE_ENTRIES: none. */
static size_t slot_of(const struct dnscache *c, size_t set,
    enum resolver_type type, struct str name)
{
	for (size_t i = set; i < set + WAYS; i++) {
		const struct entry *e = c->slots[i];
		if (e != NULL && e->type == type && str_ieq(e->name, name))
			return i;
	}
	return DNSCACHE_ENTRIES;
}

const struct resolver_answer *dnscache_find(struct dnscache *c,
    enum resolver_type type, struct str name, int64_t now_ms)
{
	size_t slot = slot_of(c, set_of(c, type, name), type, name);
	struct entry *e = slot < DNSCACHE_ENTRIES ? c->slots[slot] : NULL;

	c->questions++;
	if (e == NULL || is_over(e, now_ms))
		return NULL;
	c->found++;
	e->used = c->questions;
	e->lately = true;
	return &e->answer;
}

static int64_t lifetime_ms(const struct resolver_answer *a)
{
	int64_t ms = (int64_t)a->ttl_s * 1000, max = DNSCACHE_FOUND_MS;

	if (a->status == RESOLVER_TROUBLE)
		return DNSCACHE_TROUBLE_MS;
	if (a->status != RESOLVER_FOUND)
		max = DNSCACHE_NONE_MS;
	return ms < max ? ms : max;
}

static struct str append(char **at, struct str s)
{
	struct str out = {*at, s.n};

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return out;
}

static struct entry *new_entry(
    enum resolver_type type, struct str name, const struct resolver_answer *a)
{
	size_t size = sizeof(struct entry) + a->n * sizeof(struct str) + name.n;
	struct entry *e;
	char *at;

	for (size_t i = 0; i < a->n; i++)
		size += a->v[i].n;
	e = size > DNSCACHE_BYTES || fault_alloc() ? NULL : calloc(1, size);
	if (e == NULL)
		return NULL;
	at = (char *)(e->v + a->n);
	for (size_t i = 0; i < a->n; i++)
		e->v[i] = append(&at, a->v[i]);
	e->type = type;
	e->name = append(&at, name);
	e->size = size;
	e->answer = *a;
	e->answer.v = e->v;
	return e;
}

/* What is least of use in a set. */
static size_t place(const struct dnscache *c, size_t set, int64_t now_ms)
{
	size_t best = set;

	for (size_t i = set; i < set + WAYS; i++) {
		if (c->slots[i] == NULL || is_over(c->slots[i], now_ms))
			return i;
		if (c->slots[i]->used < c->slots[best]->used)
			best = i;
	}
	return best;
}

static void step(struct dnscache *c, int64_t now_ms, bool for_room)
{
	struct entry *e = c->slots[c->hand];

	if (e != NULL && (is_over(e, now_ms) || (for_room && !e->lately)))
		drop(c, c->hand);
	else if (e != NULL && for_room)
		e->lately = false;
	c->hand = (c->hand + 1) % DNSCACHE_ENTRIES;
}

void dnscache_put(struct dnscache *c, enum resolver_type type, struct str name,
    const struct resolver_answer *a, int64_t since_ms)
{
	int64_t until_ms = since_ms + lifetime_ms(a);
	size_t set = set_of(c, type, name);
	size_t slot = slot_of(c, set, type, name);
	struct entry *e;

	if (slot < DNSCACHE_ENTRIES)
		drop(c, slot);
	if (until_ms <= since_ms)
		return;
	e = new_entry(type, name, a);
	if (e == NULL)
		return;
	e->since_ms = since_ms;
	e->until_ms = until_ms;
	e->used = c->questions;
	slot = place(c, set, since_ms);
	drop(c, slot);
	for (int i = 0; i < STEPS; i++)
		step(c, since_ms, false);
	while (c->bytes + e->size > DNSCACHE_BYTES)
		step(c, since_ms, true);
	c->slots[slot] = e;
	c->entries++;
	c->bytes += e->size;
}

void dnscache_stats(const struct dnscache *c, struct dnscache_stats *out)
{
	*out = (struct dnscache_stats){.entries = c->entries,
	    .bytes = c->bytes,
	    .found = c->found,
	    .missed = c->questions - c->found};
}
