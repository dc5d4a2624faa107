/* rebuilttest.h - does every row come back from the events alone? */
#ifndef TESTS_UNIT_REBUILTTEST_H
#define TESTS_UNIT_REBUILTTEST_H

#include "tests/unit/storetest.h"

#include "policy/ledger/rebuild.h"
#include "policy/state/reducers.h"

/* Fewer rows than that were no proof. */
static void rebuilttest_is_same(const struct storetest *t, uint64_t at_least)
{
	struct rebuild_source source = {.from = t->store->ledger};
	struct check_options o = {.reducers = &reducers};
	struct rebuild_report report = {0};
	struct error err = {0};
	char scratch[sizeof(t->dir) + 10];

	(void)snprintf(scratch, sizeof(scratch), "%s/scratch", t->dir);
	IS_INT(rebuild_compare(&source, scratch, &o, &report, &err), 0,
	    "replayed: %s", err.text);
	OK(report.differ + report.only_live + report.only_rebuilt == 0 &&
		report.same > at_least,
	    "%llu rows are the same", (unsigned long long)report.same);
}

#endif
