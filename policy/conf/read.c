/* read.c - see read.h. The only file that sees libconfuse.
 *
 * libconfuse wants a table of everything it may meet. We give it one made
 * from lint's outline, every option a list of strings, because names and
 * types are checked by our own tables with better messages. What remains for
 * it is a second opinion on the syntax: each value that it read must be the
 * one lint saw, or the file is refused. Lines come from lint.
 *
 * Its scanner and the string buffer behind it are process-wide, hence the
 * lock. Its memory is bounded by lint's limits and by MAX_NAMES: it copies
 * the table of a kind for each section of that kind. */
#include "policy/conf/read.h"

#include "policy/base/fault.h"
#include "policy/conf/lint.h"

#include <pthread.h>

#include <confuse.h>

enum {
	MAX_KINDS = 64,
	MAX_NAMES = 64, /* different options in all sections of one kind */
	OUTLINE_BYTES = 48 << 20,
};

static pthread_mutex_t scanner = PTHREAD_MUTEX_INITIALIZER;

/* The names met in one kind of section. */
struct kind {
	struct str name;
	bool titled;
	char *names[MAX_NAMES];
	size_t n_names;
	unsigned seen; /* sections matched so far */
};

struct reader {
	const char *path;
	struct arena *arena;   /* the caller's: the result */
	struct arena *scratch; /* outline, tables, the text with its NUL */
	struct error *err;
	struct lint_outline *outline;
	struct kind *kinds; /* [0] is the top */
	size_t n_kinds;
};

static int no_memory(const struct reader *r)
{
	return error_set(r->err, ERR_LIMIT, "%s: out of memory", r->path);
}

static int add_name(
    struct reader *r, struct kind *k, const struct lint_option *o)
{
	for (size_t i = 0; i < k->n_names; i++)
		if (str_eq(str_of(k->names[i]), o->name))
			return 0;
	if (k->n_names == MAX_NAMES)
		return error_set(r->err, ERR_LIMIT,
		    "%s:%d: more than %d different options in sections "
		    "\"%.*s\"",
		    r->path, o->line, MAX_NAMES, STR_ARG(k->name));
	k->names[k->n_names] =
	    arena_printf(r->scratch, "%.*s", STR_ARG(o->name));
	return k->names[k->n_names++] != NULL ? 0 : no_memory(r);
}

static struct kind *find_kind(struct reader *r, struct str name)
{
	for (size_t i = 0; i < r->n_kinds; i++)
		if (str_eq(r->kinds[i].name, name))
			return &r->kinds[i];
	return NULL;
}

static int add_section(struct reader *r, const struct lint_section *s)
{
	struct kind *k = find_kind(r, s->kind);
	int rc = 0;

	if (k == NULL && r->n_kinds == MAX_KINDS)
		return error_set(r->err, ERR_LIMIT,
		    "%s:%d: more than %d kinds of sections", r->path, s->line,
		    MAX_KINDS - 1);
	if (k == NULL) {
		k = &r->kinds[r->n_kinds++];
		k->name = s->kind;
		k->titled = s->titled;
	}
	if (k->titled != s->titled)
		return error_set(r->err, ERR_SYNTAX,
		    "%s:%d: section \"%.*s\" is given with and without a name",
		    r->path, s->line, STR_ARG(s->kind));
	for (const struct lint_option *o = s->options; o != NULL && rc == 0;
	     o = o->next)
		rc = add_name(r, k, o);
	return rc;
}

static int collect(struct reader *r)
{
	int rc = 0;

	r->kinds = arena_array(r->scratch, MAX_KINDS, sizeof(*r->kinds));
	if (r->kinds == NULL)
		return no_memory(r);
	for (const struct lint_section *s = &r->outline->top;
	     s != NULL && rc == 0; s = s->next)
		rc = add_section(r, s);
	for (size_t i = 0; i < r->kinds[0].n_names && rc == 0; i++)
		if (find_kind(r, str_of(r->kinds[0].names[i])) != NULL)
			rc = error_set(r->err, ERR_SYNTAX,
			    "%s: \"%s\" is both an option and a section",
			    r->path, r->kinds[0].names[i]);
	return rc;
}

/* The option tables of one kind; more: how many rows the caller adds. */
static cfg_opt_t *make_table(
    struct reader *r, const struct kind *k, size_t more)
{
	cfg_opt_t *t =
	    arena_array(r->scratch, k->n_names + more + 1, sizeof(*t));

	if (t == NULL)
		return NULL;
	for (size_t i = 0; i < k->n_names; i++)
		t[i] =
		    (cfg_opt_t)CFG_STR_LIST(k->names[i], NULL, CFGF_NODEFAULT);
	t[k->n_names + more] = (cfg_opt_t)CFG_END();
	return t;
}

static cfg_opt_t *make_tables(struct reader *r)
{
	const struct kind *top = &r->kinds[0];
	cfg_opt_t *t = make_table(r, top, r->n_kinds - 1);

	for (size_t i = 1; t != NULL && i < r->n_kinds; i++) {
		const struct kind *k = &r->kinds[i];
		cfg_opt_t *sub = make_table(r, k, 0);
		char *name = arena_printf(r->scratch, "%.*s", STR_ARG(k->name));
		if (sub == NULL || name == NULL)
			return NULL;
		t[top->n_names + i - 1] = (cfg_opt_t)CFG_SEC(
		    name, sub, CFGF_MULTI | (k->titled ? CFGF_TITLE : 0));
	}
	return t;
}

/* --- libconfuse's tree against the outline --- */

static int disagree(const struct reader *r, int line, struct str name)
{
	return error_set(r->err, ERR_SYNTAX,
	    "%s:%d: \"%.*s\" can be read in two ways; write it more simply",
	    r->path, line, STR_ARG(name));
}

static int copy_option(struct reader *r, cfg_t *cfg,
    const struct lint_option *o, struct read_option *out)
{
	char *name = arena_printf(r->scratch, "%.*s", STR_ARG(o->name));
	cfg_opt_t *opt = name != NULL ? cfg_getopt(cfg, name) : NULL;
	struct read_value *v = arena_array(r->arena, o->n_values, sizeof(*v));

	out->name = arena_str(r->arena, o->name);
	if (name == NULL || v == NULL || out->name.p == NULL)
		return no_memory(r);
	if (opt == NULL || cfg_opt_size(opt) != o->n_values)
		return disagree(r, o->line, o->name);
	for (size_t i = 0; i < o->n_values; i++) {
		struct str got = str_of(cfg_opt_getnstr(opt, (unsigned)i));
		if (!str_eq(got, o->values[i].text))
			return disagree(r, o->values[i].line, o->name);
		v[i].text = arena_str(r->arena, got);
		v[i].token = arena_str(r->arena, o->values[i].token);
		v[i].line = o->values[i].line;
		if (v[i].text.p == NULL || v[i].token.p == NULL)
			return no_memory(r);
	}
	out->line = o->line;
	out->braces = o->braces;
	out->values = v;
	out->n = o->n_values;
	return 0;
}

static int copy_section(struct reader *r, cfg_t *cfg,
    const struct lint_section *s, struct read_section *out)
{
	struct read_option *options =
	    arena_array(r->arena, s->n_options, sizeof(*options));
	const struct lint_option *o = s->options;
	int rc = 0;

	out->kind = arena_str(r->arena, s->kind);
	out->title = arena_str(r->arena, s->title);
	out->titled = s->titled;
	out->line = s->line;
	out->options = options;
	out->n_options = s->n_options;
	if (options == NULL || out->kind.p == NULL || out->title.p == NULL)
		return no_memory(r);
	for (size_t i = 0; o != NULL && rc == 0; o = o->next, i++)
		rc = copy_option(r, cfg, o, &options[i]);
	return rc;
}

/* The section of libconfuse's tree that stands where s stands. */
static cfg_t *same_section(
    struct reader *r, cfg_t *cfg, const struct lint_section *s)
{
	struct kind *k = find_kind(r, s->kind);
	char *name = arena_printf(r->scratch, "%.*s", STR_ARG(s->kind));
	cfg_opt_t *opt = name != NULL ? cfg_getopt(cfg, name) : NULL;
	cfg_t *sub;

	if (k == NULL || opt == NULL || k->seen >= cfg_opt_size(opt))
		return NULL;
	sub = cfg_opt_getnsec(opt, k->seen++);
	if (sub == NULL ||
	    (s->titled && !str_eq(str_of(cfg_title(sub)), s->title)))
		return NULL;
	return sub;
}

static int copy_tree(struct reader *r, cfg_t *cfg, struct read_tree *tree)
{
	struct read_section *v =
	    arena_array(r->arena, r->outline->n_sections, sizeof(*v));
	const struct lint_section *s = r->outline->top.next;
	int rc;

	if (v == NULL)
		return no_memory(r);
	tree->sections = v;
	tree->n_sections = r->outline->n_sections;
	rc = copy_section(r, cfg, &r->outline->top, &tree->top);
	for (size_t i = 0; s != NULL && rc == 0; s = s->next, i++) {
		cfg_t *sub = same_section(r, cfg, s);
		rc = sub != NULL ? copy_section(r, sub, s, &v[i])
				 : disagree(r, s->line, s->kind);
	}
	return rc;
}

/* Lint has told everything that a person can act on. */
__attribute__((format(printf, 2, 0))) static void silent(
    cfg_t *cfg, const char *fmt, va_list ap)
{
	(void)cfg;
	(void)fmt;
	(void)ap;
}

static int parse_locked(struct reader *r, cfg_opt_t *table, const char *text,
    struct read_tree *tree)
{
	cfg_t *cfg = fault_alloc() ? NULL : cfg_init(table, CFGF_NONE);
	int rc;

	if (cfg == NULL)
		return no_memory(r);
	(void)cfg_set_error_function(cfg, silent);
	rc = cfg_parse_buf(cfg, text);
	if (rc == CFG_SUCCESS)
		rc = copy_tree(r, cfg, tree);
	else
		rc = error_set(r->err, ERR_SYNTAX,
		    "%s:%d: not well-formed near this line", r->path,
		    cfg->line);
	(void)cfg_free(cfg);
	return rc;
}

static int read_outline(
    struct reader *r, struct str text, const struct read_tree **out)
{
	/* libconfuse takes an empty text for no text, and copies comments
	 * time and again. */
	char *z = arena_printf(r->scratch, "%.*s\n", STR_ARG(text));
	struct read_tree *tree = arena_alloc(r->arena, sizeof(*tree));
	cfg_opt_t *table;
	int rc = collect(r);

	if (rc != 0)
		return rc;
	table = make_tables(r);
	if (z == NULL || tree == NULL || table == NULL)
		return no_memory(r);
	lint_blank_comments(z, text.n);
	if (pthread_mutex_lock(&scanner) != 0)
		bug("conf scanner lock");
	rc = parse_locked(r, table, z, tree);
	if (pthread_mutex_unlock(&scanner) != 0)
		bug("conf scanner unlock");
	if (rc == 0)
		*out = tree;
	return rc;
}

int read_text(struct arena *arena, const char *path, struct str text,
    const struct read_tree **out, struct error *err)
{
	struct reader r = {.path = path, .arena = arena, .err = err};
	int rc;

	r.scratch = arena_new(OUTLINE_BYTES);
	if (r.scratch == NULL)
		return no_memory(&r);
	rc = lint_check(r.scratch, path, text, &r.outline, err);
	if (rc == 0)
		rc = read_outline(&r, text, out);
	arena_free(&r.scratch);
	return rc;
}

const struct read_option *read_find(
    const struct read_section *s, struct str name)
{
	for (size_t i = 0; i < s->n_options; i++)
		if (str_eq(s->options[i].name, name))
			return &s->options[i];
	return NULL;
}
