/* lead_id.h - the name of a lead that is not the address: the first 16 bytes
 * of HMAC-SHA-256(lead key, canonical address).
 *
 * Without the key nobody can test an address against stored ids. The key is
 * used for ids only, also for those of companies (company_id.h), and never
 * changes: lost, every suppression is lost.
 *
 * Key file: 32 bytes as they are, or 64 hexadecimal digits with or without a
 * line end; owner and mode as secret.h wants them (group may read). A key of
 * one repeated byte is refused. Threads: the key is immutable. */
#ifndef POLICY_MAIL_LEAD_ID_H
#define POLICY_MAIL_LEAD_ID_H

#include "policy/mail/address.h"

enum {
	LEAD_ID_BYTES = 16,
	LEAD_ID_TEXT = 2 * LEAD_ID_BYTES + 1
};

struct lead_id {
	unsigned char b[LEAD_ID_BYTES];
};

struct lead_key;

/* ERR_KEY: not a key; else secret_load()'s errors. */
int lead_key_load(
    struct lead_key **out, const char *path, struct error *err) MUST_CHECK;
/* From the bytes of such a file; name is for messages. */
int lead_key_parse(struct lead_key **out, const char *name, struct str bytes,
    struct error *err) MUST_CHECK;
void lead_key_free(struct lead_key **k); /* cleanses; NULL is fine */

/* ERR_SYNTAX for the null sender, ERR_CRYPTO. */
int lead_id_of(const struct lead_key *k, const struct address *addr,
    struct lead_id *out) MUST_CHECK;

/* The first 16 bytes of HMAC-SHA-256(lead key, kind, NUL, text): no address has
 * a NUL, so that ids of two kinds are never derived from the same bytes. kind
 * and text together: at most LEAD_ID_OTHER_MAX bytes, else ERR_LIMIT. */
enum {
	LEAD_ID_OTHER_MAX = 400
};
int lead_id_of_other(const struct lead_key *k, struct str kind, struct str text,
    unsigned char out[LEAD_ID_BYTES]) MUST_CHECK;

bool lead_id_eq(const struct lead_id *a, const struct lead_id *b);
/* The first 8 bytes: tells the people of one company apart. */
uint64_t lead_id_tag(const struct lead_id *id);
/* 32 lower-case hex digits and a NUL. */
void lead_id_text(const struct lead_id *id, char out[LEAD_ID_TEXT]);
/* 32 hex digits, either case: ERR_SYNTAX otherwise. */
int lead_id_parse(struct str text, struct lead_id *out) MUST_CHECK;

#endif
