/* tap.h - the least that a TAP test program needs.
 *
 *   int main(void)
 *   {
 *           OK(1 + 1 == 2, "sums");
 *           IS_STR(got, "want", "name of case %d", i);
 *           return tap_done();
 *   }
 *
 * tap_done() prints the plan and returns 1 if anything failed or no test
 * ran. */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include "policy/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For loops that must end and work that must not be a square: no machine is so
 * slow, no square so quick. Never a measure of speed; that is `make bench`. */
enum {
	TAP_ENDLESS_MS = 60000
};

static int tap_run, tap_failed;

__attribute__((unused)) PRINTF_LIKE(4, 5) static bool tap_ok(
    bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", ok ? "" : "not ", ++tap_run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!ok) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return ok;
}

/* Prints bytes so that a failing test shows what it saw. */
__attribute__((unused)) static void tap_show(const char *what, struct str s)
{
	printf("#   %s (%zu bytes): ", what, s.n);
	for (size_t i = 0; i < s.n && i < 400; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= ' ' && c < 0x7f && c != '\\')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	putchar('\n');
}

#define OK(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define IS_INT(got, want, ...)                                                 \
	do {                                                                   \
		long long g_ = (long long)(got), w_ = (long long)(want);       \
		if (!tap_ok(g_ == w_, __FILE__, __LINE__, __VA_ARGS__))        \
			printf("#   got %lld, want %lld\n", g_, w_);           \
	} while (0)
#define IS_S(got, want, ...)                                                   \
	do {                                                                   \
		struct str g_ = (got), w_ = (want);                            \
		if (!tap_ok(                                                   \
			str_eq(g_, w_), __FILE__, __LINE__, __VA_ARGS__)) {    \
			tap_show("got ", g_);                                  \
			tap_show("want", w_);                                  \
		}                                                              \
	} while (0)
#define IS_STR(got, want, ...) IS_S(str_of(got), str_of(want), __VA_ARGS__)

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed > 0 || tap_run == 0;
}

#endif
