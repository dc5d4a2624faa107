/* removed.c - see removed.h. Of each segment the newest version that had it is
 * known: the next one took it away. Versions never change, so what was read of
 * them once stays true. */
#include "policy/state/removed.h"

#include "policy/base/array.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct had {
	uint32_t label, version;
};

struct removed {
	struct ledger *ledger;
	pthread_mutex_t lock;
	struct had *v; /* by label */
	size_t n, cap;
	uint32_t seen; /* versions 1 to this one were read */
};

int removed_open(struct removed **out, struct ledger *l)
{
	struct removed *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));

	*out = r;
	if (r == NULL)
		return -ENOMEM;
	r->ledger = l;
	pthread_mutex_init(&r->lock, NULL);
	return 0;
}

void removed_close(struct removed **r)
{
	if (*r == NULL)
		return;
	pthread_mutex_destroy(&(*r)->lock);
	free((*r)->v);
	free(*r);
	*r = NULL;
}

/* Where it is, or belongs. */
static size_t place_of(const struct removed *r, uint32_t label)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->v[mid].label < label)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_at(const struct removed *r, size_t at, uint32_t label)
{
	return at < r->n && r->v[at].label == label;
}

static void forget_oldest(struct removed *r)
{
	size_t oldest = 0;

	for (size_t i = 1; i < r->n; i++)
		if (r->v[i].version < r->v[oldest].version)
			oldest = i;
	r->n--;
	memmove(
	    &r->v[oldest], &r->v[oldest + 1], (r->n - oldest) * sizeof(*r->v));
}

static int make_room(struct removed *r)
{
	if (r->n < REMOVED_MAX)
		return ARRAY_ROOM(r->v, r->cap, r->n + 1);
	forget_oldest(r);
	return 0;
}

static int note(struct removed *r, uint32_t label, uint32_t version)
{
	size_t at = place_of(r, label);
	int rc;

	if (is_at(r, at, label)) {
		r->v[at].version = version;
		return 0;
	}
	rc = make_room(r);
	if (rc != 0)
		return rc;
	at = place_of(r, label);
	memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof(*r->v));
	r->v[at] = (struct had){label, version};
	r->n++;
	return 0;
}

static int read_version(struct removed *r, uint32_t version, struct error *err)
{
	const struct policy *p = NULL;
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(r->ledger, &t);

	if (rc == 0)
		rc = policyver_load(t, version, &p, err);
	ledger_read_end(&t);
	if (rc == ERR_SYNTAX)
		return 0;
	for (size_t i = 0; rc == 0 && i < p->n_segments; i++)
		rc = note(r, p->segments[i].label, version);
	policy_unref(&p);
	return rc;
}

/* The version that had it last; 0: none. */
static int find_last(struct removed *r, uint32_t version, uint32_t label,
    uint32_t *out, struct error *err)
{
	size_t at;
	int rc = 0;

	*out = 0;
	while (rc == 0 && r->seen + 1 < version) {
		rc = read_version(r, r->seen + 1, err);
		r->seen += rc == 0;
	}
	at = place_of(r, label);
	if (rc == 0 && is_at(r, at, label))
		*out = r->v[at].version;
	return rc;
}

int removed_find(struct removed *r, uint32_t version, uint32_t label,
    struct removal *out, struct error *err)
{
	struct ledger_txn *t = NULL;
	struct policyver_record rec;
	uint32_t last;
	int rc;

	*out = (struct removal){0};
	pthread_mutex_lock(&r->lock);
	rc = find_last(r, version, label, &last, err);
	pthread_mutex_unlock(&r->lock);
	if (rc != 0 || last == 0)
		return error_of(err, rc, "policy");
	rc = ledger_read_begin(r->ledger, &t);
	if (rc == 0)
		rc = policyver_read(t, last + 1, &rec);
	if (rc == 0)
		*out = (struct removal){rec.applied_ms, rec.orphans};
	ledger_read_end(&t);
	return error_of(err, rc, "policy");
}
