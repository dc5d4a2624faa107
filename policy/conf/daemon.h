/* daemon.h - what both daemons do before their work begins: arguments,
 * signals, descriptors, the log.
 *
 * Threads: main only, before any other exists. */
#ifndef POLICY_CONF_DAEMON_H
#define POLICY_CONF_DAEMON_H

#include <signal.h>
#include <stdbool.h>

enum {
	DAEMON_GO_ON = -1,
	DAEMON_EXIT_USAGE = 2,
	DAEMON_EXIT_CONFIG = 78, /* EX_CONFIG of sysexits.h */
};

struct daemon {
	const char *name;    /* a literal: "tendril-milter" */
	const char *purpose; /* lines of the help text, ended by newlines */
	const char *signals; /* likewise */
};

struct daemon_args {
	const char *conf; /* borrowed from argv or the environment */
	bool check;       /* load, say what is wrong, end */
};

/* DAEMON_GO_ON with *out filled, or the code to exit with: --help and
 * --version were answered, or the arguments refused on standard error. */
int daemon_args(
    const struct daemon *d, int argc, char **argv, struct daemon_args *out);

/* First of all. Opens the log, raises the limit of descriptors, and blocks the
 * signals that a daemon waits for: SIGHUP, SIGINT, SIGTERM, SIGUSR1, and
 * SIGPIPE. Threads inherit that, and may run until the process has ended
 * (secret_keep_library()). *waited_out: these signals. */
void daemon_begin(const struct daemon *d, sigset_t *waited_out);

/* Says why it does not go on: "NAME: text" on standard error, and event=failed
 * in the log, which outlives the terminal; not there with --check. */
void daemon_complain(
    const struct daemon *d, const struct daemon_args *a, const char *text);

#endif
