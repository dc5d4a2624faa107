/* trace.h - which events are about a person, or about a queue id of the MTA,
 * without an index that costs a random page for each event: two tags of 32
 * bits an event, in rows that are appended to like the events themselves.
 * Finding all events of a person reads 8 bytes for each event there ever was,
 * in order, and not the events (some 200 bytes): 200 million a second from
 * memory on one core. Writing costs 0.7 us an event and 11 bytes of disk.
 *
 * Key: sequence number / TRACE_BLOCK, 8 bytes. Record: TRACE_BLOCK pairs of
 * tags; 0: about nobody. Tags collide (once in four thousand million): whoever
 * finds an event looks whether it is really meant.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_TRACE_H
#define POLICY_STATE_TRACE_H

#include "policy/ledger/event.h"
#include "policy/mail/lead_id.h"

enum {
	TRACE_BLOCK = 128
};

/* Who and what an event is about, as far as it says itself or the tables tell
 * (the message of a slot, the copy of a recipient): all zero where neither
 * does. Strings are borrowed from the event and the transaction. */
struct trace_about {
	bool has_lead;
	struct lead_id lead;
	/* Of one that goes on as another: that one. Such an event has no queue
	 * id, and has its second tag for this. */
	bool has_other;
	struct lead_id other;
	struct str queue_id;
	uint64_t message_id, copy_id;
};
/* ERR_CORRUPT for a payload that does not decode. */
int trace_about(const struct ledger_txn *t, const struct event *ev,
    struct trace_about *out) MUST_CHECK;

struct trace_tags {
	uint32_t lead, queue; /* 0: none; queue may be the other person's */
};
struct trace_tags trace_tags(const struct trace_about *about);
uint32_t trace_tag_lead(const struct lead_id *id); /* never 0 */
uint32_t trace_tag_queue(struct str queue_id);     /* 0 when empty */

/* For reducers.c. */
int trace_add(struct ledger_txn *t, uint64_t seq,
    const struct trace_tags *tags) MUST_CHECK;

struct trace_want {
	uint32_t lead;          /* 0: nobody */
	const uint32_t *queues; /* of queue ids; rising, without 0; borrowed */
	size_t n_queues;
};

/* Events in which one of the wanted tags is set, from the number `from` on,
 * up. */
struct trace_iter {
	struct ledger_iter rows;
	struct trace_want want;
	struct str row; /* the current one; empty: take the next */
	uint64_t block;
	size_t at;
};
int trace_open(const struct ledger_txn *t, const struct trace_want *want,
    uint64_t from, struct trace_iter *out) MUST_CHECK;
/* ERR_NOT_FOUND at the end. */
int trace_next(struct trace_iter *it, uint64_t *seq_out) MUST_CHECK;
void trace_close(struct trace_iter *it); /* twice is fine */

#endif
