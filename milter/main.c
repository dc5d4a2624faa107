/* main.c - tendril-milter: arguments, signals, start, stop.
 *
 * Stop (SIGTERM, SIGINT, SIGHUP): see serve.c. Reload (SIGUSR1): a thread of
 * its own builds a new snapshot; on any error the running one stays. All
 * signals are blocked before the first thread exists. */
#include "milter/serve.h"
#include "milter/smfi.h"
#include "policy/base/log.h"
#include "policy/conf/daemon.h"
#include "policy/state/ops.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	RETRY_S = 5,
	THREAD_STACK = 1 << 20,
};

static const struct daemon self = {
    .name = "tendril-milter",
    .purpose =
	"Decides on, completes and signs the nurture mail that passes an "
	"MTA.\n",
    .signals =
	"Signals: SIGUSR1 reloads the configuration, SIGTERM stops after the\n"
	"messages in flight.\n",
};

/* libmilter starts a thread whenever all of its own wait, for the ledger for
 * one, and ends it soon after. The C library keeps stacks for the next thread,
 * up to 40 MB: five of the usual size, forty of this one. Mapping a stack and
 * giving it back stops all other threads for a moment. */
static void limit_stacks(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return;
	if (pthread_attr_setstacksize(&attr, THREAD_STACK) == 0)
		(void)pthread_setattr_default_np(&attr);
	(void)pthread_attr_destroy(&attr);
}

/* Of what runs now, after a start and whatever a reload came to. */
static void digest_conf(struct shared *sh, char out[CONF_DIGEST])
{
	const struct snapshot *snap = snapshots_get(sh->snapshots);

	conf_digest(snap->conf, out);
	snapshot_unref(&snap);
}

static void reload(struct shared *sh)
{
	struct error err = {0};
	char conf[CONF_DIGEST];
	int rc = snapshots_reload(sh->snapshots, &err);

	store_reload_zones(atomic_load(&sh->store));
	digest_conf(sh, conf);
	if (rc == 0)
		LOG_EV(LOG_LEVEL_NOTICE, "reloaded", KV_Z("conf", conf));
	else
		LOG_EV(LOG_LEVEL_ERR, "reload.refused", KV_Z("error", err.text),
		    KV_Z("conf", conf));
}

static void *reload_loop(void *arg)
{
	struct shared *sh = arg;
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	while (sigwait(&set, &sig) == 0) {
		store_log_stats(atomic_load(&sh->store));
		reload(sh);
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
		if (rc == 0)
			store_warm(store);
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
		return error_of(err, -rc, "thread");
	(void)pthread_detach(thread);
	return 0;
}

/* A disk in trouble stops nurture alone; a key, a group or a program that does
 * not fit the ledger stops the start, since waiting cures none of them. */
static int open_all(struct shared *sh, struct error *err)
{
	const struct snapshot *snap = snapshots_get(sh->snapshots);
	int rc = spool_open(&sh->spool, snap->conf->state_dir, err);

	if (rc == 0)
		rc = open_ledger(sh, err);
	if (rc != 0 && sh->spool != NULL && rc != ERR_KEY &&
	    rc != ERR_VERSION && rc != ERR_DENIED && rc != ERR_NOT_FOUND) {
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
	char conf[CONF_DIGEST];
	int rc = open_all(sh, err);

	if (rc == 0)
		rc = start_thread(reload_loop, sh, err);
	if (rc != 0)
		return rc;
	digest_conf(sh, conf);
	LOG_EV(LOG_LEVEL_NOTICE, "started", KV_Z("version", VERSION),
	    KV_Z("conf", conf));
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
	struct daemon_args args;
	sigset_t set;
	int rc = daemon_args(&self, argc, argv, &args);

	if (rc != DAEMON_GO_ON)
		return rc;
	daemon_begin(&self, &set);
	limit_stacks();
	rc = snapshots_open(&sh.snapshots, args.conf, &err);
	if (rc != 0) {
		daemon_complain(&self, &args, err.text);
		return DAEMON_EXIT_CONFIG;
	}
	if (args.check)
		(void)puts("configuration and keys are fine");
	else
		rc = serve(&sh, &err);
	if (rc != 0)
		daemon_complain(&self, &args, err.text);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
