/* log.c - see log.h. The only globals of the project live here (level, where
 * to write, the rate limiter) and in the programs' stop flags. */
#include "policy/base/log.h"

#include "policy/base/buf.h"
#include "policy/base/clock.h"
#include "policy/base/mask.h"
#include "policy/base/when.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 2000,
	LIMITED_EVENTS = 32,
	LIMIT_MS = WHEN_MINUTE_MS
};

static atomic_int level_now = LOG_LEVEL_NOTICE;
static atomic_bool redact_now;
static const char *program_name = "tendril";
static bool to_stderr = true;

static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;
static struct limited {
	const char *event;
	int64_t next_ms;
	int64_t kept_back;
} limits[LIMITED_EVENTS];

void log_open(const char *program)
{
	const char *want = getenv("TENDRIL_LOG");

	program_name = program;
	to_stderr = getenv("JOURNAL_STREAM") != NULL ||
		    (want != NULL && strcmp(want, "stderr") == 0);
	if (!to_stderr)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void log_set_level(enum log_level level)
{
	atomic_store(&level_now, (int)level);
}

bool log_shows(enum log_level level)
{
	return (int)level <= atomic_load(&level_now);
}

void log_set_redact(bool redact)
{
	atomic_store(&redact_now, redact);
}

static bool is_plain(struct str s)
{
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return true;
}

/* How many bytes from `at` on are one character that a terminal only shows; 0:
 * the byte is to be escaped. Controls of the second set are such as well
 * (U+009B begins a command to the terminal). */
static size_t shown_at(struct str s, size_t at)
{
	unsigned char c = (unsigned char)s.p[at];
	size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < 0x80)
		return c >= ' ' && c != 0x7f ? 1 : 0;
	if (c < 0xc2 || c > 0xf4 || n > s.n - at)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s.p[at + i] & 0xc0) != 0x80)
			return 0;
	return c == 0xc2 && (unsigned char)s.p[at + 1] < 0xa0 ? 0 : n;
}

static void add_quoted(struct buf *out, struct str s)
{
	size_t n;

	buf_addc(out, '"');
	for (size_t i = 0; i<s.n; i += n> 0 ? n : 1) {
		n = shown_at(s, i);
		if (n == 0)
			buf_printf(out, "\\x%02x", (unsigned char)s.p[i]);
		else if (s.p[i] == '"' || s.p[i] == '\\')
			buf_printf(out, "\\%c", s.p[i]);
		else
			buf_add(out, str_cut(s, i, n));
	}
	buf_addc(out, '"');
}

static void add_value(struct buf *out, struct str s)
{
	if (is_plain(s))
		buf_add(out, s);
	else
		add_quoted(out, s);
}

/* Others' words (a server's answer, what a provider found) name people, too. */
static void add_masked(struct buf *out, struct str s)
{
	struct buf masked;

	if (str_find(s, 0, '@') == s.n) {
		add_value(out, s);
		return;
	}
	buf_init(&masked, LINE_MAX_BYTES);
	mask_addresses(str_cut(s, 0, LINE_MAX_BYTES), &masked);
	add_value(out, buf_str(&masked));
	buf_fini(&masked);
}

static void format(
    struct buf *out, const char *event, const struct log_kv *kv, bool redact)
{
	buf_addz(out, "event=");
	buf_addz(out, event);
	for (; kv->key != NULL; kv++) {
		buf_addc(out, ' ');
		buf_addz(out, kv->key);
		buf_addc(out, '=');
		if (kv->kind == LOG_KV_I64)
			buf_printf(out, "%lld", (long long)kv->i);
		else if (redact)
			add_masked(out, kv->s);
		else
			add_value(out, kv->s);
	}
}

void log_format(struct buf *out, const char *event, const struct log_kv *kv)
{
	format(out, event, kv, false);
}

static void write_line(enum log_level level, struct str line)
{
	char text[LINE_MAX_BYTES + 64];
	int n;

	if (!to_stderr) {
		syslog((int)level, "%.*s", STR_ARG(line));
		return;
	}
	n = snprintf(text, sizeof(text), "<%d>%s: %.*s\n", (int)level,
	    program_name, STR_ARG(line));
	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) {
		/* Nowhere left to complain. */
	}
}

void log_ev(enum log_level level, const char *event, const struct log_kv *kv)
{
	struct buf b;

	if (!log_shows(level))
		return;
	buf_init(&b, LINE_MAX_BYTES);
	format(&b, event, kv, atomic_load(&redact_now));
	write_line(level, buf_str(&b));
	buf_fini(&b);
}

/* True when the line may go out; *kept_out: lines held back before it. */
static bool limit_pass(const char *event, int64_t *kept_out)
{
	int64_t now = clock_mono_ms();
	bool pass = true;

	*kept_out = 0;
	pthread_mutex_lock(&limit_lock);
	for (size_t i = 0; i < LIMITED_EVENTS; i++) {
		struct limited *l = &limits[i];
		if (l->event == NULL)
			l->event = event;
		if (strcmp(l->event, event) != 0)
			continue;
		pass = now >= l->next_ms;
		if (pass) {
			*kept_out = l->kept_back;
			l->kept_back = 0;
			l->next_ms = now + LIMIT_MS;
		} else {
			l->kept_back++;
		}
		break;
	}
	pthread_mutex_unlock(&limit_lock);
	return pass;
}

void log_ev_limited(
    enum log_level level, const char *event, const struct log_kv *kv)
{
	struct buf b;
	int64_t kept;

	if (!log_shows(level) || !limit_pass(event, &kept))
		return;
	buf_init(&b, LINE_MAX_BYTES);
	format(&b, event, kv, atomic_load(&redact_now));
	if (kept > 0)
		buf_printf(&b, " suppressed=%lld", (long long)kept);
	write_line(level, buf_str(&b));
	buf_fini(&b);
}
