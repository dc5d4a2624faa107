/* suppression.h - "do not write": to an address, to a domain, or to whoever
 * is behind a hash on a list that we were given.
 *
 * Key: kind (1 byte), what (16, 32 or n bytes), label (4). Threads: as the
 * transaction. */
#ifndef POLICY_STATE_SUPPRESSION_H
#define POLICY_STATE_SUPPRESSION_H

#include "policy/ledger/event.h"
#include "policy/mail/address_digest.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/facts.h"
#include "policy/state/payload.h"

/* Numbers are stored. */
enum suppression_kind {
	SUPPRESS_LEAD = 1, /* lead id, 16 bytes */
	/* Canonical domain; covers its subdomains if it has a dot: "com" is
	 * that host alone. */
	SUPPRESS_DOMAIN = 2,
	SUPPRESS_SHA256 = 3, /* of the canonical address, 32 bytes */
	SUPPRESS_MD5 = 4,    /* 16 bytes */
};

struct suppression_record {
	enum suppression_kind kind;
	struct str what; /* borrowed */
	uint32_t label;  /* 0: all nurture */
	enum suppression_reason reason;
	int64_t since_ms, until_ms; /* until 0: for ever */
	uint64_t seq;               /* the event that made it as it is */
	struct str segment;         /* name; empty: all nurture */
	struct str origin;          /* "manual", "bounce", "import NAME"... */
	struct str author;          /* who did it, on this system */
};

struct event_suppressed {
	uint32_t kind;
	struct str what;
	uint32_t label;
	uint32_t reason; /* enum suppression_reason */
	int64_t until_ms;
	struct str segment, origin, author;
	uint64_t message_id; /* what gave rise to it, or 0 */
	struct str note;     /* of a person: sealed */
	struct str remark; /* the same of a domain or hash, which is no one's */
	/* From version 2 on, of one that was there and gets another end: since
	 * when, and the event that made it first. */
	int64_t since_ms;
	uint64_t first_seq;
};

struct event_unsuppressed {
	uint32_t kind;
	struct str what;
	uint32_t label;
	struct str author;
	struct str why;  /* of a domain or hash */
	struct str note; /* the same of a person: sealed */
};

/* Made by a failed delivery, and not by people who gave the same reason. */
static inline bool suppression_is_of_failure(const struct suppression_record *r)
{
	return str_eq(r->origin, STR("bounce")) &&
	       str_eq(r->author, STR("tendril-agent"));
}
/* Of a failure amid a spike of such failures (spike.h): it ends, unless another
 * one confirms it. Only such have an end of those that failures made. */
static inline bool suppression_is_provisional(
    const struct suppression_record *r)
{
	return r->until_ms != 0 && suppression_is_of_failure(r);
}

/* Exactly this row. */
int suppression_read(const struct ledger_txn *t, enum suppression_kind kind,
    struct str what, uint32_t label, struct suppression_record *out) MUST_CHECK;
/* All rows for exactly `what`, any label; stops at emit's first non-zero
 * answer and returns it. */
int suppression_each(const struct ledger_txn *t, enum suppression_kind kind,
    struct str what, int (*emit)(void *arg, const struct suppression_record *r),
    void *arg) MUST_CHECK;
/* Whether libcrypto's configuration forbids MD5 (FIPS). Then rows of MD5 bind
 * nobody, whom they mean cannot be found out; all others bind as ever. */
bool suppression_md5_forbidden(void);
/* Whether there is a row of that kind, ended ones too. */
int suppression_any(const struct ledger_txn *t, enum suppression_kind kind,
    bool *yes_out) MUST_CHECK;
/* The kinds of which there are rows, a bit SUPPRESSION_BIT(kind) each. */
#define SUPPRESSION_BIT(kind) (1U << (unsigned)(kind))
#define SUPPRESSION_ALL 0x1eU
int suppression_kinds(const struct ledger_txn *t, unsigned *out) MUST_CHECK;
/* All rows that bind an address: of the lead, of its domain and each parent
 * that has a dot, of its hashes. As suppression_each(). */
int suppression_binding(const struct ledger_txn *t, const struct lead_id *lead,
    const struct address *address,
    int (*emit)(void *arg, const struct suppression_record *r),
    void *arg) MUST_CHECK;
/* The same in two steps: what needs no transaction, and the rest. */
struct suppression_names {
	struct lead_id lead;
	struct str domain; /* borrowed from the address */
	struct address_digest sha256, md5;
	unsigned kinds; /* bits of those that are looked for; without MD5 where
			 * libcrypto forbids it: see below */
};
/* kinds: SUPPRESSION_ALL, or suppression_kinds() of the transaction that they
 * are for, which spares the digests that nobody was named by. */
int suppression_names_of(const struct lead_id *lead,
    const struct address *address, unsigned kinds,
    struct suppression_names *out) MUST_CHECK;
int suppression_by_names(const struct ledger_txn *t,
    const struct suppression_names *names,
    int (*emit)(void *arg, const struct suppression_record *r),
    void *arg) MUST_CHECK;
/* Rows in key order, from the first one above `after` (a key as given in
 * *key_out; empty: the beginning). ERR_NOT_FOUND at the end. */
int suppression_next(const struct ledger_txn *t, struct str after,
    struct str *key_out, struct suppression_record *out) MUST_CHECK;

extern const struct payload_desc suppression_added_payload;
extern const struct payload_desc suppression_removed_payload;
int suppression_decode(
    struct str payload, struct event_suppressed *out) MUST_CHECK;
int suppression_decode_removed(
    struct str payload, struct event_unsuppressed *out) MUST_CHECK;
int suppression_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int suppression_reduce_removed(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
