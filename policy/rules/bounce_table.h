/* bounce_table.h - what bounces say, as data. Read by bounce.c alone.
 * Threads: any; constant. */
#ifndef POLICY_RULES_BOUNCE_TABLE_H
#define POLICY_RULES_BOUNCE_TABLE_H

#include "policy/rules/bounce.h"

enum bounce_when {
	BOUNCE_ALWAYS,
	BOUNCE_AT_END, /* only when the MTA gave up */
};

/* Matches when one of the phrases (see phrases.h) in `any`, which are set apart
 * by "|", is in the diagnostic and, if also is not NULL, that phrase as well.
 * The first row that matches wins: order is precedence. */
struct bounce_text_rule {
	enum bounce_reason reason;
	const char *any, *also;
	enum bounce_when when;
};

/* Status x.subject.from to x.subject.to. */
struct bounce_status_rule {
	unsigned subject, from, to;
	enum bounce_reason reason;
	const char *name;
};

struct bounce_smtp_rule {
	unsigned code;
	enum bounce_reason reason;
	const char *name;
};

/* Plain words: these decide before any code. */
extern const struct bounce_text_rule bounce_strong[];
extern const size_t bounce_strong_n;
/* Vague words: these decide where codes say nothing, or blame the person. */
extern const struct bounce_text_rule bounce_weak[];
extern const size_t bounce_weak_n;

extern const struct bounce_status_rule bounce_status_rules[];
extern const size_t bounce_status_rules_n;
extern const struct bounce_smtp_rule bounce_smtp_rules[];
extern const size_t bounce_smtp_rules_n;

#endif
