/* cli.h - what the verbs of `tendril` share: a table of commands, from which
 * arguments are parsed and help is printed, and ways to the agent, to conf and
 * to the terminal.
 *
 * A verb is one file, verb_NAME.c, with one struct cli_verb. Results go to
 * standard output, with --json one value a line; all else to standard error.
 * Threads: one. */
#ifndef AGENT_CLI_CLI_H
#define AGENT_CLI_CLI_H

#include "agent/value.h"
#include "policy/conf/conf.h"

#include <stdio.h>

/* Exit codes are API. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_NO = 1,     /* the answer is no; findings; refused */
	CLI_USAGE = 2,  /* not understood */
	CLI_AGAIN = 75, /* trouble that may pass: try again */
};

enum {
	CLI_OPTIONS_MAX = 16,
	CLI_ARENA_MAX = 64 << 20,
	CLI_FILE_MAX = 64 << 20,
	CLI_WIDTH = 100, /* columns of what people read, but on a terminal */
};

struct cli;
struct client;

struct cli_option {
	const char *name; /* "reason" is --reason */
	const char *arg;  /* "TEXT"; NULL: takes none */
	const char *help;
	bool required;
};

struct cli_command {
	const char *name;     /* "apply"; "" when the verb is the command */
	const char *operands; /* "FILE", "[VERSION]"; "" */
	size_t min, max;      /* how many; max SIZE_MAX: any number */
	const struct cli_option *options; /* ends with name NULL; or NULL */
	const char *help;                 /* one sentence without full stop */
	int (*run)(struct cli *c);        /* enum cli_exit */
};

struct cli_verb {
	const char *name;
	const char *summary; /* a line of `tendril help` */
	const char *about;   /* lines more, or NULL */
	const struct cli_command *commands;
	size_t n_commands;
	const char *exits;   /* what 1 means here; or NULL */
	const char *example; /* lines with two blanks in front */
};

extern const struct cli_verb *const cli_verbs[]; /* ends with NULL */

struct cli {
	const struct cli_verb *verb;
	const struct cli_command *command;
	struct arena *arena;
	const char *conf_path;
	bool json, local; /* local: times in the zone of this terminal */
	char **operands;
	size_t n_operands;
	const char *values[CLI_OPTIONS_MAX]; /* by the command's options */
	const struct conf *conf;             /* by cli_conf() */
	struct client *client;               /* by cli_call() */
};

/* --- arguments --- */

/* Fills c from the words behind the program's name. CLI_DONE with command set;
 * or with command NULL when help was printed. CLI_USAGE: told. */
int cli_parse(struct cli *c, int argc, char **argv);
void cli_help(FILE *out, const struct cli_verb *verb); /* NULL: all verbs */

/* NULL: not given. A flag that was given is "". An option that the command
 * does not have is bug(). */
const char *cli_opt(const struct cli *c, const char *name);
struct str cli_str(const struct cli *c, const char *name); /* p NULL: absent */
struct str cli_operand(const struct cli *c, size_t i);     /* likewise */

/* --- telling --- */

/* "tendril: TEXT" to standard error; returns code. */
int cli_fail(int code, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The exit code for one of our error codes. */
int cli_exit_of(int rc);
/* The text of err with the exit code of rc. */
int cli_error(int rc, const struct error *err);
/* Standard output takes no more. Where it is a pipe whose reader has left (he
 * has seen enough: "| head"), the program ends by SIGPIPE, without a word, as
 * others do; else told. */
int cli_out_failed(void);
/* A value as one line of JSON, escaped so that a terminal may show it. */
int cli_json_to(FILE *to, const struct value *v);
int cli_json(const struct value *v);

/* --- ways --- */

/* Behind "FILE: No such file or directory" of a conf. */
#define CLI_NO_CONF                                                            \
	" (an example is in " PKGDATADIR                                       \
	"/examples; --conf or $TENDRIL_CONF names another)"
/* Loads conf once. CLI_DONE; else told. */
int cli_conf(struct cli *c);
/* A whole file, "-" is standard input; in the arena. */
int cli_read(struct cli *c, const char *path, struct str *out);
/* Asks the agent. reply_out (the caller frees; NULL when there is none) is
 * also set for an answer that is an error, which is told unless it is one of
 * `quiet` (0: none). Returns an exit code. */
struct cli_request {
	const char *method; /* "GET" */
	const char *path;   /* with query */
	const struct value *body;
	struct str raw; /* or the body as it is, and its media type */
	const char *raw_type;
	int quiet;     /* an error code that the caller handles */
	int timeout_s; /* 0: a minute */
};
int cli_call(struct cli *c, const struct cli_request *rq,
    struct value **reply_out, int *rc_out);

/* A GET is begun by cli_path(), gets its arguments by client_query() and
 * cli_query_flag(), and is sent by cli_get() or cli_show(), which take path. */
void cli_path(struct buf *path, const char *start);
/* "name=1" when the flag was given. */
void cli_query_flag(const struct cli *c, struct buf *path, const char *name);
/* As cli_call(). */
int cli_get(struct cli *c, struct buf *path, struct value **reply_out);
/* The same, and what show() makes of an answer. */
int cli_show(struct cli *c, struct buf *path,
    int (*show)(struct cli *c, const struct value *reply));
/* A member of a body to be sent, when the option was given. */
void cli_put_option(const struct cli *c, struct value *o, const char *name);
/* Where the next page of a list begins, in the arena; p NULL at its end. */
struct str cli_next(struct cli *c, const struct value *reply);

#endif
