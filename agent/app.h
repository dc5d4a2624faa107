/* app.h - what the parts of the agent share. Immutable after start, but for
 * the configuration and what is atomic. Threads: any. */
#ifndef AGENT_APP_H
#define AGENT_APP_H

#include "policy/conf/conf.h"
#include "policy/mail/token.h"
#include "policy/state/store.h"

#include <stdatomic.h>

struct app {
	/* Replaced at reload; what was read stays valid to the end, but is read
	 * once where two of its values must fit each other. */
	const struct conf *_Atomic conf;
	struct store *store;
	struct token_keys *tokens;
	struct ruleset *rules; /* what bounces mean */
	struct simjob *simjob;
	struct claims *claims; /* NULL: nobody releases or drops */
	int64_t started_ms;
	atomic_bool conf_refused; /* the last reload, for /metrics */
	/* For /metrics: of what is verified (agent/in/believe.h). */
	atomic_ullong dns_questions, dns_known;
	atomic_uint waiting;  /* API calls that wait for events */
	atomic_bool stopping; /* loops look at it at least once a second */
};

/* Failures go to the application that sent (agent/out/relay.h). */
static inline bool app_relays_bounces(const struct app *app)
{
	const struct conf *conf = app->conf;

	return conf->agent.relay_bounces && conf->agent.release.n > 0;
}

#endif
