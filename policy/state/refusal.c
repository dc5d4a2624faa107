/* refusal.c - see refusal.h. Record: count (u32). */
#include "policy/state/refusal.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/state/counter.h"
#include "policy/state/tables.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	PAYLOAD_MAX = 65536,
};

struct row_key {
	char b[LEAD_ID_BYTES + 8];
};

static struct str make_key(const unsigned char *lead, uint32_t stream_label,
    uint32_t day, struct row_key *k)
{
	memcpy(k->b, lead, LEAD_ID_BYTES);
	codec_put_u32(k->b + LEAD_ID_BYTES, stream_label);
	codec_put_u32(k->b + LEAD_ID_BYTES + 4, day);
	return (struct str){k->b, sizeof(k->b)};
}

uint32_t refusal_day(int64_t ms)
{
	return ms > 0 ? (uint32_t)(ms / WHEN_DAY_MS) : 0;
}

bool refusal_is_audit(enum verdict_reason r)
{
	return r == REASON_SUPPRESSED || r == REASON_SUPPRESSED_SEGMENT ||
	       r == REASON_OBJECTED || r == REASON_WITHDRAWN ||
	       r == REASON_NO_CONSENT;
}

int refusal_count(const struct ledger_txn *t, const struct lead_id *lead,
    uint32_t stream_label, uint32_t day, uint32_t *out)
{
	struct row_key k;
	struct str value;
	int rc = ledger_get(
	    t, TABLE_REFUSAL, make_key(lead->b, stream_label, day, &k), &value);

	*out = 0;
	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc == 0 && value.n != 4)
		return ERR_CORRUPT;
	if (rc == 0)
		*out = codec_get_u32(value.p);
	return rc;
}

#define AT(field) offsetof(struct event_refusal, field)
static const struct payload_field fields[] = {
    {1, PAYLOAD_ID16, true, AT(lead)},
    {2, PAYLOAD_U32, true, AT(action)},
    {3, PAYLOAD_U32, true, AT(reason)},
    {4, PAYLOAD_U32, false, AT(detail)},
    {5, PAYLOAD_U32, false, AT(policy_version)},
    {6, PAYLOAD_U32, false, AT(line)},
    {7, PAYLOAD_U32, false, AT(stream_label)},
    {8, PAYLOAD_U32, false, AT(day)},
    {9, PAYLOAD_I64, false, AT(earliest_ms)},
    {10, PAYLOAD_BYTES, false, AT(segment)},
    {11, PAYLOAD_TEXT, false, AT(stream)},
    {12, PAYLOAD_BYTES, false, AT(queue_id)},
    {13, PAYLOAD_BOOL, false, AT(shadowed)},
    {14, PAYLOAD_BYTES, false, AT(campaign)},
    {15, PAYLOAD_BYTES, false, AT(from_domain)},
};
#undef AT
const struct payload_desc refusal_payload =
    PAYLOAD_DESC(fields, struct event_refusal, PAYLOAD_MAX);

int refusal_decode(struct str payload, struct event_refusal *out)
{
	return payload_decode(&refusal_payload, payload, out);
}

/* A name that no policy has is the application's invention: a row for each
 * would never end. */
static int count_verdict(
    struct ledger_txn *t, const struct event *ev, const struct event_refusal *e)
{
	bool named = e->reason != REASON_UNKNOWN_SEGMENT &&
		     e->reason != REASON_NO_POLICY;
	char name[COUNTER_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s.%s.%s",
	    e->shadowed ? "shadow" : "verdict",
	    verdict_action_name((enum verdict_action)e->action),
	    verdict_reason_name((enum verdict_reason)e->reason));
	return counter_add(t, ev->time_ms, name, named ? e->segment : STR(""));
}

static int count_day(struct ledger_txn *t, const struct event_refusal *e)
{
	struct lead_id lead;
	struct row_key k;
	uint32_t count;
	char value[4];
	int rc;

	memcpy(lead.b, e->lead, sizeof(lead.b));
	rc = refusal_count(t, &lead, e->stream_label, e->day, &count);
	if (rc != 0)
		return rc;
	codec_put_u32(value, count + 1);
	return ledger_put(t, TABLE_REFUSAL,
	    make_key(e->lead, e->stream_label, e->day, &k),
	    (struct str){value, sizeof(value)});
}

static int reduce(
    struct ledger_txn *t, const struct event *ev, bool audit, struct error *err)
{
	struct event_refusal e;
	int rc = refusal_decode(ev->payload, &e);

	if (rc == 0)
		rc = count_verdict(t, ev, &e);
	/* What shadow mode would have refused was not refused. */
	if (rc == 0 && !e.shadowed &&
	    (audit || refusal_is_audit((enum verdict_reason)e.reason)))
		rc = count_day(t, &e);
	return error_of(err, rc, "refusal");
}

int refusal_reduce_audit(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	return reduce(t, ev, true, err);
}

/* Repeats of an audited refusal are counted by day; other decisions are
 * events and no more. */
int refusal_reduce_activity(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	return reduce(t, ev, false, err);
}
