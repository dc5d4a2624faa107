/* believe.c - see believe.h. */
#include "agent/in/believe.h"

#include "agent/in/claim.h"
#include "agent/in/shares.h"
#include "agent/in/verify_pool.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/mail/dnscache.h"
#include "policy/state/message.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PATHS_MAX = 16384,
};

/* Reporters are declared; who answers may be anybody who was written to, of a
 * domain as slow as they like: neither has the other's time. */
enum group_of {
	COMPLAINTS,
	ANSWERS,
	GROUPS
};
struct job {
	struct claim claim;
	struct verify_task task;
	struct believe_item *item;
	size_t turn; /* how many of its domain come before */
};
struct group {
	/* what DNS may still take until then: */
	int64_t budget_ms, until_ms;
	unsigned silent; /* domains of which nothing was told in that time */
	struct shares *shares;
	/* of a batch: */
	struct job jobs[BELIEVE_BATCH];
	size_t n;
};

struct believe {
	struct app *app;
	int64_t opened_ms; /* on the clock of since_ms */
	bool (*others_wait)(void *arg);
	void *arg;
	struct arena *paths;
	struct verify_pool *pool; /* NULL: not needed so far */
	struct group groups[GROUPS];
	struct verify_task tasks[BELIEVE_BATCH];
};

int believe_open(struct believe **out, struct app *app,
    bool (*others_wait)(void *arg), void *arg, struct error *err)
{
	struct believe *b = fault_alloc() ? NULL : calloc(1, sizeof(*b));

	*out = b;
	if (b == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	b->app = app;
	b->opened_ms = clock_now_ms();
	b->others_wait = others_wait;
	b->arg = arg;
	b->paths = arena_new(PATHS_MAX);
	for (int i = 0; i < GROUPS; i++)
		if (shares_new(&b->groups[i].shares) != 0)
			arena_free(&b->paths);
	if (b->paths != NULL)
		return 0;
	believe_close(out);
	return error_set(err, -ENOMEM, "out of memory");
}

void believe_close(struct believe **b)
{
	if (*b == NULL)
		return;
	verify_pool_close(&(*b)->pool);
	for (int i = 0; i < GROUPS; i++)
		shares_free(&(*b)->groups[i].shares);
	arena_free(&(*b)->paths);
	free(*b);
	*b = NULL;
}

static int open_pool(struct believe *b, struct error *err)
{
	struct str server = b->app->conf->agent.nameserver;
	struct verify_pool_opts opts = {.stop = &b->app->stopping,
	    .others_wait = b->others_wait,
	    .arg = b->arg};

	arena_reset(b->paths);
	opts.program = verify_pool_program(b->paths);
	if (server.n > 0)
		opts.nameserver =
		    arena_printf(b->paths, "%.*s", STR_ARG(server));
	if (opts.program == NULL || (server.n > 0 && opts.nameserver == NULL))
		return error_set(err, -ENOMEM, "out of memory");
	return verify_pool_open(&b->pool, &opts, err);
}

/* What came while the agent was down is not old for that. */
static void put_off(const struct believe *b, struct believe_item *it)
{
	int64_t since_ms =
	    it->since_ms > b->opened_ms ? it->since_ms : b->opened_ms;

	it->word = BELIEVE_LATER;
	if (clock_now_ms() - since_ms < BELIEVE_LATER_MS ||
	    atomic_load(&b->app->stopping))
		return;
	it->word = BELIEVE_NO;
	it->reason = "a complaint without a token of ours; who sent it could "
		     "not be verified for a day";
}

static void refuse(struct believe_item *it, const char *reason)
{
	it->word = BELIEVE_NO;
	it->reason = reason;
}

/* ---- what is a claim ---- */

/* Is the author one of those whom the messages went to? Nobody else's answer says
 * that they have left, so that nobody else's DNS is asked. */
static int is_of_lead(const struct store *store, const struct sort *s,
    const struct address *author, bool *yes_out)
{
	struct ledger_txn *t = NULL;
	struct message_record m;
	struct lead_id lead;
	int rc = lead_id_of(store->lead_key, author, &lead);

	*yes_out = false;
	if (rc == 0)
		rc = ledger_read_begin(store->ledger, &t);
	if (rc != 0)
		return rc;
	for (size_t i = 0; rc == 0 && !*yes_out && i < s->n; i++) {
		rc = message_read(t, s->tokens[i].token.message_id, &m);
		*yes_out = rc == 0 && lead_id_eq(&m.lead, &lead);
		if (rc == ERR_NOT_FOUND)
			rc = 0;
	}
	ledger_read_end(&t);
	return rc;
}

static int read_claim(struct believe *b, struct believe_item *it,
    struct claim *out, bool *yes_out)
{
	int rc = claim_read(it->sort, &b->app->conf->agent.complaint_from,
	    it->arena, out, yes_out);

	it->answer = false;
	if (rc == 0 && *yes_out)
		return claim_is_to(it->sort, &b->app->conf->agent.complaint_to,
		    b->app->conf, it->arena, &out->to_us);
	if (rc != 0)
		return rc;
	rc = claim_left(it->sort, it->arena, out, yes_out);
	it->answer = rc == 0 && *yes_out;
	return it->answer
		   ? is_of_lead(b->app->store, it->sort, &out->author, yes_out)
		   : rc;
}

/* Nothing is left to its domain: not looked at, and not told again. */
static bool has_share(const struct job *j)
{
	return *j->task.left_ms > 0;
}

static void add_job(struct believe *b, struct group *g, const struct claim *c,
    struct believe_item *it)
{
	struct job *j = &g->jobs[g->n];

	*j = (struct job){.claim = *c, .item = it};
	j->task = (struct verify_task){.from_domain = c->author.domain,
	    .arena = it->arena,
	    .left_ms = shares_of(g->shares, c->author.domain, clock_mono_ms())};
	claim_mail(it->sort, c, it->message, it->cut, &j->task.mail);
	for (const struct job *k = g->jobs; k < j; k++)
		j->turn += k->task.left_ms == j->task.left_ms;
	if (has_share(j))
		g->n++;
	else
		put_off(b, it);
}

static void collect(struct believe *b, struct believe_item *it)
{
	struct claim c;
	bool yes = false;
	int rc = read_claim(b, it, &c, &yes);

	it->word = BELIEVE_NO_CLAIM;
	it->reason = NULL;
	if (rc != 0)
		put_off(b, it);
	if (rc != 0 || !yes)
		return;
	if (!it->answer && c.who.text.n == 0 && !c.has_reference) {
		refuse(it, "a complaint without a token of ours that names "
			   "nobody and no message");
		return;
	}
	it->word = BELIEVE_LATER;
	add_job(b, &b->groups[it->answer ? ANSWERS : COMPLAINTS], &c, it);
}

/* ---- what it is worth ---- */

static void accept(const struct believe *b, const struct claim *c,
    const struct verify_task *t, struct believe_item *it)
{
	struct str found = claim_evidence(c, &t->out, it->arena);

	it->authentic = found;
	it->complaint = (struct ops_complaint_of){.who = c->who,
	    .has_reference = c->has_reference,
	    .reference = c->reference,
	    .evidence = found};
	it->word = BELIEVE_YES;
	if (found.p == NULL)
		put_off(b, it);
}

static enum authentic_of what_of(
    const struct claim *c, const struct believe_item *it)
{
	if (it->answer)
		return AUTHENTIC_OF_MAIL;
	return c->to_us ? AUTHENTIC_OF_BODY : AUTHENTIC_OF_CLIENT;
}

static void judge(const struct believe *b, const struct claim *c,
    const struct verify_task *t, struct believe_item *it)
{
	if (t->rc == ERR_BUSY || t->rc == ERR_UNAVAILABLE) {
		put_off(b, it);
		return;
	}
	if (t->rc != 0) {
		refuse(it, "a complaint without a token of ours that could not "
			   "be verified");
		return;
	}
	switch (authentic_judge(&t->out, c->author.domain, what_of(c, it))) {
	case AUTHENTIC_YES:
		accept(b, c, t, it);
		return;
	case AUTHENTIC_LATER:
		put_off(b, it);
		return;
	case AUTHENTIC_NO:
		break;
	}
	refuse(it, "a complaint without a token of ours; neither DKIM nor SPF "
		   "show that it is from whom it says");
}

static void tell(const struct claim *c, const struct verify_task *t,
    const struct believe_item *it)
{
	static const char *const words[] = {
	    [BELIEVE_NO_CLAIM] = "no-claim",
	    [BELIEVE_YES] = "yes",
	    [BELIEVE_NO] = "no",
	    [BELIEVE_LATER] = "later",
	};
	struct str found = claim_evidence(c, &t->out, it->arena);
	const char *error = t->rc != 0 ? error_text(t->rc) : "";

	if (it->answer)
		LOG_EV(LOG_LEVEL_NOTICE, "reply.verified",
		    KV_Z("believed", words[it->word]), KV_STR("found", found),
		    KV_Z("error", error));
	else
		LOG_EV(LOG_LEVEL_NOTICE, "complaint.verified",
		    KV_Z("believed", words[it->word]), KV_STR("found", found),
		    KV_Z("error", error));
}

/* ---- whose turn it is ---- */

/* What is left for this minute; DNS that answers at once costs next to
 * nothing of it, and what it said lately nothing. */
static int64_t budget(struct group *g, int64_t each_ms)
{
	int64_t now = clock_mono_ms();

	if (now >= g->until_ms) {
		g->until_ms = now + WHEN_MINUTE_MS;
		g->budget_ms = each_ms;
		g->silent = 0;
	}
	return g->budget_ms;
}

/* The first of each domain, then the second of each... in *order. */
static void take_turns(const struct group *g, size_t order[BELIEVE_BATCH])
{
	size_t n = 0;

	for (size_t turn = 0; n < g->n; turn++)
		for (size_t i = 0; i < g->n; i++)
			if (g->jobs[i].turn == turn)
				order[n++] = i;
}

/* Others waited: those of whom DNS told nothing have had their share. */
static void end_shares(struct group *g)
{
	bool told = false;

	for (size_t i = 0; i < g->n; i++) {
		const struct verify_task *t = &g->jobs[i].task;

		told |= t->rc != ERR_BUSY;
		if (t->silent && *t->left_ms > 0) {
			*t->left_ms = 0;
			g->silent++;
		}
	}
	if (told)
		g->silent = 0;
	if (g->silent >= BELIEVE_SILENT)
		g->budget_ms = 0;
}

static void run(struct believe *b, struct group *g, int64_t left_ms)
{
	size_t order[BELIEVE_BATCH];
	struct verify_run done;

	take_turns(g, order);
	for (size_t i = 0; i < g->n; i++)
		b->tasks[i] = g->jobs[order[i]].task;
	done = verify_pool_run(b->pool, b->tasks, g->n, left_ms);
	for (size_t i = 0; i < g->n; i++)
		g->jobs[order[i]].task = b->tasks[i];
	g->budget_ms -= done.waited_ms;
	if (done.for_others)
		end_shares(g);
	shares_settle(g->shares, clock_mono_ms());
}

static void count(const struct believe *b)
{
	struct dnscache_stats s;

	verify_pool_stats(b->pool, &s);
	atomic_store(&b->app->dns_questions, s.found + s.missed);
	atomic_store(&b->app->dns_known, s.found);
}

static void verify(struct believe *b, struct group *g, int64_t each_ms)
{
	struct error err = {0};
	int64_t left_ms = budget(g, each_ms);
	int rc = b->pool != NULL ? 0 : open_pool(b, &err);

	if (rc != 0)
		LOG_EV_LIMITED(LOG_LEVEL_ERR, "verify.unavailable",
		    KV_Z("error", err.text));
	if (rc != 0 || left_ms <= 0) {
		for (size_t i = 0; i < g->n; i++)
			put_off(b, g->jobs[i].item);
		return;
	}
	run(b, g, left_ms);
	count(b);
	for (size_t i = 0; i < g->n; i++) {
		const struct job *j = &g->jobs[i];

		judge(b, &j->claim, &j->task, j->item);
		tell(&j->claim, &j->task, j->item);
	}
}

void believe_mails(struct believe *b, struct believe_item *v, size_t n)
{
	if (n > BELIEVE_BATCH)
		bug("believe: %zu mails", n);
	for (int i = 0; i < GROUPS; i++)
		b->groups[i].n = 0;
	for (size_t i = 0; i < n; i++)
		collect(b, &v[i]);
}

void believe_verify(struct believe *b)
{
	static const int64_t each_ms[GROUPS] = {
	    [COMPLAINTS] = BELIEVE_BUDGET_MS, [ANSWERS] = BELIEVE_ANSWERS_MS};

	for (int i = 0; i < GROUPS; i++) {
		if (b->groups[i].n > 0)
			verify(b, &b->groups[i], each_ms[i]);
		b->groups[i].n = 0;
	}
}
