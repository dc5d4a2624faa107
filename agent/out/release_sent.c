/* release_sent.c - has a recipient of a copy got his message already? At a
 * copy's deadline nothing is submitted any more, so the ledger is asked. See
 * release_internal.h. */
#include "agent/out/release_internal.h"

int release_look(struct release_work *w, uint32_t index, struct decide_out *out,
    struct error *err)
{
	struct judge_in j = {w->r->app, w->hand->arena, &w->row,
	    w->envelope->rcpts[index].address, w->copy};

	return judge_copy(&j, w->now_ms, out, err);
}

int release_sent(struct release_work *w, uint32_t index, enum release_sent *out,
    struct error *err)
{
	struct decide_out d;
	int rc = release_look(w, index, &d, err);

	*out = RELEASE_NOT_SENT;
	if (rc == 0 && d.verdict.reason == REASON_DUPLICATE)
		*out = RELEASE_SENT;
	else if (rc == 0 && d.verdict.reason == REASON_IN_FLIGHT)
		*out = RELEASE_IN_FLIGHT;
	decide_fini(&d);
	return rc == ERR_SYNTAX || rc == ERR_NOT_FOUND ? 0 : rc;
}
