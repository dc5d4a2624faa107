/* token_keys.c - see token_keys.h. */
#include "policy/mail/token_keys.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/base/secret.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct token_keys {
	unsigned present; /* bit id is set where key[id] is one */
	unsigned signer;
	unsigned char key[TOKEN_KEYS_MAX][TOKEN_KEY_BYTES];
};

static bool is_constant(const unsigned char *b)
{
	return memcmp(b, b + 1, TOKEN_KEY_BYTES - 1) == 0;
}

/* "ID KEY"; *what says what is wrong. Never quotes the line: it is a key. */
static int read_line(struct token_keys *k, struct str line, const char **what)
{
	struct str id_text, key_text = line;
	uint64_t id;

	(void)str_next(&key_text, ' ', &id_text);
	if (str_u64(id_text, TOKEN_KEYS_MAX - 1, &id) != 0) {
		*what = "key id is not 0 to 7";
		return ERR_KEY;
	}
	if ((k->present >> id & 1) != 0) {
		*what = "key id is there already";
		return ERR_KEY;
	}
	if (codec_unhex(str_trim(key_text), TOKEN_KEY_BYTES, k->key[id]) != 0) {
		*what = "key is not 64 hex digits";
		return ERR_KEY;
	}
	if (is_constant(k->key[id])) {
		*what = "key is one byte 32 times";
		return ERR_KEY;
	}
	k->present |= 1U << id;
	k->signer = (unsigned)id;
	return 0;
}

static int read_lines(
    struct token_keys *k, const char *name, struct str text, struct error *err)
{
	struct str line;

	for (int no = 1; str_next(&text, '\n', &line); no++) {
		const char *what = NULL;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (read_line(k, line, &what) != 0)
			return error_set(
			    err, ERR_KEY, "%s:%d: %s", name, no, what);
	}
	if (k->present == 0)
		return error_set(err, ERR_KEY, "%s: no key in it", name);
	return 0;
}

int token_keys_parse(struct token_keys **out, const char *name, struct str text,
    struct error *err)
{
	struct token_keys *k = fault_alloc() ? NULL : calloc(1, sizeof(*k));
	int rc;

	*out = NULL;
	if (k == NULL)
		return error_set(err, -ENOMEM, "%s: out of memory", name);
	rc = read_lines(k, name, text, err);
	if (rc != 0)
		token_keys_free(&k);
	*out = k;
	return rc;
}

int token_keys_load(
    struct token_keys **out, const char *path, struct error *err)
{
	struct secret *s;
	int rc = secret_load(&s, path, SECRET_GROUP_READ, err);

	*out = NULL;
	if (rc == 0)
		rc = token_keys_parse(out, path, secret_bytes(s), err);
	secret_free(&s);
	return rc;
}

void token_keys_free(struct token_keys **k)
{
	if (*k == NULL)
		return;
	OPENSSL_cleanse(*k, sizeof(**k));
	free(*k);
	*k = NULL;
}

unsigned token_keys_signer(const struct token_keys *k)
{
	return k->signer;
}

struct str token_keys_get(const struct token_keys *k, unsigned id)
{
	if (id >= TOKEN_KEYS_MAX || (k->present >> id & 1) == 0)
		return STR_NULL;
	return (struct str){(const char *)k->key[id], TOKEN_KEY_BYTES};
}
