/* classifytool.c - report_classify() over files, one JSON object a line: file,
 * kind, source, reason, recipients, and what identifies the message. For
 * tests/corpora/check_reports.py. Exit status 1 if a file failed. */
#include "policy/base/file.h"
#include "policy/mail/report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	MAX_MAIL = 64 << 20,
	MAX_ARENA = 1 << 20
};

/* Mail is bytes, JSON is UTF-8: what is none is shown as "?" a byte. */
static json_t *text(struct str s)
{
	json_t *j = json_stringn(s.p != NULL ? s.p : "", s.n);
	struct buf b;

	if (j != NULL)
		return j;
	buf_init(&b, s.n);
	for (size_t i = 0; i < s.n; i++)
		buf_addc(&b, (unsigned char)s.p[i] < 0x80 ? s.p[i] : '?');
	j = json_stringn(b.p, b.n);
	buf_fini(&b);
	return j;
}

static json_t *rule(const struct bounce_by *by)
{
	json_t *j;
	struct buf b;

	buf_init(&b, 1000);
	bounce_by_print(by, &b);
	j = text(buf_str(&b));
	buf_fini(&b);
	return j;
}

static json_t *recipient(const struct report_recipient *r)
{
	return json_pack("{so so so ss ss so so}", "address", text(r->address),
	    "original", text(r->original.n > 0 ? r->original : r->returned_to),
	    "status", text(r->status), "reason", bounce_reason_name(r->reason),
	    "class", bounce_class_name(r->class), "diagnostic",
	    text(r->diagnostic), "rule", rule(&r->by));
}

static int print_report(const char *path, const struct report *r)
{
	json_t *rcpt = json_array(), *all;
	int rc = 0;

	for (size_t i = 0; i < r->n; i++)
		rc |= json_array_append_new(rcpt, recipient(&r->rcpt[i]));
	all = json_pack("{ss ss ss ss so so si so}", "file", path, "kind",
	    report_kind_name(r->kind), "source", report_source_name(r->source),
	    "reason", bounce_reason_name(r->reason), "envelope_id",
	    text(r->envelope_id), "queue_id", text(r->queue_id),
	    "original_headers", (int)r->original.n, "recipients", rcpt);
	if (all == NULL || rc != 0)
		return 1;
	rc = json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
	return rc != 0;
}

static int print_file(const struct bounce_rules *rules, const char *path,
    struct arena *a, struct buf *b)
{
	struct error err = {0};
	struct report r;
	int rc;

	buf_reset(b);
	arena_reset(a);
	if (file_read(path, b, &err) != 0) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		return 1;
	}
	rc = report_classify(rules, buf_str(b), a, &r);
	if (rc != 0) {
		fprintf(stderr, "%s: %s\n", path, error_text(rc));
		return 1;
	}
	return print_report(path, &r);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new(MAX_ARENA);
	struct bounce_rules *rules;
	struct buf b;
	int bad = 0;

	buf_init(&b, MAX_MAIL);
	if (a == NULL || bounce_rules_new(&rules) != 0)
		return 1;
	for (int i = 1; i < argc; i++)
		bad |= print_file(rules, argv[i], a, &b);
	bounce_rules_free(&rules);
	buf_fini(&b);
	arena_free(&a);
	return bad;
}
