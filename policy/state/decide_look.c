/* decide_look.c - the decision once without the door; see decide_internal.h.
 *
 * The door has one thread, and all that wait for it wait for each of its reads
 * from the disk, and for each key it opens. So every proposal is decided
 * before, read-only, on its own thread: that brings the rows it needs into
 * memory, opens the person's key and seals what the slot will carry. Inside the
 * door it is decided again, on the state of that moment; what was made ready is
 * used if the person still has the key. */
#include "policy/state/decide_internal.h"

#include "policy/base/clock.h"
#include "policy/state/policyver.h"
#include "policy/state/subject.h"

#include <errno.h>

enum {
	SCRATCH_MAX = 1 << 20,
};

int decide_work_init(struct decide_work *w, struct arena *a, struct error *err)
{
	int rc;

	w->arena = a;
	rc = facts_query_init(&w->query, w->store->lead_key, &w->in->recipient);
	w->query.seed = w->in->seed;
	w->out->lead = w->query.lead;
	return error_of(err, rc, "recipient");
}

void decide_work_fini(struct decide_work *w)
{
	person_fini(&w->person);
	w->opened = false;
	w->ready = false;
}

/* The key of the record that was read last. */
static int open_person(struct decide_work *w)
{
	int rc;

	if (w->opened && person_is(&w->person, &w->lead))
		return 0;
	decide_work_fini(w);
	rc = person_of(&w->person, w->store, &w->query.lead, &w->lead);
	w->opened = rc == 0;
	return rc;
}

int decide_attributes(struct decide_work *w)
{
	const struct policy *p = w->out->policy;
	int rc = 0;

	if (p == NULL || !p->needs_attributes || w->lead.attributes.n == 0)
		return 0;
	if (!str_eq(w->attributes_sealed, w->lead.attributes)) {
		w->attributes_sealed = STR("");
		rc = open_person(w);
		if (rc == 0)
			rc = attributes_open(&w->person, w->lead.attributes,
			    w->arena, &w->attributes);
		if (rc == 0)
			w->attributes_sealed =
			    arena_str(w->arena, w->lead.attributes);
		if (rc == 0 && w->attributes_sealed.p == NULL)
			rc = ERR_LIMIT;
	}
	w->facts.attributes = w->attributes.v;
	w->facts.n_attributes = rc == 0 ? w->attributes.n : 0;
	return rc;
}

static int seal_fields(struct decide_work *w)
{
	int rc = person_seal(&w->person, PERSON_APP_ONE_CLICK,
	    w->in->app_one_click, w->arena, &w->app_one_click);

	return rc != 0 ? rc
		       : person_seal(&w->person, PERSON_APP_SENDER,
			     w->in->sender, w->arena, &w->app_sender);
}

int decide_ready(struct decide_work *w)
{
	int rc = 0;

	w->subject_id = 0;
	if (w->out->segment != NULL)
		rc = subject_id_of(
		    &w->query.lead, w->out->segment->purpose, &w->subject_id);
	if (rc != 0 || (w->ready && person_is(&w->person, &w->lead)))
		return rc;
	rc = open_person(w);
	if (rc == 0)
		rc = seal_fields(w);
	w->ready = rc == 0;
	return rc;
}

/* The slot's reducer will look whether the subject is there. */
static int touch_subject(
    const struct ledger_txn *t, const struct decide_work *w)
{
	const struct lead_purpose *p =
	    lead_purpose_find(&w->lead, w->query.purpose_label);
	struct subject_record r;
	int rc;

	if (w->subject_id == 0 || (p != NULL && p->subject))
		return 0;
	rc = subject_read(t, w->subject_id, &r);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int look_at(struct decide_work *w, const struct ledger_txn *t,
    struct arena *scratch, int64_t now_ms)
{
	int rc = decide_check_policy(w->out, t);

	if (rc == 0)
		rc = decide_in_txn(w, t, scratch, now_ms);
	if (rc != 0 || !decide_has_slot(w))
		return rc;
	rc = decide_ready(w);
	return rc == 0 ? touch_subject(t, w) : rc;
}

int decide_look(struct decide_work *v, size_t n, struct error *err)
{
	struct arena *scratch = arena_new(SCRATCH_MAX);
	struct ledger_txn *t = NULL;
	int rc = -ENOMEM;

	if (scratch != NULL)
		rc = ledger_read_begin(v[0].store->ledger, &t);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = look_at(&v[i], t, scratch, clock_now_ms());
		arena_reset(scratch);
	}
	ledger_read_end(&t);
	arena_free(&scratch);
	return error_of(err, rc, "ledger");
}
