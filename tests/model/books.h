/* books.h - the same world on a real ledger: people, policies, slots, copies
 * and stops are proposed to it as they come, and at each decision what explain,
 * the check of many at once and the proposal say is compared with the pure
 * verdict. Nothing happens in a run without books. Threads: one. */
#ifndef TESTS_MODEL_BOOKS_H
#define TESTS_MODEL_BOOKS_H

#include "tests/model/run_internal.h"

/* One ledger for some worlds; each has people of its own. */
struct books *books_open(void);
void books_close(struct books **b);

/* The world begins: its people, its first policy, nothing stopped. */
void books_begin(struct run *r);
void books_policy(struct run *r);
/* Explain says v, and so does the check of many. */
void books_ask(
    struct run *r, const struct model_question *q, const struct verdict *v);
/* Proposed: let go, as that send; or held, as that copy. */
void books_send(struct run *r, const struct model_question *q, int send);
void books_hold(struct run *r, const struct model_question *q, int64_t id);
/* The copy waits on: what was explained last is written into its row. */
void books_wait(struct run *r, int64_t id, const struct verdict *v);
void books_end(struct run *r, int64_t id, bool sent);
void books_hear(struct run *r, int send);
void books_letter(struct run *r, int person, int send);
void books_stop(struct run *r, int segment);
void books_person(struct run *r, int person);
/* What is known of the person says another company. */
void books_company(struct run *r, int person);

#endif
