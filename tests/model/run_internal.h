/* run_internal.h - what the parts of a run share: steps (run.c), a decision
 * (ask.c), what was delivered (judge.c). Threads: one. */
#ifndef TESTS_MODEL_RUN_INTERNAL_H
#define TESTS_MODEL_RUN_INTERNAL_H

#include "tests/model/run.h"

#include "policy/conf/policy.h"
#include "policy/rules/replay.h"
#include "policy/rules/verdict.h"

enum {
	LABEL_LETTER = 77,  /* one-to-one: of no segment */
	MTA_KEEPS_DAYS = 5, /* Postfix: maximal_queue_lifetime */
	RUN_STOPS = 32      /* of a segment, that are remembered */
};

/* What is known of a send besides what counts. */
struct flight {
	int policy; /* in force when it was let go */
	int64_t let_go_ms;
	int jumps;   /* of the clock, before it was let go */
	bool judged; /* by limits that were enforced */
	bool odd;    /* the clock was set while it was on its way */
	int64_t heard_ms;
};

/* The end of a wait, beside model_waiting. */
struct hold {
	int64_t earliest_ms, deadline_ms;
	bool drops;
	int policies; /* how many there had been when it was told */
};

/* What became of a message that came, for again.c. */
struct fate {
	struct model_question q;
	int64_t arrived_ms, done_ms;
	int64_t id; /* while it waits */
	int send;   /* -1: it was not sent */
	bool held, deferred, refused, dropped;
};

struct books; /* books.h */

struct run {
	const struct world *w;
	struct books *books; /* NULL: none are kept */
	bool plain;          /* nothing but messages, time and the MTA's word */
	bool prompt; /* plain, and what goes is delivered, or not, at once */
	struct fate fate[WORLD_STEPS];
	int n_fates;
	/* When segments were stopped, in a plain world. */
	struct replay_stop stop[MODEL_SEGMENTS][RUN_STOPS];
	int n_stops[MODEL_SEGMENTS];
	struct model_world now;
	struct hold hold[MODEL_WAITING];
	struct flight flight[MODEL_SENDS];
	const struct policy *parsed[WORLD_POLICIES];
	int policy; /* in force */
	int64_t last_id;
	int jumps, policies;
	enum world_op op; /* of the step that is made */
	int64_t ahead_ms; /* by so much the clock is ahead, by mistake */
	int mistakes;
	int moves; /* of people to another company */
	long arrived, sent, ended, refused;
	FILE *trace;
	struct tally *tally;
	char *why;
};

/* The rules in force. */
const struct model_policy *run_rules(const struct run *r);
/* Only the first failure is kept: it is the cause. */
void run_fail(struct run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void run_count(struct run *r, const char *what);
void run_count_two(struct run *r, const char *a, const char *b);
void run_tell(struct run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "2024-02-29 08:00:00.000Z"; "-" for 0. */
const char *run_instant(int64_t ms, char out[40]);
/* Two people of one company? */
bool run_is_colleague(const struct model_world *w, int a, int b);
bool run_step_wakes(const struct run *r);

/* By the product and by the model, compared. */
void ask_decide(
    struct run *r, const struct model_question *q, struct verdict *v);

/* What the product is told of people, places and segments. */
size_t ask_attributes(
    const struct run *r, int person, struct attribute_value out[2]);
const struct zone *ask_zone(int place);
uint32_t ask_label(int segment);

/* A simulation of what came, under the same policy, makes the same of it. */
void again_check(struct run *r);

/* What was delivered kept the limits under which the send x was let go. */
void judge_deliveries(struct run *r, int x);

#endif
