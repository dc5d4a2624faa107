/* test_eom.c - parts of the end of a message that no reply shows: what failures
 * are called in the log, what is looked for only once. */
#include "tests/unit/sessiontest.h"

#include "milter/nurture.h"
#include "policy/base/arena.h"

/* A message up to the end of its header. */
static struct message begin(void)
{
	struct mail m = {.rcpts = {"<jane@b.example>"},
	    .segment = " posted",
	    .extra = {"List-Unsubscribe",
		" <https://app.example.com/u/0123456789012345678901234567890>",
		"List-Unsubscribe-Post", " List-Unsubscribe=One-Click"}};

	S.script.queue_id = "4eomQ1";
	sessiontest_connect("apps");
	if (sessiontest_envelope(&m) != ANSWER_CONTINUE ||
	    sessiontest_head(&m) != ANSWER_CONTINUE) {
		printf("Bail out! no message\n");
		exit(1);
	}
	return (struct message){.s = S.session};
}

/* Whatever does not fit: the operator is told what it was. */
static void test_failures_have_names(void)
{
	struct message m = begin();
	struct arena *full = m.s->g.arena;
	int failed = 0, named = 0, rc = -1;

	for (size_t max = 16; rc != 0 && max < 65536; max += 16) {
		struct error err = {0};
		struct decide_in in;

		m.s->g.arena = arena_new(max);
		if (m.s->g.arena == NULL)
			break;
		rc = eom_fill_decide(&m, 0, &in, &err);
		failed += rc != 0;
		named += rc != 0 && err.text[0] != '\0';
		arena_free(&m.s->g.arena);
	}
	m.s->g.arena = full;
	IS_INT(rc, 0, "done where there is room");
	OK(failed > 5, "failed %d times before", failed);
	IS_INT(named, failed, "each time with a name");
	session_abort(S.session);
}

/* Not for each recipient, nor for each version of the policy. */
static void test_postal_address_once(void)
{
	struct policy_segment seg = {.postal_address = STR("Weg 1, Berlin")};
	struct message m = begin();
	enum comply_result unused;
	int rc = -ENOMEM, failed = 0;

	m.body = STR("Weg 1, Berlin\r\n");
	for (long n = 1; rc != 0 && n < 50; n++) {
		fault_alloc_at(n);
		rc = nurture_comply(&m, &seg, &unused);
		fault_alloc_at(0);
		failed += rc == -ENOMEM;
	}
	OK(rc == 0 && failed > 0, "nobody knows without memory");
	OK(m.postal.found, "found");
	m.body = STR("");
	IS_INT(nurture_comply(&m, &seg, &unused), 0, "the same again");
	OK(m.postal.found, "is not looked for again");
	seg.postal_address = STR("Gasse 2, Wien");
	IS_INT(nurture_comply(&m, &seg, &unused), 0, "another");
	OK(!m.postal.found, "is looked for");
	session_abort(S.session);
}

int main(void)
{
	sessiontest_open();
	sessiontest_apply(sessiontest_policy);
	test_failures_have_names();
	test_postal_address_once();
	sessiontest_close();
	return tap_done();
}
