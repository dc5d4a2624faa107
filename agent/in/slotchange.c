/* slotchange.c - see slotchange.h. */
#include "agent/in/slotchange.h"

#include "policy/base/log.h"
#include "policy/mail/provider.h"

static bool speaks_of_provider(const struct outcome *o)
{
	return o->kind == OUTCOME_DELIVERED || o->kind == OUTCOME_BOUNCED;
}

/* Whose message it is, and who has the mailbox. */
static void find_person(struct store *s, struct arena *arena,
    const struct outcome *o, struct slot_change *c)
{
	struct address a = {0};
	bool known =
	    o->rcpt.n > 0 && address_parse(arena, o->rcpt, &a, NULL) == 0;

	c->has_lead = known && lead_id_of(s->lead_key, &a, &c->lead) == 0;
	if (speaks_of_provider(o))
		c->provider = provider_of(o->relay, known ? a.domain : STR(""));
}

static enum slot_release release_of(enum outcome_kind kind)
{
	switch (kind) {
	case OUTCOME_BOUNCED:
		return RELEASE_BOUNCED;
	case OUTCOME_EXPIRED:
		return RELEASE_EXPIRED;
	case OUTCOME_REJECTED:
		return RELEASE_REJECTED;
	case OUTCOME_SESSION_END:
		return RELEASE_NEVER_QUEUED;
	case OUTCOME_QUEUED:
	case OUTCOME_HELD:
	case OUTCOME_DELIVERED:
	case OUTCOME_DEFERRED:
	case OUTCOME_DELETED:
	case OUTCOME_DISCARDED:
	case OUTCOME_MOVED:
	case OUTCOME_REMOVED:
	case OUTCOME_BEGUN:
	case OUTCOME_UNNAMED:
	case OUTCOME_GAP:
		break;
	}
	return RELEASE_REMOVED;
}

/* False: this outcome changes no slot. */
static bool kind_of(const struct outcome *o, enum slot_change_kind *out)
{
	switch (o->kind) {
	case OUTCOME_QUEUED:
	case OUTCOME_HELD:
	case OUTCOME_DEFERRED:
		*out = SLOT_CHANGE_QUEUED;
		return true;
	case OUTCOME_DELIVERED:
		*out = SLOT_CHANGE_DELIVERED;
		return true;
	case OUTCOME_MOVED:
		*out = SLOT_CHANGE_MOVED;
		return true;
	case OUTCOME_BEGUN:
		*out = SLOT_CHANGE_BEGUN;
		return true;
	case OUTCOME_BOUNCED:
	case OUTCOME_EXPIRED:
	case OUTCOME_DELETED:
	case OUTCOME_REJECTED:
	case OUTCOME_DISCARDED:
	case OUTCOME_REMOVED:
		*out = SLOT_CHANGE_RELEASED;
		return true;
	case OUTCOME_SESSION_END:
		*out = SLOT_CHANGE_RELEASED;
		return o->refused;
	case OUTCOME_UNNAMED:
	case OUTCOME_GAP:
		break;
	}
	return false;
}

bool slotchange_of(struct store *s, struct arena *a, const struct outcome *o,
    struct slot_change *out)
{
	*out = (struct slot_change){.queue_id = o->queue_id,
	    .next_id = o->next_id,
	    .at_ms = o->time_ms,
	    .release = release_of(o->kind),
	    .at_end = o->kind == OUTCOME_REMOVED,
	    .since_ms = o->since_ms,
	    .rest = o->rcpt.n == 0,
	    .status = o->dsn,
	    .relay = o->relay,
	    .recipients = o->kind == OUTCOME_QUEUED ? o->count : 0,
	    .late = o->late};
	if (!kind_of(o, &out->kind))
		return false;
	find_person(s, a, o, out);
	return true;
}

void slotchange_tell_more(const struct ops_slot_counts *c)
{
	if (c->more > 0)
		LOG_EV_LIMITED(LOG_LEVEL_WARNING, "mtalog.more_recipients",
		    KV_I64("msg", (int64_t)c->more_id),
		    KV_I64("decided", c->decided),
		    KV_I64("recipients", c->recipients),
		    KV_I64("count", (int64_t)c->more));
}
