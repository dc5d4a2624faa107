/* dkim_key_selftest.c - see dkim_key_selftest.h. */
#include "policy/mail/dkim_key_selftest.h"

#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_sign.h"

#include <errno.h>

enum {
	ARENA_MAX = 65536,
	NOW_S = 1700000000, /* a signature without x= never expires */
};

static int hash_body(struct str text, unsigned char hash_out[DKIM_BODY_HASH])
{
	struct dkim_body *body = dkim_body_new();
	int rc = -ENOMEM;

	if (body != NULL) {
		dkim_body_update(body, text);
		rc = dkim_body_final(body, hash_out);
	}
	dkim_body_free(&body);
	return rc;
}

/* Puts the signature in fields[0]. */
static int sign(struct dkim_key *k, struct dkim_message *m, struct header *top,
    struct arena *a, struct error *err)
{
	unsigned char hash[DKIM_BODY_HASH];
	struct dkim_sign_input in = {.keys = &k,
	    .nkeys = 1,
	    .headers = m->headers,
	    .body_hash = hash,
	    .now_s = NOW_S};
	int rc = hash_body(m->body, hash);

	if (rc != 0)
		return error_set(err, rc, "%s", error_text(rc));
	return dkim_sign_message(&in, a, &top->value, err);
}

int dkim_key_selftest(
    const struct dkim_verifier *v, struct dkim_key *k, struct error *err)
{
	struct header fields[] = {
	    {STR("DKIM-Signature"), STR("")},
	    {STR("From"), STR(" selftest@tendril.invalid")},
	    {STR("Subject"), STR(" does this key\r\n\tsign?")},
	};
	struct header_list unsigned_list = {fields + 1, 2, 2};
	struct header_list signed_list = {fields, 3, 3};
	struct dkim_message m = {&unsigned_list, STR("One  line. \r\n\r\n")};
	struct arena *a = arena_new(ARENA_MAX);
	int rc;

	if (a == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	rc = sign(k, &m, fields, a, err);
	if (rc == 0) {
		m.headers = &signed_list;
		rc = dkim_verify_ours(
		    v, &m, (struct dkim_verify_keys){&k, 1}, a, err);
	}
	arena_free(&a);
	if (rc != 0)
		error_prefix(err, "key %.*s", STR_ARG(dkim_key_dns_name(k)));
	if (rc == ERR_CRYPTO)
		rc = ERR_KEY;
	if (rc != 0 && err != NULL)
		err->code = rc;
	return rc;
}
