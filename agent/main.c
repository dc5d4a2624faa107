/* main.c - tendril-agent: arguments, signals, start and stop of its parts.
 *
 * One thread for each part (API, public web, MTA log, feedback mail, release
 * of copies); they meet in the ledger only. SIGTERM stops: requests in work
 * are answered, each part ends its step, the door drains. */
#include "agent/app.h"
#include "agent/parts.h"
#include "agent/reload.h"
#include "agent/ruleset.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/conf/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const struct daemon self = {
    .name = "tendril-agent",
    .purpose =
	"Takes what comes back of nurture mail (opt-outs, bounces, the MTA's "
	"log),\n"
	"releases held copies, and serves the command line.\n",
    .signals =
	"Signals: SIGUSR1 reloads the configuration (new keys, sockets and "
	"folders\n"
	"need a restart), SIGTERM stops.\n",
};

static int load(struct app *app, const char *path, struct error *err)
{
	const struct conf *conf;
	int rc = conf_load(&conf, path, err);

	if (rc == 0)
		rc = token_keys_load(&app->tokens, conf->token_key.p, err);
	if (rc == 0)
		rc = ruleset_open(&app->rules, conf, err);
	if (rc != 0)
		conf_unref(&conf);
	app->conf = conf;
	return rc;
}

static void reload(struct app *app, struct reload *r)
{
	struct error err = {0};
	char conf[CONF_DIGEST];
	bool changed;
	int rc = reload_now(r, &changed, &err);

	store_reload_zones(app->store);
	conf_digest(app->conf, conf);
	if (rc == 0)
		LOG_EV(LOG_LEVEL_NOTICE, "reloaded", KV_I64("changed", changed),
		    KV_Z("conf", conf));
	else
		LOG_EV(LOG_LEVEL_ERR, "reload.refused", KV_Z("error", err.text),
		    KV_Z("conf", conf));
}

/* The next one of `set`, and what stops before what reloads: the kernel gives
 * the lower number first, so signals to reload that come faster than a reload
 * is done would keep SIGTERM waiting for ever. 0: none can be had. */
static int next_signal(const sigset_t *set)
{
	const struct timespec at_once = {0};
	sigset_t stop = *set;
	int sig;

	(void)sigdelset(&stop, SIGUSR1);
	(void)sigdelset(&stop, SIGPIPE);
	sig = sigtimedwait(&stop, NULL, &at_once);
	if (sig > 0)
		return sig;
	return sigwait(set, &sig) == 0 ? sig : 0;
}

/* Until a signal that stops. */
static void wait_for_stop(
    struct app *app, struct reload *r, const sigset_t *set)
{
	int sig;

	while ((sig = next_signal(set)) != 0)
		if (sig == SIGUSR1)
			reload(app, r);
		else if (sig != SIGPIPE)
			return;
}

static int serve(
    struct app *app, struct reload *r, const sigset_t *set, struct error *err)
{
	struct parts *parts = NULL;
	char conf[CONF_DIGEST];
	int rc = store_open(&app->store, app->conf, STORE_CREATE, err);

	if (rc == 0) {
		app->store->stopping = &app->stopping;
		rc = parts_start(&parts, app, err);
	}
	if (rc == 0) {
		conf_digest(app->conf, conf);
		LOG_EV(LOG_LEVEL_NOTICE, "started", KV_Z("version", VERSION),
		    KV_Z("conf", conf));
		wait_for_stop(app, r, set);
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
	ruleset_close(&app->rules);
	if (*r == NULL)
		conf_unref(&conf);
	reload_close(r);
}

int main(int argc, char **argv)
{
	struct app app = {.started_ms = clock_mono_ms()};
	struct daemon_args args;
	struct error err = {0};
	struct reload *r = NULL;
	sigset_t set;
	int rc = daemon_args(&self, argc, argv, &args);

	if (rc != DAEMON_GO_ON)
		return rc;
	daemon_begin(&self, &set);
	rc = load(&app, args.conf, &err);
	if (rc == 0)
		rc = reload_open(&r, &app, args.conf, &err);
	if (rc != 0) {
		daemon_complain(&self, &args, err.text);
		unload(&app, &r);
		return DAEMON_EXIT_CONFIG;
	}
	if (args.check)
		(void)puts("configuration and keys are fine");
	else
		rc = serve(&app, r, &set, &err);
	if (rc != 0)
		daemon_complain(&self, &args, err.text);
	unload(&app, &r);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
