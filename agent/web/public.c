/* public.c - see public.h. */
#include "agent/web/public.h"

#include "agent/web/page.h"

void public_handle(
    void *arg, const struct server_request *rq, struct server_reply *rp)
{
	struct app *app = arg;

	if (str_starts(rq->path, STR("/u/")))
		unsubscribe_handle(app, rq, str_from(rq->path, 3), rp);
	else
		page_not_found(rp, words_for(rq->language));
}
