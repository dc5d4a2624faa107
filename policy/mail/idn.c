/* idn.c - see idn.h. */
#include "policy/mail/idn.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <string.h>

#include <idn2.h>

enum {
	INPUT_MAX = 1024
};

static int map_error(int idn2, struct error *err)
{
	if (idn2 == IDN2_MALLOC)
		return error_set(err, -ENOMEM, "domain: out of memory");
	if (idn2 == IDN2_TOO_BIG_DOMAIN || idn2 == IDN2_TOO_BIG_LABEL)
		return error_set(
		    err, ERR_SYNTAX, "domain: too long as A-labels");
	return error_set(err, ERR_SYNTAX, "domain: %s", idn2_strerror(idn2));
}

int idn_to_ascii(
    struct str in, char *out, size_t cap, size_t *n_out, struct error *err)
{
	uint8_t z[INPUT_MAX + 1], *a = NULL;
	size_t n;
	int r;

	if (in.n > INPUT_MAX)
		return map_error(IDN2_TOO_BIG_DOMAIN, err);
	if (in.n > 0)
		memcpy(z, in.p, in.n);
	z[in.n] = '\0';
	r = fault_alloc()
		? IDN2_MALLOC
		: idn2_lookup_u8(z, &a, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (r != IDN2_OK)
		return map_error(r, err);
	n = strlen((const char *)a);
	if (n <= cap) {
		memcpy(out, a, n);
		*n_out = n;
	}
	idn2_free(a);
	return n <= cap ? 0 : map_error(IDN2_TOO_BIG_DOMAIN, err);
}
