/* token_keys.h - the keys of tokens: up to eight, one signs, all verify.
 *
 * Key file, text, one key a line, oldest first:
 *
 *   # ID KEY
 *   3 8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92
 *   4 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
 *
 * ID is 0 to 7, KEY 32 bytes as hex digits; blank lines and lines that begin
 * with "#" do not count. **The last line signs.** Ids are re-used round and
 * round; unsubscribe tokens never expire, so a key that signed some may only
 * go when nobody holds such a mail any more.
 *
 * To rotate without a gap: add the new key above the last line, reload every
 * program that verifies, then move it to the end and reload again.
 *
 * Owner and mode as secret.h wants them (group may read: both daemons do).
 * Never logged; cleansed on free. Threads: immutable. */
#ifndef POLICY_MAIL_TOKEN_KEYS_H
#define POLICY_MAIL_TOKEN_KEYS_H

#include "policy/base/str.h"

enum {
	TOKEN_KEY_BYTES = 32,
	TOKEN_KEYS_MAX = 8
};

struct token_keys;

/* ERR_KEY with "path:line: what" for what the file says, else secret_load()'s
 * errors. */
int token_keys_load(
    struct token_keys **out, const char *path, struct error *err) MUST_CHECK;
/* From the text of such a file; name is for messages. */
int token_keys_parse(struct token_keys **out, const char *name, struct str text,
    struct error *err) MUST_CHECK;
void token_keys_free(struct token_keys **k); /* cleanses; NULL is fine */

unsigned token_keys_signer(const struct token_keys *k); /* an id */
/* The key of that id, borrowed; empty when there is none. */
struct str token_keys_get(const struct token_keys *k, unsigned id);

#endif
