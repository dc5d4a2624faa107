/* event.h - one event: what happened, as it is stored; and who may apply it.
 *
 * Stored record (value in LEDGER_EVENT, all integers big endian):
 *
 *    0  2  type
 *    2  1  version of the payload
 *    3  1  class: 0 activity, 1 audit
 *    4  8  time, ms since 1970, two's complement
 *   12  n  payload: deterministic CBOR (policy/ledger/cbor.h) or raw bytes
 *   12+n 4 CRC-32C over the 8-byte key and all bytes before it
 *
 * The key counts into the checksum, so a record under a wrong number is found
 * as well. These bytes never change once written; the audit tree hashes them.
 *
 * Types are listed in events.def. A type's versions run from 1 to the one
 * given there and its reducer knows them all. Threads: any. */
#ifndef POLICY_LEDGER_EVENT_H
#define POLICY_LEDGER_EVENT_H

#include "policy/ledger/env.h"

enum {
	EVENT_HEAD = 12,
	EVENT_TAIL = 4,
	EVENT_PAYLOAD_MAX = 1 << 20,
};

enum event_class {
	EVENT_ACTIVITY = 0, /* has retention */
	EVENT_AUDIT = 1,    /* kept for years, hashed into the audit tree */
};

enum event_type {
#define EVENT(number, name, version, class, writer) EV_##name = (number),
#include "policy/ledger/events.def"
#undef EVENT
};

struct event {
	uint64_t seq;    /* 1, 2, 3... without a gap */
	int64_t time_ms; /* may go back; seq gives the order */
	struct str payload;
	uint16_t type;
	uint8_t version;
	uint8_t class; /* enum event_class */
};

/* What events.def says of a type; NULL for an unknown one. */
struct event_kind {
	uint16_t type;
	uint8_t version; /* the newest */
	uint8_t class;
	const char *name;   /* "LEDGER_RESTORED" */
	const char *writer; /* the one file that emits it */
};
const struct event_kind *event_kind(unsigned type);

/* Applies one event to the tables: reads events and tables only, no clock, no
 * randomness, so that a replay gives the same bytes. Anything but 0 undoes
 * the proposal that emitted it. ev->version is 1..the reducer's version. */
typedef int reducer_fn(
    struct ledger_txn *t, const struct event *ev, struct error *err);

struct reducer {
	uint16_t type;
	uint8_t version; /* the newest it knows */
	uint8_t class;
	reducer_fn *apply;
};

/* Built from events.def in policy/state/reducers.c; in tests, a toy. Sorted by
 * type. tables[] names the tables for ledger_open(). */
struct reducer_table {
	const struct reducer *v;
	size_t n;
	const char *const *tables;
	size_t n_tables;
	/* NULL, or called in place of each reducer, which it must call: for
	 * what is done with every event. */
	int (*around)(struct ledger_txn *t, const struct event *ev,
	    reducer_fn *apply, struct error *err);
};

/* The ledger's own types (1 to 15) need no reducer. ERR_VERSION for a type or
 * version that nobody knows; *out == NULL means nothing is to be applied. */
int reducer_find(const struct reducer_table *rt, unsigned type,
    unsigned version, const struct reducer **out) MUST_CHECK;
/* reducer_find() and apply. */
int reducer_apply(const struct reducer_table *rt, struct ledger_txn *t,
    const struct event *ev, struct error *err) MUST_CHECK;

/* Gives ev->seq its number and stores the record. ERR_LIMIT for a payload
 * above EVENT_PAYLOAD_MAX. */
int event_append(struct ledger_txn *t, struct event *ev) MUST_CHECK;
/* One event; the payload is borrowed like any value. */
int event_get(
    const struct ledger_txn *t, uint64_t seq, struct event *out) MUST_CHECK;

/* All events from `seq` on, up or down. */
int event_iter_open(const struct ledger_txn *t, uint64_t seq,
    enum ledger_order order, struct ledger_iter *out) MUST_CHECK;
/* ERR_NOT_FOUND at the end; ERR_CORRUPT with out->seq set and nothing else:
 * the next call goes on behind the bad record. */
int event_iter_next(struct ledger_iter *it, struct event *out) MUST_CHECK;

/* A row as stored. ERR_CORRUPT: lengths or checksum are wrong. */
int event_decode(
    struct str key, struct str value, struct event *out) MUST_CHECK;

#endif
