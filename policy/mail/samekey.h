/* samekey.h - the key by which the same message to the same person is known
 * again (see rules/dup.h). Pure. Threads: any. */
#ifndef POLICY_MAIL_SAMEKEY_H
#define POLICY_MAIL_SAMEKEY_H

#include "policy/mail/header.h"

struct samekey_in {
	struct str stream;
	struct str recipient; /* canonical */
	struct str queue_id;
	/* Of a copy: the queue id that it first came by, and its own id. */
	struct str first_queue_id;
	uint64_t copy_id;
	int64_t arrived_ms; /* when it first came */
	const struct header_list *headers;
	unsigned char body_hash[32]; /* relaxed canonical body, SHA-256 */
};

/* Without a Message-ID the minute of arrival stands for it, so that a copy
 * keeps its key however long it is held. */
struct samekey {
	uint64_t key; /* never 0; stored with the slot */
	bool has_message_id;
	uint64_t text; /* without it: what the key is made of, and the minute */
	int64_t minute;
};

/* A Message-ID that holds a queue id was made by the MTA's cleanup, one that
 * holds the copy's id by our agent: another one at each try, it is left out.
 * ERR_LIMIT, ERR_CRYPTO. */
int samekey_make(const struct samekey_in *in, struct arena *a,
    struct samekey *out) MUST_CHECK;

/* The key that this would have, had it come so many minutes later. Of no use
 * with a Message-ID. */
uint64_t samekey_after(const struct samekey *k, int64_t minutes);

#endif
