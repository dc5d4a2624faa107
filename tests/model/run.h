/* run.h - what happens in a world, step by step, with the product's verdict and
 * the model's at each decision; and what must hold whatever they say: of the
 * messages that were delivered, of those that wait, of what became of all.
 * Threads: one. */
#ifndef TESTS_MODEL_RUN_H
#define TESTS_MODEL_RUN_H

#include "tests/model/world.h"

#include <stdio.h>

enum {
	RUN_WHY = 2000,
	RUN_KINDS = 128
};

/* How often each thing came up; names are static. */
struct tally {
	struct tally_line {
		char what[48];
		long n;
	} line[RUN_KINDS];
	int n_lines;
	long steps, decisions, parsed;
};

/* Zones of the product; once, after place_init(). 0, or says why not. */
int run_init(void);
void run_fini(void);

struct books;

/* keep: which steps to make; NULL: all. books: NULL, or the ledger on which
 * everything happens too (books.h). trace: NULL, or where each step is told.
 * False when something is wrong; then why says what. */
bool run_world(const struct world *w, const bool *keep, struct books *books,
    FILE *trace, struct tally *tally, char why[RUN_WHY]);

#endif
