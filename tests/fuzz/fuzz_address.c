/* fuzz_address.c - any bytes as an address, a sender and a domain. */
#include "tests/fuzz/fuzz.h"

#include "policy/mail/address.h"
#include "policy/mail/domain.h"
#include "policy/mail/freemail.h"
#include "policy/mail/nfc.h"
#include "policy/mail/psl.h"

static void check_form(struct arena *a, const struct address *addr)
{
	struct address again;

	FUZZ_CHECK(addr->text.n <= ADDRESS_MAX);
	FUZZ_CHECK(nfc_is_utf8(addr->text));
	for (size_t i = 0; i < addr->text.n; i++) {
		char c = addr->text.p[i];
		FUZZ_CHECK((unsigned char)c >= ' ' && c != 0x7f);
		FUZZ_CHECK(ascii_lower(c) == c);
	}
	FUZZ_CHECK(address_parse_sender(a, addr->text, &again, NULL) == 0);
	FUZZ_CHECK(str_eq(addr->text, again.text));
	FUZZ_CHECK(str_eq(addr->local, again.local));
	FUZZ_CHECK(str_eq(addr->domain, again.domain));
	FUZZ_CHECK(!freemail_is_one(addr->domain) ||
		   psl_org_domain(addr->domain).n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n}, domain, again;
	struct arena *a = arena_new(1 << 16);
	struct address addr;

	if (a == NULL)
		return 0;
	if (address_parse(a, in, &addr, NULL) == 0) {
		FUZZ_CHECK(addr.local.n <= ADDRESS_LOCAL_MAX);
		FUZZ_CHECK(!address_is_null(&addr));
		check_form(a, &addr);
	}
	if (address_parse_sender(a, in, &addr, NULL) == 0)
		check_form(a, &addr);
	if (domain_parse(a, in, &domain, NULL) == 0) {
		FUZZ_CHECK(domain.n <= DOMAIN_MAX);
		FUZZ_CHECK(domain_parse(a, domain, &again, NULL) == 0);
		FUZZ_CHECK(str_eq(domain, again));
	}
	arena_free(&a);
	return 0;
}
