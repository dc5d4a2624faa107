/* mtalog_prefix.h - the part of a log line that the logger wrote: time, host,
 * program, process id. Pure. Threads: any.
 *
 *   Nov 22 10:05:32 mx postfix/smtp[123]: text      syslog, RFC 3164 4.1.2
 *   2026-11-22T10:05:32.123456+01:00 mx prog: text  rsyslog, RFC 3339
 *
 * Postfix's own maillog_file has the first form. A "<22>" in front is
 * skipped. A stamp without a year gets the latest one that does not put it
 * more than a day after the reference: a December line read in January is
 * last year's, a January line read by a clock still in December next year's. */
#ifndef AGENT_IN_MTALOG_PREFIX_H
#define AGENT_IN_MTALOG_PREFIX_H

#include "agent/in/mtalog.h"

struct mtalog_prefix {
	int64_t time_ms;
	struct str host, program; /* program: without "[pid]" */
	uint32_t pid;             /* 0: none */
	struct str text;          /* after ": " */
};

/* ERR_SYNTAX: not such a line. The strs are borrowed from it. */
int mtalog_prefix_parse(struct str line, const struct mtalog_when *when,
    struct mtalog_prefix *out) MUST_CHECK;

/* What the line says behind its prefix: mtalog_parse() for lines that come with
 * the prefix taken apart, as those of the systemd journal do. */
enum mtalog_kind mtalog_text(
    const struct mtalog_prefix *p, struct mtalog_line *out);

/* The logger's own notice that lines are missing (rate limits of rsyslogd and
 * systemd-journald). */
bool mtalog_prefix_is_loss(const struct mtalog_prefix *p);

#endif
