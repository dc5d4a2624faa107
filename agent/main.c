/* main.c - tendril-agent: arguments, signals, start and stop of its parts.
 *
 * One thread for each part (API, public web, MTA log, feedback mail, release
 * of copies); they meet in the ledger only. SIGTERM stops: requests in work
 * are answered, each part ends its step, the door drains. */
#include "agent/app.h"
#include "agent/parts.h"
#include "agent/reload.h"
#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "policy/base/log.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DESCRIPTORS = 65536, /* connections, bodies, the ledger */
	EXIT_USAGE = 2,
	EXIT_CONFIG = 78
};

static const char usage_text[] =
    "usage: tendril-agent [--conf FILE] [--check]\n"
    "\n"
    "Takes what comes back of nurture mail (opt-outs, bounces, the MTA's "
    "log),\n"
    "releases held copies, and serves the command line.\n"
    "\n"
    "  --conf FILE  configuration (default $TENDRIL_CONF, then\n"
    "               " SYSCONFDIR "/tendril/tendril.conf)\n"
    "  --check      load configuration and keys, say what is wrong, exit\n"
    "  --help       this text\n"
    "  --version    version\n"
    "\n"
    "Signals: SIGUSR1 reloads the configuration (new keys, sockets and "
    "folders\n"
    "need a restart), SIGTERM stops. The log goes to syslog (facility mail), "
    "or\n"
    "to standard error with TENDRIL_LOG=stderr. See tendril-agent(8).\n";

struct args {
	const char *conf;
	bool check;
};

static int parse_args(int argc, char **argv, struct args *out)
{
	static const struct option options[] = {
	    {"conf", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 't'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	out->conf = getenv("TENDRIL_CONF");
	while ((c = getopt_long(argc, argv, "c:thV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			out->conf = optarg;
			break;
		case 't':
			out->check = true;
			break;
		case 'h':
			(void)fputs(usage_text, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			(void)puts("tendril-agent " VERSION);
			exit(EXIT_SUCCESS);
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return EXIT_USAGE;
	if (out->conf == NULL)
		out->conf = SYSCONFDIR "/tendril/tendril.conf";
	return 0;
}

/* Blocked before any thread exists; main waits for them by sigwait(). */
static void block_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGHUP);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGUSR1);
	(void)sigaddset(set, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, set, NULL);
}

static int load(struct app *app, const char *path, struct error *err)
{
	const struct conf *conf;
	int rc = conf_load(&conf, path, err);

	if (rc == 0 && conf->token_key.n == 0)
		rc = error_set(err, ERR_KEY, "%s: token-key is needed", path);
	if (rc == 0)
		rc = token_keys_load(&app->tokens, conf->token_key.p, err);
	if (rc != 0)
		conf_unref(&conf);
	app->conf = conf;
	return rc;
}

static void reload(struct reload *r)
{
	struct error err = {0};
	bool changed;

	if (reload_now(r, &changed, &err) == 0)
		LOG_EV(
		    LOG_LEVEL_NOTICE, "reloaded", KV_I64("changed", changed));
	else
		LOG_EV(
		    LOG_LEVEL_ERR, "reload.refused", KV_Z("error", err.text));
}

/* Until a signal that stops. */
static void wait_for_stop(const sigset_t *set, struct reload *r)
{
	int sig;

	while (sigwait(set, &sig) == 0)
		if (sig == SIGUSR1)
			reload(r);
		else if (sig != SIGPIPE)
			return;
}

static int serve(
    struct app *app, struct reload *r, const sigset_t *set, struct error *err)
{
	struct parts *parts = NULL;
	int rc = store_open(&app->store, app->conf, STORE_CREATE, err);

	if (rc == 0)
		rc = parts_start(&parts, app, err);
	if (rc == 0) {
		LOG_EV(LOG_LEVEL_NOTICE, "started", KV_Z("version", VERSION));
		wait_for_stop(set, r);
	}
	atomic_store(&app->stopping, true);
	parts_stop(&parts);
	store_close(&app->store);
	LOG_EV(LOG_LEVEL_NOTICE, "stopped");
	return rc;
}

static void unload(struct app *app, struct reload **r)
{
	const struct conf *conf = app->conf;

	token_keys_free(&app->tokens);
	if (*r == NULL)
		conf_unref(&conf);
	reload_close(r);
}

int main(int argc, char **argv)
{
	struct app app = {.started_ms = clock_mono_ms()};
	struct args args = {0};
	struct error err = {0};
	struct reload *r = NULL;
	sigset_t set;
	int rc = parse_args(argc, argv, &args);

	if (rc != 0) {
		(void)fputs("try tendril-agent --help\n", stderr);
		return rc;
	}
	log_open("tendril-agent");
	block_signals(&set);
	file_raise_limit(DESCRIPTORS);
	rc = load(&app, args.conf, &err);
	if (rc == 0)
		rc = reload_open(&r, &app, args.conf, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "tendril-agent: %s\n", err.text);
		unload(&app, &r);
		return EXIT_CONFIG;
	}
	if (args.check)
		(void)puts("configuration and keys are fine");
	else
		rc = serve(&app, r, &set, &err);
	if (rc != 0)
		(void)fprintf(stderr, "tendril-agent: %s\n", err.text);
	unload(&app, &r);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
