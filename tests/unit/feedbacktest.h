/* feedbacktest.h - mails to the addresses of answers, sorted and acted on as
 * the agent does. */
#ifndef TESTS_UNIT_FEEDBACKTEST_H
#define TESTS_UNIT_FEEDBACKTEST_H

#include "tests/unit/answertest.h"
#include "tests/unit/rebuilttest.h"

#include "policy/base/digest.h"

static struct answertest A;

/* Sorts and acts as the agent does; what it was taken for. */
static enum seen_kind take(struct str mail)
{
	struct sort_with with = {
	    A.app.tokens, A.rules, A.now_ms, false, NULL, NULL, NULL};
	unsigned char digest[SEEN_DIGEST];
	struct arena *arena = arena_new(8 << 20);
	struct sort s = {0};
	struct act_item item = {.mail = &s, .digest = digest};
	int rc;

	rc = digest_sha256(mail, digest);
	if (rc == 0)
		rc = sort_mail(&with, mail, arena, &s);
	if (rc == 0) {
		act_mails(&A.app, &item, 1);
		rc = item.rc;
	}
	IS_INT(rc, 0, "taken %s", item.err.text);
	arena_free(&arena);
	return rc == 0 ? s.kind : 0;
}

static enum seen_kind dsn(
    uint64_t id, const char *final, const char *status, const char *diagnostic)
{
	return take(answertest_dsn(&A, answertest_address(&A, TOKEN_BOUNCE, id),
	    final, status, diagnostic));
}

#endif
