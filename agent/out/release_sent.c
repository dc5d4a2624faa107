/* release_sent.c - has a recipient of a copy got his message already? See
 * release_internal.h.
 *
 * The milter knows a message again by a key of what it says (samekey.h), and
 * would discard a second one. At a copy's deadline nothing is submitted any
 * more, so the agent makes that key of the copy's file, and asks the ledger. A
 * relaxed canonical body and a few fields are all that goes in: what the MTA
 * did to the message on its way to the milter does not count. One-to-one mail
 * is not asked about: it has no deadline of a policy's. */
#include "agent/out/release_internal.h"

#include "policy/mail/dkim_body.h"
#include "policy/mail/headblock.h"

#include <errno.h>

static int hash_body(struct str body, unsigned char out[DKIM_BODY_HASH])
{
	struct dkim_body *b = dkim_body_new();
	int rc = -ENOMEM;

	if (b != NULL) {
		dkim_body_update(b, body);
		rc = dkim_body_final(b, out);
	}
	dkim_body_free(&b);
	return rc;
}

static int make_key(
    const struct release_work *w, struct str recipient, struct samekey *out)
{
	struct str message = spool_copy_message(w->copy);
	struct header_list headers = {0};
	struct samekey_in in = {
	    .stream = w->row.stream,
	    .recipient = recipient,
	    .first_queue_id = w->envelope->queue_id,
	    .copy_id = w->row.id,
	    .arrived_ms = w->envelope->arrived_ms,
	    .headers = &headers,
	};
	size_t at;
	int rc = headblock_parse(message, w->r->arena, &headers, &at);

	if (rc == 0)
		rc = hash_body(str_from(message, at), in.body_hash);
	return rc == 0 ? samekey_make(&in, w->r->arena, out) : rc;
}

int release_look(struct release_work *w, uint32_t index, struct decide_out *out,
    struct error *err)
{
	struct decide_in in;
	int rc = release_ask(
	    w->r, &w->row, w->envelope->rcpts[index].address, &in, err);

	*out = (struct decide_out){0};
	if (rc == 0 && in.mode == DECIDE_SEND)
		rc = make_key(w, in.recipient.text, &in.same);
	if (rc == ERR_LIMIT) { /* a header beyond all bounds: as unknown */
		in.same = (struct samekey){0};
		rc = 0;
	}
	if (rc != 0)
		return error_of(err, rc, "copy's key");
	return decide_explain(w->r->app->store, &in, NULL, w->now_ms, out, err);
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
