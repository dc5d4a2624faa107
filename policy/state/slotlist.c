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
	SEEN_SLOTS = 1024, /* more than twice a history */
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

/* People of whom a slot was seen. */
struct seen {
	uint64_t person[SEEN_SLOTS]; /* 0: free */
};

/* Marks that person; was it marked? */
static bool is_seen(struct seen *x, uint64_t person)
{
	size_t at = (size_t)(person * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	for (at %= SEEN_SLOTS; x->person[at] != 0; at = (at + 1) % SEEN_SLOTS)
		if (x->person[at] == person)
			return true;
	x->person[at] = person;
	return false;
}

/* The oldest that a limit of messages can do without, being behind so many, and
 * one of people as well, since there is a younger one of the same person. */
static size_t find_old(const char *slots, size_t n, size_t size)
{
	struct seen seen = {{0}};
	size_t old = 0;

	if (size <= SLOT_PERSON)
		return 0;
	for (size_t i = n; i-- > 0;) {
		uint64_t person = codec_get_u64(slots + i * size + SLOT_PERSON);

		if (is_seen(&seen, person != 0 ? person : 1) &&
		    i + SLOTLIST_SLOTS_MAX < n)
			old = i;
	}
	return old;
}

/* The one that has just come stays whatever it is, unless it is an old one. */
static size_t find_least(const char *slots, size_t n, size_t size, size_t new)
{
	size_t uncounted = n;

	for (size_t i = 0; i < n; i++) {
		const char *slot = slots + i * size;

		if (i == new &&i + 1 == n)
			continue;
		if (slot[SLOT_STATE] == SLOT_RELEASED)
			return i;
		if (uncounted == n && (slot[SLOT_FLAGS] & SLOT_COUNTS) == 0)
			uncounted = i;
	}
	return uncounted < n ? uncounted : find_old(slots, n, size);
}

/* Copies what a rule can still ask for. Returns how many. */
static size_t copy_kept(const struct slotlist *h, int64_t before_ms, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		if (latest_ms(slot_at(h, i)) >= before_ms)
			memcpy(out + n++ * h->size, slot_at(h, i), h->size);
	return n;
}

/* In its place; nearly always the last. */
static size_t insert(
    const struct slot_fact *slot, size_t size, char *slots, size_t n)
{
	size_t at = n;

	while (
	    at > 0 && codec_get_u64(slots + (at - 1) * size) > slot->message_id)
		at--;
	memmove(slots + (at + 1) * size, slots + at * size, (n - at) * size);
	write_slot(slot, size, slots + at * size);
	return at;
}

static size_t remove_at(char *slots, size_t n, size_t size, size_t at)
{
	n--;
	memmove(slots + at * size, slots + (at + 1) * size, (n - at) * size);
	return n;
}

/* Returns how many there are then. */
static size_t add(const struct slotlist *h, const struct slot_fact *slot,
    int64_t before_ms, char *slots)
{
	size_t n = copy_kept(h, before_ms, slots);
	size_t at = insert(slot, h->size, slots, n);

	if (++n <= most_of(h->size))
		return n;
	return remove_at(slots, n, h->size, find_least(slots, n, h->size, at));
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
		write_slot(slot, h->size, slots + at * h->size);
	} else {
		n = add(h, slot, prune_before_ms, slots);
	}
	codec_put_u16(p, (uint16_t)n);
	buf_truncate(out, start + 2 + n * h->size);
}

/* Would it be dropped at once, there being a younger one of the person? */
static bool is_beyond(
    const char *slots, size_t n, size_t size, uint64_t message_id)
{
	if (n < most_of(size))
		return false;
	slots += (n - SLOTLIST_SLOTS_MAX) * size;
	return message_id < codec_get_u64(slots);
}

/* The youngest first: what is beyond then need not be added. Returns how many
 * there are then. */
static size_t add_all(const struct slotlist *h, const struct slot_fact *v,
    size_t n_v, bool absent, char *slots)
{
	size_t n = copy_kept(h, 0, slots);
	bool younger = false;

	for (size_t i = n_v; i-- > 0;) {
		struct slotlist now = {slots, n, h->size};
		size_t at = find(&now, v[i].message_id);

		if (at < n && !absent)
			write_slot(&v[i], h->size, slots + at * h->size);
		if (at < n ||
		    (younger && is_beyond(slots, n, h->size, v[i].message_id)))
			continue;
		at = insert(&v[i], h->size, slots, n);
		younger = younger || v[i].counts;
		if (++n > most_of(h->size))
			n = remove_at(slots, n, h->size,
			    find_least(slots, n, h->size, at));
	}
	return n;
}

void slotlist_put_all(const struct slotlist *h, const struct slot_fact *v,
    size_t n, bool absent, struct buf *out)
{
	size_t start = out->n, room = h->n + n, most = most_of(h->size) + 1;
	char *p = buf_extend(out, 2 + (room < most ? room : most) * h->size);

	if (p == NULL)
		return;
	n = add_all(h, v, n, absent, p + 2);
	codec_put_u16(p, (uint16_t)n);
	buf_truncate(out, start + 2 + n * h->size);
}

void slotlist_without(
    const struct slotlist *h, uint64_t person, struct buf *out)
{
	size_t start = out->n, n = 0;
	char *p = buf_extend(out, 2 + h->n * h->size);

	if (p == NULL)
		return;
	for (size_t i = 0; i < h->n; i++)
		if (h->size <= SLOT_PERSON ||
		    codec_get_u64(slot_at(h, i) + SLOT_PERSON) != person)
			memcpy(p + 2 + n++ * h->size, slot_at(h, i), h->size);
	codec_put_u16(p, (uint16_t)n);
	buf_truncate(out, start + 2 + n * h->size);
}

void slotlist_copy(const struct slotlist *h, struct buf *out)
{
	wire_put_u16(out, (uint16_t)h->n);
	buf_add(out, (struct str){h->slots, h->n * h->size});
}
