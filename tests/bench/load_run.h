/* load_run.h - one run of milterload, printed to standard output as one figure
 * a line: name, value, unit, separated by tabs.
 *
 * Closed loop: each connection sends its next message when the last one was
 * answered. Open loop (rate > 0): messages fall due at fixed times whether or
 * not the filter keeps up, and a latency counts from the due time, so that a
 * stalled filter cannot hide behind messages that were never sent.
 *
 * A run: all connections greet (libmilter's worker pool lets newcomers wait
 * while others are busy, so nobody starts before), warm-up (not counted), the
 * window, then a drain in which no message begins and those under way end. The
 * rate is of the window; the drained ones still count for the latencies, and so
 * do, with their age, those that never end: a starved session shows.
 * Threads: one owner. */
#ifndef TESTS_BENCH_LOAD_RUN_H
#define TESTS_BENCH_LOAD_RUN_H

#include "tests/bench/load_msg.h"

struct load_options {
	const char *address;
	uint64_t connections;
	uint64_t seconds_ms, warmup_ms, drain_ms;
	uint64_t messages; /* stop after so many; 0: by time */
	uint64_t rate;     /* messages a second; 0: closed loop */
	uint64_t pid;      /* the filter's process; 0: not told */
	bool new_session;  /* a connection for each message */
	struct load_shape shape;
};

/* shape is load_msg_init()'ed. ERR_UNAVAILABLE: not all connections were
 * greeted, or no message was answered. */
int load_run(const struct load_options *o, struct error *err) MUST_CHECK;

#endif
