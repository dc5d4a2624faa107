/* decide_many.c - see decide_many.h.
 *
 * What is the same for all is made once: policy, segment, and which kinds of
 * suppression there are at all, so that no digest is made that nobody was ever
 * named by. The verdict itself is decide_in_txn(), as for one. */
#include "policy/state/decide_many.h"

#include "policy/state/decide_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK = 500, /* people looked up in one snapshot */
	SCRATCH_MAX = 1 << 20,
};

static int by_lead(const void *a, const void *b)
{
	const struct decide_one *const *x = a, *const *y = b;

	return memcmp((*x)->lead.b, (*y)->lead.b, LEAD_ID_BYTES);
}

/* Whoever has an address, in the order of the rows. */
static int name_all(const struct store *s, const struct decide_list *l,
    struct decide_one **order, size_t *n_out, struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct decide_one *one = &l->v[i];

		one->rc =
		    address_parse(l->arena, one->text, &one->recipient, NULL);
		if (one->rc == 0)
			one->rc = lead_id_of(
			    s->lead_key, &one->recipient, &one->lead);
		if (one->rc != 0 && one->rc != ERR_SYNTAX)
			return error_of(err, one->rc, "recipients");
		if (one->rc == 0)
			order[n++] = one;
	}
	qsort(order, n, sizeof(*order), by_lead);
	*n_out = n;
	return 0;
}

static int decide_one(struct decide_work *w, struct decide_in *in,
    const struct ledger_txn *t, unsigned kinds, int64_t now_ms,
    struct decide_one *one)
{
	int rc = suppression_names_of(
	    &one->lead, &one->recipient, kinds, &w->query.names);

	in->recipient = one->recipient;
	w->query.lead = w->out->lead = one->lead;
	if (rc == 0)
		rc = decide_in_txn(w, t, w->arena, now_ms);
	one->verdict = w->out->verdict;
	w->attributes_sealed = STR(""); /* were in the arena */
	arena_reset(w->arena);
	return rc;
}

static int decide_chunk(struct decide_work *w, struct decide_in *in,
    struct decide_one **v, size_t n, int64_t now_ms)
{
	struct ledger_txn *t = NULL;
	unsigned kinds = 0;
	int rc = ledger_read_begin(w->store->ledger, &t);

	if (rc == 0)
		rc = suppression_kinds(t, &kinds);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = decide_one(w, in, t, kinds, now_ms, v[i]);
	ledger_read_end(&t);
	return rc;
}

static int decide_list(struct decide_work *w, struct decide_in *in,
    const struct decide_list *l, int64_t now_ms, struct error *err)
{
	struct decide_one **order =
	    arena_array(l->arena, l->n + 1, sizeof(struct decide_one *));
	size_t n = 0;
	int rc = order != NULL ? name_all(w->store, l, order, &n, err)
			       : error_set(err, ERR_LIMIT, "arena full");

	for (size_t at = 0; rc == 0 && at < n; at += CHUNK)
		rc = error_of(err,
		    decide_chunk(w, in, order + at,
			n - at < CHUNK ? n - at : CHUNK, now_ms),
		    "ledger");
	return rc;
}

int decide_many(struct store *s, const struct decide_in *ask, int64_t now_ms,
    const struct decide_list *list, struct decide_out *out, struct error *err)
{
	struct decide_in in = *ask;
	struct decide_work w = {
	    .store = s, .in = &in, .out = out, .arena = arena_new(SCRATCH_MAX)};
	int rc;

	*out = (struct decide_out){.verdict = decide_trouble()};
	if (w.arena == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	w.query.seed = in.seed;
	rc = decide_load_policy(&w, err);
	if (rc == 0)
		rc = decide_list(&w, &in, list, now_ms, err);
	decide_work_fini(&w);
	arena_free(&w.arena);
	return rc;
}
