/* decide_facts.c - what a decision asks besides the person's own record: the
 * clock on the person's wall, who waits for the same limits, and what the
 * company was sent; see decide_internal.h.
 *
 * All of it is read in the transaction of the decision, so a check and its
 * reservation are one step for a company as they are for a person. Nothing of
 * a company is read where the policy has no limit for one. */
#include "policy/state/decide_internal.h"

#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/mail/company_id.h"

#include <errno.h>
#include <string.h>

/* --- the clock on the wall --- */

/* *out stays where this host knows no such zone, or its file is none: that must
 * not stop anybody's mail. Short memory passes, and a
 * message sent by the clock of another zone is not taken back. */
static int find_zone(struct zones *zs, struct str name, const struct zone **out)
{
	const struct zone *z;
	int rc;

	if (name.n == 0)
		return 0;
	rc = zones_find(zs, name, &z);
	if (rc == 0)
		*out = z;
	if (rc == 0 || rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE)
		return rc;
	LOG_EV_LIMITED(LOG_LEVEL_ERR, "zone.unknown", KV_STR("zone", name));
	return 0;
}

static struct str own_zone(const struct decide_work *w)
{
	const struct attributes known = {
	    w->attributes.v, w->facts.n_attributes};
	const struct attribute_value *v =
	    attributes_find(&known, policy_label(STR("time-zone")));

	return v != NULL && v->type == ATTRIBUTE_TEXT ? v->text : STR("");
}

/* The person's own, else the policy's, else UTC. */
static int find_zones(struct decide_work *w, int64_t now_ms)
{
	const struct policy *p = w->out->policy;
	int rc = 0;

	w->facts.policy_zone = zone_utc();
	if (p != NULL)
		rc = find_zone(
		    w->store->zones, p->time_zone, &w->facts.policy_zone);
	w->facts.zone = w->facts.policy_zone;
	if (rc == 0)
		rc = find_zone(w->store->zones, own_zone(w), &w->facts.zone);
	w->facts.today =
	    attribute_day_of(now_ms + zone_offset_ms(w->facts.zone, now_ms));
	return rc;
}

/* --- who waits --- */

/* Of all kinds, since a message may yield to any. */
static int all_waiting(const struct ledger_txn *t, const struct wait_queue *q,
    const struct policy *p, struct wait_list *list)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->n_segments; i++)
		rc = wait_of_segment(
		    t, q, p->segments[i].label, UINT64_MAX, list);
	return rc;
}

/* Of the company only those ahead count, and those are asked for: a queue of a
 * hundred thousand is not read. */
static int load_waiting(struct decide_work *w, const struct ledger_txn *t,
    const struct wait_queue *q, struct arena *a, struct wait_list *out)
{
	const struct decide_out *d = w->out;
	bool empty;
	int rc = wait_is_empty(t, q, &empty);

	*out = (struct wait_list){.cap = FACTS_WAITING_MAX};
	if (rc != 0 || empty || d->segment == NULL)
		return rc;
	out->v = arena_array(a, out->cap, sizeof(*out->v));
	if (out->v == NULL)
		return ERR_LIMIT;
	rc = q->scope == WAIT_COMPANY
		 ? wait_ahead(t, q, d->policy, d->segment, w->in->held_id, out)
		 : all_waiting(t, q, d->policy, out);
	return rc;
}

static int load_person_queue(
    struct decide_work *w, const struct ledger_txn *t, struct arena *a)
{
	struct wait_queue q = wait_queue_of(WAIT_PERSON, w->out->lead.b);
	struct wait_list list;
	int rc = load_waiting(w, t, &q, a, &list);

	w->facts.waiting = list.v;
	w->facts.n_waiting = list.n;
	return rc;
}

/* --- the company --- */

/* A person's stands in the record; that of others, and of those who were known
 * before records had one (LEAD_CREATED version 1), is their domain's. */
static int company_of(const struct decide_work *w, struct company_id *out)
{
	if (!company_id_is_none(w->lead.company)) {
		memcpy(out->b, w->lead.company, sizeof(out->b));
		return 0;
	}
	return company_id_of(
	    w->store->lead_key, STR(""), &w->in->recipient, out->b);
}

static int load_company(
    struct decide_work *w, const struct ledger_txn *t, struct arena *a)
{
	struct wait_queue q = wait_queue_of(WAIT_COMPANY, w->out->company.b);
	struct slot_fact *slots = NULL;
	struct wait_list list;
	int rc = load_waiting(w, t, &q, a, &list);

	if (rc == 0)
		rc = company_slots(
		    t, &w->out->company, a, &slots, &w->facts.n_company_slots);
	w->out->crowded = list.n == list.cap;
	w->facts.company_slots = slots;
	w->facts.company_waiting = list.v;
	w->facts.n_company_waiting = list.n;
	w->facts.has_company = true;
	w->facts.person = lead_id_tag(&w->out->lead);
	return rc;
}

/* Another policy has its own deadlines. */
static int load_hold(struct decide_work *w, const struct ledger_txn *t)
{
	const struct policy *p = w->out->policy;
	struct copy_record r;
	int rc;

	if (w->in->held_id == 0 || p == NULL)
		return 0;
	rc = copy_read(t, w->in->held_id, &r);
	if (rc == 0 && r.kind == COPY_HELD &&
	    r.wait.policy_version == p->version)
		w->facts.held_until_ms = r.wait.deadline_ms;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int decide_facts(struct decide_work *w, const struct ledger_txn *t,
    struct arena *a, int64_t now_ms)
{
	const struct policy *p = w->out->policy;
	int rc = 0;

	w->out->crowded = false;
	w->out->company = (struct company_id){0};
	w->facts.arrived_ms = w->in->arrived_ms;
	w->facts.copy_id = w->in->held_id;
	rc = find_zones(w, now_ms);
	if (rc == 0 && p != NULL && p->needs_company)
		rc = company_of(w, &w->out->company);
	if (rc != 0 || decide_is_one_to_one(w->in->mode))
		return rc;
	rc = load_hold(w, t);
	if (rc == 0)
		rc = load_person_queue(w, t, a);
	return rc != 0 || company_is_none(&w->out->company)
		   ? rc
		   : load_company(w, t, a);
}

/* --- what a held copy's row says of its verdict --- */

static unsigned queues_of(const struct decide_out *d)
{
	const struct verdict *v = &d->verdict;
	unsigned queues = 0;

	if (!verdict_reason_competes(v->reason))
		return 0;
	queues = COPY_WAITS_FOR_PERSON;
	if (v->scope == POLICY_PER_COMPANY && !company_is_none(&d->company) &&
	    (v->reason == REASON_COMPANY_CAP || v->reason == REASON_ORDER))
		queues |= COPY_WAITS_FOR_COMPANY;
	return queues;
}

/* Behind so many of its company no instant is worth anything: those before will
 * leave, and the first is woken each time. */
#define CROWDED_MS WHEN_HOUR_MS

static int64_t due_of(
    const struct decide_out *d, unsigned queues, int64_t now_ms)
{
	const struct verdict *v = &d->verdict;
	bool crowded = d->crowded && (queues & COPY_WAITS_FOR_COMPANY) != 0;
	int64_t at = v->look_ms != 0 ? v->look_ms : v->earliest_ms;

	if (at == 0 || (crowded && v->deadline_ms != 0))
		return v->deadline_ms;
	if (crowded && at < now_ms + CROWDED_MS)
		return now_ms + CROWDED_MS;
	return v->deadline_ms != 0 && at > v->deadline_ms ? v->deadline_ms : at;
}

static uint32_t rank_of(const struct decide_out *d)
{
	if (d->policy == NULL || d->segment == NULL)
		return UINT16_MAX;
	return (uint32_t)(d->segment - d->policy->segments);
}

void decide_wait(
    const struct decide_out *d, int64_t now_ms, struct copy_wait *out)
{
	const struct verdict *v = &d->verdict;
	unsigned queues = queues_of(d);

	*out = (struct copy_wait){
	    .due_ms = due_of(d, queues, now_ms),
	    .deadline_ms = v->deadline_ms,
	    .then = v->then,
	    .reason = v->reason,
	    .queues = queues,
	    .rank = rank_of(d),
	    .label = d->segment != NULL ? d->segment->label : 0,
	    .company = d->company,
	    .policy_version = d->policy != NULL ? d->policy->version : 0,
	    .line = v->rule != NULL ? (uint32_t)v->rule->line : 0,
	};
}
