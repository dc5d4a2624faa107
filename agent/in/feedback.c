/* feedback.c - see feedback.h. */
#include "agent/in/feedback.h"

#include "agent/in/act.h"
#include "agent/in/believe.h"
#include "agent/in/maildir.h"
#include "agent/in/named.h"
#include "agent/ruleset.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>

enum {
	MAILS_A_STEP = 128, /* so that a stop is seen within a second */
	ARENA_MAX = 8 << 20,
};
_Static_assert((int)MAILDIR_DIGEST == (int)SEEN_DIGEST, "one digest");
_Static_assert((int)MAILDIR_BATCH == (int)BELIEVE_BATCH, "one batch");

struct feedback {
	struct app *app;
	struct reply_rules *replies;
	struct maildir *maildir;
	struct believe *believe;
	/* of the mails of a batch: */
	struct arena *arenas[MAILDIR_BATCH];
	struct sort sorts[MAILDIR_BATCH];
	struct believe_item claims[MAILDIR_BATCH];
	struct act_item items[MAILDIR_BATCH];
};

/* False: not to be acted on, the answer is given. What does not fit the arena
 * is no honest report. */
static bool sort_one(struct feedback *f, const struct bounce_rules *rules,
    size_t i, struct maildir_mail *mail)
{
	const struct conf_agent *conf = &f->app->conf->agent;
	struct sort_with with = {f->app->tokens, rules, clock_now_ms(),
	    mail->cut, f->replies, &conf->complaint_from, &conf->complaint_to};
	int rc;

	arena_reset(f->arenas[i]);
	rc = sort_mail(&with, mail->bytes, f->arenas[i], &f->sorts[i]);
	if (rc == 0)
		rc = named_settle(f->app->store, f->arenas[i], &f->sorts[i]);
	if (rc == ERR_LIMIT) {
		f->sorts[i] = (struct sort){.kind = SEEN_UNPARSED,
		    .reason = "too many header fields or parts"};
		rc = 0;
	}
	if (rc != 0)
		(void)error_set(&mail->err, rc, "%s", error_text(rc));
	return rc == 0;
}

static void answer(const struct act_item *item, struct maildir_mail *mail)
{
	if (item->rc != 0) {
		mail->err = item->err;
		return;
	}
	mail->answer = MAILDIR_DONE;
	if (item->mail->kind != SEEN_UNPARSED)
		return;
	mail->answer = MAILDIR_ASIDE;
	(void)error_set(&mail->err, ERR_SYNTAX, "%s", item->mail->reason);
}

/* Those of a batch that are to be acted on. */
struct sorted {
	struct maildir_mail *mail[MAILDIR_BATCH];
	size_t at[MAILDIR_BATCH]; /* its place in the batch */
	bool is_claim[MAILDIR_BATCH];
	size_t n;
};

static void find_claims(struct feedback *f, struct sorted *v)
{
	for (size_t i = 0; i < v->n; i++)
		f->claims[i] =
		    (struct believe_item){.sort = &f->sorts[v->at[i]],
			.message = v->mail[i]->bytes,
			.cut = v->mail[i]->cut,
			.since_ms = v->mail[i]->since_ms,
			.arena = f->arenas[v->at[i]]};
	believe_mails(f->believe, f->claims, v->n);
	for (size_t i = 0; i < v->n; i++)
		v->is_claim[i] = f->claims[i].word != BELIEVE_NO_CLAIM;
}

static struct act_item item_of(
    const struct believe_item *c, struct sort *s, const struct maildir_mail *m)
{
	struct act_item item = {
	    .mail = s, .digest = m->digest, .since_ms = m->since_ms};

	if (c->word == BELIEVE_NO && !c->answer)
		s->reason = c->reason;
	if (c->word == BELIEVE_YES && c->answer)
		item.authentic = c->authentic;
	if (c->word == BELIEVE_YES && !c->answer) {
		s->kind = sort_report_meaning(&s->report);
		item.complaint = &c->complaint;
	}
	return item;
}

/* On the claims, or on all others. */
static void act(struct feedback *f, const struct sorted *v, bool claims)
{
	struct maildir_mail *acted[MAILDIR_BATCH];
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		if (v->is_claim[i] != claims)
			continue;
		if (f->claims[i].word == BELIEVE_LATER) {
			v->mail[i]->answer = MAILDIR_LATER;
			continue;
		}
		acted[n] = v->mail[i];
		f->items[n++] =
		    item_of(&f->claims[i], &f->sorts[v->at[i]], v->mail[i]);
	}
	act_mails(f->app, f->items, n);
	for (size_t i = 0; i < n; i++)
		answer(&f->items[i], acted[i]);
}

/* What has to be verified may take a while: it comes last. */
static void take(void *arg, struct maildir_mail *v, size_t n)
{
	struct feedback *f = arg;
	struct bounce_rules *rules = ruleset_get(f->app->rules);
	struct sorted s = {.n = 0};

	for (size_t i = 0; i < n; i++) {
		if (!sort_one(f, rules, i, &v[i]))
			continue;
		s.mail[s.n] = &v[i];
		s.at[s.n++] = i;
	}
	find_claims(f, &s);
	act(f, &s, false);
	believe_verify(f->believe);
	act(f, &s, true);
	bounce_rules_free(&rules);
}

static bool others_wait(void *arg)
{
	const struct feedback *f = arg;

	return maildir_has_new(f->maildir);
}

static int open_memory(struct feedback *f)
{
	for (size_t i = 0; i < MAILDIR_BATCH; i++) {
		f->arenas[i] = arena_new(ARENA_MAX);
		if (f->arenas[i] == NULL)
			return -ENOMEM;
	}
	return reply_rules_new(&f->replies);
}

int feedback_open(
    struct feedback **out, struct app *app, struct error *err)
{
	struct feedback *f = fault_alloc() ? NULL : calloc(1, sizeof(*f));
	int rc = 0;

	*out = NULL;
	if (f == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	f->app = app;
	if (open_memory(f) != 0)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = believe_open(&f->believe, app, others_wait, f, err);
	if (rc == 0)
		rc = maildir_open(
		    &f->maildir, app->conf->agent.maildir, take, f, err);
	if (rc != 0)
		feedback_close(&f);
	*out = f;
	return rc;
}

void feedback_close(struct feedback **f)
{
	if (*f == NULL)
		return;
	maildir_close(&(*f)->maildir);
	believe_close(&(*f)->believe);
	reply_rules_free(&(*f)->replies);
	for (size_t i = 0; i < MAILDIR_BATCH; i++)
		arena_free(&(*f)->arenas[i]);
	free(*f);
	*f = NULL;
}

int feedback_fd(const struct feedback *f)
{
	return maildir_fd(f->maildir);
}

int feedback_step(void *arg, int64_t *wait_ms_out, struct error *err)
{
	struct feedback *f = arg;
	size_t n;

	return maildir_step(f->maildir, MAILS_A_STEP, &n, wait_ms_out, err);
}
