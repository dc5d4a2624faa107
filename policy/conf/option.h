/* option.h - tables of options: the one place that knows each option's name,
 * type, default, bounds and help. Parsing, validation, printing and the
 * manual are made from them.
 *
 * A table row writes into a model struct at an offset. A type is a pair of
 * functions, so a section may bring types of its own. Pure. Threads: any. */
#ifndef POLICY_CONF_OPTION_H
#define POLICY_CONF_OPTION_H

#include "policy/base/arena.h"
#include "policy/base/buf.h"
#include "policy/conf/conf.h"
#include "policy/conf/read.h"

/* One build of one model. */
struct option_job {
	const char *path; /* in messages only */
	struct arena *arena;
	struct error *err;
	struct str section; /* "segment newsletter", "" at the top */
};

/* "path:line: text"; returns code. */
int option_fail(const struct option_job *job, int line, int code,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
int option_no_memory(const struct option_job *job);

struct option;

struct option_type {
	const char *what; /* "a size such as \"50M\"" */
	bool list;        /* takes several values */
	/* in->n >= 1, and 1 unless list. */
	int (*parse)(const struct option_job *job, const struct option *o,
	    const struct read_option *in, void *field);
	/* As the file would have it, one line. */
	void (*print)(
	    const struct option *o, const void *field, struct buf *out);
};

struct option_word {
	const char *name;
	int value;
};

enum {
	OPTION_REQUIRED = 1
};

enum {
	OPTION_NAME_MAX = 64
};

struct option {
	const char *name;
	const struct option_type *type;
	size_t offset;
	const char *def; /* text as in the file, without quotes; or NULL */
	unsigned flags;
	int64_t min, max; /* of numbers; both 0: the type's own bounds */
	const struct option_word *words; /* of option_enum; ends with NULL */
	/* Called after parse with the field set; NULL if nothing to check. */
	int (*check)(const struct option_job *job, const struct read_option *in,
	    const void *field);
	const char *help; /* one sentence */
};

/* Field types in brackets. */
extern const struct option_type option_text;     /* struct str, one line */
extern const struct option_type option_texts;    /* struct strs */
extern const struct option_type option_name;     /* struct str, a-z 0-9 - _ . */
extern const struct option_type option_names;    /* struct strs */
extern const struct option_type option_token;    /* struct str, also A-Z */
extern const struct option_type option_tokens;   /* struct strs */
extern const struct option_type option_fields;   /* struct strs, RFC 5322 */
extern const struct option_type option_enum;     /* int, from words */
extern const struct option_type option_flag;     /* bool */
extern const struct option_type option_count;    /* uint32_t */
extern const struct option_type option_limit;    /* size_t, a plain number */
extern const struct option_type option_size;     /* size_t */
extern const struct option_type option_duration; /* int64_t ms */
extern const struct option_type option_mode;     /* unsigned, octal */
extern const struct option_type option_path;     /* struct str, absolute */
extern const struct option_type option_domain;   /* struct str, canonical */
extern const struct option_type option_domains;  /* struct strs */
extern const struct option_type option_nets;     /* struct conf_nets */
extern const struct option_type option_host;     /* struct str, labels */
extern const struct option_type option_hosts;    /* struct strs */
extern const struct option_type option_hostport; /* struct str */
extern const struct option_type option_addresses; /* struct strs, canonical */

/* --- for types of a section's own --- */

#define OPTION_NAME_WHAT                                                       \
	"a name of small letters, digits, \"-\", \"_\" and \".\" such as "     \
	"\"win-back\""

/* "path:line: name = "value": why". */
int option_refuse(const struct option_job *job, const struct option *o,
    const struct read_value *v, const char *why);
/* The same with "expected " and the type's what. */
int option_unexpected(const struct option_job *job, const struct option *o,
    const struct read_value *v);

/* Checks one value of a list and gives its canonical form. */
typedef int option_one_fn(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out);
/* The whole list; refuses twins. */
int option_parse_each(const struct option_job *job, const struct option *o,
    const struct read_option *in, option_one_fn *one,
    struct strs *out) MUST_CHECK;

/* Before the i-th of n values, and behind the last. */
void option_print_open(struct buf *out, size_t i, size_t n);
void option_print_close(struct buf *out, size_t n);
void option_print_quoted(struct buf *out, struct str s);
void option_print_size(struct buf *out, size_t n);
void option_print_text(
    const struct option *o, const void *field, struct buf *out);
void option_print_texts(
    const struct option *o, const void *field, struct buf *out);

bool option_is_name(struct str s);
bool option_is_token(struct str s); /* a name that may have capitals */
bool option_is_host(struct str s);  /* labels; also "192.0.2.1" */
/* "[::1]:80" -> "::1", "80"; port 1..65535. */
bool option_split_hostport(
    struct str s, struct str *host_out, struct str *port_out);
bool option_is_loopback(struct str host); /* 127.0.0.0/8, ::1, localhost */

#endif
