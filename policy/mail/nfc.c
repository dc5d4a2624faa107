/* nfc.c - see nfc.h. */
#include "policy/mail/nfc.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

static const uint8_t *bytes(struct str s)
{
	return (const uint8_t *)(s.n > 0 ? s.p : "");
}

bool nfc_is_utf8(struct str s)
{
	return u8_check(bytes(s), s.n) == NULL;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* ASCII, nearly every address, is its own normal form. */
static int copy(struct str in, char *out, size_t cap, size_t *n_out)
{
	if (in.n > cap)
		return ERR_LIMIT;
	if (in.n > 0)
		memcpy(out, in.p, in.n);
	*n_out = in.n;
	return 0;
}

typedef uint8_t *change_fn(const uint8_t *s, size_t n, size_t *n_out);

static uint8_t *compose(const uint8_t *s, size_t n, size_t *n_out)
{
	return u8_normalize(UNINORM_NFC, s, n, NULL, n_out);
}

static uint8_t *lower(const uint8_t *s, size_t n, size_t *n_out)
{
	return u8_tolower(s, n, NULL, UNINORM_NFC, NULL, n_out);
}

static int change(
    change_fn *fn, struct str in, char *out, size_t cap, size_t *n_out)
{
	uint8_t *r;
	size_t n = 0;
	int rc;

	if (!nfc_is_utf8(in))
		return ERR_SYNTAX;
	r = fault_alloc() ? NULL : fn(bytes(in), in.n, &n);
	if (r == NULL)
		return -ENOMEM;
	rc = copy((struct str){(const char *)r, n}, out, cap, n_out);
	free(r);
	return rc;
}

int nfc_normalize(struct str in, char *out, size_t cap, size_t *n_out)
{
	if (is_ascii(in))
		return copy(in, out, cap, n_out);
	return change(compose, in, out, cap, n_out);
}

int nfc_lower(struct str in, char *out, size_t cap, size_t *n_out)
{
	int rc;

	if (!is_ascii(in))
		return change(lower, in, out, cap, n_out);
	rc = copy(in, out, cap, n_out);
	for (size_t i = 0; rc == 0 && i < in.n; i++)
		out[i] = ascii_lower(out[i]);
	return rc;
}
