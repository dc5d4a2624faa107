/* fuzz_dkim_body.c - a body cut in any way has the hash of the whole. The first
 * byte is the number of cuts, the next ones say where they are. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/str.h"
#include "policy/mail/dkim_body.h"

#include <string.h>

static void hash(struct dkim_body *b, struct str body, struct str cuts,
    unsigned char out[DKIM_BODY_HASH])
{
	dkim_body_reset(b);
	for (size_t i = 0; i < cuts.n; i++) {
		size_t n = (unsigned char)cuts.p[i];
		dkim_body_update(b, str_cut(body, 0, n));
		body = str_from(body, n);
	}
	dkim_body_update(b, body);
	FUZZ_CHECK(dkim_body_final(b, out) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	size_t cuts = n > 0 ? data[0] : 0;
	struct dkim_body *b = dkim_body_new();
	unsigned char whole[DKIM_BODY_HASH], pieces[DKIM_BODY_HASH];
	struct str body = str_from(in, 1 + cuts);

	if (b == NULL)
		return 0;
	hash(b, body, STR_NULL, whole);
	hash(b, body, str_cut(in, 1, cuts), pieces);
	FUZZ_CHECK(memcmp(whole, pieces, sizeof(whole)) == 0);
	dkim_body_free(&b);
	return 0;
}
