/* policyfile.c - see policyfile.h. */
#include "agent/cli/policyfile.h"

#include "policy/base/file.h"
#include "policy/conf/daysfile.h"

#include <string.h>

struct beside {
	struct cli *c;
	struct str folder; /* with its slash; empty: where we are */
};

static int open_days(
    void *arg, struct str name, struct str *text_out, struct error *err)
{
	const struct beside *b = arg;
	struct str folder = str_starts(name, STR("/")) ? STR("") : b->folder;
	char *path = arena_printf(
	    b->c->arena, "%.*s%.*s", STR_ARG(folder), STR_ARG(name));
	struct buf text;
	int rc;

	if (path == NULL)
		return error_set(err, ERR_LIMIT, "out of memory");
	buf_init(&text, DAYSFILE_MAX_BYTES);
	rc = file_read(path, &text, err);
	if (rc == ERR_LIMIT)
		rc = error_set(err, rc, "%s: more than %d KB", path,
		    DAYSFILE_MAX_BYTES >> 10);
	if (rc == 0) {
		*text_out = arena_str(b->c->arena, buf_str(&text));
		if (text_out->p == NULL)
			rc = error_set(err, ERR_LIMIT, "out of memory");
	}
	buf_fini(&text);
	return rc;
}

int policyfile_read(
    struct cli *c, const char *path, struct str *out, struct error *err)
{
	struct str name = str_of(path);
	size_t slash = str_rfind(name, '/');
	struct beside b = {c, STR("")};
	struct str text;
	int code = cli_read(c, path, &text);

	if (code != CLI_DONE)
		return code;
	if (slash < name.n)
		b.folder = str_cut(name, 0, slash + 1);
	return daysfile_expand(c->arena, path, text, open_days, &b, out, err) ==
		       0
		   ? CLI_DONE
		   : CLI_NO;
}

int policyfile_get(struct cli *c, const char *path, struct str *out)
{
	struct error err = {0};
	int code = policyfile_read(c, path, out, &err);

	return code == CLI_NO ? cli_fail(code, "%s", err.text) : code;
}
