/* outcome.h - lines of the mail log -> what became of slots.
 *
 * A state machine over struct mtalog_line. Almost every line speaks for
 * itself and is passed on; what needs memory is the end of an SMTP session,
 * which decides over messages that never came to the queue. The caller owns
 * the slots and applies each outcome so that hearing it twice is harmless.
 *
 *   outcome      slot of (queue_id, rcpt)
 *   QUEUED       proposed -> queued
 *   HELD         the same: an operator may let it go at any time later
 *   DELIVERED    -> delivered, dated time_ms; also after a release (one copy
 *                of several, a delivery that overtook a deletion)
 *   DEFERRED     proposed -> queued: who tries has it
 *   BOUNCED      released unless delivered
 *   EXPIRED, DELETED, REJECTED, DISCARDED: every slot of queue_id that is not
 *                delivered is released; with rcpt only that one
 *   MOVED        goes on as (next_id, rcpt); without rcpt every slot of it;
 *                next_id empty: as one that nobody told (outcome_handoffs)
 *   REMOVED      the MTA keeps nothing of queue_id: where none of its
 *                recipients was delivered or moved and the log has no gap
 *                since QUEUED (since_ms), nothing was sent (a milter deleted
 *                the last recipient)
 *   BEGUN        queue_id is that of a message that begins now: Postfix may
 *                use one again as soon as it is done with it
 *   SESSION_END  a slot that is still proposed 15 minutes after time_ms, the
 *                log read to its end and without a gap since, is released
 *   UNNAMED      `count` messages were deleted and the log does not say
 *                which (postsuper -d ALL): compare with the queue
 *   GAP          lines are missing: forget every wait of SESSION_END; what
 *                is undecided stays committed
 *
 * Use: for each item of mtalog_follow.h parse and outcome_line(), or
 * outcome_gap(); then store, in one transaction, what the outcomes changed,
 * the position after the item and outcome_export(). A wait of SESSION_END ends
 * only when mtalog_follow_at_end() says so: a backlog may hold the answer.
 *
 * What Postfix 3.7.11 does, which shaped this:
 * - A milter's reject, tempfail, death, time-out and refusal by default all
 *   give cleanup's milter-reject of END-OF-MESSAGE, for SMTP and for local
 *   submission. No such line follows when cleanup is killed, when
 *   message_size_limit ends the message, on RSET and a lost connection; then
 *   smtpd's "disconnect" is the end, and it may come before "queue active" of
 *   a message that was accepted.
 * - smtpd killed while a milter decides: the message is still accepted if the
 *   milter says so, seconds later. "postfix stop" ends smtpd without a line;
 *   the next start of master ends such sessions here.
 * - A quarantined message (milter-hold, HOLD actions) never gets "queue
 *   active" until it is let go, days later; nor does one that waits in the
 *   incoming queue while the queue manager is stopped or busy. So smtpd's
 *   own counts are used: "data=2/3" says how many messages of the session
 *   were answered 250. Those not accounted for otherwise are QUEUED if all
 *   of them were, refused if none was.
 * - A recipient's orig_to is what the milter saw; rcpt is that, and rewritten
 *   what it was turned into. Several copies of one recipient (an alias of
 *   two) come as several outcomes. Where a queue id has one slot, any
 *   recipient of it should be taken for that slot: rewriting in later places
 *   (smtp_generic_maps) may leave no trace of what the milter saw.
 *
 * Bounds: max sessions with OUTCOME_IDS undecided ids each; the one that has
 * been silent longest is forgotten without an outcome (its slots stay
 * committed) and counted. Pure: no clock. Threads: one owner. */
#ifndef AGENT_IN_OUTCOME_H
#define AGENT_IN_OUTCOME_H

#include "agent/in/mtalog.h"
#include "policy/base/buf.h"
#include "policy/base/error.h"

enum {
	OUTCOME_IDS = 16,
	OUTCOME_EARLY = 64 /* remembered outcomes, and said at once by a line */
};

enum outcome_kind {
	OUTCOME_QUEUED,
	OUTCOME_HELD,
	OUTCOME_DELIVERED,
	OUTCOME_DEFERRED,
	OUTCOME_BOUNCED,
	OUTCOME_EXPIRED,
	OUTCOME_DELETED,
	OUTCOME_REJECTED,
	OUTCOME_DISCARDED,
	OUTCOME_MOVED,
	OUTCOME_REMOVED,
	OUTCOME_BEGUN,
	OUTCOME_SESSION_END,
	OUTCOME_UNNAMED,
	OUTCOME_GAP
};

/* Strings are borrowed: valid during the call. Empty where not known. */
struct outcome {
	enum outcome_kind kind;
	struct str queue_id;
	struct str rcpt;      /* as the milter saw it, quoted as in SMTP */
	struct str rewritten; /* where an alias sent it; empty: nowhere else */
	struct str next_id;   /* MOVED; DELIVERED: see mtalog_line */
	struct str relay, dsn, text;
	int64_t time_ms;
	int64_t since_ms; /* the newest line before the last gap; 0: none */
	uint32_t count;   /* UNNAMED; QUEUED: its recipients, 0: not told */
	bool late;        /* QUEUED: said for its recipients, who are known only
			     now, and once; it may be sent by now */
	bool refused;     /* SESSION_END: the server counted no 250 for it */
};

const char *outcome_name(enum outcome_kind kind); /* "session-end" */

typedef void outcome_fn(void *arg, const struct outcome *outcome);

struct outcome_book;

/* NULL when malloc fails. About 600 bytes for each session. */
struct outcome_book *outcome_new(size_t max_sessions) MUST_CHECK;
void outcome_free(struct outcome_book **b); /* NULL is fine */

/* What one of these relays (handoff.h) took is not delivered but MOVED, to the
 * queue id in its answer; from one to the next of them, too.
 *
 * A filter on this host may be done before the line of its answer is written.
 * So what is said of an id that is not known() is remembered, the newest
 * OUTCOME_EARLY of ten seconds of the log, and said again once a message has
 * moved there, by the first line that is of another one. known NULL: of none.
 * The strs live as long as the book. */
typedef bool outcome_known_fn(void *arg, struct str queue_id);
void outcome_handoffs(struct outcome_book *b, struct strs relays,
    outcome_known_fn *known, void *arg);

void outcome_line(struct outcome_book *b, const struct mtalog_line *line,
    outcome_fn *fn, void *arg);

/* The source of lines has a hole here. Forgets all sessions, says GAP. */
void outcome_gap(struct outcome_book *b, outcome_fn *fn, void *arg);

/* The open sessions and what is remembered, to be stored with the position in the log. Import
 * replaces what is there; on failure (ERR_SYNTAX, ERR_LIMIT, ERR_VERSION) the book is
 * empty, which is to be treated as a gap. */
void outcome_export(struct outcome_book *b, struct buf *out);
int outcome_import(struct outcome_book *b, struct str text) MUST_CHECK;

struct outcome_stats {
	uint64_t lines[MTALOG_KINDS];
	uint64_t forgotten; /* sessions that found no room */
};
void outcome_stats(const struct outcome_book *b, struct outcome_stats *out);

#endif
