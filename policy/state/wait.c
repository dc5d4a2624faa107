/* wait.c - see wait.h. */
#include "policy/state/wait.h"

#include "policy/base/codec.h"
#include "policy/state/tables.h"

#include <string.h>

enum {
	AT_ID = 1,
	AT_LABEL = AT_ID + WAIT_ID_BYTES,
	AT_COPY = AT_LABEL + 4,
	KEY = AT_COPY + 8,
	RECORD = 16,
	RECORD_OLD = 8, /* with the person alone */
};

struct wait_key {
	char b[KEY];
};

static struct str key_of(const struct wait_queue *q, uint32_t label,
    uint64_t copy_id, struct wait_key *k)
{
	k->b[0] = (char)q->scope;
	memcpy(k->b + AT_ID, q->id, WAIT_ID_BYTES);
	codec_put_u32(k->b + AT_LABEL, label);
	codec_put_u64(k->b + AT_COPY, copy_id);
	return (struct str){k->b, KEY};
}

struct wait_queue wait_queue_of(enum wait_scope scope, const void *id)
{
	struct wait_queue q = {.scope = scope};

	memcpy(q.id, id, WAIT_ID_BYTES);
	return q;
}

int wait_put(struct ledger_txn *t, const struct wait_queue *q,
    const struct waiting_fact *w)
{
	struct wait_key k;
	char record[RECORD];

	codec_put_u64(record, w->person);
	codec_put_u64(record + 8, (uint64_t)w->arrived_ms);
	return ledger_put(t, TABLE_WAIT, key_of(q, w->label, w->copy_id, &k),
	    (struct str){record, RECORD});
}

int wait_del(struct ledger_txn *t, const struct wait_queue *q, uint32_t label,
    uint64_t copy_id)
{
	struct wait_key k;
	int rc = ledger_del(t, TABLE_WAIT, key_of(q, label, copy_id, &k));

	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static bool is_of(const struct wait_queue *q, struct str key, struct str value)
{
	return key.n == KEY && (value.n == RECORD || value.n == RECORD_OLD) &&
	       key.p[0] == (char)q->scope &&
	       memcmp(key.p + AT_ID, q->id, WAIT_ID_BYTES) == 0;
}

static struct waiting_fact fact_of(struct str key, struct str value)
{
	return (struct waiting_fact){
	    .copy_id = codec_get_u64(key.p + AT_COPY),
	    .person = codec_get_u64(value.p),
	    .label = codec_get_u32(key.p + AT_LABEL),
	    .arrived_ms =
		value.n == RECORD ? (int64_t)codec_get_u64(value.p + 8) : 0,
	};
}

/* The first at or behind (label, copy_id). ERR_NOT_FOUND: none in the queue. */
static int first_from(const struct ledger_txn *t, const struct wait_queue *q,
    uint32_t label, uint64_t copy_id, struct waiting_fact *out)
{
	struct ledger_iter it;
	struct str key, value;
	struct wait_key k;
	int rc = ledger_iter_open(
	    t, TABLE_WAIT, key_of(q, label, copy_id, &k), LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && !is_of(q, key, value))
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		*out = fact_of(key, value);
	ledger_iter_close(&it);
	return rc;
}

int wait_is_empty(
    const struct ledger_txn *t, const struct wait_queue *q, bool *out)
{
	struct waiting_fact first;
	int rc = first_from(t, q, 0, 0, &first);

	*out = rc == ERR_NOT_FOUND;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int wait_of_segment(const struct ledger_txn *t, const struct wait_queue *q,
    uint32_t label, uint64_t before, struct wait_list *list)
{
	struct ledger_iter it;
	struct str key, value;
	struct wait_key k;
	int rc = ledger_iter_open(
	    t, TABLE_WAIT, key_of(q, label, 0, &k), LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	while (list->n < list->cap &&
	       (rc = ledger_iter_next(&it, &key, &value)) == 0) {
		struct waiting_fact w;

		if (!is_of(q, key, value))
			break;
		w = fact_of(key, value);
		if (w.label != label || w.copy_id >= before)
			break;
		list->v[list->n++] = w;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int wait_ahead(const struct ledger_txn *t, const struct wait_queue *q,
    const struct policy *p, const struct policy_segment *own, uint64_t copy_id,
    struct wait_list *list)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && &p->segments[i] != own; i++)
		rc = wait_of_segment(
		    t, q, p->segments[i].label, UINT64_MAX, list);
	return rc != 0 ? rc
		       : wait_of_segment(t, q, own->label,
			     copy_id != 0 ? copy_id : UINT64_MAX, list);
}

int wait_first(const struct ledger_txn *t, const struct wait_queue *q,
    uint32_t label, uint64_t except, struct waiting_fact *out)
{
	int rc = first_from(t, q, label, 0, out);

	if (rc == 0 && out->copy_id == except)
		rc = first_from(t, q, out->label, except + 1, out);
	return rc;
}
