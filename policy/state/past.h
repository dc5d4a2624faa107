/* past.h - what came in a span of time, as rows of one size, read from the
 * ledger by cursor: messages with what became of them, refusals, held copies
 * and how they left, changes of consent and suppression. For simulate.c.
 *
 * Read in chunks, each in a snapshot of its own, so no reader stays longer than
 * a fraction of a second; what comes meanwhile is above until_ms. Where rows
 * would not fit into the memory that is allowed, only a part of the people is
 * read at a time. Threads: one owner. */
#ifndef POLICY_STATE_PAST_H
#define POLICY_STATE_PAST_H

#include "policy/ledger/env.h"
#include "policy/mail/lead_id.h"

enum past_kind {
	PAST_MESSAGE,     /* went out */
	PAST_REFUSED,     /* a decision against it, other than a hold */
	PAST_HELD,        /* a copy waits */
	PAST_LEFT,        /* and no longer */
	PAST_CONSENT,     /* consent to a purpose changed */
	PAST_SUPPRESSION, /* of the address */
};

enum past_flags {
	PAST_COUNTS = 1,  /* no seed's */
	PAST_NURTURE = 2, /* of a segment; else one-to-one */
};

struct past_row {
	struct lead_id lead;
	uint64_t group; /* rows with one group are played together */
	int64_t at_ms;  /* a held copy: when its message came */
	int64_t end_ms; /* PAST_MESSAGE: of its state */
	/* Hash of the queue id of a message, and of that under which a copy
	 * went out; PAST_HELD: of the copy. */
	uint64_t mark, copy;
	uint32_t label;   /* of the segment, or purpose */
	uint16_t segment; /* names */
	uint16_t campaign;
	uint8_t kind;   /* enum past_kind */
	uint8_t code;   /* slot_state, verdict_reason, copy_outcome,
			 * consent_state, suppression_reason (0: lifted) */
	uint8_t detail; /* suppression_reason, comply_result */
	uint8_t action; /* enum verdict_action */
	uint8_t flags;
};

struct past_query {
	int64_t from_ms;  /* messages from here on */
	int64_t since_ms; /* and all else */
	int64_t until_ms;
	/* Of so many parts of the people this one. */
	unsigned parts, part;
	size_t max_rows;
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

/* Reads; rows of an earlier call are gone, names stay. The rows are ordered by
 * group, person, time. ERR_FULL: more than max_rows; *share_out tells how far
 * it came, 0 to 1. */
int past_read(struct past *p, struct ledger *l, const struct past_query *q,
    double *share_out, struct error *err) MUST_CHECK;
const struct past_row *past_rows(const struct past *p, size_t *n_out);
/* Is there nothing older than since_ms? Then who has no change of consent in
 * the rows had none. */
bool past_is_whole(const struct past *p);

/* The first event of that time: by halving, since times rise but for clocks
 * that went back, for which an hour is left. */
int past_find_event(
    const struct ledger_txn *t, int64_t ms, uint64_t *seq_out) MUST_CHECK;

/* Text of a name; "" for number 0. Names that are too many are "...". */
struct str past_name(const struct past *p, unsigned number);
size_t past_n_names(const struct past *p);
uint64_t past_n_read(const struct past *p); /* rows of the ledger, in all */

#endif
