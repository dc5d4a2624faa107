/* bench_opendkim.h - libopendkim's own signer, to compare with. One owner. */
#ifndef TESTS_BENCH_BENCH_OPENDKIM_H
#define TESTS_BENCH_BENCH_OPENDKIM_H

#include "policy/mail/header.h"

struct bench_opendkim;

/* pem: a NUL-terminated RSA key. Dies on failure, like the rest of a bench. */
struct bench_opendkim *bench_opendkim_new(const char *pem);
void bench_opendkim_free(struct bench_opendkim **b);

/* Canonicalises and hashes header and body, relaxed/relaxed; with sign, makes
 * the signature too. */
void bench_opendkim_run(struct bench_opendkim *b,
    const struct header_list *headers, struct str body, bool sign);

#endif
