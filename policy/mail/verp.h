/* verp.h - our own addresses that answers come to: a letter, a hyphen and a
 * token before a domain of ours.
 *
 *   b-TOKEN@bounce-domain   bounces (the envelope sender)
 *   u-TOKEN@bounce-domain   unsubscribe by mail
 *   f-TOKEN@bounce-domain   complaints (CFBL-Address)
 *
 * At most 33 characters before the "@" for b and f, so that SRS rewriting of
 * a bounce address stays within 64; 46 for u. Any case. Addresses mangled by
 * SRS, BATV and the like are not undone: whoever mangled an envelope sender
 * undoes it when the bounce comes back to him. Pure. Threads: any. */
#ifndef POLICY_MAIL_VERP_H
#define POLICY_MAIL_VERP_H

#include "policy/base/arena.h"
#include "policy/mail/token.h"

/* kind is TOKEN_BOUNCE, _UNSUBSCRIBE or _FEEDBACK (else -EINVAL), token the
 * text of one of that kind; domain is canonical (domain.h). ERR_LIMIT when the
 * arena is full or the address would be too long. */
int verp_make(struct arena *a, enum token_kind kind, struct str token,
    struct str domain, struct str *out) MUST_CHECK;

/* By the first two bytes of a local part: is this meant as one of ours? Says
 * nothing about the token; a false answer means that the address was never
 * ours to judge. */
bool verp_is_one(struct str local, enum token_kind *kind_out);

/* Bounces come within days; a bounce token that is older than VERP_BOUNCE_DAYS
 * is not believed any more. Unsubscribe and feedback tokens never expire. */
enum {
	VERP_BOUNCE_DAYS = 30
};
bool verp_is_expired(const struct token *t, int64_t now_ms);

/* A local part, as it stands before the "@". ERR_NOT_FOUND when it is none of
 * ours or forged; ERR_CRYPTO. */
int verp_parse(const struct token_keys *keys, struct str local,
    struct token *out) MUST_CHECK;

#endif
