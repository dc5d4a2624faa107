/* policytext.c - see policytext.h. */
#include "policy/conf/policytext.h"

#include "policy/base/file.h"
#include "policy/conf/daysfile.h"

struct beside {
	struct arena *arena;
	struct str folder; /* with its slash; empty: where we are */
};

static int open_days(
    void *arg, struct str name, struct str *text_out, struct error *err)
{
	const struct beside *b = arg;
	struct str folder = str_starts(name, STR("/")) ? STR("") : b->folder;
	char *path =
	    arena_printf(b->arena, "%.*s%.*s", STR_ARG(folder), STR_ARG(name));
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
		*text_out = arena_str(b->arena, buf_str(&text));
		if (text_out->p == NULL)
			rc = error_set(err, ERR_LIMIT, "out of memory");
	}
	buf_fini(&text);
	return rc;
}

int policytext_expand(struct arena *arena, const char *path, struct str text,
    struct str *out, struct error *err)
{
	struct str name = str_of(path);
	size_t slash = str_rfind(name, '/');
	struct beside b = {arena, STR("")};

	if (slash < name.n)
		b.folder = str_cut(name, 0, slash + 1);
	return daysfile_expand(arena, path, text, open_days, &b, out, err);
}
