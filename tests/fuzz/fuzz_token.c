/* fuzz_token.c - any bytes as a token, a VERP local part, a key file; and as
 * the fields of a token that then must be found again. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/codec.h"
#include "policy/mail/verp.h"

#include <string.h>

static struct token_keys *test_keys(void)
{
	struct token_keys *k = NULL;

	if (token_keys_parse(&k, "fuzz",
		STR("4 202122232425262728292a2b2c2d2e2f"
		    "303132333435363738393a3b3c3d3e3f"),
		NULL) != 0)
		return NULL;
	return k;
}

/* What is accepted is what we would have made, but for case. */
static void check_text(const struct token_keys *k, struct str in)
{
	char text[TOKEN_TEXT_MAX + 1];
	struct token t;

	if (token_parse(k, 0xff, in, &t) == 0) {
		FUZZ_CHECK(token_make(k, &t, text) == 0);
		FUZZ_CHECK(str_ieq(in, str_of(text)));
	}
	if (verp_parse(k, in, &t) == 0) {
		FUZZ_CHECK(token_make(k, &t, text) == 0);
		FUZZ_CHECK(str_ieq(str_from(in, 2), str_of(text)));
	}
}

static void check_fields(const struct token_keys *k, const uint8_t raw[19])
{
	struct token t = {.kind = (enum token_kind)(raw[0] & 7),
	    .message_id = codec_get_u64(raw + 1),
	    .link = codec_get_u16(raw + 17)};
	char text[TOKEN_TEXT_MAX + 1];
	struct token back;

	if (t.kind == TOKEN_UNSUBSCRIBE || t.kind == TOKEN_PREFERENCES)
		t.subject_id = codec_get_u64(raw + 9);
	if (t.kind != TOKEN_CLICK)
		t.link = 0;
	if (token_make(k, &t, text) != 0)
		return;
	FUZZ_CHECK(strlen(text) == token_length(t.kind));
	FUZZ_CHECK(token_parse(k, TOKEN_SET(t.kind), str_of(text), &back) == 0);
	FUZZ_CHECK(back.kind == t.kind && back.message_id == t.message_id &&
		   back.subject_id == t.subject_id && back.link == t.link);
	FUZZ_CHECK(token_parse(k, 0xff & ~TOKEN_SET(t.kind), str_of(text),
		       &back) == ERR_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct token_keys *k = test_keys(), *other = NULL;

	if (k == NULL)
		return 0;
	check_text(k, in);
	if (n >= 19)
		check_fields(k, data);
	if (token_keys_parse(&other, "fuzz", in, NULL) == 0)
		FUZZ_CHECK(token_keys_get(other, token_keys_signer(other)).n ==
			   TOKEN_KEY_BYTES);
	token_keys_free(&other);
	token_keys_free(&k);
	return 0;
}
