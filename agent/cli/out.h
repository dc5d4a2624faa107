/* out.h - what people read: aligned tables, times, plain words. Text from
 * outside loses what plain.h names, so that nothing of a mail or an
 * application can move the cursor, begin a line or turn text around.
 * Threads: one. */
#ifndef AGENT_CLI_OUT_H
#define AGENT_CLI_OUT_H

#include "agent/cli/cli.h"

#include <stdarg.h>

struct out_table;

/* heads ends with NULL. Memory is of the arena. */
struct out_table *out_table(struct cli *c, const char *const *heads);
/* The next cell of the row; a row is full by itself. */
void out_cell(struct out_table *t, struct str text);
/* A member of an object: text, number, "yes", "-" when absent or null. */
void out_member(struct out_table *t, const struct value *o, const char *key);
/* A member that is a time. */
void out_when(struct out_table *t, const struct value *o, const char *key);
/* Heads and rows; the last column is wrapped to the terminal's width, or to
 * CLI_WIDTH. Nothing for no rows. */
void out_print(struct out_table *t);

/* "name   value" with names aligned to width; nothing for an empty value. */
void out_field(const char *name, struct str value);
/* A line; its text need not be clean, but newlines in it stay. */
void out_line(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same, to another stream. */
void out_plain(FILE *to, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Text by plain_text() (plain.h), in the arena. */
struct str out_clean(struct cli *c, struct str text);
/* "2026-11-24 08:00 UTC" or with --local "2026-11-24 09:00 CET" for
 * "2026-11-24T08:00:00Z"; seconds when they are not 0. In the arena. */
struct str out_time(struct cli *c, struct str iso);
/* A member as text, times as out_time(); in the arena. */
struct str out_text(struct cli *c, const struct value *o, const char *key);
/* Verdict and reason in plain words: "allowed", "held: over a limit of the
 * segment". */
const char *out_reason(struct str reason);
/* What is not enforced of a verdict, since something is in shadow mode; ""
 * where all of it is. */
const char *out_shadow(const struct value *o);
/* Why somebody is suppressed, and what a message lacks: "a complaint". */
const char *out_cause(struct str reason);
const char *out_demand(struct str compliance);
/* To standard error, over the last one, when that is a terminal. */
void out_progress(const char *fmt, ...) PRINTF_LIKE(1, 2);
void out_progress_end(void);

#endif
