/* routes.h - the handlers of /v1, one file for each kind of thing. */
#ifndef AGENT_API_ROUTES_H
#define AGENT_API_ROUTES_H

#include "agent/api/api.h"

api_fn api_policy_apply;       /* POST /v1/policy */
api_fn api_policy_show;        /* GET  /v1/policy?version=N */
api_fn api_suppression_add;    /* POST /v1/suppressions */
api_fn api_suppression_remove; /* DELETE /v1/suppressions */
api_fn api_consent_set;        /* POST /v1/consent */
api_fn api_explain;            /* GET  /v1/explain */
api_fn api_metrics;            /* GET  /metrics */
api_fn api_health;             /* GET  /healthz */

#endif
