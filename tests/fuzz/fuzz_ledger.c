/* fuzz_ledger.c - any bytes as deterministic CBOR and as a stored event. What
 * the CBOR reader takes has one form only: written again it is the same. */
#include "tests/fuzz/fuzz.h"

#include "policy/ledger/cbor.h"
#include "policy/ledger/event.h"
#include "policy/ledger/snapshot.h"

enum {
	ROOM = 1 << 20
};

static bool again(struct cbor_reader *r, struct cbor_writer *w);

static bool again_array(struct cbor_reader *r, struct cbor_writer *w)
{
	size_t n = cbor_read_array(r);
	bool whole = true;

	if (r->error != 0)
		return false;
	cbor_write_array(w, n);
	for (size_t i = 0; i < n && whole; i++)
		whole = again(r, w);
	return whole;
}

static bool again_map(struct cbor_reader *r, struct cbor_writer *w)
{
	size_t n = cbor_read_map(r);
	bool whole = r->error == 0;
	uint64_t key;

	if (whole)
		cbor_write_map(w, n);
	while (whole && cbor_read_key(r, &key)) {
		cbor_write_key(w, key);
		whole = again(r, w);
	}
	return whole;
}

/* Tries each kind on a copy of the reader. False: an integer below those that
 * the writer knows. */
static bool again(struct cbor_reader *r, struct cbor_writer *w)
{
	struct cbor_reader t[5] = {*r, *r, *r, *r, *r};
	int64_t i = cbor_read_int(&t[0]);
	uint64_t u = cbor_read_uint(&t[1], UINT64_MAX);
	struct str bytes = cbor_read_bytes(&t[2]);
	struct str text = cbor_read_text(&t[3]);
	bool b = cbor_read_bool(&t[4]);
	size_t kind = 0;

	while (kind < 5 && t[kind].error != 0)
		kind++;
	if (kind == 5) {
		struct cbor_reader a = *r;

		(void)cbor_read_array(&a);
		return a.error == 0 ? again_array(r, w) : again_map(r, w);
	}
	*r = t[kind];
	if (kind == 0)
		cbor_write_int(w, i);
	else if (kind == 1)
		cbor_write_uint(w, u);
	else if (kind == 2)
		cbor_write_bytes(w, bytes);
	else if (kind == 3)
		cbor_write_text(w, text);
	else
		cbor_write_bool(w, b);
	return true;
}

static void check_cbor(struct str in)
{
	struct cbor_reader r;
	struct cbor_writer w;
	struct buf out;

	cbor_reader_init(&r, in);
	cbor_read_skip(&r);
	if (cbor_reader_end(&r) != 0)
		return;
	buf_init(&out, ROOM);
	cbor_reader_init(&r, in);
	cbor_writer_init(&w, &out);
	if (again(&r, &w)) {
		FUZZ_CHECK(cbor_reader_end(&r) == 0);
		FUZZ_CHECK(cbor_writer_end(&w) == 0);
		FUZZ_CHECK(str_eq(buf_str(&out), in));
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct snapshot_restored restored;
	struct event ev;

	if (n < ROOM)
		check_cbor(in);
	if (event_decode(str_cut(in, 0, 8), str_from(in, 8), &ev) == 0)
		FUZZ_CHECK(ev.payload.n + EVENT_HEAD + EVENT_TAIL + 8 == n);
	ev = (struct event){
	    .type = EV_LEDGER_RESTORED, .version = 1, .payload = in};
	if (snapshot_decode(&ev, &restored) == 0)
		check_cbor(in);
	return 0;
}
