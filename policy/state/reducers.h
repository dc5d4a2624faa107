/* reducers.h - the table of reducers and of tables that the ledger is opened
 * with. Threads: immutable. */
#ifndef POLICY_STATE_REDUCERS_H
#define POLICY_STATE_REDUCERS_H

#include "policy/ledger/event.h"

extern const struct reducer_table reducers;

#endif
