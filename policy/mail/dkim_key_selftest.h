/* dkim_key_selftest.h - does a key make signatures that others verify?
 * Threads: any. */
#ifndef POLICY_MAIL_DKIM_KEY_SELFTEST_H
#define POLICY_MAIL_DKIM_KEY_SELFTEST_H

#include "policy/mail/dkim_verify.h"

/* Signs a small message and has libopendkim verify it against the record that
 * the key asks to be published. Run at load, it also does the set-up that
 * OpenSSL puts off to a key's first signature (0.4 ms for RSA). 0, ERR_KEY
 * with the key's name in err, ERR_LIMIT or -ENOMEM. */
int dkim_key_selftest(const struct dkim_verifier *v, struct dkim_key *k,
    struct error *err) MUST_CHECK;

#endif
