/* fuzz_arf.c - any bytes as a feedback report, and as a mail in which a token
 * of ours may stand. */
#include "tests/fuzz/fuzz.h"

#include "agent/in/sort_search.h"
#include "policy/mail/arf.h"
#include "policy/mail/multireport.h"

enum {
	ARENA = 16 << 20
};

static const struct token_keys *keys(void)
{
	static struct token_keys *k;

	if (k == NULL)
		FUZZ_CHECK(token_keys_parse(&k, "fuzz",
			       STR("4 202122232425262728292a2b2c2d2e2f"
				   "303132333435363738393a3b3c3d3e3f"),
			       NULL) == 0);
	return k;
}

/* One line, no blanks at its ends, and not longer than promised. */
static void check_value(struct str s)
{
	FUZZ_CHECK(s.n <= MULTIREPORT_TEXT_MAX);
	FUZZ_CHECK(str_find(s, 0, '\n') == s.n);
	FUZZ_CHECK(str_trim(s).n == s.n);
}

static void check_report(struct str mail, struct arena *a)
{
	struct mime m;
	struct arf f;
	int rc = mime_scan(mail, a, &m);

	if (rc == 0)
		rc = arf_parse(&m, a, &f);
	FUZZ_CHECK(rc == 0 || rc == ERR_LIMIT || rc == ERR_NOT_FOUND);
	if (rc != 0)
		return;
	FUZZ_CHECK((int)f.type >= ARF_OTHER && f.type <= ARF_OPT_OUT);
	check_value(f.user_agent);
	check_value(f.mail_from);
	check_value(f.rcpt_to);
	check_value(f.removal);
	check_value(f.envelope_id);
	check_value(f.source_ip);
	check_value(f.arrival_date);
	FUZZ_CHECK(f.has_original || f.original.n == 0);
}

/* What is found names one message, as a complaint would. */
static void check_search(struct str mail, struct arena *a)
{
	struct token t;
	int rc = sort_search(keys(), mail, 0, a, &t);

	FUZZ_CHECK(rc == 0 || rc == ERR_LIMIT || rc == ERR_NOT_FOUND);
	if (rc == 0)
		FUZZ_CHECK(t.kind == TOKEN_FEEDBACK && t.message_id != 0 &&
			   t.subject_id == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct arena *a = arena_new(ARENA);

	FUZZ_CHECK(a != NULL);
	check_report(in, a);
	arena_reset(a);
	check_search(in, a);
	arena_free(&a);
	return 0;
}
