/* ops_reply.c - see ops_reply.h. */
#include "policy/state/ops_reply.h"

#include "policy/state/answer.h"
#include "policy/state/decide_internal.h"
#include "policy/state/message.h"
#include "policy/state/ops.h"
#include "policy/state/outbox.h"
#include "policy/state/reference.h"

#include <string.h>

enum {
	NOTE_MAX = 600,
	AUTHOR_MAX = 100,
	REASON_MAX = 500,
	PROOF_MAX = 2000,
};

static const struct str author = {"tendril-agent", 13};

/* --- what an answer does --- */

struct answer {
	struct door_ctx *ctx;
	struct store *s;
	const struct ops_reply *in;
	struct message_record message;
	struct person person;
	bool own; /* from the lead's own address */
	struct ops_reply_out *out;
};

static int open_answer(struct answer *w)
{
	const struct ledger_txn *t = door_txn(w->ctx);
	struct str address;
	int rc = message_read(t, w->in->message_id, &w->message);

	if (rc == 0)
		rc = person_open_id(&w->person, w->s, t, &w->message.lead);
	if (rc == 0)
		rc = person_address(
		    w->s, t, &w->person.id, door_arena(w->ctx), &address);
	if (rc == ERR_NOT_FOUND)
		return 0;
	w->out->known = rc == 0;
	w->own = rc == 0 && str_eq(address, w->in->from);
	return rc;
}

static int record(struct answer *w)
{
	const struct reply *r = w->in->reply;
	struct event_reply e = {
	    .message_id = w->in->message_id, .kind = r->kind, .other = !w->own};
	struct str from = w->own ? STR("") : w->in->from;
	struct arena *a = door_arena(w->ctx);
	const char *z =
	    arena_printf(a, "%s%.*s%s%s%.*s", from.n > 0 ? "from " : "",
		STR_ARG(from), from.n > 0 && r->successor.n > 0 ? "; " : "",
		r->successor.n > 0 ? "names " : "", STR_ARG(r->successor));
	int rc = z != NULL ? person_seal(&w->person, PERSON_EVIDENCE,
				 str_cut(str_of(z), 0, NOTE_MAX), a, &e.note)
			   : ERR_LIMIT;

	memcpy(e.lead, w->person.id.b, sizeof(e.lead));
	return rc != 0 ? rc
		       : payload_emit(w->ctx, EV_REPLY, &answer_payload, &e);
}

/* On what a suppression rests: what was said, and what shows by whom. */
static int read_note(const struct answer *w, struct str *out)
{
	char *z;

	*out = w->in->reply->quote;
	if (w->in->authentic.n == 0)
		return 0;
	z = arena_printf(door_arena(w->ctx), "%.*s; %.*s", STR_ARG(*out),
	    STR_ARG(w->in->authentic));
	*out = str_cut(str_of(z), 0, PROOF_MAX);
	return z != NULL ? 0 : ERR_LIMIT;
}

static int suppress(struct answer *w, enum suppression_reason reason,
    int64_t until_ms, bool *changed_out)
{
	struct ops_suppress in = {
	    .target = {.kind = SUPPRESS_LEAD, .lead = w->person.id},
	    .reason = reason,
	    .until_ms = until_ms,
	    .origin = STR("reply"),
	    .author = author,
	    .message_id = w->in->message_id,
	};
	int rc = read_note(w, &in.note);

	return rc != 0 ? rc : ops_suppress_emit(w->ctx, w->s, &in, changed_out);
}

/* Said by the person, of all nurture and for good: nothing is left to decide. */
static int is_settled(const struct answer *w, bool *yes_out)
{
	struct str lead = {(const char *)w->person.id.b, LEAD_ID_BYTES};
	struct suppression_record r;
	int rc = suppression_read(door_txn(w->ctx), SUPPRESS_LEAD, lead, 0, &r);

	*yes_out = rc == 0 && r.until_ms == 0 &&
		   (r.reason == SUPPRESSION_OPT_OUT ||
		       r.reason == SUPPRESSION_COMPLAINT);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* One at a time of a lead: the clock runs from the first request on. */
static int open_review(struct answer *w, enum review_kind kind)
{
	struct event_review_opened e = {.message_id = w->in->message_id,
	    .kind = kind,
	    .deadline_ms = door_now_ms(w->ctx) + w->in->review_ms};
	struct review_record there;
	int rc = review_of_lead(door_txn(w->ctx), &w->person.id, &there);

	if (rc != ERR_NOT_FOUND)
		return rc;
	rc = decide_draw_id(w->ctx, &e.id);
	if (rc == 0)
		rc = person_seal(&w->person, PERSON_EVIDENCE,
		    w->in->reply->quote, door_arena(w->ctx), &e.quote);
	memcpy(e.lead, w->person.id.b, sizeof(e.lead));
	if (rc == 0)
		rc = payload_emit(
		    w->ctx, EV_REVIEW_OPENED, &review_opened_payload, &e);
	if (rc == 0)
		w->out->review = e.id;
	return rc;
}

static int ask_people(struct answer *w, enum review_kind kind)
{
	bool settled;
	int rc = is_settled(w, &settled);

	if (rc != 0 || settled)
		return rc;
	rc = suppress(w, SUPPRESSION_IN_REVIEW, 0, &w->out->paused);
	return rc != 0 ? rc : open_review(w, kind);
}

/* Is it shown to be the lead's: by a token, or by SPF or DKIM with a Message-ID
 * that nobody else of their domain may have? */
static int is_theirs(const struct answer *w, bool *yes_out)
{
	uint64_t id = 0;
	int rc;

	*yes_out = w->in->references == NULL;
	if (*yes_out || w->in->authentic.n == 0)
		return 0;
	rc = reference_find(door_txn(w->ctx), w->in->references, NULL,
	    door_now_ms(w->ctx), &id);
	*yes_out = rc == 0 && id == w->in->message_id;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int give_up(struct answer *w)
{
	bool certain = w->own && reply_says_left(w->in->reply, w->in->from);
	int rc = certain ? is_theirs(w, &certain) : 0;

	if (rc != 0 || !certain)
		return rc != 0 ? rc : ask_people(w, REVIEW_LEFT);
	return suppress(w, SUPPRESSION_LEFT, 0, &w->out->suppressed);
}

static int follow(struct answer *w)
{
	const struct reply *r = w->in->reply;

	switch (r->kind) {
	case REPLY_HUMAN:
		if (w->in->pause_ms == 0)
			return 0;
		return suppress(w, SUPPRESSION_REPLIED,
		    door_now_ms(w->ctx) + w->in->pause_ms, &w->out->paused);
	case REPLY_OPT_OUT:
		return ask_people(w, REVIEW_OPT_OUT);
	case REPLY_LEFT:
		return give_up(w);
	case REPLY_VACATION:
	case REPLY_AUTO:
	case REPLY_CHALLENGE:
	case REPLY_TICKET:
	case REPLY_RECEIPT:
		break;
	}
	return 0;
}

int ops_reply_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_reply *in, struct ops_reply_out *out)
{
	struct answer w = {.ctx = ctx, .s = s, .in = in, .out = out};
	int rc;

	*out = (struct ops_reply_out){.kind = in->reply->kind};
	rc = open_answer(&w);
	if (rc == 0 && out->known)
		rc = record(&w);
	if (rc == 0 && out->known)
		rc = follow(&w);
	person_fini(&w.person);
	return rc;
}

/* --- what a person decides --- */

struct decision {
	struct store *s;
	const struct ops_review *in;
	struct person person;
	struct review_record review; /* id 0: none is open */
	bool changed;
};

static int open_decision(struct decision *d, struct door_ctx *ctx)
{
	const struct ledger_txn *t = door_txn(ctx);
	int rc = 0;

	d->review = (struct review_record){0};
	if (d->in->id != 0) {
		rc = review_read(t, d->in->id, &d->review);
		if (rc == 0 && d->review.state != REVIEW_OPEN)
			return error_set(door_error(ctx), ERR_EXISTS,
			    "it was decided already");
		return rc != 0 ? rc
			       : person_open_id(
				     &d->person, d->s, t, &d->review.lead);
	}
	rc = person_open(&d->person, d->s, t, &d->in->address);
	if (rc == 0 && !d->person.known)
		return ERR_NOT_FOUND;
	if (rc == 0)
		rc = review_of_lead(t, &d->person.id, &d->review);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int end_review(struct decision *d, struct door_ctx *ctx)
{
	struct event_review_decided e = {.id = d->review.id,
	    .state = d->in->state,
	    .author = str_cut(d->in->author, 0, AUTHOR_MAX)};
	int rc;

	if (d->review.id == 0)
		return 0;
	memcpy(e.lead, d->review.lead.b, sizeof(e.lead));
	rc = person_seal(&d->person, PERSON_EVIDENCE,
	    str_cut(d->in->reason, 0, REASON_MAX), door_arena(ctx), &e.reason);
	if (rc == 0)
		rc = payload_emit(
		    ctx, EV_REVIEW_DECIDED, &review_decided_payload, &e);
	d->changed |= rc == 0;
	return rc;
}

static int end_pause(struct decision *d, struct door_ctx *ctx)
{
	struct ops_suppress in = {
	    .target = {.kind = SUPPRESS_LEAD, .lead = d->person.id},
	    .reason = SUPPRESSION_IN_REVIEW,
	    .author = d->in->author,
	    .note = d->in->reason,
	};
	bool changed;
	int rc = ops_unsuppress_emit(ctx, d->s, &in, &changed);

	d->changed |= rc == 0 && changed;
	return rc;
}

static int unsubscribe(struct decision *d, struct door_ctx *ctx)
{
	struct ops_suppress in = {
	    .target = {.kind = SUPPRESS_LEAD, .lead = d->person.id},
	    .reason = SUPPRESSION_OPT_OUT,
	    .origin = STR("review"),
	    .author = d->in->author,
	    .note = d->in->reason,
	    .message_id = d->review.message_id,
	};
	bool changed;
	int rc = ops_suppress_emit(ctx, d->s, &in, &changed);

	d->changed |= rc == 0 && changed;
	return rc != 0 || d->review.message_id == 0
		   ? rc
		   : outbox_emit_opt_out(
			 ctx, d->review.message_id, &d->person.id);
}

static int decide_fn(struct door_ctx *ctx, void *arg)
{
	struct decision *d = arg;
	int rc = open_decision(d, ctx);

	d->changed = false;
	if (rc == 0)
		rc = end_review(d, ctx);
	if (rc == 0 && d->in->state == REVIEW_UNSUBSCRIBED)
		rc = unsubscribe(d, ctx);
	if (rc == 0)
		rc = end_pause(d, ctx);
	person_fini(&d->person);
	return rc;
}

int ops_review_decide(struct store *s, const struct ops_review *in,
    bool *changed_out, struct error *err)
{
	struct decision d = {.s = s, .in = in};
	int rc = door_propose(s->door, decide_fn, &d, err);

	*changed_out = rc == 0 && d.changed;
	return rc;
}
