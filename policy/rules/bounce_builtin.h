/* bounce_builtin.h - the text of bounce.rules, as the build put it into the
 * program (policy/local.mk). Threads: any; constant. */
#ifndef POLICY_RULES_BOUNCE_BUILTIN_H
#define POLICY_RULES_BOUNCE_BUILTIN_H

#include "policy/base/str.h"

struct str bounce_builtin(void);

#endif
