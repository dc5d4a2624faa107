/* ops_history.c - see ops_history.h. What a dry run emits goes nowhere, since
 * its proposals fail in the end. */
#include "policy/state/ops_history.h"

#include "policy/state/crowd.h"

#include <errno.h>

enum {
	PIECE = 16, /* as of the log that is followed (slots.c) */
};

struct piece {
	const struct slot_change *v;
	size_t n;
	bool dry;
	struct ops_slot_counts counts;
};

static int piece_fn(struct door_ctx *ctx, void *arg)
{
	struct piece *p = arg;
	int rc = ops_slot_changes_counted(ctx, p->v, p->n, &p->counts);

	return rc == 0 && p->dry ? -ECANCELED : rc;
}

static int submit(struct door *d, struct piece *pieces,
    struct crowd_member *members, size_t n, bool dry)
{
	struct crowd *crowd = NULL;
	int rc = dry ? crowd_begin(&crowd, d, piece_fn, members, n)
		     : crowd_begin_row(&crowd, d, piece_fn, members, n);

	crowd_end(&crowd);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (members[i].rc != (pieces[i].dry ? -ECANCELED : 0))
			rc = members[i].rc;
	return rc;
}

int ops_history(struct store *s, struct slot_change *v, size_t n, bool dry,
    struct ops_slot_counts *out, struct error *err)
{
	struct piece pieces[OPS_HISTORY_MAX / PIECE + 1];
	struct crowd_member members[OPS_HISTORY_MAX / PIECE + 1];
	size_t n_pieces = 0;
	int rc;

	*out = (struct ops_slot_counts){0};
	if (n > OPS_HISTORY_MAX)
		return error_of(err, ERR_LIMIT, "history");
	for (size_t i = 0; i < n; i++)
		v[i].history = true;
	for (size_t at = 0; at < n; at += PIECE, n_pieces++) {
		pieces[n_pieces] = (struct piece){
		    v + at, n - at < PIECE ? n - at : PIECE, dry, {0}};
		members[n_pieces] =
		    (struct crowd_member){.arg = &pieces[n_pieces]};
	}
	rc = n_pieces > 0 ? submit(s->door, pieces, members, n_pieces, dry) : 0;
	for (size_t i = 0; rc == 0 && i < n_pieces; i++) {
		out->steps += pieces[i].counts.steps;
		out->unknown += pieces[i].counts.unknown;
		if (pieces[i].counts.more == 0)
			continue;
		out->more += pieces[i].counts.more;
		out->more_id = pieces[i].counts.more_id;
		out->decided = pieces[i].counts.decided;
		out->recipients = pieces[i].counts.recipients;
	}
	return error_of(err, rc, "ledger");
}
