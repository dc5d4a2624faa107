/* lint.h - our own pass over the bytes of a conf or policy file, before
 * libconfuse sees them.
 *
 * It refuses what libconfuse lets pass or misreports: a missing last brace, a
 * quote that is never closed (told at the line where the string began),
 * ${...} (taken from the environment), numbers like 010 (octal), += , a
 * section or option given twice (the last would silently win), backslashes
 * (half of them vanish), include(), single quotes, strings over several
 * lines, bytes it skips, control bytes, NUL, invalid UTF-8, sections inside
 * sections, a file that ends within a word (it may be cut off), and anything
 * over the limits below.
 *
 * What it leaves is an outline: names, titles, and the line of every section,
 * option and value. libconfuse's own line numbers are not used: they drift
 * after a C comment. Pure. Threads: any. */
#ifndef POLICY_CONF_LINT_H
#define POLICY_CONF_LINT_H

#include "policy/base/arena.h"

enum {
	LINT_MAX_BYTES = 1 << 20,
	LINT_MAX_LINE = 16384, /* bytes; libconfuse's scanner is quadratic in
				* the length of a comment or of blanks */
	LINT_MAX_SECTIONS = 2048,
	LINT_MAX_OPTIONS = 64,  /* in one section */
	LINT_MAX_VALUES = 1024, /* in one list */
	LINT_MAX_STRING = 4096, /* bytes between quotes */
	LINT_MAX_WORD = 256,    /* bytes of a name or a bare value */
};

struct lint_value {
	struct str token; /* as written, with quotes */
	struct str text;  /* without */
	int line;
};

struct lint_option {
	struct lint_option *next;
	struct str name;
	int line;
	bool braces; /* { ... }: a list, even of one value */
	struct lint_value *values;
	size_t n_values; /* >= 1 */
};

struct lint_section {
	struct lint_section *next;
	struct str kind, title; /* both empty: the top of the file */
	bool titled;
	int line;
	struct lint_option *options; /* in the order of the file */
	size_t n_options;
};

struct lint_outline {
	struct lint_section top; /* its next: the sections */
	size_t n_sections;       /* without top */
};

/* path is used in messages only. The outline is in the arena and borrows from
 * text. ERR_SYNTAX with "path:line: what" in err, or ERR_LIMIT. */
int lint_check(struct arena *arena, const char *path, struct str text,
    struct lint_outline **out, struct error *err) MUST_CHECK;

/* Overwrites comments with blanks, line ends apart; of a text that lint_check
 * has accepted. */
void lint_blank_comments(char *text, size_t n);

/* The first bytes of a value, for messages: at most 60, whole characters. */
struct str lint_excerpt(struct str s);

#endif
