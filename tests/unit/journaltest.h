/* journaltest.h - journal files of entries that a test has written, made by
 * systemd-journal-remote from the export format (systemd's Journal Export
 * Formats). Include once, after tap.h. */
#ifndef TESTS_UNIT_JOURNALTEST_H
#define TESTS_UNIT_JOURNALTEST_H

#include "policy/base/buf.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#define JOURNALTEST_T0_US INT64_C(1795338332123456) /* 2026-11-22T09:05:32Z */

/* NULL: without that field. */
struct journaltest_entry {
	int64_t at_us; /* after JOURNALTEST_T0_US */
	const char *facility, *program, *pid, *uid, *unit, *text;
};

__attribute__((unused)) static const char *journaltest_program(void)
{
	static const char *const path[] = {
	    "/usr/lib/systemd/systemd-journal-remote",
	    "/lib/systemd/systemd-journal-remote"};

	for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++)
		if (access(path[i], X_OK) == 0)
			return path[i];
	return NULL;
}

static void journaltest_field(struct buf *b, const char *name, const char *z)
{
	unsigned char size[8];
	size_t n = z != NULL ? strlen(z) : 0;

	if (z == NULL)
		return;
	if (strchr(z, '\n') == NULL) {
		buf_printf(b, "%s=%s\n", name, z);
		return;
	}
	for (size_t i = 0; i < sizeof(size); i++) /* little endian */
		size[i] = (unsigned char)(n >> (8 * i));
	buf_printf(b, "%s\n", name);
	buf_add(b, (struct str){(const char *)size, sizeof(size)});
	buf_printf(b, "%s\n", z);
}

/* Into file, behind what it has. */
__attribute__((unused)) static void journaltest_write(
    const char *file, const struct journaltest_entry *v, size_t n)
{
	char command[PATH_MAX + 200];
	struct buf b;
	FILE *f;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		int64_t us = 1000000 + v[i].at_us;

		buf_printf(&b,
		    "__REALTIME_TIMESTAMP=%lld\n__MONOTONIC_TIMESTAMP=%lld\n"
		    "_BOOT_ID=0123456789abcdef0123456789abcdef\n"
		    "_HOSTNAME=mx\n_TRANSPORT=syslog\n",
		    (long long)(JOURNALTEST_T0_US + v[i].at_us), (long long)us);
		journaltest_field(&b, "SYSLOG_FACILITY", v[i].facility);
		journaltest_field(&b, "SYSLOG_IDENTIFIER", v[i].program);
		journaltest_field(&b, "SYSLOG_PID", v[i].pid);
		journaltest_field(&b, "_UID", v[i].uid);
		journaltest_field(&b, "_SYSTEMD_UNIT", v[i].unit);
		journaltest_field(&b, "MESSAGE", v[i].text);
		buf_addc(&b, '\n');
	}
	(void)snprintf(command, sizeof(command), "%s -o %s - 2>/dev/null",
	    journaltest_program(), file);
	f = popen(command, "we");
	if (f == NULL || fwrite(b.p, 1, b.n, f) != b.n || pclose(f) != 0)
		bug("systemd-journal-remote: %s", file);
	buf_fini(&b);
}

#endif
