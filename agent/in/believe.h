/* believe.h - complaints without a token of ours, and those who say that they
 * have left (claim.h): verified by tendril-verify, and judged.
 *
 * A complaint with a token, be it a report or without form (sort_plain.h), is not
 * looked at here: the token shows that who sent it has the message, and where it is
 * only quoted and the report names another, named.h takes it away first.
 *
 * What cannot be known now (DNS does not answer, no process could be had) is
 * for later, BELIEVE_LATER_MS at most after its delivery, and after this was
 * opened: what was delivered while nobody was there has its time, too; that the
 * agent stops ends it for none. The time that mails
 * of each kind wait for DNS in a minute is bounded: then those of that kind are
 * put off unseen, so that they hold up no other. Each domain has a share of it
 * (shares.h), and it is over with that share once others waited for a second, and
 * DNS told nothing: one who is slow puts off his own mail. If that was so of
 * BELIEVE_SILENT domains, and nobody was told anything, it is DNS that is silent,
 * and all of that kind are put off for that minute. Who answers is looked up
 * first: nobody is asked about those whom the message did not go to. The
 * processes are started with the first mail that needs them.
 *
 * Threads: one owner. */
#ifndef AGENT_IN_BELIEVE_H
#define AGENT_IN_BELIEVE_H

#include "agent/app.h"
#include "agent/in/sort.h"
#include "policy/state/ops_complaint.h"

enum {
	BELIEVE_BATCH = 32,
	BELIEVE_BUDGET_MS = 20000,  /* of complaints */
	BELIEVE_ANSWERS_MS = 10000, /* of who has left */
	BELIEVE_LATER_MS = 86400000,
	BELIEVE_SILENT = 3,
};

struct believe;

enum believe_word {
	BELIEVE_NO_CLAIM, /* none of these, or its author not clear or declared */
	BELIEVE_YES,
	BELIEVE_NO,
	BELIEVE_LATER,
};

struct believe_item {
	const struct sort *sort;
	struct str message;
	bool cut;
	int64_t since_ms; /* delivered */
	struct arena *arena;
	/* Results: */
	enum believe_word word;
	bool answer;        /* it is of who has left, not a complaint */
	const char *reason; /* of a complaint, BELIEVE_NO: why, in English */
	/* BELIEVE_YES, in the arena: of a complaint; of an answer, what shows
	 * who wrote it, in the words of RFC 8601 */
	struct ops_complaint_of complaint;
	struct str authentic;
};

/* others_wait, arg: as in verify_pool.h. */
int believe_open(struct believe **out, struct app *app,
    bool (*others_wait)(void *arg), void *arg, struct error *err) MUST_CHECK;
void believe_close(struct believe **b); /* NULL is fine */

/* n <= BELIEVE_BATCH. Which are none of these, at once; the words of the others
 * come with believe_verify(), which takes its time. */
void believe_mails(struct believe *b, struct believe_item *v, size_t n);
void believe_verify(struct believe *b);

#endif
