/* releasetest.h - the agent's release on the MTA of mtabridge.h, and so on
 * sessions of the milter, one ledger and one spool. */
#ifndef TESTS_UNIT_RELEASETEST_H
#define TESTS_UNIT_RELEASETEST_H

#include "tests/unit/mtabridge.h"

#include "agent/out/release.h"

static struct app app;
static struct release *R;
static int64_t now; /* of the agent; the ledger's own goes on by itself */

__attribute__((unused)) static void releasetest_load_conf(void)
{
	const struct conf *old = app.conf, *conf;
	struct error err = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/tendril.conf", S.st.dir);
	if (conf_load(&conf, path, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	app.conf = conf;
	conf_unref(&old);
}

/* All but the release itself. */
static void releasetest_open(void)
{
	struct error err = {0};
	const struct conf *conf;

	bridge_start();
	sessiontest_open();
	now = clock_now_ms();
	releasetest_load_conf();
	conf = app.conf;
	if (token_keys_load(&app.tokens, conf->token_key.p, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	app.store = S.st.store;
}

/* The agent comes, or is killed and comes back. */
static void releasetest_start(void)
{
	struct error err = {0};

	release_close(&R);
	if (release_open(&R, &app, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static void releasetest_close(void)
{
	const struct conf *conf = app.conf;

	release_close(&R);
	bridge_stop();
	token_keys_free(&app.tokens);
	conf_unref(&conf);
	sessiontest_close();
}

/* Steps until nothing more is to be done now. */
__attribute__((unused)) static void releasetest_settle(const char *what)
{
	struct error err = {0};
	int64_t wait = 0;
	int rc = 0, steps = 0;

	do
		rc = release_step(R, now, &wait, &err);
	while (rc == 0 && wait == 0 && ++steps < 200);
	IS_INT(rc, 0, "%s: steps: %s", what, err.text);
	OK(steps < 200, "%s: it ends", what);
}

/* How many messages of app@example.com came to that person. */
__attribute__((unused)) static int releasetest_sent(const char *to)
{
	char line[120];

	(void)snprintf(line, sizeof(line), "<app@example.com>><%s>", to);
	return bridge_count(line);
}

static void releasetest_is_empty(const char *what)
{
	IS_INT(sessiontest_rows(NULL), 0, "%s: no rows left", what);
	IS_INT(sessiontest_files(SPOOL_COPIES), 0, "%s: no files left", what);
}

#endif
