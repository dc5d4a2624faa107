/* past.h - what came in a span of time, as rows of one size, read from the
 * ledger by cursor: messages with what became of them, refusals, held copies
 * and how they left, changes of consent and suppression, moves of people; and
 * beside them stops (paststops.h). For simulate.c.
 *
 * Everything is read once, in chunks, each in a snapshot of its own, so no
 * reader stays longer than a fraction of a second; what comes meanwhile is above
 * until_ms. Where rows would not fit into the memory that is allowed, half of
 * the people are let go (by their groups), again and again; they are another
 * part, to be read by itself. Threads: one owner. */
#ifndef POLICY_STATE_PAST_H
#define POLICY_STATE_PAST_H

#include "policy/ledger/env.h"
#include "policy/mail/lead_id.h"
#include "policy/state/pastnames.h"
#include "policy/state/pastpeople.h"
#include "policy/state/paststops.h"

enum past_kind {
	PAST_MESSAGE,     /* went out */
	PAST_REFUSED,     /* a decision against it, other than a hold */
	PAST_HELD,        /* a copy waits */
	PAST_LEFT,        /* and no longer */
	PAST_CONSENT,     /* consent to a purpose changed */
	PAST_SUPPRESSION, /* of the address */
	PAST_MOVED,       /* goes on under another address */
};

enum past_flags {
	PAST_COUNTS = 1,  /* no seed's */
	PAST_NURTURE = 2, /* of a segment; else one-to-one */
};

struct past_row {
	uint32_t person; /* past_person() */
	uint32_t what; /* past_what(); PAST_CONSENT, PAST_SUPPRESSION: label of
			  * purpose or segment */
	uint64_t at_ms : 48; /* a held copy: when its message came */
	uint64_t kind : 3;   /* enum past_kind */
	uint64_t flags : 2;
	uint64_t action : 3; /* enum verdict_action */
	uint64_t code : 8;   /* slot_state, verdict_reason, copy_outcome, reason
			    * of a hold, consent_state, suppression_reason (0:
			    * lifted) */
	/* Hash of the queue id of a message, and of that under which a copy
	 * went out. PAST_REFUSED: suppression_reason, comply_result. */
	uint32_t mark;
	/* PAST_HELD, PAST_LEFT: number of the copy. PAST_MESSAGE: milliseconds
	 * until its state; as many as there are: more. PAST_SUPPRESSION: its
	 * end in minutes since 1970; 0: none. */
	uint32_t more;
};

/* Of so many parts of the people this one. */
struct past_part {
	unsigned parts, part;
};

struct past_query {
	int64_t from_ms;  /* messages from here on */
	int64_t since_ms; /* and all else */
	int64_t until_ms;
	size_t memory_max; /* bytes of rows and people */
	/* Called between chunks with the share that is read, 0 to 1; false
	 * stops: ERR_STOPPING. */
	bool (*progress)(void *arg, double share);
	/* The group of a person: by default one of their own. */
	uint64_t (*group)(void *arg, const struct lead_id *lead);
	void *arg;
};

struct past;

int past_new(struct past **out) MUST_CHECK; /* -ENOMEM */
void past_free(struct past **p);            /* NULL is fine */
/* Has a number, whatever else comes: the segments of policies. */
void past_keep_segment(struct past *p, struct str name);

/* Reads; rows of an earlier call are gone, names stay. The rows are ordered by
 * group, person, time. part: which is wanted, and what it became: of twice as
 * many parts the same one, when memory asks for it; the other half of it, part
 * + parts / 2 then and so on, is yet to be read. ERR_LIMIT: not even the
 * smallest part fits. */
int past_read(struct past *p, struct ledger *l, const struct past_query *q,
    struct past_part *part, struct error *err) MUST_CHECK;
const struct past_row *past_rows(const struct past *p, size_t *n_out);
const struct past_person *past_person(const struct past *p, uint32_t number);
const struct paststops *past_stops(const struct past *p);
/* Is there nothing older than since_ms? Then who has no change of consent in
 * the rows had none. */
bool past_is_whole(const struct past *p);
/* Time of the oldest event that the ledger has; 0: it has none. */
int64_t past_begins_ms(const struct past *p);

/* The first event of that time: by halving, since times rise but for clocks
 * that went back, for which an hour is left. */
int past_find_event(
    const struct ledger_txn *t, int64_t ms, uint64_t *seq_out) MUST_CHECK;

const struct past_what *past_what(const struct past *p, uint32_t what);
/* Text of a name; "" for number 0. Names that are too many are "...". */
struct str past_name(const struct past *p, unsigned number);
uint64_t past_n_read(const struct past *p); /* rows of the ledger, in all */

#endif
