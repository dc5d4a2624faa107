/* inforce.h - words that the policy in force does not have: a person who
 * mistypes a purpose should hear that nothing came of it. Asks the agent;
 * silent where that fails. Threads: one. */
#ifndef AGENT_CLI_INFORCE_H
#define AGENT_CLI_INFORCE_H

#include "agent/cli/cli.h"
#include "policy/conf/policy.h"

/* A reference that the caller gives back; NULL when there is none, or nobody
 * to ask. */
const struct policy *inforce_policy(struct cli *c);
/* A line to standard error when no segment has that purpose, with what was
 * probably meant. Nothing when no policy was applied yet. */
void inforce_purpose(struct cli *c, struct str purpose);
/* The same for the name of a segment; nothing when name.p is NULL. */
void inforce_segment(struct cli *c, struct str name);

#endif
