/* domain.c - see domain.h. */
#include "policy/mail/domain.h"

#include "policy/mail/idn.h"
#include "policy/mail/nfc.h"

#include <string.h>

/* Room for the final dot that is dropped. */
enum {
	RAW_MAX = DOMAIN_MAX + 1
};

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static int check_label(struct str l, struct error *err)
{
	if (l.n == 0)
		return error_set(err, ERR_SYNTAX, "domain: empty label");
	if (l.n > DOMAIN_LABEL_MAX)
		return error_set(err, ERR_SYNTAX,
		    "domain: label of %zu bytes, at most %d", l.n,
		    DOMAIN_LABEL_MAX);
	for (size_t i = 0; i < l.n; i++)
		if (!ascii_is_alnum(l.p[i]) && l.p[i] != '-' && l.p[i] != '_')
			return error_set(err, ERR_SYNTAX,
			    "domain: byte 0x%02x is not allowed",
			    (unsigned char)l.p[i]);
	if (l.p[0] == '-' || l.p[l.n - 1] == '-')
		return error_set(err, ERR_SYNTAX,
		    "domain: label begins or ends with a hyphen");
	return 0;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]))
			return false;
	return true;
}

static int check_labels(struct str name, struct error *err)
{
	struct str rest = name, label = STR_NULL;

	while (str_next(&rest, '.', &label)) {
		int rc = check_label(label, err);
		if (rc != 0)
			return rc;
	}
	if (all_digits(label))
		return error_set(err, ERR_SYNTAX,
		    "domain: ends in a number; an IP address needs brackets");
	return 0;
}

static int to_ascii(
    struct str in, char raw[RAW_MAX], size_t *n_out, struct error *err)
{
	if (is_ascii(in)) {
		if (in.n > RAW_MAX)
			return error_set(err, ERR_SYNTAX,
			    "domain: %zu bytes, at most %d", in.n, DOMAIN_MAX);
		if (in.n > 0)
			memcpy(raw, in.p, in.n);
		*n_out = in.n;
		return 0;
	}
	if (!nfc_is_utf8(in))
		return error_set(err, ERR_SYNTAX, "domain: not UTF-8");
	if (str_find(in, 0, '\0') < in.n)
		return error_set(err, ERR_SYNTAX, "domain: NUL in it");
	return idn_to_ascii(in, raw, RAW_MAX, n_out, err);
}

int domain_canonical(
    struct str in, char out[DOMAIN_MAX], size_t *n_out, struct error *err)
{
	char raw[RAW_MAX];
	struct str s = {raw, 0};
	int rc;

	if (in.n == 0)
		return error_set(err, ERR_SYNTAX, "domain: empty");
	rc = to_ascii(in, raw, &s.n, err);
	if (rc != 0)
		return rc;
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n > DOMAIN_MAX)
		return error_set(err, ERR_SYNTAX,
		    "domain: %zu bytes, at most %d", s.n, DOMAIN_MAX);
	rc = check_labels(s, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < s.n; i++)
		out[i] = ascii_lower(s.p[i]);
	*n_out = s.n;
	return 0;
}

int domain_parse(
    struct arena *a, struct str in, struct str *out, struct error *err)
{
	char name[DOMAIN_MAX];
	size_t n;
	int rc = domain_canonical(in, name, &n, err);

	if (rc != 0)
		return rc;
	*out = arena_str(a, (struct str){name, n});
	if (out->p == NULL)
		return error_set(err, ERR_LIMIT, "domain: arena full");
	return 0;
}
