/* nondelivery.h - the report that a copy's recipient gets nothing: RFC 3464,
 * with the requests of RFC 3461 (NOTIFY, RET, ENVID, ORCPT) obeyed, and
 * RFC 6533 where an address is not ASCII. Pure. Threads: any. */
#ifndef AGENT_OUT_NONDELIVERY_H
#define AGENT_OUT_NONDELIVERY_H

#include "policy/spool/envelope.h"

enum {
	NONDELIVERY_MAX = 4 << 20 /* bytes of a report */
};

struct nondelivery {
	uint64_t copy_id;
	bool relayed; /* copy_id is of a message that went, and failed later */
	/* Of a relayed one, empty where it is not known: the queue id by which
	 * the application's message was accepted; what the server said. */
	struct str queue_id, diagnostic;
	uint32_t index;  /* of the recipient */
	struct str host; /* ours */
	const struct envelope *envelope;
	struct str message; /* of which the header is returned, or all */
	struct str status;  /* "5.7.1"; empty: 5.0.0 */
	struct str reason;  /* printable ASCII, one line */
	int code; /* the SMTP reply that gave the reason; 0: none did */
	int64_t now_ms;
};

/* Not to a null sender, and not against NOTIFY. */
bool nondelivery_is_wanted(const struct envelope *e, uint32_t index);
/* The message must be sent with SMTPUTF8. */
bool nondelivery_is_utf8(const struct envelope *e, uint32_t index);
/* Appends the whole message; ERR_LIMIT, -ENOMEM of out. */
int nondelivery_write(const struct nondelivery *n, struct buf *out) MUST_CHECK;

#endif
