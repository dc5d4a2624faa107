/* public.c - see public.h. */
#include "agent/web/public.h"

static void not_found(struct server_reply *rp)
{
	rp->status = 404;
	buf_addz(&rp->body, "Not found.\n");
}

void public_handle(
    void *arg, const struct server_request *rq, struct server_reply *rp)
{
	struct app *app = arg;

	if (str_starts(rq->path, STR("/u/")))
		unsubscribe_handle(app, rq, str_from(rq->path, 3), rp);
	else
		not_found(rp);
}
