/* ops.h - what people and programs do to the state, as proposals: each is
 * durable when it returns 0, or nothing has happened.
 *
 * author: the user of this system who did it ("alice", "agent"), for the
 * record; origin: how it came ("cli", "one-click", "bounce", "import NAME").
 * Threads: any; each blocks for one ledger batch. */
#ifndef POLICY_STATE_OPS_H
#define POLICY_STATE_OPS_H

#include "policy/state/message.h"
#include "policy/state/person.h"
#include "policy/state/suppression.h"

/* --- policy --- */

struct ops_policy {
	struct str path; /* for messages */
	struct str text;
	struct str author, reason;
	uint32_t base; /* the version it replaces; 0: whatever is in force */
	enum policyver_orphans orphans; /* for the record */
};
/* ERR_SYNTAX with path:line for a text that does not parse, ERR_STALE when
 * base is not in force any more, ERR_EXISTS when the text is in force with the
 * same care for orphans, its version in *version_out. With the first limit per
 * company it is in force when ops_companies_keep() is done. */
int ops_policy_apply(struct store *s, const struct ops_policy *in,
    uint32_t *version_out, struct error *err) MUST_CHECK;

/* --- histories of companies --- */

/* Makes them whole, where they are not (companies.h): in steps of some ms
 * between other proposals, three minutes for a million people with forty
 * messages each. One that was interrupted goes on. ERR_STOPPING. */
int ops_companies_keep(struct store *s, struct error *err) MUST_CHECK;
/* The same if the policy in force asks for them: for a ledger of a program that
 * did not make them whole. */
int ops_companies_check(struct store *s, struct error *err) MUST_CHECK;

/* --- suppression --- */

/* What a person typed: an address, "@domain", "sha256:HEX" or "md5:HEX". */
struct ops_target {
	enum suppression_kind kind;
	/* SUPPRESS_LEAD: the address, or with an empty text the id of a known
	 * lead. */
	struct address address;
	struct lead_id lead;
	struct str what; /* all others: the key's bytes */
};
int ops_target_parse(struct arena *a, struct str text, struct ops_target *out,
    struct error *err) MUST_CHECK;

struct ops_suppress {
	struct ops_target target;
	enum suppression_reason reason;
	struct str segment; /* empty: all nurture */
	int64_t until_ms;   /* 0: for ever */
	struct str origin, author, note;
	uint64_t message_id; /* that gave rise to it, or 0 */
	uint64_t
	    if_event; /* remove: only the row that this event made; 0: any */
};
/* *changed_out is false when what is in force stays: it lasts longer, or as long
 * for a reason that weighs as much or more (giveup.h). To shorten one, remove
 * it first. */
int ops_suppress_add(struct store *s, const struct ops_suppress *in,
    bool *changed_out, struct error *err) MUST_CHECK;
/* Many at once: each is a proposal of its own, but all wait together. 0 when
 * all were tried; out[i] tells of each. -ENOMEM: none was. */
struct ops_suppress_result {
	int rc;
	bool changed;
};
int ops_suppress_add_all(struct store *s, const struct ops_suppress *v,
    size_t n, struct ops_suppress_result *out) MUST_CHECK;
int ops_suppress_remove(struct store *s, const struct ops_suppress *in,
    bool *changed_out, struct error *err) MUST_CHECK;
/* As ops_suppress_add_all(). */
int ops_suppress_remove_all(struct store *s, const struct ops_suppress *v,
    size_t n, struct ops_suppress_result *out) MUST_CHECK;
/* ops_suppress_add() for use inside a proposal. */
int ops_suppress_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_suppress *in, bool *changed_out) MUST_CHECK;
/* In a proposal: gives a person's suppression, as it was read there, another
 * end; all else of it stays, its beginning and its evidence too. */
struct suppression_record;
int ops_suppress_end_emit(struct door_ctx *ctx,
    const struct suppression_record *r, int64_t until_ms) MUST_CHECK;
/* ops_suppress_remove() likewise; of a lead that moved since, where it went too. */
int ops_unsuppress_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_suppress *in, bool *changed_out) MUST_CHECK;

/* --- consent --- */

struct ops_consent {
	struct address address; /* empty text: by lead */
	struct lead_id lead;
	struct str purpose;
	enum consent_state state;
	struct str origin, author, evidence;
	int64_t said_ms;     /* 0, or in the future: now */
	uint64_t message_id; /* whose link was used, or 0 */
};
/* ERR_NOT_FOUND: no such lead. *changed_out is false when this is known, or
 * older than what is known. Anything but granted, by a message's link, also
 * goes to the application's own one-click address (outbox.h). */
int ops_consent_set(struct store *s, const struct ops_consent *in,
    bool *changed_out, struct error *err) MUST_CHECK;
/* The same for use inside a proposal. */
int ops_consent_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_consent *in, bool *changed_out) MUST_CHECK;

/* --- slots: what the MTA's log tells --- */

enum slot_change_kind {
	SLOT_CHANGE_QUEUED,
	SLOT_CHANGE_DELIVERED,
	SLOT_CHANGE_RELEASED,
	SLOT_CHANGE_MOVED, /* goes on as next_id; empty: nobody knows as what,
			      and it stays committed */
	SLOT_CHANGE_BEGUN, /* a message begins under that queue id: those that
			      had it before are not meant by what follows */
};
struct slot_change {
	enum slot_change_kind kind;
	uint64_t message_id; /* 0: by queue id */
	struct str queue_id, next_id;
	bool has_lead; /* with several messages of one queue id: this one's */
	struct lead_id lead;
	int64_t at_ms;
	enum slot_release release;
	/* RELEASED: the MTA keeps nothing of the queue id. Of several messages
	 * of which one was delivered, one that no line named was delivered
	 * too, under an address that it was rewritten to. */
	bool at_end;
	int64_t since_ms; /* at_end: the log is whole from then on; 0: it is.
			     What was open before was sent, for all we know */
	/* RELEASED: all that the queue id still has, and so none that has gone
	 * on under another one (MOVED). */
	bool rest;
	struct str status, relay;
	struct str provider; /* provider.h; empty: not known */
	uint32_t recipients; /* QUEUED: that the MTA sends it to; 0: not told */
	bool late; /* QUEUED: they are told once, maybe after a delivery */
	/* Read long after it was written: another message may have had the
	 * queue id in the meantime. */
	bool history;
};
/* Changes in the order of the log; each emits its event if the slot's state
 * allows the step (a delivered slot is not released by a late line, a queued
 * one is not queued again), and nothing where there is no such message. One
 * that counts as delivered only since no log was followed when it was accepted
 * is dated or released by whatever is told of it, but not by silence. For use
 * inside a proposal. ERR_LIMIT: too many messages; take fewer changes. */
int ops_slot_changes(
    struct door_ctx *ctx, const struct slot_change *v, size_t n) MUST_CHECK;
/* The same, and how many steps were taken, how many changes were of no message
 * of ours; how many messages of nurture the MTA sends to more recipients than were
 * decided (an alias, always_bcc), and the last of them: each is told as it gets
 * into the queue, EV_MORE_RECIPIENTS, and its slot goes on as ever. Not added up:
 * as of this call. */
struct ops_slot_counts {
	uint64_t steps, unknown, more;
	uint64_t more_id;
	uint32_t decided, recipients;
};
int ops_slot_changes_counted(struct door_ctx *ctx, const struct slot_change *v,
    size_t n, struct ops_slot_counts *out) MUST_CHECK;
/* Does that message's slot take that step, its message being on record? */
bool ops_slot_is_step(
    const struct message_record *r, const struct slot_change *c);
/* One change as a proposal of its own. */
int ops_slot_apply(
    struct store *s, const struct slot_change *c, struct error *err) MUST_CHECK;

#endif
