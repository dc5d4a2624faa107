/* mtaconn.h - one connection to a filter, blocking: for small programs and
 * tests in C. milterload has its own loop; tests in Python have
 * milterclient.py, which also applies the changes.
 *
 * Every call has the deadline given at open. -ETIMEDOUT: the filter is silent;
 * ERR_UNAVAILABLE: it hung up; ERR_SYNTAX: it broke the protocol. After any
 * failure only mtaconn_close() makes sense. Threads: one owner. */
#ifndef TESTS_MTA_MTACONN_H
#define TESTS_MTA_MTACONN_H

#include "tests/mta/mtaproto.h"

struct mtaconn;

/* Called for each change as it comes; what it points at dies on return. */
typedef void mtaconn_change_fn(void *arg, const struct mta_change *change);

/* code 0: the event was not sent or is not answered, as negotiated. text: of
 * MTA_R_CODE only; borrowed until the next call. */
struct mtaconn_answer {
	char code;
	struct str text;
};

/* Connects and negotiates. ERR_VERSION: the filter wants more than offered. */
int mtaconn_open(const char *address, const struct mta_options *offer,
    int64_t timeout_ms, struct mtaconn **out, struct error *err) MUST_CHECK;
void mtaconn_close(struct mtaconn **c);

/* What the filter asked for. */
const struct mta_options *mtaconn_options(const struct mtaconn *c);

/* Sends macros and the event that `packet` holds (whole, from mta_*()), unless
 * negotiated away, and waits for the answer, unless there is none. Changes are
 * taken at MTA_C_EOM only and only if their action was negotiated; on_change
 * may be NULL. */
int mtaconn_event(struct mtaconn *c, enum mta_command command,
    const struct buf *macros, const struct buf *packet,
    struct mtaconn_answer *out, struct error *err) MUST_CHECK;
void mtaconn_on_change(struct mtaconn *c, mtaconn_change_fn *fn, void *arg);

/* Sends without waiting: ABORT, QUIT, and whatever a hostile test likes. */
int mtaconn_write(
    struct mtaconn *c, struct str bytes, struct error *err) MUST_CHECK;

#endif
