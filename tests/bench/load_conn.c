/* load_conn.c - see load_conn.h. */
#include "tests/bench/load_conn.h"

#include <errno.h>
#include <unistd.h>

enum {
	READ_AT_ONCE = 16384,
	MAX_IN = 1 << 20,
	MAX_OUT = 128 << 20
};

void load_conn_init(struct load_conn *c, const struct load_shape *shape,
    const struct mta_address *address, bool new_session)
{
	*c = (struct load_conn){
	    .shape = shape,
	    .address = address,
	    .new_session = new_session,
	    .state = LOAD_CLOSED,
	    .fd = -1,
	};
	buf_init(&c->out, MAX_OUT);
	buf_init(&c->in, MAX_IN);
}

static void hang_up(struct load_conn *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->state = LOAD_CLOSED;
	buf_reset(&c->out);
	buf_reset(&c->in);
	c->written = c->taken = 0;
}

/* Writes what the socket takes. False: the peer is gone. */
static bool flush(struct load_conn *c)
{
	while (c->written < c->out.n) {
		struct str rest = str_from(buf_str(&c->out), c->written);
		ssize_t n = send(c->fd, rest.p, rest.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->written += (size_t)n;
	}
	buf_reset(&c->out);
	c->written = 0;
	return true;
}

void load_conn_fini(struct load_conn *c)
{
	if (c->state == LOAD_IDLE) {
		mta_packet(&c->out, MTA_C_QUIT, STR_NULL);
		(void)flush(c); /* nothing hangs on it */
	}
	hang_up(c);
	buf_fini(&c->out);
	buf_fini(&c->in);
}

bool load_conn_wants_write(const struct load_conn *c)
{
	return c->state == LOAD_DIALING || c->written < c->out.n;
}

/* The next event of the greeting that is answered; idle after the last. */
static void greet(struct load_conn *c)
{
	uint32_t steps = c->options.steps;

	while (c->greeted < 2) {
		enum mta_command command =
		    c->greeted++ == 0 ? MTA_C_CONNECT : MTA_C_HELO;

		if (!mta_is_sent(steps, command))
			continue;
		if (command == MTA_C_CONNECT)
			load_msg_connect(c->shape, &c->out);
		else
			load_msg_helo(c->shape, &c->out);
		c->waiting = command;
		if (mta_is_answered(steps, command))
			return;
	}
	c->state = LOAD_IDLE;
}

int load_conn_dial(struct load_conn *c)
{
	const struct mta_options offer = {MTA_VERSION, MTA_ACTIONS, MTA_STEPS};
	int rc = mta_dial(c->address, true, &c->fd);

	if (rc != 0 && rc != -EINPROGRESS)
		return rc;
	c->state = rc == 0 ? LOAD_GREETING : LOAD_DIALING;
	c->greeted = 0;
	c->waiting = MTA_C_OPTIONS;
	mta_options(&c->out, &offer);
	if (rc == 0 && !flush(c)) {
		hang_up(c);
		return -ECONNRESET;
	}
	return 0;
}

/* Adds events up to the next one that is answered. */
static void talk(struct load_conn *c)
{
	size_t n = load_msg_events(c->shape);

	while (c->event < n) {
		enum mta_command command = load_msg_command(c->shape, c->event);

		if (mta_is_sent(c->options.steps, command)) {
			load_msg_put(c->shape, c->options.steps, c->number,
			    c->event, &c->out);
			c->waiting = command;
		}
		c->event++;
		if (mta_is_sent(c->options.steps, command) &&
		    mta_is_answered(c->options.steps, command))
			return;
	}
}

/* Moves on to the first event after all of `command`. */
static void skip(struct load_conn *c, enum mta_command command)
{
	while (c->event < load_msg_events(c->shape) &&
	       load_msg_command(c->shape, c->event) == command)
		c->event++;
}

void load_conn_start(struct load_conn *c, uint64_t number)
{
	c->number = number;
	c->event = 0;
	c->rcpts_refused = 0;
	c->quarantined = false;
	c->changes = 0;
	c->state = LOAD_BUSY;
	talk(c);
	if (!flush(c))
		(void)shutdown(c->fd, SHUT_RDWR); /* read() will tell */
}

/* The message is over; what the MTA says next. */
static bool finish(struct load_conn *c, enum load_outcome outcome)
{
	c->outcome = outcome;
	if (outcome == LOAD_LOST) {
		hang_up(c);
		return true;
	}
	mta_packet(&c->out, MTA_C_ABORT, STR_NULL);
	if (c->new_session) {
		mta_packet(&c->out, MTA_C_QUIT, STR_NULL);
		(void)flush(c); /* nothing hangs on it */
		hang_up(c);
	} else {
		c->state = LOAD_IDLE;
	}
	return true;
}

static enum load_outcome outcome_of(
    const struct load_conn *c, char code, struct str text)
{
	switch (code) {
	case MTA_R_CONTINUE:
	case MTA_R_ACCEPT:
		return c->quarantined ? LOAD_QUARANTINE : LOAD_ACCEPT;
	case MTA_R_DISCARD:
		return LOAD_DISCARD;
	case MTA_R_REJECT:
		return LOAD_REJECT;
	case MTA_R_TEMPFAIL:
		return LOAD_TEMPFAIL;
	case MTA_R_CODE:
		return str_starts(text, STR("5")) ? LOAD_REJECT : LOAD_TEMPFAIL;
	default:
		return LOAD_LOST;
	}
}

/* One answer within a message. True: the message has ended. */
static bool answered(struct load_conn *c, const struct mta_packet *p)
{
	enum load_outcome o = outcome_of(c, p->code, p->data);

	if (c->waiting == MTA_C_EOM || p->code == MTA_R_ACCEPT ||
	    p->code == MTA_R_DISCARD)
		return finish(c, o);
	if (p->code == MTA_R_SKIP) {
		skip(c, c->waiting);
	} else if (o == LOAD_REJECT || o == LOAD_TEMPFAIL) {
		if (c->waiting != MTA_C_RCPT ||
		    ++c->rcpts_refused == c->shape->rcpts)
			return finish(c, o);
	} else if (o == LOAD_LOST) {
		return finish(c, o);
	}
	talk(c);
	return false;
}

static bool greeted(struct load_conn *c, const struct mta_packet *p)
{
	if (c->waiting == MTA_C_OPTIONS) {
		if (mta_parse_options(p, &c->options) != 0)
			return false;
	} else if (p->code != MTA_R_CONTINUE) {
		return false; /* a bench's client is welcome or the bench is wrong */
	}
	greet(c);
	return true;
}

/* One packet. True: the message has ended. A lost greeting closes only. */
static bool take(struct load_conn *c, const struct mta_packet *p)
{
	struct mta_change change;

	if (p->code == MTA_R_PROGRESS)
		return false;
	if (c->state == LOAD_GREETING) {
		if (!greeted(c, p))
			hang_up(c);
		return false;
	}
	if (c->state != LOAD_BUSY)
		return finish(c, LOAD_LOST);
	if (!mta_is_change(p->code))
		return answered(c, p);
	if (c->waiting != MTA_C_EOM || mta_parse_change(p, &change) != 0)
		return finish(c, LOAD_LOST);
	c->changes++;
	c->quarantined |= p->code == MTA_R_QUARANTINE;
	return false;
}

/* All whole packets that are there. */
static bool take_all(struct load_conn *c)
{
	struct str rest = str_from(buf_str(&c->in), c->taken);
	struct mta_packet p;
	bool ended = false;
	int rc = 0;

	while (
	    !ended && c->state != LOAD_CLOSED && (rc = mta_next(&rest, &p)) > 0)
		ended = take(c, &p);
	if (c->state == LOAD_CLOSED)
		return ended;
	if (rc < 0)
		return finish(c, LOAD_LOST);
	c->taken = c->in.n - rest.n;
	if (rest.n == 0) {
		buf_reset(&c->in);
		c->taken = 0;
	}
	return ended;
}

/* False: end of stream or a failure. */
static bool fill(struct load_conn *c, bool *more_out)
{
	char *room = buf_extend(&c->in, READ_AT_ONCE);
	ssize_t n = -1;

	*more_out = false;
	if (room == NULL)
		return false;
	do
		n = recv(c->fd, room, READ_AT_ONCE, 0);
	while (n < 0 && errno == EINTR);
	buf_truncate(&c->in, c->in.n - READ_AT_ONCE + (n > 0 ? (size_t)n : 0));
	*more_out = n > 0;
	return n > 0 || (n < 0 && errno == EAGAIN);
}

bool load_conn_ready(struct load_conn *c)
{
	bool busy = c->state == LOAD_BUSY, more, ended = false;

	if (c->state == LOAD_DIALING)
		c->state = LOAD_GREETING;
	if (!flush(c) || !fill(c, &more)) {
		hang_up(c);
		c->outcome = LOAD_LOST;
		return busy;
	}
	if (more)
		ended = take_all(c);
	if (c->state == LOAD_BUSY || c->state == LOAD_GREETING)
		if (!flush(c)) {
			hang_up(c);
			c->outcome = LOAD_LOST;
			return ended || busy;
		}
	return ended;
}
