/* slotlist.c - see slotlist.h. */
#include "policy/state/slotlist.h"

#include "policy/base/codec.h"
#include "policy/conf/policy.h"
#include "policy/rules/caps.h"

#include <string.h>

enum {
	SLOT_COUNTS = 1,
	/* Where the fields of a stored slot are. */
	SLOT_AT = 8,
	SLOT_KEY = 16,
	SLOT_LABEL = 24,
	SLOT_STATE = 28,
	SLOT_FLAGS = 29,
	SLOT_PERSON = 30,
};

_Static_assert(
    (int)SLOTLIST_SLOTS_MAX > (int)POLICY_MAX_PER_WINDOW, "limits act");
_Static_assert((int)SLOTLIST_PEOPLE_SLOTS_MAX >=
		   (int)SLOTLIST_SLOTS_MAX + (int)POLICY_MAX_PER_WINDOW,
    "limits of people act");

static size_t most_of(size_t size)
{
	return size > SLOT_PERSON ? SLOTLIST_PEOPLE_SLOTS_MAX
				  : SLOTLIST_SLOTS_MAX;
}

static const char *slot_at(const struct slotlist *h, size_t i)
{
	return h->slots + i * h->size;
}

static void read_slot(const struct slotlist *h, size_t i, struct slot_fact *out)
{
	const char *p = slot_at(h, i);

	out->message_id = codec_get_u64(p);
	out->at_ms = (int64_t)codec_get_u64(p + SLOT_AT);
	out->key = codec_get_u64(p + SLOT_KEY);
	out->label = codec_get_u32(p + SLOT_LABEL);
	out->state = (enum slot_state)(unsigned char)p[SLOT_STATE];
	out->counts = (p[SLOT_FLAGS] & SLOT_COUNTS) != 0;
	out->person =
	    h->size > SLOT_PERSON ? codec_get_u64(p + SLOT_PERSON) : 0;
}

static void write_slot(const struct slot_fact *s, size_t size, char *p)
{
	codec_put_u64(p, s->message_id);
	codec_put_u64(p + SLOT_AT, (uint64_t)s->at_ms);
	codec_put_u64(p + SLOT_KEY, s->key);
	codec_put_u32(p + SLOT_LABEL, s->label);
	p[SLOT_STATE] = (char)s->state;
	p[SLOT_FLAGS] = s->counts ? SLOT_COUNTS : 0;
	if (size > SLOT_PERSON)
		codec_put_u64(p + SLOT_PERSON, s->person);
}

int slotlist_open(struct wire *w, size_t size, struct slotlist *out)
{
	*out = (struct slotlist){.n = wire_u16(w), .size = size};
	if (out->n > most_of(size))
		return ERR_CORRUPT;
	out->slots = wire_fixed(w, out->n * size).p;
	return w->bad ? ERR_CORRUPT : 0;
}

int slotlist_facts(
    const struct slotlist *h, struct arena *a, struct slot_fact **out)
{
	*out = arena_array(a, h->n > 0 ? h->n : 1, sizeof(**out));
	if (*out == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < h->n; i++)
		read_slot(h, i, &(*out)[i]);
	return 0;
}

/* n: none. */
static size_t find(const struct slotlist *h, uint64_t message_id)
{
	size_t i = 0;

	while (i < h->n && codec_get_u64(slot_at(h, i)) != message_id)
		i++;
	return i;
}

bool slotlist_find(
    const struct slotlist *h, uint64_t message_id, struct slot_fact *out)
{
	size_t at = find(h, message_id);

	if (at == h->n)
		return false;
	read_slot(h, at, out);
	return true;
}

/* The latest instant at which the slot may count as delivered. */
static int64_t latest_ms(const char *slot)
{
	int64_t at_ms = (int64_t)codec_get_u64(slot + SLOT_AT);
	bool dated = slot[SLOT_STATE] == SLOT_DELIVERED ||
		     slot[SLOT_STATE] == SLOT_RELEASED;

	if (dated || at_ms > INT64_MAX - CAPS_UNDATED_MS)
		return at_ms;
	return at_ms + CAPS_UNDATED_MS;
}

static bool has_younger(const char *slots, size_t n, size_t size, size_t at)
{
	const char *person = slots + at * size + SLOT_PERSON;

	for (size_t i = at + 1; i < n; i++)
		if (memcmp(slots + i * size + SLOT_PERSON, person, 8) == 0)
			return true;
	return false;
}

/* The oldest that a limit of messages can do without, being behind so many, and
 * one of people as well. */
static size_t find_old(const char *slots, size_t n, size_t size)
{
	for (size_t i = 0; size > SLOT_PERSON && i + SLOTLIST_SLOTS_MAX < n;
	     i++)
		if (has_younger(slots, n, size, i))
			return i;
	return 0;
}

static size_t find_least(const char *slots, size_t n, size_t size)
{
	size_t uncounted = n;

	for (size_t i = 0; i < n; i++) {
		const char *slot = slots + i * size;

		if (slot[SLOT_STATE] == SLOT_RELEASED)
			return i;
		if (uncounted == n && (slot[SLOT_FLAGS] & SLOT_COUNTS) == 0)
			uncounted = i;
	}
	return uncounted < n ? uncounted : find_old(slots, n, size);
}

/* Copies what a rule can still ask for, and of that so much that there is room
 * for one more. Returns how many. */
static size_t copy_kept(const struct slotlist *h, int64_t before_ms, char *out)
{
	size_t n = 0, least, size = h->size;

	for (size_t i = 0; i < h->n; i++) {
		const char *slot = slot_at(h, i);

		if (latest_ms(slot) >= before_ms)
			memcpy(out + n++ * size, slot, size);
	}
	if (n < most_of(size))
		return n;
	least = find_least(out, n--, size);
	memmove(
	    out + least * size, out + (least + 1) * size, (n - least) * size);
	return n;
}

void slotlist_put(const struct slotlist *h, const struct slot_fact *slot,
    int64_t prune_before_ms, struct buf *out)
{
	size_t start = out->n;
	size_t at = find(h, slot->message_id), n = h->n;
	char *p = buf_extend(out, 2 + (h->n + 1) * h->size), *slots;

	if (p == NULL)
		return;
	slots = p + 2;
	if (at < n) {
		memcpy(slots, h->slots, n * h->size);
	} else {
		at = copy_kept(h, prune_before_ms, slots);
		n = at + 1;
	}
	write_slot(slot, h->size, slots + at * h->size);
	codec_put_u16(p, (uint16_t)n);
	buf_truncate(out, start + 2 + n * h->size);
}

void slotlist_copy(const struct slotlist *h, struct buf *out)
{
	wire_put_u16(out, (uint16_t)h->n);
	buf_add(out, (struct str){h->slots, h->n * h->size});
}
