/* outbox.h - what is passed on to the application that sent a message: the
 * person's opt-out or complaint to its own one-click address (RFC 8058), a
 * failure to its envelope sender. Queued in the transaction of the event that gave rise to it,
 * once for a message and kind, and tried until it is done or five days are
 * over. Owns EV_RELAY_QUEUED and EV_RELAY_TRIED; counts "relay.KIND.RESULT".
 *
 * Target and details are the sealed bytes of the message and bounce records;
 * they go when the row is done. The row stays and says that it was, until
 * OUTBOX_KEEP_DAYS after the message; then a few of them go with each new one.
 *
 * Keys of TABLE_OUTBOX: 'r', message id (8), kind (1): the row; 'd', due_ms
 * (8), message id, kind: what waits. Threads: as the transaction. */
#ifndef POLICY_STATE_OUTBOX_H
#define POLICY_STATE_OUTBOX_H

#include "policy/ledger/door.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/bounce.h"
#include "policy/state/payload.h"

enum {
	OUTBOX_KEEP_DAYS = 180
};

/* Numbers are stored; names are API. */
enum outbox_kind {
	OUTBOX_OPT_OUT = 1, /* POST to the application's one-click address */
	OUTBOX_BOUNCE = 2,  /* a DSN to its envelope sender */
};

enum outbox_state {
	OUTBOX_WAITS = 1,
	OUTBOX_DONE = 2,
	OUTBOX_GIVEN_UP = 3, /* an alarm: somebody must look */
};

struct outbox_record {
	uint64_t message_id;
	enum outbox_kind kind;
	enum outbox_state state;
	struct lead_id lead;
	int64_t queued_ms, due_ms;
	uint32_t attempts;
	uint32_t code;             /* of the last answer, HTTP or SMTP */
	struct str target;         /* sealed, borrowed as all here */
	struct str diagnostic;     /* sealed; bounces */
	struct str status;         /* RFC 3463; bounces */
	enum bounce_reason reason; /* bounces */
};

/* --- in a proposal; nothing happens where the row is there --- */

/* Does nothing where the message had no one-click address, or is another
 * lead's. */
int outbox_emit_opt_out(struct door_ctx *ctx, uint64_t message_id,
    const struct lead_id *lead) MUST_CHECK;
struct outbox_bounce {
	uint64_t message_id;
	struct lead_id lead;
	enum bounce_reason reason;
	struct str status;
	struct str diagnostic; /* sealed: PERSON_DIAGNOSTIC */
};
int outbox_emit_bounce(
    struct door_ctx *ctx, const struct outbox_bounce *b) MUST_CHECK;

/* What became of an attempt. Where it is to be tried again, when: after 1, 5,
 * 30 minutes, 2, 6, 12 hours, then daily, for five days. */
struct outbox_tried {
	uint64_t message_id;
	enum outbox_kind kind;
	bool done, hopeless; /* neither: again later */
	uint32_t code;
};
/* *state_out: what the row is now. */
int outbox_emit_tried(struct door_ctx *ctx, const struct outbox_tried *t,
    enum outbox_state *state_out) MUST_CHECK;

/* --- reading --- */

/* A message so old that its row may be gone: whether it was passed on before
 * nobody knows. */
bool outbox_is_aged(uint64_t message_id, int64_t now_ms);

int outbox_read(const struct ledger_txn *t, uint64_t message_id,
    enum outbox_kind kind, struct outbox_record *out) MUST_CHECK;

struct outbox_cursor { /* zero: from the start */
	int64_t due_ms;
	uint64_t message_id;
	uint32_t kind;
};
/* The first row behind the cursor that is due at now_ms; moves the cursor to
 * it. ERR_NOT_FOUND when there is none. */
int outbox_next_due(const struct ledger_txn *t, int64_t now_ms,
    struct outbox_cursor *cursor, struct outbox_record *out) MUST_CHECK;

struct event_relay_queued {
	uint64_t message_id;
	uint32_t kind;
	unsigned char lead[LEAD_ID_BYTES];
	struct str target, diagnostic, status;
	uint32_t reason;
};
struct event_relay_tried {
	uint64_t message_id;
	uint32_t kind, state, code;
	int64_t due_ms; /* of the next attempt; OUTBOX_WAITS */
};
extern const struct payload_desc outbox_queued_payload;
extern const struct payload_desc outbox_tried_payload;
int outbox_decode_queued(
    struct str payload, struct event_relay_queued *out) MUST_CHECK;
int outbox_decode_tried(
    struct str payload, struct event_relay_tried *out) MUST_CHECK;

int outbox_reduce_queued(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int outbox_reduce_tried(
    struct ledger_txn *t, const struct event *ev, struct error *err);

const char *outbox_kind_name(enum outbox_kind kind);
const char *outbox_state_name(enum outbox_state state);

#endif
