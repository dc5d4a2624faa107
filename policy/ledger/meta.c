/* meta.c - see meta.h. Each field is a row of its own, fixed width and big
 * endian, so that any release can read any other's schema version. The row
 * "seq" is kept by env.c. */
#include "policy/ledger/meta.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static int get_fixed(
    const struct ledger_txn *t, const char *name, unsigned char *out, size_t n)
{
	struct str v;
	int rc = ledger_get(t, LEDGER_META, str_of(name), &v);

	if (rc != 0)
		return rc;
	if (v.n != n)
		return ERR_CORRUPT;
	memcpy(out, v.p, n);
	return 0;
}

static int put_fixed(
    struct ledger_txn *t, const char *name, const unsigned char *p, size_t n)
{
	return ledger_put(
	    t, LEDGER_META, str_of(name), (struct str){(const char *)p, n});
}

/* An absent number reads as 0. */
static int get_u64(const struct ledger_txn *t, const char *name, uint64_t *out)
{
	unsigned char raw[8] = {0};
	int rc = get_fixed(t, name, raw, sizeof(raw));

	*out = codec_get_u64(raw);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int put_u64(struct ledger_txn *t, const char *name, uint64_t v)
{
	unsigned char raw[8];

	codec_put_u64(raw, v);
	return put_fixed(t, name, raw, sizeof(raw));
}

int meta_read(const struct ledger_txn *t, struct meta *out)
{
	unsigned char schema[4] = {0};
	uint64_t created = 0;
	int rc;

	*out = (struct meta){0};
	rc = get_fixed(t, "schema", schema, sizeof(schema));
	if (rc == 0)
		rc = get_fixed(t, "uuid", out->uuid, META_UUID);
	if (rc == 0)
		rc = get_u64(t, "created", &created);
	if (rc == 0)
		rc = get_u64(t, "epoch", &out->epoch);
	if (rc == 0)
		rc = get_u64(t, "pruned", &out->pruned_seq);
	if (rc == 0)
		rc = get_u64(t, "snapshot", &out->snapshot_seq);
	if (rc == 0)
		rc = ledger_last_seq(t, &out->last_seq);
	out->schema = codec_get_u32(schema);
	out->created_ms = (int64_t)created;
	return rc;
}

int meta_write(struct ledger_txn *t, const struct meta *m)
{
	unsigned char schema[4];
	int rc;

	codec_put_u32(schema, m->schema);
	rc = put_fixed(t, "schema", schema, sizeof(schema));
	if (rc == 0)
		rc = put_fixed(t, "uuid", m->uuid, META_UUID);
	if (rc == 0)
		rc = put_u64(t, "created", (uint64_t)m->created_ms);
	if (rc == 0)
		rc = put_u64(t, "epoch", m->epoch);
	if (rc == 0)
		rc = put_u64(t, "pruned", m->pruned_seq);
	if (rc == 0)
		rc = put_u64(t, "snapshot", m->snapshot_seq);
	return rc;
}

static int create_rows(struct ledger_txn *t, uint32_t schema, struct error *err)
{
	struct meta m = {.schema = schema, .epoch = 1};
	int rc = 0;

	if (getrandom(m.uuid, META_UUID, 0) != META_UUID)
		rc = -EIO;
	m.created_ms = clock_now_ms();
	if (rc == 0)
		rc = meta_write(t, &m);
	return error_of(err, rc, "create the ledger");
}

int meta_admit(
    struct ledger_txn *t, uint32_t schema, unsigned flags, struct error *err)
{
	unsigned char raw[4];
	uint32_t there;
	int rc = get_fixed(t, "schema", raw, sizeof(raw));

	if (rc == ERR_NOT_FOUND && (flags & LEDGER_CREATE) != 0)
		return create_rows(t, schema, err);
	if (rc != 0)
		return error_set(err, ERR_CORRUPT,
		    "not a ledger: the schema version is %s", error_text(rc));
	there = codec_get_u32(raw);
	if (there == schema || (there < schema && (flags & LEDGER_OLDER) != 0))
		return 0;
	return error_set(err, ERR_VERSION,
	    "the ledger has schema version %u, this program works with "
	    "version %u: %s",
	    there, schema,
	    there > schema ? "install the newer release that wrote it"
			   : "it was written by an older release; "
			     "tendril ledger rebuild --write DIR makes one "
			     "that this program works with");
}
