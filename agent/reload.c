/* reload.c - see reload.h. */
#include "agent/reload.h"

#include "agent/ruleset.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PRINT_MAX = 4 << 20
};

struct kept {
	struct kept *next;
	const struct conf *conf;
};

struct reload {
	struct app *app;
	const char *path;
	struct kept *old;
};

int reload_open(
    struct reload **out, struct app *app, const char *path, struct error *err)
{
	struct reload *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));

	*out = r;
	if (r == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r->app = app;
	r->path = path;
	log_set_level((enum log_level)app->conf->log_level);
	log_set_redact(app->conf->log_redact);
	return 0;
}

void reload_close(struct reload **r)
{
	const struct conf *now;

	if (*r == NULL)
		return;
	while ((*r)->old != NULL) {
		struct kept *k = (*r)->old;

		(*r)->old = k->next;
		conf_unref(&k->conf);
		free(k);
	}
	now = (*r)->app->conf;
	(*r)->app->conf = NULL;
	conf_unref(&now);
	free(*r);
	*r = NULL;
}

static bool says_the_same(const struct conf *a, const struct conf *b)
{
	struct buf one, other;
	bool same;

	buf_init(&one, PRINT_MAX);
	buf_init(&other, PRINT_MAX);
	conf_print(a, &one);
	conf_print(b, &other);
	same = buf_error(&one) == 0 && buf_error(&other) == 0 &&
	       str_eq(buf_str(&one), buf_str(&other));
	buf_fini(&one);
	buf_fini(&other);
	return same;
}

static int replace(
    struct reload *r, const struct conf *fresh, struct error *err)
{
	struct kept *k = fault_alloc() ? NULL : calloc(1, sizeof(*k));

	if (k == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	k->conf = r->app->conf;
	k->next = r->old;
	r->old = k;
	r->app->conf = fresh;
	log_set_level((enum log_level)fresh->log_level);
	log_set_redact(fresh->log_redact);
	return 0;
}

static int check(struct reload *r, const struct conf *fresh, struct error *err)
{
	const char *fixed = conf_fixed(r->app->conf, fresh, CONF_FIXED_AGENT);

	if (fixed == NULL)
		return 0;
	return error_set(err, -EBUSY,
	    "%s: %s is another now; that needs a restart", r->path, fixed);
}

/* Both files or neither. */
static int take_over(struct reload *r, bool *changed_out, struct error *err)
{
	const struct conf *fresh;
	struct ruleset_fresh rules = {0};
	bool other_rules = false;
	int rc = conf_load(&fresh, r->path, err);

	*changed_out = false;
	if (rc != 0)
		return rc;
	rc = check(r, fresh, err);
	if (rc == 0)
		rc = ruleset_read(fresh, &rules, err);
	if (rc == 0 && !says_the_same(r->app->conf, fresh))
		rc = replace(r, fresh, err);
	if (rc == 0)
		ruleset_put(r->app->rules, &rules, &other_rules);
	else
		ruleset_drop(&rules);
	*changed_out = rc == 0 && (r->app->conf == fresh || other_rules);
	if (r->app->conf != fresh)
		conf_unref(&fresh);
	return rc;
}

int reload_now(struct reload *r, bool *changed_out, struct error *err)
{
	int rc = take_over(r, changed_out, err);

	atomic_store(&r->app->conf_refused, rc != 0);
	return rc;
}
