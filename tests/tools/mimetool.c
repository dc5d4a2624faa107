/* mimetool.c - prints what mime_scan() makes of each file, one line a file,
 * tab-separated: name, leaf parts, text/html parts that are no attachments,
 * all parts, deepest part, flags of all parts, decoded bytes of the leaves.
 * For tests/corpora/check_mime.py. Exit status 1 if a file cannot be read or
 * scanned. */
#include "policy/base/file.h"
#include "policy/mail/mime.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	MAX_MAIL = 64 << 20,
	MAX_ARENA = 256 << 20
};

struct count {
	size_t leaves, html, bytes;
	unsigned depth, flags;
};

static bool is_inside(struct str outer, struct str inner)
{
	return inner.n == 0 ||
	       (inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n);
}

static int count_part(const struct mime *m, const struct mime_part *p,
    struct arena *a, struct count *out)
{
	struct str text;
	int rc = 0;

	out->flags |= p->flags;
	out->depth = p->depth > out->depth ? p->depth : out->depth;
	if (!is_inside(m->message, p->head) || !is_inside(m->message, p->body))
		bug("a range leaves the message");
	if (p != m->part && !is_inside(m->part[p->parent].body, p->body))
		bug("a part leaves its parent");
	if (p->kind != MIME_LEAF)
		return 0;
	out->leaves++;
	out->html += mime_is(p, "text", "html") &&
		     !str_ieq(p->disposition, STR("attachment"));
	if (p->encoding != MIME_UNKNOWN_ENCODING)
		rc = mime_body(p, MAX_MAIL, a, &text);
	if (rc == 0 && p->encoding != MIME_UNKNOWN_ENCODING)
		out->bytes += text.n;
	return rc;
}

static int print_file(const char *path, struct arena *a, struct buf *b)
{
	struct error err = {0};
	struct count c = {0};
	struct mime m;
	int rc;

	buf_reset(b);
	arena_reset(a);
	if (file_read(path, b, &err) != 0) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		return 1;
	}
	rc = mime_scan(buf_str(b), a, &m);
	for (size_t i = 0; rc == 0 && i < m.n; i++)
		rc = count_part(&m, &m.part[i], a, &c);
	if (rc != 0) {
		fprintf(stderr, "%s: %s\n", path, error_text(rc));
		return 1;
	}
	printf("%s\t%zu\t%zu\t%zu\t%u\t%u\t%zu\n", path, c.leaves, c.html, m.n,
	    c.depth, c.flags, c.bytes);
	return 0;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new(MAX_ARENA);
	struct buf b;
	int bad = 0;

	buf_init(&b, MAX_MAIL);
	if (a == NULL)
		return 1;
	for (int i = 1; i < argc; i++)
		bad |= print_file(argv[i], a, &b);
	buf_fini(&b);
	arena_free(&a);
	return bad;
}
