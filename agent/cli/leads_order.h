/* leads_order.h - a list's rows in the order in which the ledger keeps the people:
 * a large import is several times as fast, and disturbs others less.
 * Threads: one. */
#ifndef AGENT_CLI_LEADS_ORDER_H
#define AGENT_CLI_LEADS_ORDER_H

#include "agent/cli/cli.h"

struct leads_row {
	uint64_t rank; /* by leads_order() */
	size_t line;
	struct str text;    /* with its line end */
	struct str address; /* as it stands there */
};

/* Asks the agent for the ranks and sorts; rows of one person keep their order.
 * An exit code; told. */
int leads_order(struct cli *c, struct leads_row *v, size_t n);

#endif
