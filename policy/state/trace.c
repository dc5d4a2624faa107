/* trace.c - see trace.h. */
#include "policy/state/trace.h"

#include "policy/base/codec.h"
#include "policy/state/answer.h"
#include "policy/state/consent.h"
#include "policy/state/copy.h"
#include "policy/state/feedback.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/outbox.h"
#include "policy/state/refusal.h"
#include "policy/state/review.h"
#include "policy/state/seen.h"
#include "policy/state/suppression.h"
#include "policy/state/tables.h"

#include <string.h>

enum {
	PAIR = 8, /* bytes */
	ROW = TRACE_BLOCK * PAIR,
};

static void set_lead(struct trace_about *out, const unsigned char *lead)
{
	static const unsigned char none[LEAD_ID_BYTES];

	memcpy(out->lead.b, lead, LEAD_ID_BYTES);
	out->has_lead = memcmp(lead, none, LEAD_ID_BYTES) != 0;
}

/* A message that is not there (any more) tells nothing. */
static int about_message(
    const struct ledger_txn *t, uint64_t id, struct trace_about *out)
{
	struct message_record r;
	int rc = message_read(t, id, &r);

	out->message_id = id;
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	set_lead(out, r.lead.b);
	if (out->queue_id.n == 0)
		out->queue_id = r.queue_id;
	return 0;
}

static int about_copy(
    const struct ledger_txn *t, uint64_t id, struct trace_about *out)
{
	struct copy_record r;
	int rc = copy_read(t, id, &r);

	out->copy_id = id;
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	set_lead(out, r.lead.b);
	out->queue_id = r.queue_id;
	return 0;
}

static int about_proposed(struct str payload, struct trace_about *out)
{
	struct event_slot_proposed e;
	int rc = message_decode_proposed(payload, &e);

	if (rc != 0)
		return rc;
	set_lead(out, e.lead);
	out->queue_id = e.queue_id;
	out->message_id = e.message_id;
	return 0;
}

static int about_changed(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_slot_changed e;
	int rc = message_decode_changed(payload, &e);

	return rc != 0 ? rc : about_message(t, e.message_id, out);
}

static int about_moved(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_slot_moved e;
	int rc = message_decode_moved(payload, &e);

	out->queue_id = e.queue_id;
	return rc != 0 ? rc : about_message(t, e.message_id, out);
}

static int about_duplicate(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_duplicate e;
	int rc = message_decode_duplicate(payload, &e);

	out->queue_id = e.queue_id;
	return rc != 0 ? rc : about_message(t, e.message_id, out);
}

static int about_more(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_more_recipients e;
	int rc = message_decode_more(payload, &e);

	out->queue_id = e.queue_id;
	return rc != 0 ? rc : about_message(t, e.message_id, out);
}

static int about_refusal(struct str payload, struct trace_about *out)
{
	struct event_refusal e;
	int rc = refusal_decode(payload, &e);

	if (rc != 0)
		return rc;
	set_lead(out, e.lead);
	out->queue_id = e.queue_id;
	return 0;
}

/* Only what is about a person by itself; a domain is nobody. */
static int about_suppression(
    unsigned type, struct str payload, struct trace_about *out)
{
	struct event_unsuppressed gone = {0};
	struct event_suppressed e = {0};
	int rc = type == EV_SUPPRESSED
		     ? suppression_decode(payload, &e)
		     : suppression_decode_removed(payload, &gone);

	if (type != EV_SUPPRESSED) {
		e.kind = gone.kind;
		e.what = gone.what;
	}
	if (rc == 0 && e.kind == SUPPRESS_LEAD && e.what.n == LEAD_ID_BYTES)
		set_lead(out, (const unsigned char *)e.what.p);
	out->message_id = e.message_id;
	return rc;
}

static int about_consent(struct str payload, struct trace_about *out)
{
	struct event_consent e;
	int rc = consent_decode(payload, &e);

	if (rc != 0)
		return rc;
	set_lead(out, e.lead);
	out->message_id = e.message_id;
	return 0;
}

static int about_lead(struct str payload, struct trace_about *out)
{
	struct event_lead_created e;
	int rc = lead_event_decode(payload, &e);

	if (rc == 0)
		set_lead(out, e.lead);
	return rc;
}

static int about_lead_changed(struct str payload, struct trace_about *out)
{
	struct event_lead_changed e;
	int rc = lead_event_decode_changed(payload, &e);

	if (rc == 0)
		set_lead(out, e.lead);
	return rc;
}

static int about_lead_merged(struct str payload, struct trace_about *out)
{
	struct event_lead_merged e;
	int rc = lead_event_decode_merged(payload, &e);

	if (rc != 0)
		return rc;
	set_lead(out, e.lead);
	memcpy(out->other.b, e.to, LEAD_ID_BYTES);
	out->has_other = true;
	return 0;
}

static int about_copy_added(struct str payload, struct trace_about *out)
{
	struct event_copy_added e;
	int rc = copy_decode_added(payload, &e);

	if (rc != 0)
		return rc;
	set_lead(out, e.lead);
	out->copy_id = e.id;
	out->queue_id = e.queue_id;
	return 0;
}

static int about_copy_recipient(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_copy_recipient e;
	int rc = copy_decode_recipient(payload, &e);

	return rc != 0 ? rc : about_copy(t, e.id, out);
}

static int about_copy_due(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_copy_due e;
	int rc = copy_decode_due(payload, &e);

	return rc != 0 ? rc : about_copy(t, e.id, out);
}

static int about_copy_word(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_copy_word e;
	int rc = copy_decode_word(payload, &e);

	return rc != 0 ? rc : about_copy(t, e.id, out);
}

static int about_bounce(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_bounce e;
	int rc = feedback_decode_bounce(payload, &e);

	if (rc == 0)
		rc = about_message(t, e.message_id, out);
	if (rc == 0)
		set_lead(out, e.lead);
	return rc;
}

static int about_complaint(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_complaint e;
	int rc = feedback_decode_complaint(payload, &e);

	if (rc == 0)
		rc = about_message(t, e.message_id, out);
	if (rc == 0)
		set_lead(out, e.lead);
	return rc;
}

static int about_feedback_mail(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_feedback_mail e;
	int rc = seen_decode(payload, &e);

	if (rc != 0 || e.message_id == 0)
		return rc;
	return about_message(t, e.message_id, out);
}

static int about_relay(const struct ledger_txn *t, unsigned type,
    struct str payload, struct trace_about *out)
{
	struct event_relay_queued queued;
	struct event_relay_tried tried;
	int rc;

	if (type == EV_RELAY_QUEUED) {
		rc = outbox_decode_queued(payload, &queued);
		return rc != 0 ? rc : about_message(t, queued.message_id, out);
	}
	rc = outbox_decode_tried(payload, &tried);
	return rc != 0 ? rc : about_message(t, tried.message_id, out);
}

static int about_reply(
    const struct ledger_txn *t, struct str payload, struct trace_about *out)
{
	struct event_reply e;
	int rc = answer_decode(payload, &e);

	if (rc == 0)
		rc = about_message(t, e.message_id, out);
	if (rc == 0)
		set_lead(out, e.lead);
	return rc;
}

static int about_review(
    unsigned type, struct str payload, struct trace_about *out)
{
	struct event_review_decided decided;
	struct event_review_opened opened;
	int rc = type == EV_REVIEW_OPENED
		     ? review_decode_opened(payload, &opened)
		     : review_decode_decided(payload, &decided);

	if (rc == 0)
		set_lead(
		    out, type == EV_REVIEW_OPENED ? opened.lead : decided.lead);
	return rc;
}

int trace_about(
    const struct ledger_txn *t, const struct event *ev, struct trace_about *out)
{
	*out = (struct trace_about){0};
	switch (ev->type) {
	case EV_LEAD_CREATED:
		return about_lead(ev->payload, out);
	case EV_LEAD_CHANGED:
		return about_lead_changed(ev->payload, out);
	case EV_LEAD_MERGED:
		return about_lead_merged(ev->payload, out);
	case EV_SLOT_PROPOSED:
		return about_proposed(ev->payload, out);
	case EV_SLOT_QUEUED:
	case EV_SLOT_DELIVERED:
	case EV_SLOT_RELEASED:
		return about_changed(t, ev->payload, out);
	case EV_SLOT_MOVED:
		return about_moved(t, ev->payload, out);
	case EV_DUPLICATE:
		return about_duplicate(t, ev->payload, out);
	case EV_MORE_RECIPIENTS:
		return about_more(t, ev->payload, out);
	case EV_REFUSED:
	case EV_DECIDED:
		return about_refusal(ev->payload, out);
	case EV_SUPPRESSED:
	case EV_UNSUPPRESSED:
		return about_suppression(ev->type, ev->payload, out);
	case EV_CONSENT:
		return about_consent(ev->payload, out);
	case EV_COPY_ADDED:
		return about_copy_added(ev->payload, out);
	case EV_COPY_RECIPIENT:
		return about_copy_recipient(t, ev->payload, out);
	case EV_COPY_DUE:
		return about_copy_due(t, ev->payload, out);
	case EV_COPY_FORCED:
	case EV_COPY_RELEASED:
	case EV_COPY_DROPPED:
		return about_copy_word(t, ev->payload, out);
	case EV_FEEDBACK_MAIL:
		return about_feedback_mail(t, ev->payload, out);
	case EV_BOUNCE:
		return about_bounce(t, ev->payload, out);
	case EV_COMPLAINT:
		return about_complaint(t, ev->payload, out);
	case EV_RELAY_QUEUED:
	case EV_RELAY_TRIED:
		return about_relay(t, ev->type, ev->payload, out);
	case EV_REPLY:
		return about_reply(t, ev->payload, out);
	case EV_REVIEW_OPENED:
	case EV_REVIEW_DECIDED:
		return about_review(ev->type, ev->payload, out);
	default:
		return 0;
	}
}

uint32_t trace_tag_lead(const struct lead_id *id)
{
	uint32_t tag = codec_get_u32(id->b);

	return tag != 0 ? tag : 1;
}

/* FNV-1a. */
uint32_t trace_tag_queue(struct str queue_id)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < queue_id.n; i++)
		h = (h ^ (unsigned char)queue_id.p[i]) * 16777619U;
	return queue_id.n == 0 ? 0 : h != 0 ? h : 1;
}

struct trace_tags trace_tags(const struct trace_about *about)
{
	return (struct trace_tags){
	    about->has_lead ? trace_tag_lead(&about->lead) : 0,
	    about->has_other ? trace_tag_lead(&about->other)
			     : trace_tag_queue(about->queue_id)};
}

/* All rows have their full length from the start, so that a change is made in
 * place; a new one is behind all others, since numbers only rise. */
int trace_add(struct ledger_txn *t, uint64_t seq, const struct trace_tags *tags)
{
	char row[ROW] = {0}, k[8];
	struct str key = {k, sizeof(k)}, value;
	size_t at = seq % TRACE_BLOCK * PAIR;
	int rc;

	if (tags->lead == 0 && tags->queue == 0)
		return 0;
	codec_put_u64(k, seq / TRACE_BLOCK);
	rc = ledger_get(t, TABLE_TRACE, key, &value);
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	if (rc == 0 && value.n != ROW)
		return ERR_CORRUPT;
	if (rc == 0)
		memcpy(row, value.p, ROW);
	codec_put_u32(row + at, tags->lead);
	codec_put_u32(row + at + 4, tags->queue);
	return rc == 0
		   ? ledger_put(t, TABLE_TRACE, key, (struct str){row, ROW})
		   : ledger_append(t, TABLE_TRACE, key, (struct str){row, ROW});
}

int trace_open(const struct ledger_txn *t, const struct trace_want *want,
    uint64_t from, struct trace_iter *out)
{
	char k[8];

	*out = (struct trace_iter){.want = *want,
	    .block = from / TRACE_BLOCK,
	    .at = from % TRACE_BLOCK};
	codec_put_u64(k, out->block);
	return ledger_iter_open(
	    t, TABLE_TRACE, (struct str){k, sizeof(k)}, LEDGER_UP, &out->rows);
}

/* The next row; `at` is 0 unless it is the very row where the search
 * begins. */
static int next_row(struct trace_iter *it)
{
	struct str key;
	uint64_t block;
	int rc = ledger_iter_next(&it->rows, &key, &it->row);

	if (rc != 0)
		return rc;
	if (key.n != 8 || it->row.n != ROW)
		return ERR_CORRUPT;
	block = codec_get_u64(key.p);
	if (block != it->block)
		it->at = 0;
	it->block = block;
	return 0;
}

static bool is_wanted_queue(const struct trace_want *want, uint32_t tag)
{
	size_t from = 0, to = want->n_queues;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (want->queues[mid] < tag)
			from = mid + 1;
		else
			to = mid;
	}
	return from < want->n_queues && want->queues[from] == tag;
}

static bool matches(const struct trace_iter *it, size_t at)
{
	const char *p = it->row.p + at * PAIR;
	const uint32_t second = codec_get_u32(p + 4);

	if (it->want.lead != 0 &&
	    (codec_get_u32(p) == it->want.lead || second == it->want.lead))
		return true;
	return is_wanted_queue(&it->want, second);
}

int trace_next(struct trace_iter *it, uint64_t *seq_out)
{
	for (;;) {
		int rc = it->row.n == 0 ? next_row(it) : 0;

		if (rc != 0)
			return rc;
		while (it->at < TRACE_BLOCK)
			if (matches(it, it->at++)) {
				*seq_out = it->block * TRACE_BLOCK + it->at - 1;
				return 0;
			}
		it->row = STR_NULL;
		it->at = 0;
	}
}

void trace_close(struct trace_iter *it)
{
	ledger_iter_close(&it->rows);
}
