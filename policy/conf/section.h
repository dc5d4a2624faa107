/* section.h - the kinds of sections of both files, and what builds, prints
 * and describes a model from their tables. Pure. Threads: any. */
#ifndef POLICY_CONF_SECTION_H
#define POLICY_CONF_SECTION_H

#include "policy/conf/option.h"

enum section_times {
	SECTION_TOP,  /* the options outside all sections */
	SECTION_ONCE, /* no name */
	SECTION_MANY, /* each with its own name */
};

struct section_kind {
	const char *name; /* "" for the top */
	enum section_times times;
	const struct option *options;
	size_t n_options;
	const char *help;
	size_t offset;   /* in the model: of the struct, or of the pointer to
	                  * the array (MANY) */
	size_t n_offset; /* MANY: of the array's size_t count */
	size_t size;     /* MANY: of one element */
	/* NULL, or called after the options of one section. in: as read, with
	 * the place of the default where the file has no such section. */
	int (*finish)(const struct option_job *job,
	    const struct read_section *in, void *element);
	size_t name_offset; /* MANY: of the element's struct str name */
	bool (*is_title)(struct str); /* MANY; NULL: option_is_name */
	const char *title_what;       /* what is_title wants */
};

/* What another version knows, refused with a reason of its own: a rule that
 * is not enforced must never be accepted. */
struct section_refused {
	const char *kind; /* NULL: in any section */
	const char *name; /* an option, or with kind "" a section */
	const char *why;
};

struct section_schema {
	const struct section_kind *const *kinds; /* [0] is the top */
	size_t n_kinds;
	const struct section_refused *refused;
	size_t n_refused;
};

/* Fills the model, zeroed by the caller, from the file and the defaults. */
int section_build(const struct option_job *job,
    const struct section_schema *schema, const struct read_tree *tree,
    void *model) MUST_CHECK;
/* The model as a file that reads back to the same model; options without a
 * value are comments. */
void section_print(
    const struct section_schema *schema, const void *model, struct buf *out);
/* One mdoc list for each kind. */
void section_describe(const struct section_schema *schema, struct buf *out);

/* The conf's kinds, in the order of the manual. */
extern const struct section_kind section_top, section_milter, section_agent,
    section_web, section_mta_log, section_key, section_domain, section_stream;
/* The policy's. */
extern const struct section_kind section_policy, section_person,
    section_company, section_limit, section_holidays, section_segment,
    section_purpose, section_attribute, section_audience,
    section_breaker, section_breaker_for;

#endif
