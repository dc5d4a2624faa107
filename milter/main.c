/* main.c - tendril-milter: arguments, signals, start, stop.
 *
 * Stop (SIGTERM, SIGINT, SIGHUP): see serve.c. Reload (SIGUSR1): a thread of
 * its own builds a new snapshot; on any error the running one stays. All
 * signals are blocked before the first thread exists. */
#include "milter/serve.h"
#include "milter/smfi.h"
#include "policy/base/file.h"
#include "policy/base/log.h"
#include "policy/state/ops.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	RETRY_S = 5,
	DESCRIPTORS = 65536, /* connections, bodies, the ledger */
	EXIT_USAGE = 2,
	EXIT_CONFIG = 78
};

static const char usage_text[] =
    "usage: tendril-milter [--conf FILE] [--check]\n"
    "\n"
    "Decides on, completes and signs the nurture mail that passes an MTA.\n"
    "\n"
    "  --conf FILE  configuration (default $TENDRIL_CONF, then\n"
    "               " SYSCONFDIR "/tendril/tendril.conf)\n"
    "  --check      load configuration and keys, say what is wrong, exit\n"
    "  --help       this text\n"
    "  --version    version\n"
    "\n"
    "Signals: SIGUSR1 reloads the configuration, SIGTERM stops after the\n"
    "messages in flight. The log goes to syslog (facility mail), or to\n"
    "standard error with TENDRIL_LOG=stderr. See tendril-milter(8).\n";

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
			(void)puts("tendril-milter " VERSION);
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

static void block_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *reload_loop(void *arg)
{
	struct shared *sh = arg;
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	while (sigwait(&set, &sig) == 0) {
		struct error err = {0};
		store_log_stats(atomic_load(&sh->store));
		if (snapshots_reload(sh->snapshots, &err) == 0)
			LOG_EV(LOG_LEVEL_NOTICE, "reloaded");
		else
			LOG_EV(LOG_LEVEL_ERR, "reload.refused",
			    KV_Z("error", err.text));
	}
	return NULL;
}

/* A ledger without any policy takes conf's policy-file as its first. */
static int first_policy(
    struct store *store, const struct snapshot *snap, struct error *err)
{
	const struct policy *now;
	struct ops_policy apply = {
	    .author = STR("tendril-milter"),
	    .reason = STR("policy-file, at first start"),
	};
	uint32_t version;
	int rc = policyver_cache_get(store->policies, &now, err);

	if (rc != 0 || now != NULL || snap->file_policy == NULL) {
		policy_unref(&now);
		return rc;
	}
	apply.path = snap->file_policy->path;
	apply.text = snap->file_policy->text;
	rc = ops_policy_apply(store, &apply, &version, err);
	return rc == ERR_EXISTS ? 0 : rc;
}

/* Opens the ledger, once; its first policy may come with a later call. */
static int open_ledger(struct shared *sh, struct error *err)
{
	const struct snapshot *snap = snapshots_get(sh->snapshots);
	struct store *store = atomic_load(&sh->store);
	int rc = 0;

	if (store == NULL) {
		rc = store_open(&store, snap->conf, STORE_CREATE, err);
		atomic_store(&sh->store, store);
	}
	if (rc == 0)
		rc = first_policy(store, snap, err);
	snapshot_unref(&snap);
	return rc;
}

static void *open_loop(void *arg)
{
	struct error err = {0};

	for (;;) {
		(void)nanosleep(&(struct timespec){.tv_sec = RETRY_S}, NULL);
		if (open_ledger(arg, &err) == 0)
			break;
		LOG_EV_LIMITED(
		    LOG_LEVEL_ERR, "ledger.not_open", KV_Z("error", err.text));
	}
	LOG_EV(LOG_LEVEL_NOTICE, "ledger.open");
	return NULL;
}

static int start_thread(
    void *(*run)(void *), struct shared *sh, struct error *err)
{
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, run, sh);

	if (rc != 0)
		return error_set(err, -rc, "thread: %s", error_text(-rc));
	(void)pthread_detach(thread);
	return 0;
}

/* A disk in trouble stops nurture alone; a key or a program that does not fit
 * the ledger stops the start, since waiting cures neither. */
static int open_all(struct shared *sh, struct error *err)
{
	const struct snapshot *snap = snapshots_get(sh->snapshots);
	int rc = spool_open(&sh->spool, snap->conf->state_dir, err);

	if (rc == 0)
		rc = open_ledger(sh, err);
	if (rc != 0 && sh->spool != NULL && rc != ERR_KEY &&
	    rc != ERR_VERSION) {
		LOG_EV(
		    LOG_LEVEL_ERR, "ledger.not_open", KV_Z("error", err->text));
		rc = start_thread(open_loop, sh, err);
	}
	if (rc == 0)
		rc = smfi_setup(sh, &snap->conf->milter, err);
	snapshot_unref(&snap);
	return rc;
}

static int serve(struct shared *sh, struct error *err)
{
	int rc = open_all(sh, err);

	if (rc == 0)
		rc = start_thread(reload_loop, sh, err);
	if (rc != 0)
		return rc;
	LOG_EV(LOG_LEVEL_NOTICE, "started", KV_Z("version", VERSION));
	rc = serve_until_stop(sh, err);
	store_log_stats(atomic_load(&sh->store));
	LOG_EV(LOG_LEVEL_NOTICE, "stopped",
	    KV_I64("left", (int64_t)atomic_load(&sh->in_flight)));
	return rc;
}

int main(int argc, char **argv)
{
	/* Static: libmilter's threads use it until the process has ended, which
	 * is later than the end of main. */
	static struct shared sh;
	struct error err = {0};
	struct args args = {0};
	int rc = parse_args(argc, argv, &args);

	if (rc != 0) {
		(void)fputs("try tendril-milter --help\n", stderr);
		return rc;
	}
	log_open("tendril-milter");
	block_signals();
	file_raise_limit(DESCRIPTORS);
	rc = snapshots_open(&sh.snapshots, args.conf, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "tendril-milter: %s\n", err.text);
		return EXIT_CONFIG;
	}
	if (args.check)
		(void)puts("configuration and keys are fine");
	else
		rc = serve(&sh, &err);
	if (rc != 0)
		(void)fprintf(stderr, "tendril-milter: %s\n", err.text);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
