/* transform.h - a decided message as the list of its changes: composed and
 * signed. Changes nothing itself. Threads: the session's. */
#ifndef MILTER_TRANSFORM_H
#define MILTER_TRANSFORM_H

#include "milter/session_internal.h"
#include "policy/state/decide.h"

struct transform_in {
	struct session *s;
	const struct keyring_domain *signer; /* NULL: not signed */
	struct str from_domain;
	unsigned char body_hash[32];
	/* nurture only: */
	const struct decide_out *decision;
	struct str segment, campaign;
	bool renew; /* second pass: signatures of the signer's domain go */
};

/* Fields, VERP sender and signatures of a nurture message. */
int transform_nurture(const struct transform_in *in, struct compose_out *out,
    struct error *err) MUST_CHECK;
/* Signatures added, then X-Tendril-* removed. */
int transform_plain(const struct transform_in *in, struct compose_out *out,
    struct error *err) MUST_CHECK;

#endif
