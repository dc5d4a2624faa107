/* ruleset.h - the rules for bounces that are in force: those of the programs,
 * with the file before them that conf's agent.bounce-rules names. Whoever
 * classifies takes a reference for a batch, so a reload changes no batch half
 * way, and what nobody uses any more is freed. Threads: internally locked. */
#ifndef AGENT_RULESET_H
#define AGENT_RULESET_H

#include "policy/conf/conf.h"
#include "policy/rules/bounce.h"

struct ruleset;

/* The rules as a conf wants them, read but not yet in force. */
struct ruleset_fresh {
	struct bounce_rules *rules;
	struct buf text; /* of the file; empty without one */
};

/* -errno for a file that cannot be read, ERR_SYNTAX with "file:line: what",
 * ERR_LIMIT, -ENOMEM. The caller puts or drops it, also on failure. Findings
 * that are no errors go to the log. */
int ruleset_read(const struct conf *conf, struct ruleset_fresh *out,
    struct error *err) MUST_CHECK;
void ruleset_drop(struct ruleset_fresh *fresh);

int ruleset_open(struct ruleset **out, const struct conf *conf,
    struct error *err) MUST_CHECK;
void ruleset_close(struct ruleset **s); /* NULL is fine */

/* In force from now on, unless it says the same: *changed_out. */
void ruleset_put(
    struct ruleset *s, struct ruleset_fresh *fresh, bool *changed_out);

/* A reference, for bounce_rules_free(). */
struct bounce_rules *ruleset_get(struct ruleset *s);

#endif
