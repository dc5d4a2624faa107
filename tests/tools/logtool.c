/* logtool.c - what the log parser makes of files.
 *
 *   logtool lines FILE...     one line each, for each recipient of it if it has
 *                             several, tab-separated: file, line, kind,
 *                             status, agent, queue id, recipient, recipient
 *                             before aliases, relay, dsn, next id, text
 *   logtool outcomes FILE...  as in tests/data/mtalog/X.outcomes
 *
 * For tests/corpora/check_logs.py and for people. Exit status 1 if a file
 * cannot be read. */
#include "agent/in/mtalog.h"
#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "tests/unit/outcome_text.h"

#include <stdio.h>
#include <string.h>

enum {
	MAX_FILE = 256 << 20
};

static const char *const kind_name[MTALOG_KINDS] = {
    [MTALOG_OTHER] = "other",
    [MTALOG_UNKNOWN] = "unknown",
    [MTALOG_CONNECT] = "connect",
    [MTALOG_DISCONNECT] = "disconnect",
    [MTALOG_DIED] = "died",
    [MTALOG_STARTED] = "started",
    [MTALOG_CLIENT] = "client",
    [MTALOG_PICKUP] = "pickup",
    [MTALOG_MESSAGE_ID] = "message-id",
    [MTALOG_ACTIVE] = "active",
    [MTALOG_DELIVERY] = "delivery",
    [MTALOG_EXPIRED] = "expired",
    [MTALOG_REMOVED] = "removed",
    [MTALOG_DELETED] = "deleted",
    [MTALOG_DELETED_COUNT] = "deleted-count",
    [MTALOG_REJECT] = "reject",
    [MTALOG_DISCARD] = "discard",
    [MTALOG_HOLD] = "hold",
    [MTALOG_NOTICE] = "notice",
    [MTALOG_LOSS] = "loss",
};

static const char *const status_name[] = {
    [MTALOG_NO_STATUS] = "",
    [MTALOG_SENT] = "sent",
    [MTALOG_FORWARDED] = "forwarded",
    [MTALOG_SUNK] = "sunk",
    [MTALOG_DEFERRED] = "deferred",
    [MTALOG_BOUNCED] = "bounced",
    [MTALOG_PROBED] = "probed",
    [MTALOG_REFUSED] = "refused",
};

static void print_outcome(void *arg, const struct outcome *o)
{
	struct buf *out = arg;

	buf_reset(out);
	outcome_text(out, o);
	fwrite(out->p, 1, out->n, stdout);
}

static void print_line(
    const char *path, size_t number, const struct mtalog_line *l)
{
	printf("%s\t%zu\t%s\t%s\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\t"
	       "%.*s\n",
	    path, number, kind_name[l->kind], status_name[l->status],
	    STR_ARG(l->agent), STR_ARG(l->queue_id), STR_ARG(l->rcpt),
	    STR_ARG(l->orig_rcpt), STR_ARG(l->relay), STR_ARG(l->dsn),
	    STR_ARG(l->next_id), STR_ARG(l->text));
}

/* book NULL: the lines themselves. */
static int print_file(const char *path, struct outcome_book *book)
{
	struct mtalog_when when = {.reference_ms = clock_now_ms()};
	struct error err = {0};
	struct buf file, text;
	struct str rest, line;
	struct mtalog_line l;
	int rc;

	buf_init(&file, MAX_FILE);
	buf_init(&text, 64 << 10);
	rc = file_read(path, &file, &err);
	if (rc != 0)
		fprintf(stderr, "logtool: %s\n", err.text);
	rest = rc == 0 ? buf_str(&file) : STR_NULL;
	for (size_t i = 1; str_next(&rest, '\n', &line); i++) {
		if (line.n == 0)
			continue;
		mtalog_parse(line, &when, &l);
		if (book != NULL) {
			outcome_line(book, &l, print_outcome, &text);
			continue;
		}
		do
			print_line(path, i, &l);
		while (mtalog_next_rcpt(&l));
	}
	buf_fini(&file);
	buf_fini(&text);
	return rc;
}

int main(int argc, char **argv)
{
	bool lines = argc > 2 && strcmp(argv[1], "lines") == 0;
	int status = 0;

	if (!lines && (argc < 3 || strcmp(argv[1], "outcomes") != 0)) {
		fprintf(stderr, "usage: logtool lines|outcomes FILE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		struct outcome_book *book = lines ? NULL : outcome_new(64);
		if (!lines && book == NULL)
			bug("no memory");
		if (print_file(argv[i], book) != 0)
			status = 1;
		outcome_free(&book);
	}
	return status;
}
