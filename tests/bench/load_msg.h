/* load_msg.h - the messages that milterload sends, event by event.
 *
 * A message is a row of events (MAIL, RCPT..., DATA, headers, end of headers,
 * body chunks, end of message), numbered from 0; load_msg_put() writes one of
 * them with its macros as Postfix does. Message number n is always the same
 * message. Pure. Threads: any, after load_msg_init(). */
#ifndef TESTS_BENCH_LOAD_MSG_H
#define TESTS_BENCH_LOAD_MSG_H

#include "tests/mta/mtaproto.h"

struct load_shape {
	struct str daemon_name; /* listener, {daemon_name} */
	struct str client;      /* client's IPv4 address */
	struct str auth;        /* SASL user; empty: none */
	struct str from_domain; /* of From, sender and Message-ID */
	struct str rcpt_domain;
	uint64_t rcpt_first; /* recipients are leadN@rcpt_domain, N from */
	uint64_t rcpt_count; /* rcpt_first on; each once before any twice */
	size_t rcpts;        /* of one message */
	size_t headers;      /* at least LOAD_MIN_HEADERS */
	size_t body_bytes;
	const struct str *extra; /* "Name: value" */
	size_t n_extra;
	uint64_t run; /* makes Message-IDs of different runs differ */

	/* load_msg_init()'s. */
	struct buf body;
	uint64_t step;
};

enum {
	LOAD_MIN_HEADERS = 5,
	LOAD_MAX_HEADERS = 10000
};

/* Makes the body and the order of recipients. ERR_LIMIT: sizes above what a
 * bench needs. load_msg_fini() in either case. */
int load_msg_init(struct load_shape *s, struct error *err) MUST_CHECK;
void load_msg_fini(struct load_shape *s);

/* CONNECT and HELO, each with its macros. */
void load_msg_connect(const struct load_shape *s, struct buf *out);
void load_msg_helo(const struct load_shape *s, struct buf *out);

size_t load_msg_events(const struct load_shape *s);
enum mta_command load_msg_command(const struct load_shape *s, size_t event);
/* steps: as negotiated (leading space of headers). */
void load_msg_put(const struct load_shape *s, uint32_t steps, uint64_t number,
    size_t event, struct buf *out);

#endif
