/* fuzz_dkim_verify.c - any bytes as a mail to verify: libopendkim behind our
 * bounds. The record of every name is the text up to the first NUL, or a good
 * one where there is no NUL. */
#include "tests/fuzz/fuzz.h"

#include "policy/mail/dkim_verify.h"
#include "policy/mail/headblock.h"

enum {
	ARENA_MAX = 1 << 22
};

static int lookup(void *arg, struct str name, struct buf *txt_out)
{
	const struct str *record = arg;

	FUZZ_CHECK(name.n <= DKIM_KEY_NAME_MAX);
	buf_add(txt_out, *record);
	return 0;
}

static void check(
    const struct dkim_verifier *v, struct str mail, struct str record)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct header_list headers = {0};
	struct dkim_verify_result r;
	size_t body_at;

	if (a != NULL && headblock_parse(mail, a, &headers, &body_at) == 0 &&
	    dkim_verify_message(v,
		&(struct dkim_message){&headers, str_from(mail, body_at)},
		lookup, &record, a, &r) == 0) {
		FUZZ_CHECK(r.n <= DKIM_VERIFY_MAX_SIGNATURES);
		for (size_t i = 0; i < r.n; i++)
			FUZZ_CHECK((r.v[i].result == DKIM_RESULT_PASS) ==
				   (r.v[i].reason[0] == '\0'));
	}
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n}, mail = in;
	struct str record =
	    STR("v=DKIM1; k=ed25519; "
		"p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
	size_t nul = str_find(in, 0, '\0');
	struct dkim_verifier *v;

	if (nul < n) {
		record = str_cut(in, 0, nul);
		mail = str_from(in, nul + 1);
	}
	if (dkim_verify_open(&v, 0, NULL) != 0)
		return 0;
	check(v, mail, record);
	dkim_verify_close(&v);
	return 0;
}
