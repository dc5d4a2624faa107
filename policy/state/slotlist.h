/* slotlist.h - slots as they stand in the records of persons (lead.h) and
 * companies (company.h): all of one size, so that the door, which has one
 * thread, can copy a history without taking it apart.
 *
 * Stored: number of slots (u16), then each: message id, at_ms, key, label,
 * state, flags (bit 0: counts): 30 bytes; of a company also the person: 38.
 * Slots stand in the order of their message ids, which is that of their
 * proposals. Threads: as the transaction. */
#ifndef POLICY_STATE_SLOTLIST_H
#define POLICY_STATE_SLOTLIST_H

#include "policy/base/arena.h"
#include "policy/rules/facts.h"
#include "policy/state/wire.h"

enum {
	/* A history is cut to the youngest of those that count: whoever is
	 * sent more than this in two months has other troubles than a cap. */
	SLOTLIST_SLOTS_MAX = 250,
	SLOTLIST_SLOT = 30,
	/* A company's, for its limits of people: besides the youngest the
	 * youngest of each of as many people as a limit may have. */
	SLOTLIST_PEOPLE_SLOTS_MAX = 450,
	SLOTLIST_PEOPLE_SLOT = 38, /* with the person */
	SLOTLIST_BYTES_MAX =
	    2 + SLOTLIST_PEOPLE_SLOTS_MAX * SLOTLIST_PEOPLE_SLOT,
};

struct slotlist {
	const char *slots; /* borrowed from the record */
	size_t n;
	size_t size; /* of one: SLOTLIST_SLOT or SLOTLIST_PEOPLE_SLOT */
};

/* Takes it off the wire. ERR_CORRUPT: more than there may be. */
int slotlist_open(struct wire *w, size_t size, struct slotlist *out) MUST_CHECK;
/* All of them; an array of the arena, not NULL though empty. ERR_LIMIT. */
int slotlist_facts(const struct slotlist *h, struct arena *a,
    struct slot_fact **out) MUST_CHECK;
/* That message's; false: there is none (any more). */
bool slotlist_find(
    const struct slotlist *h, uint64_t message_id, struct slot_fact *out);
/* Appends the history with that slot in place of one of the same message, or
 * added. When one is added, those that cannot count at or after prune_before_ms
 * (lived.h) any more are dropped; if there are too many then, one that was
 * released, else one that does not count, else of a company an old one of
 * somebody who has a younger one, else the oldest: a limit must not be forgotten
 * for what does not count in it. */
void slotlist_put(const struct slotlist *h, const struct slot_fact *slot,
    int64_t prune_before_ms, struct buf *out);
#define SLOTLIST_ROOM(h) (2 + ((h)->n + 1) * (h)->size) /* bytes of it */
/* Appends the history with these of one person, in the order of their messages.
 * absent: in the place of none that is there. */
void slotlist_put_all(const struct slotlist *h, const struct slot_fact *v,
    size_t n, bool absent, struct buf *out);
/* Appends the history without the slots of a person. */
void slotlist_without(
    const struct slotlist *h, uint64_t person, struct buf *out);
/* As it is. */
void slotlist_copy(const struct slotlist *h, struct buf *out);

#endif
