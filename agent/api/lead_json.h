/* lead_json.h - a person's attributes as JSON. Threads: any. */
#ifndef AGENT_API_LEAD_JSON_H
#define AGENT_API_LEAD_JSON_H

#include "agent/value.h"
#include "policy/base/zone.h"
#include "policy/conf/policy.h"
#include "policy/state/attributes.h"

/* {"role": "cto", "employees": 200, "customer": true, "renewal": "2027-01-31"}:
 * those that the policy (NULL: none in force) knows by name. */
struct value *lead_json_values(
    const struct policy *p, const struct attributes *x);
/* [{"name": "role", "type": "text", "value": "cto"}, ...]: all; what the policy
 * does not know has its label for a name, "#1f", and "declared": false; a time
 * zone that this host does not know "unknown_zone": true. */
struct value *lead_json_list(
    const struct policy *p, const struct attributes *x, struct zones *zones);

#endif
