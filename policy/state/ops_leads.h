/* ops_leads.h - what is known of people, set for many at once: the one way for a
 * single one too. Creates those who are not known. Never touches consents,
 * suppressions or histories.
 *
 * What costs time (deriving ids, drawing keys, opening and sealing) is done on
 * the caller's thread; inside the door a row is only compared with what it was
 * when that was done, and recorded, so that no batch of others waits long.
 * Threads: any; the caller blocks. */
#ifndef POLICY_STATE_OPS_LEADS_H
#define POLICY_STATE_OPS_LEADS_H

#include "policy/state/attributes.h"
#include "policy/state/store.h"

enum {
	OPS_LEADS_MAX = 20000 /* rows of one call */
};

enum ops_leads_outcome {
	OPS_LEADS_NEW = 1,
	OPS_LEADS_CHANGED,
	OPS_LEADS_UNCHANGED,
	OPS_LEADS_TOO_MANY /* attributes of one person: nothing happened */
};

struct ops_leads_row {
	struct address address;
	/* Set, or with type 0 taken away; labels of one row all different. */
	const struct attribute_value *values;
	size_t n;
	enum ops_leads_outcome outcome; /* out */
	struct lead_id lead;            /* out */
};

struct ops_leads {
	struct ops_leads_row *rows;
	size_t n;
	struct str origin, author;
	bool dry_run; /* only tells what would happen */
};

/* Rows of one person take effect in their order. 0: durable; else some of the
 * rows may have been recorded and some not, and the same call can be made
 * again. ERR_BUSY: others change the same people all the time. */
int ops_leads_set(
    struct store *s, const struct ops_leads *in, struct error *err) MUST_CHECK;

#endif
