/* reference.h - by what an answer names the message it answers: Message-IDs in
 * In-Reply-To and References (RFC 5322 section 3.6.4), each as the first bytes
 * of its SHA-256. Nobody gains by two ids of one digest: an answer that names a
 * message by its true id is believed as much.
 *
 * An id is what stands between < and >, without white space; where a field has
 * none, its words, since some programs forget the brackets. Pure. Threads: any. */
#ifndef POLICY_MAIL_REFERENCE_H
#define POLICY_MAIL_REFERENCE_H

#include "policy/mail/header.h"

enum {
	REFERENCE_DIGEST = 8,
	REFERENCES_MAX = 20, /* of an answer that are looked at */
};

struct reference {
	unsigned char digest[REFERENCE_DIGEST];
};

struct reference_list {
	struct reference v[REFERENCES_MAX];
	size_t n;
};

/* The message's own Message-ID. ERR_NOT_FOUND: it has none; ERR_CRYPTO. */
int reference_of(
    const struct header_list *headers, struct reference *out) MUST_CHECK;

/* What it answers: In-Reply-To first, then References from the newest (the
 * last) on, none twice. ERR_CRYPTO. */
int reference_list(
    const struct header_list *headers, struct reference_list *out) MUST_CHECK;

#endif
