/* routes.h - the handlers of /v1, one file for each kind of thing; the table
 * of routes is in api.c. */
#ifndef AGENT_API_ROUTES_H
#define AGENT_API_ROUTES_H

#include "agent/api/api.h"

/* api_policy.c */
api_fn api_policy_show; /* version */
api_fn api_policy_log;
api_fn api_policy_diff; /* from, to; or from, text */

/* api_policy_change.c */
api_fn api_policy_apply;  /* text, reason, base, path, orphans */
api_fn api_policy_check;  /* text, path: what applying would do */
api_fn api_policy_revert; /* version, reason, base, orphans */

/* api_suppression.c */
api_fn api_suppression_add;    /* target, reason, segment, until, note */
api_fn api_suppression_remove; /* target, segment, note */
api_fn api_suppression_check;  /* target */
api_fn api_suppression_list;   /* after, limit, reason, segment, redact */

/* api_consent.c */
api_fn api_consent_set;  /* address, purpose, state, origin, evidence, said */
api_fn api_consent_show; /* address */

/* api_explain.c */
api_fn api_explain; /* address and segment */
api_fn api_check;   /* segment, recipients */

/* api_metrics.c */
api_fn api_metrics;
api_fn api_health;

#endif
