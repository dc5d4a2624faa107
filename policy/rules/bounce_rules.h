/* bounce_rules.h - the rules of bounce.h as they are held in memory: what
 * bounce_read.c makes of a file, bounce_rules.c compiles and bounce.c asks.
 * Threads: immutable once compiled. */
#ifndef POLICY_RULES_BOUNCE_RULES_H
#define POLICY_RULES_BOUNCE_RULES_H

#include "policy/base/arena.h"
#include "policy/rules/bounce.h"
#include "policy/rules/bounce_code.h"
#include "policy/rules/phrases.h"

#include <stdatomic.h>

/* In this order they stand in bounce_rules.line[]. */
enum bounce_layer {
	BOUNCE_WORDS, /* plain words: before any code */
	BOUNCE_VAGUE, /* where codes say nothing, or blame the person */
	BOUNCE_DOUBT, /* an answer that blames the person becomes another */
	BOUNCE_STAGE, /* by which the point of the session is known */
	BOUNCE_CODES, /* not in line[] but in code[] */
};
#define BOUNCE_LAYERS 5

/* x.subject.from to x.subject.to, or reply codes from to to. */
struct bounce_code {
	bool smtp;
	unsigned class; /* 0: 4 and 5 */
	unsigned subject, from, to;
};

struct bounce_codes {
	const struct bounce_code *v;
	size_t n;
};

/* Narrows a section; what is empty or 0 does not. */
struct bounce_when {
	unsigned stages;   /* bit: enum bounce_stage */
	unsigned outcomes; /* bit: enum bounce_outcome */
	uint32_t of;       /* bit: enum bounce_reason; doubts only */
	struct bounce_codes code, said;
	struct bounce_codes unless; /* none of these */
	bool said_none; /* matches a text without a status of its own */
	bool sure;      /* narrows nothing: is beyond doubt */
	struct strs at; /* domains */
};

struct bounce_section {
	enum bounce_layer layer;
	enum bounce_reason reason;
	enum bounce_stage stage; /* BOUNCE_STAGE */
	unsigned priority;
	const char *file;
	unsigned line;
	bool own; /* of the administrator's file */
	struct bounce_when when;
};

struct bounce_line {
	const struct bounce_section *section;
	unsigned line;
	const char *text;   /* as it is in the file */
	const char *phrase; /* folded; NULL: whatever the text */
	const char *also;   /* must be there too; NULL: none */
	size_t also_at;     /* its number among the phrases, once compiled */
	struct bounce_code code; /* BOUNCE_CODES */
};

struct bounce_rules {
	atomic_uint refs;
	struct arena *arena;
	struct bounce_line *line; /* sorted: layer, priority, own first, file */
	size_t n_lines, room;
	size_t end[BOUNCE_LAYERS]; /* of a layer's lines */
	struct bounce_line *code;  /* own first, then as in the file */
	size_t n_codes, room_codes;
	/* phrase i is that of line[i], those behind are the `also` ones */
	struct phrases *phrases;
	uint64_t always[PHRASES_WORDS(PHRASES_MAX)]; /* lines of any text */
};

/* The parser's job for one text. */
struct bounce_read {
	struct bounce_rules *rules;
	const char *name; /* lives as the rules */
	bool own;
	bounce_tell_fn *tell;
	void *arg;
	struct error *err; /* the first error */
	size_t errors;
};

/* Appends lines and codes. 0 also where there were errors (read->errors);
 * ERR_LIMIT, -ENOMEM. */
int bounce_read_text(struct bounce_read *read, struct str text) MUST_CHECK;

/* Tells of one finding at a line. */
void bounce_read_tell(struct bounce_read *read, bool is_error, unsigned line,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* False for a name that no failure has: complaints and receipts. */
bool bounce_reason_of_name(struct str name, enum bounce_reason *out);

bool bounce_code_matches(
    const struct bounce_code *c, unsigned smtp, const struct bounce_status *s);

#endif
