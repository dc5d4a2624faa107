/* address_digest.c - see address_digest.h. */
#include "policy/mail/address_digest.h"

#include "policy/base/codec.h"

size_t address_digest_size(enum address_digest_kind kind)
{
	return kind == ADDRESS_DIGEST_MD5 ? DIGEST_MD5 : DIGEST_SHA256;
}

int address_digest(const struct address *addr, enum address_digest_kind kind,
    struct address_digest *out)
{
	*out = (struct address_digest){.kind = kind};
	if (address_is_null(addr))
		return ERR_SYNTAX;
	if (kind == ADDRESS_DIGEST_MD5)
		return digest_md5(addr->text, out->b);
	return digest_sha256(addr->text, out->b);
}

int address_digest_parse(struct str text, struct address_digest *out)
{
	bool md5 = text.n == 2 * DIGEST_MD5;

	*out = (struct address_digest){
	    .kind = md5 ? ADDRESS_DIGEST_MD5 : ADDRESS_DIGEST_SHA256};
	return codec_unhex(text, address_digest_size(out->kind), out->b);
}
