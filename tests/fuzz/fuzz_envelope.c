/* fuzz_envelope.c - envelopes of spool files: what is read is what is written
 * again, byte by byte. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/buf.h"
#include "policy/spool/envelope.h"

enum {
	ARENA_MAX = 1 << 20
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct str in = {(const char *)data, n}, value;
	struct envelope e;
	struct buf out;

	if (a == NULL)
		return 0;
	buf_init(&out, ENVELOPE_MAX);
	if (envelope_decode(in, a, &e) == 0) {
		FUZZ_CHECK(e.kind >= COPY_HELD && e.kind <= COPY_UNDECIDED);
		FUZZ_CHECK(e.n_rcpts > 0);
		FUZZ_CHECK(envelope_encode(&e, &out) == 0);
		/* An older program may have left fields out. */
		FUZZ_CHECK(out.n >= n);
		(void)envelope_arg(&e.sender_args, STR("RET"), &value);
		for (size_t i = 0; i < e.n_rcpts; i++)
			(void)envelope_arg(
			    &e.rcpts[i].args, STR("NOTIFY"), &value);
	}
	buf_fini(&out);
	arena_free(&a);
	return 0;
}
