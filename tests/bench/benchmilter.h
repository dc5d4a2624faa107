/* benchmilter.h - a filter on libmilter that does next to nothing: the floor
 * under every filter. What it adds to that is the hooks' work.
 *
 * Threads: libmilter calls a session's hooks one at a time, different sessions
 * at once and on any thread. */
#ifndef TESTS_BENCH_BENCHMILTER_H
#define TESTS_BENCH_BENCHMILTER_H

#include "policy/base/buf.h"

/* No answers to headers, end of headers and body, exact header values, no DATA,
 * no unknown commands. bench.py asks a running tendril-milter what it
 * negotiates and passes that as --steps. */
#define BENCH_STEPS 0x1c0380UL

enum {
	BENCH_MAX_HEADERS = 2
};

struct bench_hooks {
	/* A message begins; NULL: out of memory. */
	void *(*begin)(void);
	void (*body)(void *message, struct str chunk);
	/* The values of the headers to insert at the top, named `header`, the
	 * last one uppermost. *n_out <= BENCH_MAX_HEADERS. */
	int (*end)(void *message, struct buf *values, size_t *n_out) MUST_CHECK;
	void (*drop)(void *message);
	const char *header;
};

/* main() of such a filter: -s SOCKET, --nr, --steps HEX. Returns its exit
 * status when libmilter has stopped (SIGTERM). */
int benchmilter_main(int argc, char **argv, const struct bench_hooks *hooks);

#endif
