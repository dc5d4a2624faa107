/* policytext.h - a policy as its author has it, which may name files of
 * holidays, made into the whole text that the ledger gets. Reads files.
 * Threads: any. */
#ifndef POLICY_CONF_POLICYTEXT_H
#define POLICY_CONF_POLICYTEXT_H

#include "policy/base/arena.h"

enum {
	POLICYTEXT_ARENA = 8 << 20 /* enough for every policy */
};

/* The text of the policy at path with the days of its days-file options in it
 * (policy/conf/daysfile.h); a relative name begins in the policy's folder. In
 * the arena, or text itself. err says "file:line: what" of the policy or of
 * such a file. */
int policytext_expand(struct arena *arena, const char *path, struct str text,
    struct str *out, struct error *err) MUST_CHECK;

#endif
