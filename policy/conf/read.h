/* read.h - a conf or policy file as a tree of sections, options and text
 * values, each with its line. Syntax only: lint refuses the traps, libconfuse
 * reads, and the two must agree on every value.
 *
 * Threads: any; libconfuse's scanner is global, so reads queue on a lock. */
#ifndef POLICY_CONF_READ_H
#define POLICY_CONF_READ_H

#include "policy/base/arena.h"

struct read_value {
	struct str text;  /* without quotes, NUL after it */
	struct str token; /* as written */
	int line;
};

struct read_option {
	struct str name;
	int line;
	bool braces;
	const struct read_value *values;
	size_t n; /* >= 1 */
};

struct read_section {
	struct str kind, title;
	bool titled;
	int line;
	const struct read_option *options; /* in the order of the file */
	size_t n_options;
};

struct read_tree {
	struct read_section top;
	const struct read_section *sections; /* in the order of the file */
	size_t n_sections;
};

/* path is used in messages only. The tree lives in the arena; it borrows
 * nothing from text. */
int read_text(struct arena *arena, const char *path, struct str text,
    const struct read_tree **out, struct error *err) MUST_CHECK;

/* NULL if the section has no such option. */
const struct read_option *read_find(
    const struct read_section *s, struct str name);

#endif
