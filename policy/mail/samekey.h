/* samekey.h - the key by which the same message to the same person is known
 * again (see rules/dup.h). Pure. Threads: any. */
#ifndef POLICY_MAIL_SAMEKEY_H
#define POLICY_MAIL_SAMEKEY_H

#include "policy/mail/header.h"

struct samekey_in {
	struct str stream;
	struct str recipient; /* canonical */
	struct str queue_id;
	const struct header_list *headers;
	unsigned char body_hash[32]; /* relaxed canonical body, SHA-256 */
};

struct samekey {
	uint64_t key; /* never 0 */
	bool has_message_id;
};

/* A Message-ID that holds the queue id was made by the MTA's cleanup and is
 * another one at each try: it is left out. ERR_LIMIT, ERR_CRYPTO. */
int samekey_make(const struct samekey_in *in, struct arena *a,
    struct samekey *out) MUST_CHECK;

#endif
