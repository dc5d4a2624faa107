/* verify_worker.h - one process of tendril-verify and the socket to it. Nothing
 * here blocks but for the process to be gone that was killed. Threads: one
 * owner. */
#ifndef AGENT_IN_VERIFY_WORKER_H
#define AGENT_IN_VERIFY_WORKER_H

#include "agent/in/verify_wire.h"

struct verify_worker;

int verify_worker_new(struct verify_worker **out) MUST_CHECK;
void verify_worker_free(struct verify_worker **w); /* stops it; NULL is fine */

/* -errno of posix_spawn() and socketpair(). That the program ends at once is
 * seen later. */
int verify_worker_start(
    struct verify_worker *w, const char *program) MUST_CHECK;
/* Kills it and waits for its end; fine when there is none. */
void verify_worker_stop(struct verify_worker *w);
bool verify_worker_is_running(const struct verify_worker *w);
/* Has said that its sandbox is closed. */
bool verify_worker_is_ready(const struct verify_worker *w);
unsigned verify_worker_mails(const struct verify_worker *w); /* sent to it */
int verify_worker_pid(const struct verify_worker *w); /* 0: not running */

/* Queues a frame of payload and what follows it, which is borrowed until it is
 * sent or the worker stops. ERR_LIMIT: one is queued; -ENOMEM. */
int verify_worker_send(struct verify_worker *w, enum verify_frame type,
    struct str payload, struct str more) MUST_CHECK;
/* What to wait for. */
struct pollfd verify_worker_poll(const struct verify_worker *w);
/* Sends and receives as far as it goes. Any failure: it is of no use any more,
 * but what came before may still be read. */
int verify_worker_move(struct verify_worker *w, short revents) MUST_CHECK;
/* The next frame that came but HELLO, which is kept here; the payload is
 * borrowed until the next call. ERR_NOT_FOUND: not yet; ERR_SYNTAX; -ECONNRESET:
 * the process has ended. */
int verify_worker_next(struct verify_worker *w, enum verify_frame *type_out,
    struct str *payload_out) MUST_CHECK;

#endif
