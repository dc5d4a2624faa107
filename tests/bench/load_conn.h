/* load_conn.h - one connection of milterload to the filter: a non-blocking
 * MTA, driven by the caller's epoll loop.
 *
 * What is not answered is written together with what follows, up to the next
 * event that is answered, as Postfix's buffered streams do. After each message
 * comes ABORT, as smtpd(8) does it, or, with new_session, QUIT and a new
 * connection. Threads: one owner. */
#ifndef TESTS_BENCH_LOAD_CONN_H
#define TESTS_BENCH_LOAD_CONN_H

#include "tests/bench/load_msg.h"
#include "tests/mta/mtadial.h"

enum load_outcome {
	LOAD_ACCEPT,
	LOAD_QUARANTINE,
	LOAD_DISCARD,
	LOAD_REJECT,   /* 5xx, at any stage, of the message's last recipient */
	LOAD_TEMPFAIL, /* 4xx */
	LOAD_LOST,     /* the filter hung up or broke the protocol */
	LOAD_OUTCOMES
};

enum load_state {
	LOAD_CLOSED, /* no socket; may be dialled */
	LOAD_DIALING,
	LOAD_GREETING, /* options, CONNECT, HELO */
	LOAD_IDLE,     /* ready for a message */
	LOAD_BUSY      /* in a message */
};

struct load_conn {
	const struct load_shape *shape;
	const struct mta_address *address;
	bool new_session;

	enum load_state state;
	int fd;
	struct mta_options options; /* negotiated */
	struct buf out, in;
	size_t written, taken;

	size_t greeted;           /* 0: options, 1: CONNECT, 2: HELO */
	size_t event;             /* next event of the message */
	enum mta_command waiting; /* for the answer to this */
	uint64_t number;
	size_t rcpts_refused;
	bool quarantined;

	/* Of the finished message. */
	enum load_outcome outcome;
	uint64_t changes; /* asked for by its answers */

	uint64_t messages; /* the caller's count */
	int64_t due_ns;    /* the caller's: since when the message waits */
};

void load_conn_init(struct load_conn *c, const struct load_shape *shape,
    const struct mta_address *address, bool new_session);
void load_conn_fini(struct load_conn *c); /* says QUIT when idle */

/* From LOAD_CLOSED. 0: the caller puts c->fd into its loop; -EAGAIN: the
 * listener's queue is full, try again later; else the filter is not there. */
int load_conn_dial(struct load_conn *c) MUST_CHECK;

/* From LOAD_IDLE: writes what can be written of message `number`. */
void load_conn_start(struct load_conn *c, uint64_t number);

/* After the socket became readable or writable. True: a message has ended, see
 * c->outcome; the state tells what the connection can do next. */
bool load_conn_ready(struct load_conn *c) MUST_CHECK;

/* Does it wait until it can write? */
bool load_conn_wants_write(const struct load_conn *c);

#endif
