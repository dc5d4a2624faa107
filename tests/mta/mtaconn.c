/* mtaconn.c - see mtaconn.h. */
#include "tests/mta/mtaconn.h"

#include "policy/base/clock.h"
#include "tests/mta/mtadial.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	READ_AT_ONCE = 16384
};

struct mtaconn {
	int fd;
	int64_t timeout_ms;
	struct mta_options options;
	struct buf in;
	size_t taken; /* bytes of `in` that are done with */
	mtaconn_change_fn *on_change;
	void *arg;
};

static int wait_for(
    const struct mtaconn *c, short events, int64_t deadline, struct error *err)
{
	struct pollfd p = {.fd = c->fd, .events = events};
	int n;

	do {
		int64_t left = deadline - clock_mono_ms();
		n = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return error_set(err, -ETIMEDOUT, "the filter is silent");
	return n < 0 ? error_set(err, -errno, "poll") : 0;
}

int mtaconn_write(struct mtaconn *c, struct str bytes, struct error *err)
{
	int64_t deadline = clock_mono_ms() + c->timeout_ms;

	while (bytes.n > 0) {
		int rc = wait_for(c, POLLOUT, deadline, err);
		ssize_t n;

		if (rc != 0)
			return rc;
		n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return error_set(
			    err, ERR_UNAVAILABLE, "the filter hung up");
		bytes = str_from(bytes, (size_t)n);
	}
	return 0;
}

/* The next packet; it stays valid until the next call. */
static int read_packet(struct mtaconn *c, int64_t deadline,
    struct mta_packet *out, struct error *err)
{
	for (;;) {
		struct str rest = str_from(buf_str(&c->in), c->taken);
		int rc = mta_next(&rest, out);
		char *room;
		ssize_t n;

		if (rc < 0)
			return error_set(err, ERR_SYNTAX, "bad packet length");
		if (rc > 0) {
			c->taken = c->in.n - rest.n;
			return 0;
		}
		if (rest.n == 0) {
			buf_reset(&c->in);
			c->taken = 0;
		}
		rc = wait_for(c, POLLIN, deadline, err);
		if (rc != 0)
			return rc;
		room = buf_extend(&c->in, READ_AT_ONCE);
		if (room == NULL)
			return error_set(err, buf_error(&c->in), "replies");
		n = recv(c->fd, room, READ_AT_ONCE, MSG_DONTWAIT);
		buf_truncate(
		    &c->in, c->in.n - READ_AT_ONCE + (n > 0 ? (size_t)n : 0));
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return error_set(
			    err, ERR_UNAVAILABLE, "the filter hung up");
	}
}

static int negotiate(
    struct mtaconn *c, const struct mta_options *offer, struct error *err)
{
	struct mta_packet p;
	struct buf out;
	int rc;

	buf_init(&out, 64);
	mta_options(&out, offer);
	rc = buf_error(&out);
	if (rc == 0)
		rc = mtaconn_write(c, buf_str(&out), err);
	if (rc == 0)
		rc = read_packet(c, clock_mono_ms() + c->timeout_ms, &p, err);
	if (rc == 0)
		rc = mta_parse_options(&p, &c->options);
	if (rc == 0 && (c->options.version > offer->version ||
			   (c->options.actions & ~offer->actions) != 0))
		rc = error_set(err, ERR_VERSION,
		    "the filter wants version %u, actions %#x",
		    c->options.version, c->options.actions);
	buf_fini(&out);
	return rc;
}

int mtaconn_open(const char *address, const struct mta_options *offer,
    int64_t timeout_ms, struct mtaconn **out, struct error *err)
{
	struct mtaconn *c = calloc(1, sizeof(*c));
	struct mta_address where;
	int rc;

	*out = NULL;
	if (c == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	c->fd = -1;
	c->timeout_ms = timeout_ms;
	buf_init(&c->in, 64u << 20);
	rc = mta_address(address, &where, err);
	if (rc == 0) {
		rc = mta_dial(&where, false, &c->fd);
		if (rc != 0)
			(void)error_set(
			    err, rc, "%s: %s", address, error_text(rc));
	}
	if (rc == 0)
		rc = negotiate(c, offer, err);
	if (rc == 0)
		*out = c;
	else
		mtaconn_close(&c);
	return rc;
}

void mtaconn_close(struct mtaconn **c)
{
	if (*c == NULL)
		return;
	if ((*c)->fd >= 0)
		(void)close((*c)->fd);
	buf_fini(&(*c)->in);
	free(*c);
	*c = NULL;
}

const struct mta_options *mtaconn_options(const struct mtaconn *c)
{
	return &c->options;
}

void mtaconn_on_change(struct mtaconn *c, mtaconn_change_fn *fn, void *arg)
{
	c->on_change = fn;
	c->arg = arg;
}

static int take_change(
    struct mtaconn *c, const struct mta_packet *p, struct error *err)
{
	struct mta_change change;

	if ((mta_action_of(p->code) & c->options.actions) == 0)
		return error_set(err, ERR_SYNTAX, "%s was not negotiated",
		    mta_reply_name(p->code));
	if (mta_parse_change(p, &change) != 0)
		return error_set(err, ERR_SYNTAX, "%s is not well-formed",
		    mta_reply_name(p->code));
	if (c->on_change != NULL)
		c->on_change(c->arg, &change);
	return 0;
}

static int read_answer(struct mtaconn *c, enum mta_command command,
    struct mtaconn_answer *out, struct error *err)
{
	int64_t deadline = clock_mono_ms() + c->timeout_ms;
	struct mta_packet p;
	int rc;

	do {
		rc = read_packet(c, deadline, &p, err);
		if (rc != 0 || p.code == MTA_R_PROGRESS)
			continue;
		if (mta_is_answer(p.code)) {
			out->code = p.code;
			out->text =
			    str_cut(p.data, 0, str_find(p.data, 0, '\0'));
		} else if (command == MTA_C_EOM && mta_is_change(p.code)) {
			rc = take_change(c, &p, err);
		} else {
			rc = error_set(err, ERR_SYNTAX, "reply '%c' after '%c'",
			    p.code, (char)command);
		}
	} while (rc == 0 && out->code == '\0');
	return rc;
}

int mtaconn_event(struct mtaconn *c, enum mta_command command,
    const struct buf *macros, const struct buf *packet,
    struct mtaconn_answer *out, struct error *err)
{
	bool sent = mta_is_sent(c->options.steps, command);
	int rc = 0;

	*out = (struct mtaconn_answer){.code = '\0'};
	if (buf_error(packet) != 0 ||
	    (macros != NULL && buf_error(macros) != 0))
		return error_set(err, ERR_LIMIT, "packet too long");
	if (macros != NULL)
		rc = mtaconn_write(c, buf_str(macros), err);
	if (rc == 0 && sent)
		rc = mtaconn_write(c, buf_str(packet), err);
	if (rc == 0 && sent && mta_is_answered(c->options.steps, command))
		rc = read_answer(c, command, out, err);
	return rc;
}
