/* smtpconn.h - a TCP connection that speaks lines, with deadlines: the bytes
 * below smtp.h. Every call has its own time; a peer that trickles gets no more
 * by it. What the peer sends is bounded. After any failure the connection is
 * of no use and is closed by its owner. Threads: one owner. */
#ifndef AGENT_OUT_SMTPCONN_H
#define AGENT_OUT_SMTPCONN_H

#include "policy/base/buf.h"

#include <stdatomic.h>

enum {
	SMTPCONN_LINE_MAX = 2048 /* RFC 5321 section 4.5.3.1.5: 512 */
};

struct smtpconn;

/* hostport: "127.0.0.1:10026", "[::1]:25", "localhost:25". stop (may be NULL)
 * is looked at once a second: ERR_STOPPING. Else ERR_UNAVAILABLE, -ENOMEM. */
int smtpconn_open(struct smtpconn **out, struct str hostport,
    int64_t timeout_ms, const atomic_bool *stop, struct error *err) MUST_CHECK;
void smtpconn_close(struct smtpconn **c); /* NULL is fine */

int smtpconn_write(struct smtpconn *c, struct str data, int64_t timeout_ms,
    struct error *err) MUST_CHECK;
/* One line without its end (CRLF or LF); borrowed until the next read.
 * ERR_LIMIT when it is longer than SMTPCONN_LINE_MAX. */
int smtpconn_line(struct smtpconn *c, int64_t timeout_ms, struct str *out,
    struct error *err) MUST_CHECK;
/* Has the peer said or closed something that nobody asked for? */
bool smtpconn_is_quiet(const struct smtpconn *c);

#endif
