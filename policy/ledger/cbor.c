/* cbor.c - see cbor.h.
 *
 * libcbor writes the heads and splits them off again (cbor_stream_decode(), no
 * allocation); what makes the form the only one is checked here: the shortest
 * head, the order of keys, counts that add up, UTF-8.
 *
 * A level of the stack is a container. The writer leaves it with its last
 * item. The reader counts an item where it begins and leaves a level later: an
 * array with the next call, a map when cbor_read_key() has said "no more", so
 * that loops over nested maps each get their own end. */
#include "policy/ledger/cbor.h"

#include <cbor.h>

#include <errno.h>
#include <string.h>

enum {
	HEAD_MAX = 9
};

/* RFC 3629: no overlong forms, surrogates, or values above 10FFFF. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] >= 0x80 && (p[0] < 0xc2 || p[0] > 0xf4))
		return 0;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static bool utf8_valid(struct str s)
{
	while (s.n > 0) {
		size_t n = utf8_length((const unsigned char *)s.p, s.n);

		if (n == 0)
			return false;
		s = str_from(s, n);
	}
	return true;
}

/* A key takes its place in the map; false where it may not stand. */
static bool place_key(struct cbor_level *level, size_t depth, uint64_t key)
{
	struct cbor_level *l = depth > 0 ? &level[depth - 1] : NULL;

	if (l == NULL || !l->is_map || l->value_next ||
	    (l->has_key && key <= l->key))
		return false;
	l->key = key;
	l->has_key = l->value_next = true;
	return true;
}

/* --- writing --- */

void cbor_writer_init(struct cbor_writer *w, struct buf *out)
{
	*w = (struct cbor_writer){.out = out};
}

int cbor_writer_end(struct cbor_writer *w)
{
	if (w->error == 0)
		w->error = buf_error(w->out);
	if (w->error == 0 && (w->depth != 0 || w->items != 1))
		bug("cbor: value not complete");
	return w->error;
}

static void begin_item(const struct cbor_writer *w)
{
	const struct cbor_level *l =
	    w->depth > 0 ? &w->level[w->depth - 1] : NULL;

	if (l == NULL ? w->items > 0 : l->is_map && !l->value_next)
		bug("cbor: a value where none fits");
}

/* Counts an item off its container, and that off its own when complete. */
static void end_item(struct cbor_writer *w)
{
	for (; w->depth > 0; w->depth--) {
		w->level[w->depth - 1].value_next = false;
		if (--w->level[w->depth - 1].left > 0)
			return;
	}
	w->items++;
}

static void add_head(struct cbor_writer *w, const unsigned char *p, size_t n)
{
	if (n == 0)
		bug("cbor: head");
	buf_add(w->out, (struct str){(const char *)p, n});
}

void cbor_write_uint(struct cbor_writer *w, uint64_t v)
{
	unsigned char p[HEAD_MAX];

	if (w->error != 0)
		return;
	begin_item(w);
	add_head(w, p, cbor_encode_uint(v, p, sizeof(p)));
	end_item(w);
}

void cbor_write_int(struct cbor_writer *w, int64_t v)
{
	unsigned char p[HEAD_MAX];

	if (v >= 0) {
		cbor_write_uint(w, (uint64_t)v);
		return;
	}
	if (w->error != 0)
		return;
	begin_item(w);
	add_head(w, p, cbor_encode_negint(~(uint64_t)v, p, sizeof(p)));
	end_item(w);
}

void cbor_write_bool(struct cbor_writer *w, bool v)
{
	unsigned char p[HEAD_MAX];

	if (w->error != 0)
		return;
	begin_item(w);
	add_head(w, p, cbor_encode_bool(v, p, sizeof(p)));
	end_item(w);
}

void cbor_write_bytes(struct cbor_writer *w, struct str s)
{
	unsigned char p[HEAD_MAX];

	if (w->error != 0)
		return;
	begin_item(w);
	add_head(w, p, cbor_encode_bytestring_start(s.n, p, sizeof(p)));
	buf_add(w->out, s);
	end_item(w);
}

void cbor_write_text(struct cbor_writer *w, struct str s)
{
	unsigned char p[HEAD_MAX];

	if (w->error != 0)
		return;
	begin_item(w);
	if (!utf8_valid(s)) {
		w->error = ERR_SYNTAX;
		return;
	}
	add_head(w, p, cbor_encode_string_start(s.n, p, sizeof(p)));
	buf_add(w->out, s);
	end_item(w);
}

static void open_container(struct cbor_writer *w, size_t n, bool is_map)
{
	if (n == 0) {
		end_item(w);
		return;
	}
	if (w->depth == CBOR_DEPTH)
		bug("cbor: nested too deep");
	w->level[w->depth++] = (struct cbor_level){.left = n, .is_map = is_map};
}

void cbor_write_array(struct cbor_writer *w, size_t n)
{
	unsigned char p[HEAD_MAX];

	if (w->error != 0)
		return;
	begin_item(w);
	add_head(w, p, cbor_encode_array_start(n, p, sizeof(p)));
	open_container(w, n, false);
}

void cbor_write_map(struct cbor_writer *w, size_t n)
{
	unsigned char p[HEAD_MAX];

	if (w->error != 0)
		return;
	begin_item(w);
	add_head(w, p, cbor_encode_map_start(n, p, sizeof(p)));
	open_container(w, n, true);
}

void cbor_write_key(struct cbor_writer *w, uint64_t key)
{
	unsigned char p[HEAD_MAX];

	if (w->error != 0)
		return;
	if (!place_key(w->level, w->depth, key))
		bug("cbor: key %llu out of order", (unsigned long long)key);
	add_head(w, p, cbor_encode_uint(key, p, sizeof(p)));
}

/* --- reading --- */

enum kind {
	NONE,
	UINT,
	NEGINT,
	BYTES,
	TEXT,
	ARRAY,
	MAP,
	BOOL
};

struct item {
	enum kind kind;
	uint64_t v; /* value, or length */
	struct str s;
};

static void on_u8(void *ctx, uint8_t v)
{
	*(struct item *)ctx = (struct item){.kind = UINT, .v = v};
}

static void on_u16(void *ctx, uint16_t v)
{
	*(struct item *)ctx = (struct item){.kind = UINT, .v = v};
}

static void on_u32(void *ctx, uint32_t v)
{
	*(struct item *)ctx = (struct item){.kind = UINT, .v = v};
}

static void on_u64(void *ctx, uint64_t v)
{
	*(struct item *)ctx = (struct item){.kind = UINT, .v = v};
}

static void on_neg8(void *ctx, uint8_t v)
{
	*(struct item *)ctx = (struct item){.kind = NEGINT, .v = v};
}

static void on_neg16(void *ctx, uint16_t v)
{
	*(struct item *)ctx = (struct item){.kind = NEGINT, .v = v};
}

static void on_neg32(void *ctx, uint32_t v)
{
	*(struct item *)ctx = (struct item){.kind = NEGINT, .v = v};
}

static void on_neg64(void *ctx, uint64_t v)
{
	*(struct item *)ctx = (struct item){.kind = NEGINT, .v = v};
}

static void on_bytes(void *ctx, cbor_data p, size_t n)
{
	*(struct item *)ctx =
	    (struct item){.kind = BYTES, .v = n, .s = {(const char *)p, n}};
}

static void on_text(void *ctx, cbor_data p, size_t n)
{
	*(struct item *)ctx =
	    (struct item){.kind = TEXT, .v = n, .s = {(const char *)p, n}};
}

static void on_array(void *ctx, size_t n)
{
	*(struct item *)ctx = (struct item){.kind = ARRAY, .v = n};
}

static void on_map(void *ctx, size_t n)
{
	*(struct item *)ctx = (struct item){.kind = MAP, .v = n};
}

static void on_bool(void *ctx, bool v)
{
	*(struct item *)ctx = (struct item){.kind = BOOL, .v = v};
}

/* What the subset lacks leaves the item NONE. */
static const struct cbor_callbacks callbacks = {
    .uint8 = on_u8,
    .uint16 = on_u16,
    .uint32 = on_u32,
    .uint64 = on_u64,
    .negint8 = on_neg8,
    .negint16 = on_neg16,
    .negint32 = on_neg32,
    .negint64 = on_neg64,
    .byte_string = on_bytes,
    .byte_string_start = cbor_null_byte_string_start_callback,
    .string = on_text,
    .string_start = cbor_null_string_start_callback,
    .array_start = on_array,
    .indef_array_start = cbor_null_indef_array_start_callback,
    .map_start = on_map,
    .indef_map_start = cbor_null_indef_map_start_callback,
    .tag = cbor_null_tag_callback,
    .float2 = cbor_null_float2_callback,
    .float4 = cbor_null_float4_callback,
    .float8 = cbor_null_float8_callback,
    .undefined = cbor_null_undefined_callback,
    .null = cbor_null_null_callback,
    .boolean = on_bool,
    .indef_break = cbor_null_indef_break_callback,
};

void cbor_reader_init(struct cbor_reader *r, struct str in)
{
	*r = (struct cbor_reader){.rest = in};
}

static bool mistake(struct cbor_reader *r, int code)
{
	if (r->error == 0)
		r->error = code;
	return false;
}

static size_t shortest_head(const struct item *i)
{
	if (i->kind == BOOL || i->v < 24)
		return 1;
	return i->v <= UINT8_MAX    ? 2
	       : i->v <= UINT16_MAX ? 3
	       : i->v <= UINT32_MAX ? 5
				    : 9;
}

/* Splits one item off the input: a container only its head. */
static bool next_item(struct cbor_reader *r, struct item *out)
{
	struct cbor_decoder_result got;

	*out = (struct item){.kind = NONE};
	if (r->error != 0)
		return false;
	got = cbor_stream_decode(
	    (cbor_data)r->rest.p, r->rest.n, &callbacks, out);
	if (got.status != CBOR_DECODER_FINISHED || out->kind == NONE ||
	    got.read != shortest_head(out) + out->s.n)
		return mistake(r, ERR_SYNTAX);
	r->rest = str_from(r->rest, got.read);
	if (out->kind == TEXT && !utf8_valid(out->s))
		return mistake(r, ERR_SYNTAX);
	return true;
}

/* Leaves the arrays at the top that are used up. */
static struct cbor_level *settle(struct cbor_reader *r)
{
	while (r->depth > 0) {
		struct cbor_level *l = &r->level[r->depth - 1];

		if (l->is_map || l->left > 0)
			return l;
		r->depth--;
	}
	return NULL;
}

static bool enter(struct cbor_reader *r, const struct item *i)
{
	uint64_t room = i->kind == MAP ? r->rest.n / 2 : r->rest.n;

	if (i->v > room)
		return mistake(r, ERR_SYNTAX);
	if (r->depth == CBOR_DEPTH)
		return mistake(r, ERR_LIMIT);
	r->level[r->depth++] =
	    (struct cbor_level){.left = i->v, .is_map = i->kind == MAP};
	return true;
}

/* The next item, in the place of a value; containers are entered. */
static bool next_value(struct cbor_reader *r, struct item *out)
{
	struct cbor_level *l = settle(r);

	*out = (struct item){.kind = NONE};
	if (l == NULL ? r->items > 0 : l->is_map && !l->value_next)
		return mistake(r, ERR_SYNTAX);
	if (!next_item(r, out))
		return false;
	if (l == NULL)
		r->items++;
	else if (l->is_map)
		l->value_next = false;
	else
		l->left--;
	return (out->kind != ARRAY && out->kind != MAP) || enter(r, out);
}

static bool want(struct cbor_reader *r, enum kind kind, struct item *out)
{
	return next_value(r, out) &&
	       (out->kind == kind || mistake(r, ERR_SYNTAX));
}

uint64_t cbor_read_uint(struct cbor_reader *r, uint64_t max)
{
	struct item i;

	if (!want(r, UINT, &i))
		return 0;
	if (i.v <= max)
		return i.v;
	(void)mistake(r, ERR_LIMIT);
	return 0;
}

int64_t cbor_read_int(struct cbor_reader *r)
{
	struct item i;

	if (!next_value(r, &i))
		return 0;
	if (i.kind != UINT && i.kind != NEGINT)
		(void)mistake(r, ERR_SYNTAX);
	else if (i.v > INT64_MAX)
		(void)mistake(r, ERR_LIMIT);
	else
		return i.kind == UINT ? (int64_t)i.v : -1 - (int64_t)i.v;
	return 0;
}

bool cbor_read_bool(struct cbor_reader *r)
{
	struct item i;

	return want(r, BOOL, &i) && i.v != 0;
}

struct str cbor_read_bytes(struct cbor_reader *r)
{
	struct item i;

	return want(r, BYTES, &i) ? i.s : STR_NULL;
}

struct str cbor_read_text(struct cbor_reader *r)
{
	struct item i;

	return want(r, TEXT, &i) ? i.s : STR_NULL;
}

void cbor_read_fixed(struct cbor_reader *r, void *out, size_t n)
{
	struct str s = cbor_read_bytes(r);

	memset(out, 0, n);
	if (r->error == 0 && s.n == n)
		memcpy(out, s.p, n);
	else
		(void)mistake(r, ERR_SYNTAX);
}

size_t cbor_read_array(struct cbor_reader *r)
{
	struct item i;

	return want(r, ARRAY, &i) ? (size_t)i.v : 0;
}

size_t cbor_read_map(struct cbor_reader *r)
{
	struct item i;

	return want(r, MAP, &i) ? (size_t)i.v : 0;
}

bool cbor_read_key(struct cbor_reader *r, uint64_t *key_out)
{
	struct cbor_level *l = settle(r);
	struct item i;

	*key_out = 0;
	if (l == NULL || !l->is_map || l->value_next)
		return mistake(r, ERR_SYNTAX);
	if (r->error != 0)
		return false;
	if (l->left == 0) {
		r->depth--;
		return false;
	}
	if (!next_item(r, &i))
		return false;
	if (i.kind != UINT || !place_key(r->level, r->depth, i.v))
		return mistake(r, ERR_SYNTAX);
	l->left--;
	*key_out = i.v;
	return true;
}

void cbor_read_skip(struct cbor_reader *r)
{
	struct cbor_level *l;
	size_t outside;
	uint64_t key;
	struct item i;

	(void)settle(r);
	outside = r->depth;
	(void)next_value(r, &i);
	while (r->error == 0 && r->depth > outside) {
		l = &r->level[r->depth - 1];
		if (l->is_map && !l->value_next)
			(void)cbor_read_key(r, &key);
		else if (!l->is_map && l->left == 0)
			r->depth--;
		else
			(void)next_value(r, &i);
	}
}

int cbor_reader_end(struct cbor_reader *r)
{
	if (r->error == 0 &&
	    (settle(r) != NULL || r->items != 1 || r->rest.n != 0))
		r->error = ERR_SYNTAX;
	return r->error;
}
