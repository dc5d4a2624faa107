/* world.h - a random policy, as the model has it and as text; random people,
 * and the steps of what happens to them. All of it comes from one seed.
 * Threads: one. */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include "tests/model/model.h"

#include <stddef.h>

enum {
	WORLD_POLICIES = 3,
	WORLD_STEPS = 200,
	WORLD_POLICY_BYTES = 8192
};

enum world_op {
	OP_ARRIVE,  /* a message comes */
	OP_PASS,    /* time passes, the release loop runs when it is due */
	OP_NAP,     /* time passes, nobody looks */
	OP_EDGE,    /* time passes up to an interesting instant */
	OP_JUMP,    /* somebody sets the clock */
	OP_OUTCOME, /* something is heard of a message on its way */
	OP_POLICY,  /* another policy is applied */
	OP_REMOVE,  /* a waiting message is dropped by hand */
	OP_STOP,    /* a segment is paused or resumed */
	OP_LETTER,  /* one-to-one mail: counted, never capped */
	OP_PERSON,  /* consent or suppression changes */
	OP_ASK,     /* nothing happens; what if a message came? */
	WORLD_OPS
};

struct world_step {
	enum world_op op;
	uint32_t a, b, c; /* what they mean is the operation's business */
	int64_t ms;
};

struct world_policy {
	struct model_policy rules;
	char text[WORLD_POLICY_BYTES];
};

struct world {
	uint64_t seed;
	int64_t start_ms;
	/* The clock is set ahead by months by mistake, now and then; what a
	 * ledger has to forget for that, none must have lived through. */
	bool far;
	struct model_person person[MODEL_PEOPLE];
	const char *role[MODEL_PEOPLE]; /* NULL: unknown */
	int size[MODEL_PEOPLE];         /* of the company; 0: unknown */
	int n_people;
	struct world_policy policy[WORLD_POLICIES];
	int n_policies;
	struct world_step step[WORLD_STEPS];
	int n_steps;
};

/* without: limits to leave out, by their number in each policy. */
void world_make(struct world *w, uint64_t seed, uint64_t without);
const char *world_op_name(enum world_op op);

#endif
