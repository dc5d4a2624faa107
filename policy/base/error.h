/* error.h - result codes and the text that goes with them.
 *
 * Functions return 0 or a negative code: -errno as it is, or one of ours from
 * -1000 down. Foreign codes (LMDB, OpenSSL, libopendkim) are mapped where the
 * foreign library ends. errno never crosses a module border.
 *
 * struct error lives on the caller's stack and may be NULL. It is set once,
 * where the cause is known; callers may put context in front with
 * error_prefix(). Threads: one owner. */
#ifndef POLICY_BASE_ERROR_H
#define POLICY_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum {
	ERR_LIMIT = -1000,     /* a bound of ours was reached */
	ERR_SYNTAX = -1001,    /* input is not well-formed */
	ERR_FULL = -1002,      /* disk or map full, or storage read-only */
	ERR_CORRUPT = -1003,   /* stored bytes are not what was written */
	ERR_VERSION = -1004,   /* written by another schema version */
	ERR_NOT_FOUND = -1005, /* no such thing */
	ERR_EXISTS = -1006,    /* there already */
	ERR_CRYPTO = -1007,    /* OpenSSL refused, or authentication failed */
	ERR_STALE = -1008, /* decided on an old policy: load it, try again */
	ERR_NEED_COPY =
	    -1009, /* verdict needs a spool copy: write it, try again */
	ERR_STOPPING = -1010,    /* this process is going down */
	ERR_DENIED = -1011,      /* caller's role does not allow it */
	ERR_UNAVAILABLE = -1012, /* the other side does not answer */
	ERR_KEY = -1013,  /* a key is missing, unsafe or of the wrong kind */
	ERR_BUSY = -1014, /* no turn in time: nothing was done, try again */
};

struct error {
	int code;
	char text[320];
};

/* Sets code and text (truncated to fit) if err is not NULL. Returns code, so
 * that `return error_set(err, ERR_LIMIT, ...)` reads well. */
int error_set(struct error *err, int code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* 0 for 0; else sets "WHAT: " and error_text(code), and returns code. */
int error_of(struct error *err, int code, const char *what);

/* Puts "text: " in front of what is there. */
void error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One short English phrase for any code; never NULL. */
const char *error_text(int code);

/* A broken invariant: prints and aborts. Never for bad input. */
_Noreturn void bug(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
