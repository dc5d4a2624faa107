/* modeltest.h - what the tests of both files, conf and policy, have in common:
 * a base text, variants of it, refusals, cuts, failing allocations, and the
 * manual beside. */
#ifndef TESTS_UNIT_MODELTEST_H
#define TESTS_UNIT_MODELTEST_H

#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"

struct modeltest {
	const char *base; /* line numbers in the cases count its lines */
	const char *name; /* of the file, in messages */
	/* parse: *out is the model, NULL on failure. */
	int (*parse)(const void **out, const char *name, struct str text,
	    struct error *err);
	void (*unref)(const void *model);
	void (*describe)(struct buf *out); /* the manual's tables */
};

struct modeltest_refusal {
	const char *from, *to, *why;
};

/* The base with the first `from` replaced. */
static void modeltest_replace(const struct modeltest *m, struct buf *out,
    const char *from, const char *to)
{
	const char *at = strstr(m->base, from);

	if (at == NULL)
		bug("the base has no \"%s\"", from);
	buf_init(out, 1 << 20);
	buf_add(out, (struct str){m->base, (size_t)(at - m->base)});
	buf_addz(out, to);
	buf_addz(out, at + strlen(from));
}

/* For calls that tell lines; arg: struct buf. */
static void modeltest_join(void *arg, const char *line)
{
	struct buf *out = arg;

	buf_printf(out, "%s\n", line);
}

static void modeltest_refusals(
    const struct modeltest *m, const struct modeltest_refusal *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct error err = {0};
		const void *model;
		struct buf text;

		modeltest_replace(m, &text, v[i].from, v[i].to);
		OK(m->parse(&model, m->name, buf_str(&text), &err) != 0 &&
			model == NULL,
		    "no model");
		IS_STR(err.text, v[i].why, "refused: %s", v[i].to);
		buf_fini(&text);
		m->unref(model);
	}
}

/* A file of the sources. */
static void modeltest_read(const char *name, struct buf *out)
{
	const char *dir = getenv("TENDRIL_SRCDIR");
	char path[500];

	(void)snprintf(
	    path, sizeof(path), "%s/%s", dir != NULL ? dir : ".", name);
	buf_init(out, 1 << 20);
	IS_INT(file_read(path, out, NULL), 0, "%s is there", name);
}

/* The text of the manual's last .Bd display. */
static struct str modeltest_last_display(struct str manual)
{
	static const char begin[] = ".Bd -literal -offset indent\n";
	size_t at = manual.n, end;

	while (at > 0 && !str_starts(str_from(manual, at), str_of(begin)))
		at--;
	at += sizeof(begin) - 1;
	end = at;
	while (end < manual.n && !str_starts(str_from(manual, end), STR(".Ed")))
		end++;
	return str_cut(manual, at, end - at);
}

/* The manual's tables are what describe() prints, word for word. Returns the
 * model of its example, NULL when it is refused. */
static const void *modeltest_manual(const struct modeltest *m, const char *page)
{
	struct error err = {0};
	struct buf tables, manual;
	const void *model;
	int rc;

	buf_init(&tables, 1 << 20);
	m->describe(&tables);
	modeltest_read(page, &manual);
	OK(tables.n > 1000 && str_contains(buf_str(&manual), buf_str(&tables)),
	    "%s has the tables (conftool describe, describe-policy)", page);
	rc = m->parse(
	    &model, m->name, modeltest_last_display(buf_str(&manual)), &err);
	IS_INT(rc, 0, "its example is accepted: %s", err.text);
	buf_fini(&tables);
	buf_fini(&manual);
	return model;
}

/* How many of the base's beginnings are accepted. That is right only between
 * two whole statements; nothing at all ends in none. */
static size_t modeltest_cuts(const struct modeltest *m)
{
	size_t accepted = 0;

	for (size_t n = 0; n < strlen(m->base); n++) {
		struct str cut = {m->base, n}, tail = str_trim(cut), name;
		struct error err = {0};
		const void *model;

		name = str_of(m->name);
		if (m->parse(&model, m->name, cut, &err) != 0) {
			if (!str_starts(str_of(err.text), name))
				OK(false, "cut at %zu: %s", n, err.text);
			continue;
		}
		if (tail.n > 0 && tail.p[tail.n - 1] != '}')
			OK(false, "cut at %zu is accepted", n);
		accepted++;
		m->unref(model);
	}
	return accepted;
}

/* Each allocation fails once, and says so. */
static void modeltest_faults(const struct modeltest *m)
{
	long n = 0;
	int rc;

	do {
		struct error err = {0};
		const void *model;

		fault_alloc_at(++n);
		rc = m->parse(&model, m->name, str_of(m->base), &err);
		fault_alloc_at(0);
		if (rc != 0 &&
		    !str_ends(str_of(err.text), STR("out of memory")) &&
		    !str_ends(str_of(err.text), STR("SHA-256 failed")))
			OK(false, "allocation %ld: %s", n, err.text);
		m->unref(model);
	} while (rc != 0 && n < 1000);
	OK(rc == 0 && n > 5, "each of %ld allocations may fail", n - 1);
}

#endif
