/* fault.h - makes the n-th allocation or write fail, for tests.
 *
 * Off in production: one relaxed atomic load per allocation. Tests loop
 * n = 1, 2, 3... until the operation succeeds. Threads: any. */
#ifndef POLICY_BASE_FAULT_H
#define POLICY_BASE_FAULT_H

#include <stdbool.h>

/* n >= 1: the n-th next call of fault_alloc() is true, once. 0: never. */
void fault_alloc_at(long n);
void fault_write_at(long n);

bool fault_alloc(void);
bool fault_write(void);

#endif
