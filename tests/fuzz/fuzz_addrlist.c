/* fuzz_addrlist.c - any bytes as a From field. */
#include "tests/fuzz/fuzz.h"

#include "policy/mail/addrlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(1 << 20);
	struct addrlist l = {0};
	int rc;

	if (a == NULL)
		return 0;
	rc = addrlist_add(&l, a, (struct str){(const char *)data, n});
	FUZZ_CHECK(rc == 0 || rc == ERR_LIMIT);
	FUZZ_CHECK(l.n <= ADDRLIST_MAX && l.n + l.bad <= n);
	for (size_t i = 0; i < l.n; i++) {
		struct arena *mine = arena_new(1 << 16);
		struct address addr;
		FUZZ_CHECK(mine != NULL && l.v[i].name.n <= n);
		FUZZ_CHECK(
		    address_parse_sender(mine, l.v[i].spec, &addr, NULL) == 0);
		FUZZ_CHECK(str_eq(addr.text, l.v[i].addr.text));
		arena_free(&mine);
	}
	arena_free(&a);
	return 0;
}
