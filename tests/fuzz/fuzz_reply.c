/* fuzz_reply.c - any bytes as an answer: as a mail, and as its text in plain and in
 * HTML. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/buf.h"
#include "policy/mail/nfc.h"
#include "policy/mail/reply.h"
#include "policy/mail/reply_text.h"

enum {
	ARENA = 16 << 20,
};

static const struct bounce_rules *bounces(void)
{
	static struct bounce_rules *rules;

	if (rules == NULL)
		FUZZ_CHECK(bounce_rules_new(&rules) == 0);
	return rules;
}

static const struct reply_rules *replies(void)
{
	static struct reply_rules *rules;

	if (rules == NULL)
		FUZZ_CHECK(reply_rules_new(&rules) == 0);
	return rules;
}

static void check(struct str mail, bool null_sender, struct arena *a)
{
	struct report report;
	struct reply_in in = {&report, mail, null_sender};
	struct reply r;

	if (report_classify(bounces(), mail, a, &report) != 0 ||
	    reply_read(replies(), &in, a, &r) != 0)
		return;
	FUZZ_CHECK(r.text.n <= REPLY_TEXT_MAX);
	FUZZ_CHECK(r.quote.n <= REPLY_QUOTE_MAX);
	FUZZ_CHECK(nfc_is_utf8(r.text) && nfc_is_utf8(r.quote));
	FUZZ_CHECK(r.kind != REPLY_OPT_OUT || !r.automatic);
	FUZZ_CHECK(r.kind != REPLY_OPT_OUT || r.quote.n > 0);
	FUZZ_CHECK(!r.certain || r.kind == REPLY_LEFT);
	(void)reply_says_left(&r, STR("ada.lovelace@north.example"));
}

static void check_as(const char *head, struct str body, struct arena *a)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_addz(&b, head);
	buf_add(&b, body);
	if (buf_error(&b) == 0)
		check(buf_str(&b), false, a);
	arena_reset(a);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct arena *a = arena_new(ARENA);

	FUZZ_CHECK(a != NULL);
	check(in, true, a);
	arena_reset(a);
	check_as("Subject: Re: x\r\n\r\n", in, a);
	check_as("Content-Type: text/html\r\n\r\n", in, a);
	check_as("Auto-Submitted: auto-replied\r\n\r\n", in, a);
	arena_free(&a);
	return 0;
}
