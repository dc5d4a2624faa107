/* load_run.c - see load_run.h. */
#include "tests/bench/load_run.h"

#include "tests/bench/load_conn.h"
#include "tests/bench/load_stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS_AT_ONCE = 256,
	DIAL_RETRY_MS = 1,
	GREET_S = 20
};

static const int64_t SECOND_NS = 1000000000, MS_NS = 1000000;

/* One run. Connections that wait for a message stand in a ring, the one that
 * waits longest first. */
struct load {
	const struct load_options *o;
	struct mta_address address;
	struct load_conn *conns;
	bool *wants_write; /* as epoll was told */
	uint32_t *idle;
	size_t idle_head, idle_n;
	int epoll;

	uint64_t started, ended; /* messages of the whole run */
	uint64_t counted;        /* ended in the window */
	uint64_t outcomes[LOAD_OUTCOMES], changes;
	uint64_t dial_failures, undialled;
	struct load_hist hist;
	/* Start of run (0: still greeting), of window (0: still warming up),
	 * end of window. */
	int64_t begin_ns, window_ns, end_ns;
	struct load_proc before, after;
};

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void push_idle(struct load *l, size_t i)
{
	l->idle[(l->idle_head + l->idle_n++) % l->o->connections] = (uint32_t)i;
}

/* Tells epoll what connection i waits for; op: EPOLL_CTL_ADD or _MOD. */
static void watch(struct load *l, size_t i, int op)
{
	struct load_conn *c = &l->conns[i];
	bool write = load_conn_wants_write(c);
	struct epoll_event e = {
	    .events = write ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.u64 = i};

	if (op == EPOLL_CTL_MOD && write == l->wants_write[i])
		return;
	l->wants_write[i] = write;
	if (epoll_ctl(l->epoll, op, c->fd, &e) != 0)
		bug("epoll_ctl: %s", error_text(-errno));
}

/* Dials connection i; what the listener's queue has no room for is tried again
 * by dial_all(). */
static void dial(struct load *l, size_t i)
{
	int rc = load_conn_dial(&l->conns[i]);

	if (rc == 0)
		watch(l, i, EPOLL_CTL_ADD);
	else
		l->undialled++;
	if (rc != 0 && rc != -EAGAIN)
		l->dial_failures++;
}

static void dial_all(struct load *l)
{
	l->undialled = 0;
	for (size_t i = 0; i < l->o->connections; i++)
		if (l->conns[i].state == LOAD_CLOSED)
			dial(l, i);
}

static int64_t due_ns(const struct load *l, uint64_t number)
{
	return l->begin_ns + (int64_t)((unsigned __int128)number *
				       (uint64_t)SECOND_NS / l->o->rate);
}

/* May a message begin now? */
static bool may_start(const struct load *l, int64_t now)
{
	const struct load_options *o = l->o;

	if (l->begin_ns == 0 || (o->messages > 0 && l->started >= o->messages))
		return false;
	if (o->messages == 0 && now >= l->end_ns)
		return false;
	return o->rate == 0 || due_ns(l, l->started) <= now;
}

static void start_due(struct load *l, int64_t now)
{
	while (l->idle_n > 0 && may_start(l, now)) {
		size_t i = l->idle[l->idle_head];
		struct load_conn *c = &l->conns[i];

		l->idle_head = (l->idle_head + 1) % l->o->connections;
		l->idle_n--;
		c->due_ns = l->o->rate > 0 ? due_ns(l, l->started) : now;
		load_conn_start(c, l->started++);
		watch(l, i, EPOLL_CTL_MOD);
	}
}

static void count(struct load *l, struct load_conn *c, int64_t now)
{
	l->ended++;
	if (l->window_ns == 0)
		return; /* still warming up */
	load_hist_add(&l->hist, (uint64_t)(now - c->due_ns) / 1000);
	l->outcomes[c->outcome]++;
	l->changes += c->changes;
	if (now < l->end_ns) {
		l->counted++;
		c->messages++;
	}
}

static void on_event(struct load *l, size_t i)
{
	struct load_conn *c = &l->conns[i];
	enum load_state before = c->state;
	bool ended = load_conn_ready(c);

	if (ended)
		count(l, c, now_ns());
	if (c->state == LOAD_CLOSED) {
		if (!ended)
			l->dial_failures++;
		dial(l, i);
		return;
	}
	if (c->state == LOAD_IDLE && (ended || before != LOAD_IDLE))
		push_idle(l, i);
	watch(l, i, EPOLL_CTL_MOD);
}

/* Nanoseconds until something is to be done without an event. */
static int64_t patience(const struct load *l, int64_t now, int64_t until)
{
	int64_t wait = until - now;

	if (l->undialled > 0 && wait > DIAL_RETRY_MS * MS_NS)
		wait = DIAL_RETRY_MS * MS_NS;
	if (l->o->rate > 0 && l->idle_n > 0 && l->begin_ns > 0 &&
	    now < l->end_ns) {
		int64_t due = due_ns(l, l->started) - now;
		wait = due < wait ? due : wait;
	}
	return wait > 0 ? wait : 0;
}

static bool is_done(const struct load *l)
{
	return l->o->messages > 0 && l->ended >= l->o->messages;
}

enum until {
	UNTIL_TIME,
	UNTIL_ALL_IDLE,  /* or the time */
	UNTIL_NO_MESSAGE /* is under way, or the time */
};

static bool reached(const struct load *l, enum until what)
{
	return (what == UNTIL_ALL_IDLE &&
		   (l->idle_n == l->o->connections || l->dial_failures > 0)) ||
	       (what == UNTIL_NO_MESSAGE && l->ended == l->started);
}

static void run_until(struct load *l, int64_t until, enum until what)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	for (int64_t now = now_ns(); now < until && !is_done(l);
	     now = now_ns()) {
		struct timespec t;
		int64_t wait;
		int n;

		start_due(l, now);
		if (reached(l, what))
			return;
		wait = patience(l, now, until);
		t = (struct timespec){wait / SECOND_NS, wait % SECOND_NS};
		n = epoll_pwait2(l->epoll, events, EVENTS_AT_ONCE, &t, NULL);
		if (n < 0 && errno != EINTR)
			bug("epoll_pwait2: %s", error_text(-errno));
		for (int i = 0; i < n; i++)
			on_event(l, (size_t)events[i].data.u64);
		if (l->undialled > 0)
			dial_all(l);
	}
}

static int sample(
    const struct load *l, struct load_proc *out, struct error *err)
{
	return l->o->pid > 0 ? load_proc_read((pid_t)l->o->pid, out, err) : 0;
}

/* Messages that never ended count with their age. */
static uint64_t count_unfinished(struct load *l, int64_t now)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->o->connections; i++) {
		const struct load_conn *c = &l->conns[i];
		if (c->state != LOAD_BUSY)
			continue;
		load_hist_add(&l->hist, (uint64_t)(now - c->due_ns) / 1000);
		n++;
	}
	return n;
}

static void line_u(const char *name, uint64_t value, const char *unit)
{
	(void)printf("%s\t%" PRIu64 "\t%s\n", name, value, unit);
}

static void line_f(const char *name, double value, const char *unit)
{
	(void)printf("%s\t%.3f\t%s\n", name, value, unit);
}

/* Jain's index: 1 when all connections got the same, 1/n when one got all. */
static double fairness(const uint64_t *each, size_t n)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < n; i++) {
		sum += (double)each[i];
		squares += (double)each[i] * (double)each[i];
	}
	return squares > 0 ? sum * sum / ((double)n * squares) : 0;
}

static void print_fairness(struct load *l)
{
	size_t n = l->o->connections;
	uint64_t *each = calloc(n, sizeof(*each)), median;

	if (each == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		each[i] = l->conns[i].messages;
	median = load_median(each, n);
	line_f("fairness", fairness(each, n), "of 1");
	line_u("connection_min", each[0], "msgs");
	line_u("connection_median", median, "msgs");
	line_u("connection_max", each[n - 1], "msgs");
	free(each);
}

static void print_latency(const struct load *l)
{
	line_f("p50", load_hist_ms(&l->hist, 0.50), "ms");
	line_f("p90", load_hist_ms(&l->hist, 0.90), "ms");
	line_f("p99", load_hist_ms(&l->hist, 0.99), "ms");
	line_f("max", (double)l->hist.max_us / 1000, "ms");
}

static void print_outcomes(const struct load *l)
{
	static const char *const names[LOAD_OUTCOMES] = {"accepted",
	    "quarantined", "discarded", "rejected", "tempfailed", "lost"};

	for (size_t i = 0; i < LOAD_OUTCOMES; i++)
		line_u(names[i], l->outcomes[i], "msgs");
	line_u("changes", l->changes, "changes");
}

static void print_process(const struct load *l)
{
	uint64_t cpu = l->after.cpu_us - l->before.cpu_us;

	if (l->o->pid == 0)
		return;
	line_f("cpu_per_message",
	    l->counted > 0 ? (double)cpu / (double)l->counted : 0, "us");
	line_u("rss", l->after.rss_kb, "KB");
	line_u("rss_peak", l->after.peak_kb, "KB");
	line_u("threads", l->after.threads, "threads");
}

static void report(struct load *l, int64_t now, uint64_t unfinished)
{
	int64_t end = l->o->messages > 0 ? now : l->end_ns;
	double seconds = (double)(end - l->window_ns) / (double)SECOND_NS;

	line_u("messages", l->counted, "msgs");
	line_f("seconds", seconds, "s");
	line_f(
	    "rate", seconds > 0 ? (double)l->counted / seconds : 0, "msgs/s");
	print_latency(l);
	print_fairness(l);
	print_outcomes(l);
	line_u("unfinished", unfinished, "msgs");
	line_u("dial_failures", l->dial_failures, "times");
	print_process(l);
	(void)printf(
	    "steps\t0x%" PRIx32 "\tflags\n", l->conns[0].options.steps);
}

static int run(struct load *l, struct error *err)
{
	const struct load_options *o = l->o;
	uint64_t unfinished;
	int64_t now;
	int rc;

	l->end_ns = INT64_MAX;
	dial_all(l);
	run_until(l, now_ns() + GREET_S * SECOND_NS, UNTIL_ALL_IDLE);
	if (l->idle_n < o->connections)
		return error_set(err, ERR_UNAVAILABLE,
		    "%s: %zu of %" PRIu64 " connections were greeted",
		    o->address, l->idle_n, o->connections);
	l->begin_ns = now_ns();
	run_until(l, l->begin_ns + (int64_t)o->warmup_ms * MS_NS, UNTIL_TIME);
	rc = sample(l, &l->before, err);
	if (rc != 0)
		return rc;
	l->window_ns = now_ns();
	if (o->messages == 0)
		l->end_ns = l->window_ns + (int64_t)o->seconds_ms * MS_NS;
	run_until(l, l->window_ns + (int64_t)o->seconds_ms * MS_NS, UNTIL_TIME);
	now = now_ns();
	rc = sample(l, &l->after, err);
	if (rc != 0)
		return rc;
	run_until(l, now + (int64_t)o->drain_ms * MS_NS, UNTIL_NO_MESSAGE);
	unfinished = count_unfinished(l, now_ns());
	report(l, now, unfinished);
	return l->counted > 0 ? 0
			      : error_set(err, ERR_UNAVAILABLE,
				    "%s: no message was answered", o->address);
}

static void load_close(struct load *l)
{
	for (size_t i = 0; l->conns != NULL && i < l->o->connections; i++)
		load_conn_fini(&l->conns[i]);
	free(l->conns);
	free(l->wants_write);
	free(l->idle);
	if (l->epoll >= 0)
		(void)close(l->epoll);
}

int load_run(const struct load_options *o, struct error *err)
{
	struct load *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (l == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	l->o = o;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->conns = calloc(o->connections, sizeof(*l->conns));
	l->wants_write = calloc(o->connections, sizeof(*l->wants_write));
	l->idle = calloc(o->connections, sizeof(*l->idle));
	if (l->epoll < 0 || l->conns == NULL || l->wants_write == NULL ||
	    l->idle == NULL)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = mta_address(o->address, &l->address, err);
	if (rc == 0) {
		for (size_t i = 0; i < o->connections; i++)
			load_conn_init(&l->conns[i], &o->shape, &l->address,
			    o->new_session);
		rc = run(l, err);
	}
	load_close(l);
	free(l);
	return rc;
}
