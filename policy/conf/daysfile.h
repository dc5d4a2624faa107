/* daysfile.h - a file of holidays: a day a line, or an iCalendar file (RFC
 * 5545) of all-day events. `tendril`, and the milter with its first policy, put
 * the days of such files into the text of a policy before it is checked or
 * applied, so that the policy in the ledger stands for itself. Pure.
 * Threads: any. */
#ifndef POLICY_CONF_DAYSFILE_H
#define POLICY_CONF_DAYSFILE_H

#include "policy/base/arena.h"
#include "policy/base/hours.h"

enum {
	DAYSFILE_MAX_BYTES = 256 << 10,
	DAYSFILE_MAX_DAYS = 500, /* as many as one section takes */
	DAYSFILE_NAME_MAX = 60,  /* bytes of a name that are kept */
};

struct daysfile_day {
	struct hours_holiday day;
	struct str name; /* may be empty; without quotes or control bytes */
};

struct daysfile {
	const struct daysfile_day *days; /* no day twice; order of the file */
	size_t n;                        /* >= 1 */
};

/* Lines: "2026-12-25 Christmas Day", "12-25" for each year; # begins a
 * comment. A file that begins with BEGIN:VCALENDAR is a calendar: each VEVENT
 * has DTSTART;VALUE=DATE, and DTEND where it lasts more than a day. An event
 * with a time of day, or one that repeats, is refused; a cancelled one is no
 * day. In the arena. ERR_SYNTAX or ERR_LIMIT with "path:line: what". */
int daysfile_read(struct arena *arena, const char *path, struct str text,
    struct daysfile *out, struct error *err) MUST_CHECK;

/* The file that a policy names, read by the caller: its text, in the arena. */
typedef int daysfile_open_fn(
    void *arg, struct str name, struct str *text_out, struct error *err);

/* The policy's text with each
 *   days-file = "holidays-de.txt"
 * replaced by days = {...} and a comment that has the file's name and the
 * first 12 digits of its SHA-256; no line begins elsewhere. A text without
 * days-file, or one that does not even pass lint_check(), is handed back as it
 * is: whoever parses it tells what is wrong. path: the policy's, for
 * messages. */
int daysfile_expand(struct arena *arena, const char *path, struct str text,
    daysfile_open_fn *open, void *arg, struct str *out,
    struct error *err) MUST_CHECK;

#endif
