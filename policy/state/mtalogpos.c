/* mtalogpos.c - see mtalogpos.h. The row is the event's payload itself. */
#include "policy/state/mtalogpos.h"

#include "policy/state/payload.h"
#include "policy/state/tables.h"

#include <stddef.h>

enum {
	PATH_KEY_MAX = 400
};

#define AT(field) offsetof(struct mtalogpos, field)
static const struct payload_field fields[] = {
    {1, PAYLOAD_BYTES, true, AT(path)},
    {2, PAYLOAD_BYTES, true, AT(position)},
    {3, PAYLOAD_BYTES, false, AT(book)},
    {4, PAYLOAD_BYTES, false, AT(waits)},
};
#undef AT
static const struct payload_desc desc =
    PAYLOAD_DESC(fields, struct mtalogpos, EVENT_PAYLOAD_MAX);

/* Long paths are told apart by their ends. */
static struct str key_of(struct str path)
{
	return path.n > PATH_KEY_MAX ? str_from(path, path.n - PATH_KEY_MAX)
				     : path;
}

int mtalogpos_read(
    const struct ledger_txn *t, struct str path, struct mtalogpos *out)
{
	struct str value;
	int rc = ledger_get(t, TABLE_MTALOG, key_of(path), &value);

	*out = (struct mtalogpos){0};
	return rc != 0 ? rc : payload_decode(&desc, value, out);
}

int mtalogpos_emit(struct door_ctx *ctx, const struct mtalogpos *p)
{
	return payload_emit(ctx, EV_MTALOG, &desc, p);
}

int mtalogpos_decode(struct str payload, struct mtalogpos *out)
{
	return payload_decode(&desc, payload, out);
}

int mtalogpos_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct mtalogpos p;
	int rc = mtalogpos_decode(ev->payload, &p);

	if (rc == 0)
		rc = ledger_put(t, TABLE_MTALOG, key_of(p.path), ev->payload);
	return error_of(err, rc, "log position");
}
