/* section.c - see section.h. Works on tables only: nothing here knows an
 * option by name, so one row in a section_*.c is all that an option needs.
 *
 * Models are plain structs; a row writes at its offset. Arrays (SECTION_MANY)
 * are a pointer and a count in the model, of whatever element type, which is
 * why both are moved by memcpy and never through a cast pointer.
 *
 * Defaults are text and go through the same parser as the file's values: a
 * default that its own row would refuse fails each load and each test. The
 * first error ends the build; the model is then half filled and dropped. */
#include "policy/conf/section.h"

#include "policy/conf/lint.h"

#include <string.h>

struct build {
	struct option_job job;
	const struct section_schema *schema;
	const struct read_tree *tree;
	char *model;
};

static const struct section_kind *find_kind(
    const struct section_schema *schema, struct str name)
{
	for (size_t i = 1; i < schema->n_kinds; i++)
		if (str_eq(str_of(schema->kinds[i]->name), name))
			return schema->kinds[i];
	return NULL;
}

static const struct option *find_option(
    const struct section_kind *kind, struct str name)
{
	for (size_t i = 0; i < kind->n_options; i++)
		if (str_eq(str_of(kind->options[i].name), name))
			return &kind->options[i];
	return NULL;
}

/* --- unknown names --- */

/* A guess, kept while it is the nearest so far. */
struct guess {
	struct str wanted;
	const char *name;
	unsigned distance;
};

/* Keeps name if it is nearer to what was written. */
static void consider(struct guess *g, const char *name)
{
	unsigned d = str_distance(g->wanted, str_of(name));

	/* More than a third of the letters wrong is another word. */
	if (d < g->distance && d * 3 <= strlen(name) + 1) {
		g->distance = d;
		g->name = name;
	}
}

static const char *refused_why(
    const struct section_schema *schema, const char *kind, struct str name)
{
	for (size_t i = 0; i < schema->n_refused; i++) {
		const struct section_refused *r = &schema->refused[i];
		if ((r->kind == NULL ||
			str_eq(str_of(r->kind), str_of(kind))) &&
		    str_eq(str_of(r->name), name))
			return r->why;
	}
	return NULL;
}

/* The section that has this option, when it is simply in the wrong place. */
static const char *home_of(const struct section_schema *schema, struct str name)
{
	for (size_t i = 0; i < schema->n_kinds; i++)
		if (find_option(schema->kinds[i], name) != NULL)
			return schema->kinds[i]->name;
	return NULL;
}

static int unknown_option(const struct build *b,
    const struct section_kind *kind, const struct read_option *o)
{
	struct guess g = {o->name, NULL, UINT32_MAX};
	const char *home = home_of(b->schema, o->name);
	const char *why = refused_why(b->schema, kind->name, o->name);
	const char *in = b->job.section.n > 0 ? " in " : "";

	if (why != NULL)
		return option_fail(&b->job, o->line, ERR_SYNTAX,
		    "option \"%.*s\"%s%.*s: %s", STR_ARG(lint_excerpt(o->name)),
		    in, STR_ARG(b->job.section), why);
	for (size_t i = 0; i < kind->n_options; i++)
		consider(&g, kind->options[i].name);
	if (g.name == NULL && home != NULL)
		return option_fail(&b->job, o->line, ERR_SYNTAX,
		    "unknown option \"%.*s\"%s%.*s; it belongs %s%s%s",
		    STR_ARG(lint_excerpt(o->name)), in, STR_ARG(b->job.section),
		    *home != '\0' ? "in section \"" : "at the top of the file",
		    home, *home != '\0' ? "\"" : "");
	return option_fail(&b->job, o->line, ERR_SYNTAX,
	    "unknown option \"%.*s\"%s%.*s%s%s%s",
	    STR_ARG(lint_excerpt(o->name)), in, STR_ARG(b->job.section),
	    g.name != NULL ? "; did you mean \"" : "",
	    g.name != NULL ? g.name : "", g.name != NULL ? "\"?" : "");
}

static int unknown_section(const struct build *b, const struct read_section *s)
{
	struct guess g = {s->kind, NULL, UINT32_MAX};
	const char *why = refused_why(b->schema, "", s->kind);

	if (why != NULL)
		return option_fail(&b->job, s->line, ERR_SYNTAX,
		    "section \"%.*s\": %s", STR_ARG(lint_excerpt(s->kind)),
		    why);
	for (size_t i = 1; i < b->schema->n_kinds; i++)
		consider(&g, b->schema->kinds[i]->name);
	return option_fail(&b->job, s->line, ERR_SYNTAX,
	    "unknown section \"%.*s\"%s%s%s", STR_ARG(lint_excerpt(s->kind)),
	    g.name != NULL ? "; did you mean \"" : "",
	    g.name != NULL ? g.name : "", g.name != NULL ? "\"?" : "");
}

static int check_section(const struct build *b, const struct read_section *s)
{
	const struct section_kind *kind = find_kind(b->schema, s->kind);

	if (kind == NULL)
		return unknown_section(b, s);
	if (kind->times == SECTION_ONCE && s->titled)
		return option_fail(&b->job, s->line, ERR_SYNTAX,
		    "section \"%s\" takes no name; write \"%s {\"", kind->name,
		    kind->name);
	if (kind->times == SECTION_MANY && !s->titled)
		return option_fail(&b->job, s->line, ERR_SYNTAX,
		    "section \"%s\" needs a name; write \"%s NAME {\"",
		    kind->name, kind->name);
	if (kind->times != SECTION_MANY)
		return 0;
	if (kind->is_title != NULL ? !kind->is_title(s->title)
				   : !option_is_name(s->title))
		return option_fail(&b->job, s->line, ERR_SYNTAX,
		    "%s \"%.*s\": expected %s", kind->name,
		    STR_ARG(lint_excerpt(s->title)),
		    kind->is_title != NULL ? kind->title_what
					   : OPTION_NAME_WHAT);
	return 0;
}

/* --- building --- */

static int set_option(const struct build *b, const struct option *o,
    const struct read_option *in, char *element)
{
	int rc;

	if (!o->type->list && (in->braces || in->n != 1))
		return option_fail(&b->job, in->line, ERR_SYNTAX,
		    "%s takes one value, not a list: expected %s", o->name,
		    o->type->what);
	rc = o->type->parse(&b->job, o, in, element + o->offset);
	if (rc == 0 && o->check != NULL)
		rc = o->check(&b->job, in, element + o->offset);
	return rc;
}

static int set_default(const struct build *b, const struct option *o,
    const struct read_section *s, char *element)
{
	struct read_value v = {.line = s->line};
	struct read_option in = {
	    .name = str_of(o->name), .line = s->line, .values = &v, .n = 1};

	if (o->def == NULL)
		return 0;
	v.text = str_of(o->def);
	return set_option(b, o, &in, element);
}

/* Told where it would have stood: the section, or the file's first line. */
static int missing(const struct build *b, const struct section_kind *kind,
    const struct read_section *s, const struct option *o)
{
	if (kind->times == SECTION_ONCE && s->kind.n == 0)
		return option_fail(&b->job, s->line, ERR_SYNTAX,
		    "section \"%s\" with option \"%s\" is missing", kind->name,
		    o->name);
	return option_fail(&b->job, s->line, ERR_SYNTAX,
	    "option \"%s\"%s%.*s is missing", o->name,
	    b->job.section.n > 0 ? " of " : "", STR_ARG(b->job.section));
}

static int fill_options(const struct build *b, const struct section_kind *kind,
    const struct read_section *s, char *element)
{
	int rc = 0;

	for (size_t i = 0; i < s->n_options && rc == 0; i++) {
		const struct read_option *in = &s->options[i];
		const struct option *o = find_option(kind, in->name);
		rc = o != NULL ? set_option(b, o, in, element)
			       : unknown_option(b, kind, in);
	}
	for (size_t i = 0; i < kind->n_options && rc == 0; i++) {
		const struct option *o = &kind->options[i];
		if (read_find(s, str_of(o->name)) != NULL)
			continue;
		rc = o->flags & OPTION_REQUIRED ? missing(b, kind, s, o)
						: set_default(b, o, s, element);
	}
	return rc;
}

/* One section into one element: name, options, defaults, then its own check. */
static int fill(struct build *b, const struct section_kind *kind,
    const struct read_section *s, char *element)
{
	int rc;

	b->job.section = STR_NULL;
	if (s->kind.n > 0) {
		const char *name = arena_printf(b->job.arena, "%.*s%s%.*s",
		    STR_ARG(s->kind), s->titled ? " " : "", STR_ARG(s->title));
		if (name == NULL)
			return option_no_memory(&b->job);
		b->job.section = str_of(name);
	}
	if (kind->times == SECTION_MANY)
		memcpy(
		    element + kind->name_offset, &s->title, sizeof(s->title));
	rc = fill_options(b, kind, s, element);
	if (rc == 0 && kind->finish != NULL)
		rc = kind->finish(&b->job, s, element);
	return rc;
}

static int build_once(struct build *b, const struct section_kind *kind)
{
	const struct read_section absent = {.line = 1};

	for (size_t i = 0; i < b->tree->n_sections; i++)
		if (str_eq(b->tree->sections[i].kind, str_of(kind->name)))
			return fill(b, kind, &b->tree->sections[i],
			    b->model + kind->offset);
	return fill(b, kind, &absent, b->model + kind->offset);
}

static int build_many(struct build *b, const struct section_kind *kind)
{
	size_t n = 0, at = 0;
	char *v;
	int rc = 0;

	for (size_t i = 0; i < b->tree->n_sections; i++)
		n += str_eq(b->tree->sections[i].kind, str_of(kind->name));
	v = arena_array(b->job.arena, n, kind->size);
	if (v == NULL)
		return option_no_memory(&b->job);
	for (size_t i = 0; i < b->tree->n_sections && rc == 0; i++)
		if (str_eq(b->tree->sections[i].kind, str_of(kind->name)))
			rc = fill(b, kind, &b->tree->sections[i],
			    v + at++ * kind->size);
	memcpy(b->model + kind->offset, &v, sizeof(v));
	memcpy(b->model + kind->n_offset, &n, sizeof(n));
	return rc;
}

int section_build(const struct option_job *job,
    const struct section_schema *schema, const struct read_tree *tree,
    void *model)
{
	struct build b = {*job, schema, tree, model};
	int rc = 0;

	for (size_t i = 0; i < tree->n_sections && rc == 0; i++)
		rc = check_section(&b, &tree->sections[i]);
	for (size_t i = 0; i < schema->n_kinds && rc == 0; i++) {
		const struct section_kind *kind = schema->kinds[i];
		if (kind->times == SECTION_TOP)
			rc = fill(&b, kind, &tree->top, b.model + kind->offset);
		else if (kind->times == SECTION_ONCE)
			rc = build_once(&b, kind);
		else
			rc = build_many(&b, kind);
	}
	return rc;
}

/* --- printing --- */

static void print_options(const struct section_kind *kind, const char *element,
    const char *indent, struct buf *out)
{
	for (size_t i = 0; i < kind->n_options; i++) {
		const struct option *o = &kind->options[i];
		size_t start = out->n, value;

		buf_printf(out, "%s%s = ", indent, o->name);
		value = out->n;
		o->type->print(o, element + o->offset, out);
		if (out->n == value && buf_error(out) == 0) {
			buf_truncate(out, start);
			buf_printf(out, "%s# %s: not set", indent, o->name);
		}
		buf_addc(out, '\n');
	}
}

static void print_many(
    const struct section_kind *kind, const char *model, struct buf *out)
{
	const char *v;
	size_t n;

	memcpy(&v, model + kind->offset, sizeof(v));
	memcpy(&n, model + kind->n_offset, sizeof(n));
	for (size_t i = 0; i < n; i++, v += kind->size) {
		struct str title;

		memcpy(&title, v + kind->name_offset, sizeof(title));
		buf_printf(out, "\n%s %.*s {\n", kind->name, STR_ARG(title));
		print_options(kind, v, "\t", out);
		buf_addz(out, "}\n");
	}
}

void section_print(
    const struct section_schema *schema, const void *model, struct buf *out)
{
	for (size_t i = 0; i < schema->n_kinds; i++) {
		const struct section_kind *kind = schema->kinds[i];
		const char *element = (const char *)model + kind->offset;

		if (kind->times == SECTION_MANY) {
			print_many(kind, model, out);
		} else if (kind->times == SECTION_TOP) {
			print_options(kind, element, "", out);
		} else {
			buf_printf(out, "\n%s {\n", kind->name);
			print_options(kind, element, "\t", out);
			buf_addz(out, "}\n");
		}
	}
}

/* --- the manual --- */

/* mdoc wants a new line for each sentence, and readable ones at that. */
static void describe_text(struct buf *out, const char *text)
{
	struct str rest = str_of(text), word, last = STR_NULL;
	size_t column = 0;

	while (str_next(&rest, ' ', &word)) {
		bool fresh =
		    str_ends(last, STR(".")) || column + word.n + 1 > 78;
		if (column > 0)
			buf_addc(out, fresh ? '\n' : ' ');
		column = column > 0 && !fresh ? column + 1 : 0;
		buf_add(out, word);
		column += word.n;
		last = word;
	}
	buf_addc(out, '\n');
}

static void describe_range(const struct option *o, struct buf *out)
{
	bool size = o->type == &option_size;

	if (o->max == 0)
		return;
	buf_addz(out, "From ");
	if (size) {
		option_print_size(out, (size_t)o->min);
		buf_addz(out, " to ");
		option_print_size(out, (size_t)o->max);
	} else {
		buf_printf(
		    out, "%lld to %lld", (long long)o->min, (long long)o->max);
	}
	buf_addz(out, ".\n");
}

static void describe_value(const struct option *o, struct buf *out)
{
	struct buf text;

	buf_init(&text, out->max);
	if (o->words == NULL)
		buf_printf(&text, "Value: %s.", o->type->what);
	else
		buf_addz(&text, "One of");
	for (const struct option_word *w = o->words; w != NULL && w->name; w++)
		buf_printf(
		    &text, " %s%c", w->name, w[1].name != NULL ? ',' : '.');
	if (buf_error(&text) == 0)
		describe_text(out, text.p);
	buf_fini(&text);
}

static void describe_option(const struct option *o, struct buf *out)
{
	buf_printf(out, ".It Ic %s\n", o->name);
	describe_text(out, o->help);
	describe_value(o, out);
	describe_range(o, out);
	if (o->flags & OPTION_REQUIRED)
		buf_addz(out, "Required.\n");
	else if (o->def != NULL)
		buf_printf(out, "Default: %s.\n", o->def);
}

void section_describe(const struct section_schema *schema, struct buf *out)
{
	for (size_t i = 0; i < schema->n_kinds; i++) {
		const struct section_kind *kind = schema->kinds[i];

		if (kind->times == SECTION_TOP)
			buf_addz(out, ".Ss Top of the file\n");
		else
			buf_printf(out, ".Ss Section %s%s\n", kind->name,
			    kind->times == SECTION_MANY ? " NAME" : "");
		describe_text(out, kind->help);
		buf_addz(out, ".Bl -tag -width Ds\n");
		for (size_t k = 0; k < kind->n_options; k++)
			describe_option(&kind->options[k], out);
		buf_addz(out, ".El\n");
	}
}
