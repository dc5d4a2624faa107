/* feedback.c - see feedback.h. */
#include "agent/in/feedback.h"

#include "agent/in/act.h"
#include "agent/in/maildir.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>

enum {
	MAILS_A_STEP = 16, /* so that a stop is seen within a second */
	ARENA_MAX = 8 << 20,
};
_Static_assert((int)MAILDIR_DIGEST == (int)SEEN_DIGEST, "one digest");

struct feedback {
	const struct app *app;
	struct bounce_rules *rules;
	struct arena *arena;
	struct maildir *maildir;
};

/* What does not fit the arena is no honest report. */
static enum maildir_answer answer_of(int rc, struct error *err)
{
	if (rc == 0)
		return MAILDIR_DONE;
	(void)error_set(err, rc, "%s", error_text(rc));
	return rc == ERR_LIMIT ? MAILDIR_ASIDE : MAILDIR_TROUBLE;
}

static enum maildir_answer take(
    void *arg, const struct maildir_mail *mail, struct error *err)
{
	struct feedback *f = arg;
	struct sort_with with = {
	    f->app->tokens, f->rules, clock_now_ms(), mail->cut};
	struct sort s;
	bool news;
	int rc;

	arena_reset(f->arena);
	rc = sort_mail(&with, mail->bytes, f->arena, &s);
	if (rc == ERR_LIMIT)
		s = (struct sort){.kind = SEEN_UNPARSED,
		    .reason = "too many header fields or parts"};
	else if (rc != 0)
		return answer_of(rc, err);
	rc = act_mail(f->app, &s, mail->digest, &news, err);
	if (rc != 0)
		return MAILDIR_TROUBLE;
	if (s.kind != SEEN_UNPARSED)
		return MAILDIR_DONE;
	(void)error_set(err, ERR_SYNTAX, "%s", s.reason);
	return MAILDIR_ASIDE;
}

int feedback_open(
    struct feedback **out, const struct app *app, struct error *err)
{
	struct feedback *f = fault_alloc() ? NULL : calloc(1, sizeof(*f));
	int rc = 0;

	*out = NULL;
	if (f == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	f->app = app;
	f->arena = arena_new(ARENA_MAX);
	if (f->arena == NULL || bounce_rules_new(&f->rules) != 0)
		rc = error_set(err, -ENOMEM, "out of memory");
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
	bounce_rules_free(&(*f)->rules);
	arena_free(&(*f)->arena);
	free(*f);
	*f = NULL;
}

int feedback_step(void *arg, int64_t *wait_ms_out, struct error *err)
{
	struct feedback *f = arg;
	size_t n;

	return maildir_step(f->maildir, MAILS_A_STEP, &n, wait_ms_out, err);
}
