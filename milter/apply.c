/* apply.c - see apply.h. */
#include "milter/apply.h"

#include "policy/base/buf.h"

static void join_dsn_args(struct buf *out, const struct strs *args)
{
	for (size_t i = 0; i < args->n; i++) {
		if (!str_istarts(args->v[i], STR("RET=")) &&
		    !str_istarts(args->v[i], STR("ENVID=")))
			continue;
		if (out->n > 0)
			buf_addc(out, ' ');
		buf_add(out, args->v[i]);
	}
}

int apply_changes(const struct mta *mta, const struct change_list *changes,
    const struct strs *sender_args)
{
	struct buf args;
	int rc;

	buf_init(&args, 1024);
	join_dsn_args(&args, sender_args);
	rc = buf_error(&args);
	for (size_t i = 0; rc == 0 && i < changes->n; i++)
		rc = mta->change(mta->ctx, &changes->v[i], buf_str(&args));
	buf_fini(&args);
	return rc;
}
