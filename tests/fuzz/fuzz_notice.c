/* fuzz_notice.c - any bytes as a notice of an MTA, in plain text and in HTML,
 * and as a mail. The corpus is what tests/unit/test_notice.c expects of. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/buf.h"
#include "policy/mail/charset.h"
#include "policy/mail/htmltext.h"
#include "policy/mail/notice.h"
#include "policy/mail/report.h"
#include "policy/mail/sesnote.h"

enum {
	ARENA = 16 << 20,
	GROWTH = 4, /* of charset.h */
};

static const struct bounce_rules *compiled(void)
{
	static struct bounce_rules *rules;

	if (rules == NULL)
		FUZZ_CHECK(bounce_rules_new(&rules) == 0);
	return rules;
}

static void check_lines(const struct notice *n, struct arena *a)
{
	struct str text;

	FUZZ_CHECK(n->n <= NOTICE_RECIPIENTS_MAX);
	FUZZ_CHECK(n->n_lines <= NOTICE_LINES_MAX);
	for (size_t i = 0; i < n->n_lines; i++)
		FUZZ_CHECK(n->line[i].owner >= NOTICE_COMMON &&
			   n->line[i].owner < (int)n->n);
	for (size_t i = 0; i < n->n; i++) {
		FUZZ_CHECK(n->rcpt[i].address.n > 0);
		FUZZ_CHECK(n->rcpt[i].address.n <= 2 * NOTICE_ADDRESS_MAX);
		if (notice_evidence(n, i, NOTICE_ALL, a, &text) == 0)
			FUZZ_CHECK(text.n <= NOTICE_EVIDENCE_MAX);
	}
}

static void check_notice(struct str mail, struct arena *a)
{
	struct mime m;
	struct notice n;

	if (mime_scan(mail, a, &m) == 0 && notice_read(&m, a, &n) == 0 &&
	    notice_find_recipients(&n, &m.head, a) == 0)
		check_lines(&n, a);
}

static void check_report(struct str mail, struct arena *a)
{
	struct report r;

	if (report_classify(compiled(), mail, a, &r) != 0)
		return;
	for (size_t i = 0; i < r.n; i++) {
		const struct report_recipient *p = &r.rcpt[i];
		FUZZ_CHECK(p->class == bounce_class_of(p->reason));
		if (p->class != BOUNCE_CLASS_PERSON)
			continue;
		FUZZ_CHECK(p->outcome == BOUNCE_FAILED);
		FUZZ_CHECK(p->status.n == 0 || p->status.p[0] != '4');
	}
}

static void check_as(const char *head, struct str body, struct arena *a)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_addz(&b, head);
	buf_add(&b, body);
	if (buf_error(&b) == 0) {
		check_notice(buf_str(&b), a);
		arena_reset(a);
		check_report(buf_str(&b), a);
		arena_reset(a);
	}
	buf_fini(&b);
}

static void check_texts(struct str in, struct arena *a)
{
	static const char *const sets[] = {
	    "windows-1252", "iso-2022-jp", "gb18030", "shift_jis", "big5"};
	struct sesnote s;
	struct str out;

	if (htmltext_read(in, a, &out) == 0)
		FUZZ_CHECK(out.n <= in.n);
	if (sesnote_read(in, a, &s) == 0)
		FUZZ_CHECK(s.n <= SESNOTE_MAX);
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (charset_to_utf8(str_of(sets[i]), in, a, &out) == 0)
			FUZZ_CHECK(out.n <= GROWTH * in.n);
	arena_reset(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct arena *a = arena_new(ARENA);

	if (a == NULL)
		return 0;
	check_texts(in, a);
	check_as("", in, a);
	check_as("Return-Path: <>\nFrom: MAILER-DAEMON@example.net\nTo: "
		 "b@example.com\nSubject: failure notice\n\nundeliverable\n",
	    in, a);
	check_as("Return-Path: <>\nFrom: MAILER-DAEMON@example.net\n"
		 "Content-Type: text/html; charset=windows-1252\n\n"
		 "undeliverable<br>",
	    in, a);
	check_as("From: no-reply@sns.amazonaws.com\n\n", in, a);
	arena_free(&a);
	return 0;
}
