/* verp.c - see verp.h. */
#include "policy/mail/verp.h"

#include "policy/base/when.h"
#include "policy/mail/address.h"
#include "policy/mail/msgid.h"

#include <errno.h>

static const enum token_kind verp_kinds[] = {
    TOKEN_BOUNCE,
    TOKEN_UNSUBSCRIBE,
    TOKEN_FEEDBACK,
};
enum {
	KINDS = sizeof(verp_kinds) / sizeof(verp_kinds[0]),
	PREFIX = 2
};

bool verp_is_one(struct str local, enum token_kind *kind_out)
{
	if (local.n < PREFIX || local.p[1] != '-')
		return false;
	for (size_t i = 0; i < KINDS; i++)
		if (ascii_lower(local.p[0]) == token_letter(verp_kinds[i])) {
			*kind_out = verp_kinds[i];
			return true;
		}
	return false;
}

bool verp_is_expired(const struct token *t, int64_t now_ms)
{
	return t->kind == TOKEN_BOUNCE &&
	       now_ms - msgid_time_ms(t->message_id) >
		   VERP_BOUNCE_DAYS * WHEN_DAY_MS;
}

int verp_make(struct arena *a, enum token_kind kind, struct str token,
    struct str domain, struct str *out)
{
	const char prefix[] = {token_letter(kind), '-', '\0'};
	enum token_kind unused;
	char *z;

	if (!verp_is_one(str_of(prefix), &unused))
		return -EINVAL;
	if (PREFIX + token.n + 1 + domain.n > ADDRESS_MAX)
		return ERR_LIMIT;
	z = arena_printf(
	    a, "%s%.*s@%.*s", prefix, STR_ARG(token), STR_ARG(domain));
	if (z == NULL)
		return ERR_LIMIT;
	*out = str_of(z);
	return 0;
}

int verp_parse(
    const struct token_keys *keys, struct str local, struct token *out)
{
	enum token_kind kind;

	if (!verp_is_one(local, &kind))
		return ERR_NOT_FOUND;
	return token_parse(keys, TOKEN_SET(kind), str_from(local, PREFIX), out);
}
