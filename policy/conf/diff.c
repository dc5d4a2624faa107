/* diff.c - see diff.h. Values are compared as the tables print them, so a new
 * option is compared as soon as it is in its table. */
#include "policy/conf/diff.h"

#include <string.h>

enum {
	LINE_MAX_BYTES = 1 << 20
};

struct diff {
	void (*emit)(void *arg, const char *line);
	void *arg;
	size_t n;
	struct buf line, old_text, new_text;
};

static void tell(struct diff *d)
{
	d->emit(d->arg, buf_error(&d->line) == 0 ? d->line.p
						 : "a difference too long "
						   "to tell");
	d->n++;
}

/* Every element of a kind, as one array. */
struct elements {
	const char *v;
	size_t n;
};

static struct elements elements_of(
    const struct section_kind *kind, const void *model)
{
	struct elements e = {(const char *)model + kind->offset, 1};

	if (kind->times == SECTION_MANY) {
		memcpy(&e.v, (const char *)model + kind->offset, sizeof(e.v));
		memcpy(&e.n, (const char *)model + kind->n_offset, sizeof(e.n));
	}
	return e;
}

static struct str name_of(const struct section_kind *kind, const char *element)
{
	struct str name;

	if (kind->times != SECTION_MANY)
		return STR_NULL;
	memcpy(&name, element + kind->name_offset, sizeof(name));
	return name;
}

static const char *find(
    const struct section_kind *kind, struct elements in, struct str name)
{
	for (size_t i = 0; i < in.n; i++)
		if (str_eq(name_of(kind, in.v + i * kind->size), name))
			return in.v + i * kind->size;
	return NULL;
}

static void begin(
    struct diff *d, const struct section_kind *kind, const char *element)
{
	struct str name = name_of(kind, element);

	buf_reset(&d->line);
	buf_addz(&d->line, kind->name);
	if (name.n > 0)
		buf_printf(&d->line, " %.*s", STR_ARG(name));
}

static void print_value(
    const struct option *o, const char *element, struct buf *out)
{
	buf_reset(out);
	o->type->print(o, element + o->offset, out);
	for (size_t i = 0; i < out->n; i++) /* of a long list */
		if (out->p[i] == '\n')
			out->p[i] = ' ';
}

static void compare(struct diff *d, const struct section_kind *kind,
    const char *from, const char *to)
{
	for (size_t i = 0; i < kind->n_options; i++) {
		const struct option *o = &kind->options[i];

		print_value(o, from, &d->old_text);
		print_value(o, to, &d->new_text);
		if (str_eq(buf_str(&d->old_text), buf_str(&d->new_text)))
			continue;
		begin(d, kind, to);
		buf_printf(
		    &d->line, "%s%s was ", d->line.n > 0 ? ": " : "", o->name);
		buf_add(&d->line,
		    d->old_text.n > 0 ? buf_str(&d->old_text) : STR("not set"));
		buf_addz(&d->line, ", is now ");
		buf_add(&d->line,
		    d->new_text.n > 0 ? buf_str(&d->new_text) : STR("not set"));
		tell(d);
	}
}

static void tell_new(
    struct diff *d, const struct section_kind *kind, const char *element)
{
	const char *between = ": ";

	begin(d, kind, element);
	buf_addz(&d->line, " is new");
	for (size_t i = 0; i < kind->n_options; i++) {
		const struct option *o = &kind->options[i];
		print_value(o, element, &d->new_text);
		if (d->new_text.n == 0)
			continue;
		buf_printf(&d->line, "%s%s = ", between, o->name);
		buf_add(&d->line, buf_str(&d->new_text));
		between = ", ";
	}
	tell(d);
}

static void diff_kind(struct diff *d, const struct section_kind *kind,
    struct elements from, struct elements to)
{
	for (size_t i = 0; i < from.n; i++) {
		const char *old = from.v + i * kind->size;
		if (find(kind, to, name_of(kind, old)) != NULL)
			continue;
		begin(d, kind, old);
		buf_addz(&d->line, " is gone");
		tell(d);
	}
	for (size_t i = 0; i < to.n; i++) {
		const char *new = to.v + i * kind->size;
		const char *old = find(kind, from, name_of(kind, new));
		if (old != NULL)
			compare(d, kind, old, new);
		else
			tell_new(d, kind, new);
	}
}

size_t diff_models(const struct section_schema *schema, const void *from,
    const void *to, void (*emit)(void *arg, const char *line), void *arg)
{
	struct diff d = {.emit = emit, .arg = arg};

	buf_init(&d.line, LINE_MAX_BYTES);
	buf_init(&d.old_text, LINE_MAX_BYTES);
	buf_init(&d.new_text, LINE_MAX_BYTES);
	for (size_t i = 0; i < schema->n_kinds; i++) {
		const struct section_kind *kind = schema->kinds[i];
		diff_kind(
		    &d, kind, elements_of(kind, from), elements_of(kind, to));
	}
	buf_fini(&d.line);
	buf_fini(&d.old_text);
	buf_fini(&d.new_text);
	return d.n;
}
