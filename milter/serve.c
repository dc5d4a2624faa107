/* serve.c - see serve.h.
 *
 * libmilter has a thread that waits for the same signals, and from the moment
 * it gets one no session reads another command: what was between MAIL and the
 * end of message hangs until the process ends. So libmilter runs in a thread
 * of its own and the signals are for the main thread, which the kernel prefers
 * when it waits for them (Linux, complete_signal()). libmilter is never told
 * to stop: the process just ends. */
#include "milter/serve.h"

#include "milter/smfi.h"
#include "policy/base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum {
	DRAIN_MS = 30000,
	POLL_MS = 10,
	/* libmilter sends an answer after our function that gave it ended. */
	QUIET_POLLS = 10
};

struct serving {
	pthread_t main;
	struct error err;
	int rc;
	atomic_bool over; /* rc and err are there: libmilter gave up */
};

static void *serve_loop(void *arg)
{
	struct serving *s = arg;

	s->rc = smfi_serve(&s->err);
	atomic_store(&s->over, true);
	(void)pthread_kill(s->main, SIGTERM);
	return NULL;
}

static void stop_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGHUP);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGTERM);
}

/* Until no message is in work for `polls` looks; false when the time or the
 * patience of who sent the signal is over. */
static bool wait_quiet(
    struct shared *sh, const sigset_t *stop, int polls, int64_t end_ms)
{
	const struct timespec poll = {.tv_nsec = POLL_MS * 1000000};

	for (int quiet = 0; quiet < polls;) {
		if (sigtimedwait(stop, NULL, &poll) > 0 ||
		    clock_mono_ms() >= end_ms)
			return false;
		quiet = atomic_load(&sh->in_flight) > 0 ? 0 : quiet + 1;
	}
	return true;
}

static void drain(struct shared *sh, const sigset_t *stop)
{
	int64_t end_ms = clock_mono_ms() + DRAIN_MS;

	atomic_store(&sh->stage, SHARED_DRAINING);
	smfi_close_socket();
	if (!wait_quiet(sh, stop, QUIET_POLLS, end_ms))
		return;
	atomic_store(&sh->stage, SHARED_OVER);
	(void)wait_quiet(sh, stop, 1, end_ms);
}

int serve_until_stop(struct shared *sh, struct error *err)
{
	struct serving s = {.main = pthread_self()};
	pthread_t thread;
	sigset_t stop;
	int sig, rc;

	stop_signals(&stop);
	rc = pthread_create(&thread, NULL, serve_loop, &s);
	if (rc != 0)
		return error_of(err, -rc, "thread");
	while (sigwait(&stop, &sig) != 0)
		;
	drain(sh, &stop);
	if (!atomic_load(&s.over))
		return 0;
	*err = s.err;
	return s.rc;
}
