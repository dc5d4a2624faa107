/* smtp.h - a small, strict SMTP client (RFC 5321) for one server that is ours:
 * the MTA's release listener. One recipient a message, since every recipient
 * has an answer of his own; with the DSN parameters of RFC 3461 for each,
 * which libcurl's SMTP cannot say. No TLS, no authentication: loopback, or a
 * wire that the admin trusts.
 *
 * Used where the server offers them: SIZE (RFC 1870), 8BITMIME (RFC 6152),
 * DSN, SMTPUTF8 (RFC 6531). No pipelining: what a round trip on loopback
 * costs is nothing beside the milter's commit.
 *
 * Lines of the message end in CRLF whatever they ended in, a lone CR stays; a
 * dot at the start of a line is doubled. Threads: one owner. */
#ifndef AGENT_OUT_SMTP_H
#define AGENT_OUT_SMTP_H

#include "policy/base/str.h"

#include <stdatomic.h>

struct smtp_options {
	struct str server;  /* "127.0.0.1:10026"; borrowed */
	struct str name;    /* ours, for EHLO; borrowed */
	int64_t command_ms; /* for each whole reply but the last; 0: 30 s */
	int64_t end_ms;     /* for the reply to the message; 0: 10 min */
	const atomic_bool *stop; /* may be NULL; looked at once a second */
};

struct smtp;

/* Nothing is connected yet. NULL when out of memory; o is copied. */
struct smtp *smtp_new(const struct smtp_options *o) MUST_CHECK;
void smtp_free(struct smtp **s); /* says QUIT if it can; NULL is fine */

struct smtp_mail {
	struct str sender; /* without <>; empty: null sender */
	struct str rcpt;   /* without <> */
	/* As they came; RET, ENVID, SMTPUTF8 and NOTIFY, ORCPT count, the rest
	 * is left out. */
	struct strs sender_args, rcpt_args;
	struct str top;     /* header fields to stand above the message's */
	struct str message; /* header and body */
};

/* Where the transaction was when it was answered. */
enum smtp_stage {
	SMTP_STAGE_OPEN, /* greeting, EHLO */
	SMTP_STAGE_MAIL,
	SMTP_STAGE_RCPT,
	SMTP_STAGE_DATA,
	SMTP_STAGE_END, /* the whole message was there */
};

enum {
	SMTP_ENHANCED_MAX = 12,
	SMTP_TEXT_MAX = 512,
};

struct smtp_reply {
	int code;
	enum smtp_stage stage;
	char enhanced[SMTP_ENHANCED_MAX]; /* "4.7.1", or "" */
	char text[SMTP_TEXT_MAX]; /* printable ASCII, lines joined by a blank */
};

/* 0: the server answered, see *out: code 250 at SMTP_STAGE_END means that the
 * message is the server's now; anything else, that it is not. A mail that may
 * not be sent at all (an address with a line end, UTF-8 that the server does
 * not take) is answered here, with code 553 at SMTP_STAGE_MAIL.
 *
 * Negative: no answer, ERR_UNAVAILABLE, ERR_STOPPING, ERR_LIMIT, ERR_SYNTAX
 * (not SMTP), -ENOMEM; the connection is closed, out->stage tells where, and
 * at SMTP_STAGE_END nobody knows what became of the message. Opens the connection where there is
 * none, and keeps it for the next. */
int smtp_send(struct smtp *s, const struct smtp_mail *m, struct smtp_reply *out,
    struct error *err) MUST_CHECK;

/* Closes the connection, so that the next message has one of its own: Postfix
 * keeps to its first opinion of a milter as long as a session lasts. */
void smtp_drop(struct smtp *s);

#endif
