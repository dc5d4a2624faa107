/* subject.c - see subject.h. Record: version 1, lead (16), purpose.
 *
 * Subject ids are spread over their table, and nearly all that are asked for
 * are there: the lead's record tells of them, which spares the look, a page
 * from the disk for each message. No row is ever removed. */
#include "policy/state/subject.h"

#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/conf/policy.h"
#include "policy/state/lead.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 1024
};

int subject_id_of(const struct lead_id *lead, struct str purpose, uint64_t *out)
{
	unsigned char hash[DIGEST_SHA256];
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	buf_add(&b, (struct str){(const char *)lead->b, LEAD_ID_BYTES});
	buf_add(&b, purpose);
	rc = buf_error(&b);
	if (rc == 0)
		rc = digest_sha256(buf_str(&b), hash);
	buf_fini(&b);
	if (rc == 0)
		*out = codec_get_u64(hash) | 1;
	return rc;
}

int subject_read(
    const struct ledger_txn *t, uint64_t id, struct subject_record *out)
{
	struct str value, lead;
	struct wire w;
	char key[8];
	int rc;

	codec_put_u64(key, id);
	rc = ledger_get(
	    t, TABLE_SUBJECT, (struct str){key, sizeof(key)}, &value);
	if (rc != 0)
		return rc;
	w = wire_open(value);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	lead = wire_fixed(&w, LEAD_ID_BYTES);
	out->purpose = wire_bytes(&w);
	rc = wire_done(&w);
	if (rc == 0)
		memcpy(out->lead.b, lead.p, LEAD_ID_BYTES);
	return rc;
}

int subject_is_known(const struct ledger_txn *t, const struct lead_id *lead,
    struct str purpose, bool *yes_out)
{
	struct lead_purpose p = {0};
	int rc = lead_purpose_read(t, lead, policy_label(purpose), &p);

	*yes_out = rc == 0 && p.subject;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static void set_subject(struct lead_purpose *p, const void *unused)
{
	(void)unused;
	p->subject = true;
}

static int put_mark(
    struct ledger_txn *t, const struct lead_id *lead, struct str purpose)
{
	int rc = lead_purpose_change(
	    t, lead, policy_label(purpose), set_subject, NULL);

	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int put_record(struct ledger_txn *t, uint64_t id,
    const struct lead_id *lead, struct str purpose)
{
	struct str key, there;
	struct buf b;
	char k[8];
	int rc;

	codec_put_u64(k, id);
	key = (struct str){k, sizeof(k)};
	rc = ledger_get(t, TABLE_SUBJECT, key, &there);
	if (rc != ERR_NOT_FOUND)
		return rc;
	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	buf_add(&b, (struct str){(const char *)lead->b, LEAD_ID_BYTES});
	wire_put_bytes(&b, purpose);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_SUBJECT, key, buf_str(&b));
	buf_fini(&b);
	return rc;
}

int subject_put(struct ledger_txn *t, uint64_t id, const struct lead_id *lead,
    struct str purpose)
{
	bool known;
	int rc = subject_is_known(t, lead, purpose, &known);

	if (rc != 0 || known)
		return rc;
	rc = put_record(t, id, lead, purpose);
	return rc != 0 ? rc : put_mark(t, lead, purpose);
}
