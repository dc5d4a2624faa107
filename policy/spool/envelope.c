/* envelope.c - see envelope.h. Keys are for ever; an absent key is the zero
 * value. */
#include "policy/spool/envelope.h"

#include "policy/ledger/cbor.h"

enum key {
	KEY_KIND = 1,
	KEY_LOCAL = 2,
	KEY_ARRIVED = 3,
	KEY_SENDER = 4,
	KEY_SENDER_ARGS = 5,
	KEY_RCPTS = 6, /* array of [address, [argument...]] */
	KEY_STREAM = 7,
	KEY_SEGMENT = 8,
	KEY_CAMPAIGN = 9,
	KEY_QUEUE_ID = 10,
	KEY_FROM_DOMAIN = 11, /* only where it is known */
	KEYS = 10             /* that are always there */
};

static void write_args(struct cbor_writer *w, const struct strs *args)
{
	cbor_write_array(w, args->n);
	for (size_t i = 0; i < args->n; i++)
		cbor_write_bytes(w, args->v[i]);
}

static void write_rcpts(struct cbor_writer *w, const struct envelope *e)
{
	cbor_write_array(w, e->n_rcpts);
	for (size_t i = 0; i < e->n_rcpts; i++) {
		cbor_write_array(w, 2);
		cbor_write_bytes(w, e->rcpts[i].address);
		write_args(w, &e->rcpts[i].args);
	}
}

static void write_field(struct cbor_writer *w, enum key key, struct str s)
{
	cbor_write_key(w, key);
	cbor_write_bytes(w, s);
}

int envelope_encode(const struct envelope *e, struct buf *out)
{
	struct cbor_writer w;

	cbor_writer_init(&w, out);
	cbor_write_map(&w, KEYS + (e->from_domain.n > 0));
	cbor_write_key(&w, KEY_KIND);
	cbor_write_uint(&w, (uint64_t)e->kind);
	cbor_write_key(&w, KEY_LOCAL);
	cbor_write_bool(&w, e->local);
	cbor_write_key(&w, KEY_ARRIVED);
	cbor_write_int(&w, e->arrived_ms);
	write_field(&w, KEY_SENDER, e->sender);
	cbor_write_key(&w, KEY_SENDER_ARGS);
	write_args(&w, &e->sender_args);
	cbor_write_key(&w, KEY_RCPTS);
	write_rcpts(&w, e);
	write_field(&w, KEY_STREAM, e->stream);
	write_field(&w, KEY_SEGMENT, e->segment);
	write_field(&w, KEY_CAMPAIGN, e->campaign);
	write_field(&w, KEY_QUEUE_ID, e->queue_id);
	if (e->from_domain.n > 0)
		write_field(&w, KEY_FROM_DOMAIN, e->from_domain);
	return cbor_writer_end(&w);
}

static struct strs read_args(struct cbor_reader *r, struct arena *a, bool *full)
{
	size_t n = cbor_read_array(r);
	struct str *v = arena_array(a, n > 0 ? n : 1, sizeof(*v));

	*full |= v == NULL;
	for (size_t i = 0; i < n; i++) {
		struct str s = cbor_read_bytes(r);
		if (v != NULL)
			v[i] = s;
	}
	return (struct strs){v, v != NULL ? n : 0};
}

static void read_rcpts(
    struct cbor_reader *r, struct arena *a, struct envelope *out, bool *full)
{
	size_t n = cbor_read_array(r);
	struct envelope_rcpt *v = arena_array(a, n > 0 ? n : 1, sizeof(*v));

	for (size_t i = 0; v != NULL && i < n; i++) {
		if (cbor_read_array(r) != 2) {
			n = 0; /* the reader's end tells: not all was read */
			break;
		}
		v[i].address = cbor_read_bytes(r);
		v[i].args = read_args(r, a, full);
	}
	*full |= v == NULL;
	out->rcpts = v;
	out->n_rcpts = v != NULL ? n : 0;
}

static int read_key(struct cbor_reader *r, uint64_t key, struct arena *a,
    struct envelope *out, bool *full)
{
	switch (key) {
	case KEY_KIND:
		out->kind = (enum copy_kind)cbor_read_uint(r, COPY_UNDECIDED);
		break;
	case KEY_LOCAL:
		out->local = cbor_read_bool(r);
		break;
	case KEY_ARRIVED:
		out->arrived_ms = cbor_read_int(r);
		break;
	case KEY_SENDER:
		out->sender = cbor_read_bytes(r);
		break;
	case KEY_SENDER_ARGS:
		out->sender_args = read_args(r, a, full);
		break;
	case KEY_RCPTS:
		read_rcpts(r, a, out, full);
		break;
	case KEY_STREAM:
		out->stream = cbor_read_bytes(r);
		break;
	case KEY_SEGMENT:
		out->segment = cbor_read_bytes(r);
		break;
	case KEY_CAMPAIGN:
		out->campaign = cbor_read_bytes(r);
		break;
	case KEY_QUEUE_ID:
		out->queue_id = cbor_read_bytes(r);
		break;
	case KEY_FROM_DOMAIN:
		out->from_domain = cbor_read_bytes(r);
		break;
	default:
		return ERR_CORRUPT; /* a new key is a new version of the file */
	}
	return 0;
}

int envelope_decode(struct str bytes, struct arena *a, struct envelope *out)
{
	struct cbor_reader r;
	bool full = false;
	uint64_t key;
	int rc = 0;

	*out = (struct envelope){0};
	cbor_reader_init(&r, bytes);
	(void)cbor_read_map(&r);
	while (rc == 0 && !full && cbor_read_key(&r, &key))
		rc = read_key(&r, key, a, out, &full);
	if (full)
		return ERR_LIMIT;
	if (rc != 0 || cbor_reader_end(&r) != 0 || out->kind == 0 ||
	    out->n_rcpts == 0)
		return ERR_CORRUPT;
	return 0;
}

bool envelope_arg(const struct strs *args, struct str key, struct str *out)
{
	for (size_t i = 0; i < args->n; i++) {
		struct str s = args->v[i];
		size_t eq = str_find(s, 0, '=');

		if (!str_ieq(str_cut(s, 0, eq), key))
			continue;
		*out = str_from(s, eq + 1);
		return true;
	}
	return false;
}
