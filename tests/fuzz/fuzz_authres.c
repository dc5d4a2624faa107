/* fuzz_authres.c - any bytes as an Authentication-Results field, and as the
 * names that a signature puts into ours. */
#include "tests/fuzz/fuzz.h"

#include "policy/mail/authres.h"

#define OURS STR("mail.example.com")

/* Our own, whatever strangers called themselves: ours, and of one line each. */
static void check_made(struct str name, struct arena *a)
{
	struct authentic found = {.spf = AUTHENTIC_FAIL,
	    .spf_domain = name,
	    .n = 1,
	    .v = {{AUTHENTIC_PASS, false, name, name, false, false}}};
	struct str out;
	size_t lines = 0;

	if (authres_make(OURS, &found, a, &out) != 0)
		return;
	FUZZ_CHECK(authres_is_ours(out, OURS));
	for (size_t i = 0; i < out.n; i++) {
		lines += out.p[i] == '\n';
		FUZZ_CHECK(out.p[i] != '\r' && out.p[i] != '\0');
	}
	FUZZ_CHECK(lines <= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n}, server;
	struct arena *a = arena_new(64 << 10);
	int rc = authres_server(in, &server);

	FUZZ_CHECK(a != NULL);
	FUZZ_CHECK(rc == 0 || rc == ERR_SYNTAX);
	FUZZ_CHECK((rc == 0) == (server.n > 0));
	if (rc == 0)
		FUZZ_CHECK(
		    server.p >= in.p && server.p + server.n <= in.p + in.n);
	FUZZ_CHECK(rc == 0 || !authres_is_ours(in, OURS));
	if (rc == 0 && str_ieq(server, OURS))
		FUZZ_CHECK(authres_is_ours(in, OURS));
	check_made(in, a);
	arena_free(&a);
	return 0;
}
