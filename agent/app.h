/* app.h - what the parts of the agent share. Immutable after start, but for
 * the stop flag. */
#ifndef AGENT_APP_H
#define AGENT_APP_H

#include "policy/conf/conf.h"
#include "policy/mail/token.h"
#include "policy/state/store.h"

#include <stdatomic.h>

struct app {
	const struct conf *conf;
	struct store *store;
	struct token_keys *tokens;
	int64_t started_ms;
	atomic_uint waiting; /* API calls that wait for events */
	atomic_bool stopping; /* loops look at it at least once a second */
};

#endif
