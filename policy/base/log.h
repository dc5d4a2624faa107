/* log.h - one event per line, for people and for grep.
 *
 *   event=decision qid=4ZqX segment=newsletter verdict=allow
 *
 * Event names and keys are API: tendril-log(5). Values are quoted
 * and escaped here; text from a peer never goes in raw nor into a format.
 * Output: stderr with sd-daemon level prefix when $JOURNAL_STREAM or
 * TENDRIL_LOG=stderr is set, else syslog (facility mail).
 * Threads: any, after log_open(). */
#ifndef POLICY_BASE_LOG_H
#define POLICY_BASE_LOG_H

#include "policy/base/str.h"

enum log_level {
	LOG_LEVEL_ERR = 3,     /* operator must act */
	LOG_LEVEL_WARNING = 4, /* degraded */
	LOG_LEVEL_NOTICE = 5,  /* verdicts and lifecycle */
	LOG_LEVEL_INFO = 6,    /* each step of a message */
};

struct log_kv {
	const char *key; /* NULL ends the list */
	enum {
		LOG_KV_STR,
		LOG_KV_I64
	} kind;
	struct str s;
	int64_t i;
};

#define KV_STR(k, v) ((struct log_kv){(k), LOG_KV_STR, (v), 0})
#define KV_Z(k, v) ((struct log_kv){(k), LOG_KV_STR, str_of(v), 0})
#define KV_I64(k, v) ((struct log_kv){(k), LOG_KV_I64, {NULL, 0}, (v)})
#define KV_END ((struct log_kv){NULL, LOG_KV_STR, {NULL, 0}, 0})

/* program: a literal, shown in front of each line. */
void log_open(const char *program);
/* Less important events are dropped from now on. Default NOTICE; atomic. */
void log_set_level(enum log_level level);
bool log_shows(enum log_level level);
/* Addresses in values are left out from now on, whoever wrote them. Atomic. */
void log_set_redact(bool redact);

/* kv ends with KV_END; keys with an empty string value are printed as "". A
 * line is cut at 2000 bytes. */
void log_ev(enum log_level level, const char *event, const struct log_kv *kv);
#define LOG_EV(level, event, ...)                                              \
	log_ev((level), (event),                                               \
	    (const struct log_kv[]){__VA_ARGS__ __VA_OPT__(, ) KV_END})

/* At most one line a minute per `event` literal; the next line tells how many
 * were kept back (key "suppressed"). */
void log_ev_limited(
    enum log_level level, const char *event, const struct log_kv *kv);
#define LOG_EV_LIMITED(level, event, ...)                                      \
	log_ev_limited((level), (event),                                       \
	    (const struct log_kv[]){__VA_ARGS__ __VA_OPT__(, ) KV_END})

/* What log_ev would print, without prefix and nothing left out; for tests and the journal verb. */
struct buf;
void log_format(struct buf *out, const char *event, const struct log_kv *kv);

#endif
