/* verify_wire.h - what the agent and tendril-verify say to each other over
 * their socket: frames of a length (4 bytes, big endian, of what follows), a
 * type and fields. Strings are a length (2 bytes) and bytes.
 *
 *   child: HELLO                    once, behind its sandbox
 *   agent: MAIL                     one at a time
 *   child: ASK, agent: ANSWER       a question to DNS, any number of times
 *   child: RESULT                   then the next MAIL
 *
 * Each side takes the other's bytes as hostile: the child has read strangers'
 * mail, and what the agent passes on is strangers' mail and DNS. Reading is
 * total: ERR_SYNTAX for what is cut short, too long, out of range, or has
 * something behind it. What is read is borrowed from the payload. Pure.
 * Threads: any. */
#ifndef AGENT_IN_VERIFY_WIRE_H
#define AGENT_IN_VERIFY_WIRE_H

#include "policy/base/buf.h"
#include "policy/mail/authentic.h"
#include "policy/mail/resolver.h"

enum verify_frame {
	VERIFY_HELLO = 1,
	VERIFY_MAIL = 2,
	VERIFY_ASK = 3,
	VERIFY_ANSWER = 4,
	VERIFY_RESULT = 5,
};

enum {
	VERIFY_HEAD = 5,               /* length and type */
	VERIFY_MESSAGE_MAX = 26 << 20, /* bytes of a mail */
	VERIFY_MAIL_MAX = (26 << 20) + 4096,
	VERIFY_SMALL_MAX = 32 << 10, /* payload of any other frame */
	VERIFY_TEXT_MAX = 320,       /* HELO, sender, names */
};

struct verify_mail {
	struct str message; /* as it is in the file */
	/* For SPF; without it that is not looked at. */
	bool has_client;
	unsigned char client[16]; /* IPv4 as ::ffff:a.b.c.d */
	struct str helo, sender;  /* sender empty: the null sender */
};

struct verify_ask {
	enum resolver_type type;
	struct str name;
};

/* The frame's head for a payload of n bytes. */
void verify_wire_head(
    enum verify_frame type, size_t n, unsigned char out[VERIFY_HEAD]);
/* The other way: *n_out bytes of payload follow. ERR_SYNTAX: an unknown type, or
 * more than frames of that type may have. */
int verify_wire_read_head(const unsigned char in[VERIFY_HEAD],
    enum verify_frame *type_out, size_t *n_out) MUST_CHECK;

/* Append payloads; buf_error() tells. The message itself, which may be large,
 * follows the first of them and is not copied. Texts above VERIFY_TEXT_MAX are
 * cut. */
void verify_wire_put_mail(struct buf *out, const struct verify_mail *m);
void verify_wire_put_ask(struct buf *out, const struct verify_ask *q);
void verify_wire_put_answer(struct buf *out, const struct resolver_answer *a);
void verify_wire_put_result(struct buf *out, const struct authentic *r);

int verify_wire_get_mail(struct str in, struct verify_mail *out) MUST_CHECK;
int verify_wire_get_ask(struct str in, struct verify_ask *out) MUST_CHECK;
/* v: room for the records. */
int verify_wire_get_answer(struct str in, struct str v[RESOLVER_RECORDS_MAX],
    struct resolver_answer *out) MUST_CHECK;
/* spf_domain is not part of it: the agent knows what it asked about. */
int verify_wire_get_result(struct str in, struct authentic *out) MUST_CHECK;

#endif
