/* envelope.h - what stands before the message in a file of the spool: who sent
 * it to whom, with the ESMTP arguments as given (RFC 3461, RFC 6531), and what
 * we knew of it when it was taken over.
 *
 * Deterministic CBOR (policy/ledger/cbor.h): a map with small integer keys.
 * Pure. Threads: any. */
#ifndef POLICY_SPOOL_ENVELOPE_H
#define POLICY_SPOOL_ENVELOPE_H

#include "policy/base/arena.h"
#include "policy/base/buf.h"
#include "policy/state/copy.h"

enum {
	ENVELOPE_MAX = 16 << 20 /* bytes, encoded */
};

struct envelope_rcpt {
	struct str address; /* as given, without <> */
	struct strs args;   /* "NOTIFY=NEVER", "ORCPT=rfc822;a@b.example" */
};

struct envelope {
	enum copy_kind kind;
	bool local;              /* sendmail(1): the MTA tells no arguments */
	int64_t arrived_ms;      /* end of message */
	struct str sender;       /* as given, without <>; empty: null sender */
	struct strs sender_args; /* "RET=HDRS", "ENVID=x", "SMTPUTF8" */
	const struct envelope_rcpt *rcpts;
	size_t n_rcpts;
	struct str stream, segment, campaign;
	struct str from_domain; /* of From; empty: not known */
	struct str queue_id; /* under which it came */
};

/* Appends to out; ERR_LIMIT or -ENOMEM of out. */
int envelope_encode(const struct envelope *e, struct buf *out) MUST_CHECK;
/* Strings are borrowed from bytes, arrays are in the arena. ERR_CORRUPT for
 * bytes that envelope_encode() did not write, ERR_LIMIT. */
int envelope_decode(
    struct str bytes, struct arena *a, struct envelope *out) MUST_CHECK;

/* The value of "KEY=value" among ESMTP arguments, without regard to the key's
 * case; false when there is none. A bare "KEY" has an empty value. */
bool envelope_arg(const struct strs *args, struct str key, struct str *out);

#endif
