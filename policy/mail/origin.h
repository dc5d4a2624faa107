/* origin.h - X-Tendril-Origin: what the milter saw of a feedback mail on its
 * way in, signed for the agent, which sees files only.
 *
 *   X-Tendril-Origin: v=1; key=3; client=192.0.2.1; helo=mx.example.net;
 *       from=; rcpt=b-TOKEN@bounces.example.com; body=HEX; mac=HEX
 *
 * key is the id of the token key that the MAC key is derived from, body the
 * SHA-256 of the canonical body (dkim_body.h), mac HMAC-SHA-256 of all before
 * it without white space. So it holds for this envelope and this body only: put
 * on another mail it is void. An answer that was found by Message-ID has
 * "answer=HEX;" before the mac, the id of the message, and no address in rcpt:
 * that mail goes to people as well, and comes back to whoever wrote it where one of
 * them has no mailbox, so it must not hold a token. Bytes that are not printable US-ASCII, and
 * '%' ';' ',' '"' '\', are written %XX; HELO and sender are cut. Lines stay
 * below 998 bytes (RFC 5322 section 2.1.1).
 *
 * Only the milter writes it and only the agent believes it; the milter removes
 * every such field from what comes in for us. Pure. Threads: any. */
#ifndef POLICY_MAIL_ORIGIN_H
#define POLICY_MAIL_ORIGIN_H

#include "policy/base/arena.h"
#include "policy/mail/dkim_body.h"
#include "policy/mail/token_keys.h"

#define ORIGIN_FIELD "X-Tendril-Origin"

enum {
	ORIGIN_HELO_MAX = 255,
	ORIGIN_ADDRESS_MAX = 320,
	ORIGIN_RCPTS_MAX = 16, /* the rest is left out */
};

struct origin {
	unsigned char client[16]; /* IPv4 as ::ffff:a.b.c.d */
	bool has_client;
	struct str helo, sender; /* without <>; empty: null sender */
	struct strs rcpts;       /* the feedback addresses */
	unsigned char body[DKIM_BODY_HASH];
	uint64_t answer; /* the message that it answers, where that was found
			  * by Message-ID (milter/inbound.h); 0: none */
};

/* The field's value as on the wire (leading blank, folded with LF), in the
 * arena. ERR_LIMIT, ERR_CRYPTO. */
int origin_make(const struct token_keys *keys, const struct origin *o,
    struct arena *a, struct str *out) MUST_CHECK;

/* From a field's value, for a mail with that canonical body. ERR_NOT_FOUND:
 * not made by us, or not for this mail; ERR_LIMIT: the arena is full;
 * ERR_CRYPTO. */
int origin_read(const struct token_keys *keys, struct str value,
    const unsigned char body[DKIM_BODY_HASH], struct arena *a,
    struct origin *out) MUST_CHECK;

#endif
