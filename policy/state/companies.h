/* companies.h - how the companies' histories (company.h) come to be whole: when the
 * first limit per company is wanted, what is left of older times is removed, then
 * each person's slots are entered in their company's, some people at a time,
 * while all that happens meanwhile is entered as it happens. At the end there is
 * what there would be if they had always been kept. Owns the event.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_COMPANIES_H
#define POLICY_STATE_COMPANIES_H

#include "policy/ledger/door.h"
#include "policy/state/payload.h"

/* Numbers are stored. */
enum companies_what {
	COMPANIES_BEGIN = 1,
	COMPANIES_STEP = 2, /* so many rows more are removed, or read */
	COMPANIES_END = 3,  /* no limit asks for them any more */
};

enum {
	COMPANIES_ROWS_MAX = 1000 /* of a step */
};

struct event_companies {
	uint32_t what;
	uint32_t rows;
};

const char *companies_what_name(enum companies_what w);

/* In a proposal. */
int companies_emit(
    struct door_ctx *ctx, enum companies_what what, uint32_t rows) MUST_CHECK;

extern const struct payload_desc companies_payload;
int companies_decode(
    struct str payload, struct event_companies *out) MUST_CHECK;
int companies_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
