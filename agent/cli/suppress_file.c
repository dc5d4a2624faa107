/* suppress_file.c - see suppress_file.h.
 *
 * A file has one target a line; what follows a comma is other columns. If the
 * first line is a heading ("email", "target,segment,reason..."), its names say
 * what the columns are: target, segment, reason, until and note are read, all
 * others passed over. So the lists of most senders can be read as they are,
 * and what export wrote comes back the same. */
#include "agent/cli/suppress_file.h"

#include "agent/cli/client.h"
#include "agent/cli/csv.h"
#include "agent/cli/out.h"

enum {
	CHUNK = 5000, /* entries of one call */
	COLUMNS_MAX = 32,
	LINE_MAX_OUT = 8192,
	TIMEOUT_S = 600,
};

/* Columns that both directions know, in the order of export. */
static const char *const columns[] = {
    "target", "segment", "reason", "until", "since", "origin", "author"};

struct import {
	struct cli *c;
	const char *path;
	const char *names[COLUMNS_MAX]; /* of the file's columns; NULL: none */
	size_t n_names;
	struct value *entries;
	size_t lines[CHUNK]; /* where each entry stands */
	size_t n, line;
	int64_t added, unchanged, over, bad;
	struct arena *arena; /* of one chunk */
};

/* --- import --- */

static bool is_heading_of_target(struct str s)
{
	static const char *const known[] = {"target", "email", "e-mail",
	    "email address", "email_address", "address", "mail", "recipient"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_ieq(s, str_of(known[i])))
			return true;
	return false;
}

static const char *known_column(struct str name)
{
	static const char *const read[] = {
	    "segment", "reason", "until", "note"};

	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
		if (str_ieq(name, str_of(read[i])))
			return read[i];
	return is_heading_of_target(name) ? "target" : NULL;
}

/* True when the line is a heading; else the one column is the target. */
static bool read_heading(struct import *im, struct str line)
{
	bool found = false;
	struct str cell;

	im->n_names = 0;
	while (im->n_names < COLUMNS_MAX && csv_next(&line, im->arena, &cell)) {
		found |= is_heading_of_target(cell);
		im->names[im->n_names++] = known_column(cell);
	}
	if (!found) {
		im->names[0] = "target";
		im->n_names = 1;
	}
	return found;
}

static void add_entry(struct import *im, struct str line)
{
	struct value *o = value_new_object();
	struct str cell;

	for (size_t i = 0; i < im->n_names; i++) {
		if (!csv_next(&line, im->arena, &cell))
			break;
		if (im->names[i] != NULL && cell.n > 0)
			value_put_str(o, im->names[i], cell);
	}
	value_add(im->entries, o);
	im->lines[im->n++] = im->line;
}

static void tell_bad(struct import *im, const struct value *bad)
{
	for (size_t i = 0; i < value_count(bad); i++) {
		const struct value *o = value_at(bad, i);
		int64_t at = 0;

		(void)value_get_i64(o, "entry", &at);
		if (at < 0 || (size_t)at >= im->n)
			continue;
		(void)cli_fail(CLI_NO, "%s:%zu: %.*s: %.*s", im->path,
		    im->lines[at],
		    STR_ARG(out_clean(im->c, value_get_str(o, "target"))),
		    STR_ARG(value_get_str(o, "error")));
	}
	im->bad += (int64_t)value_count(bad);
}

static int send_chunk(struct import *im)
{
	static const char *const names[] = {
	    "reason", "segment", "until", "note", "origin"};
	struct value *body = value_new_object(), *reply;
	int64_t added = 0, unchanged = 0, over = 0;
	int code;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cli_opt(im->c, names[i]) != NULL)
			value_put_str(body, names[i], cli_str(im->c, names[i]));
	value_put(body, "entries", im->entries);
	im->entries = NULL;
	code = cli_call(im->c,
	    &(struct cli_request){.method = "POST",
		.path = "/v1/suppressions/import",
		.body = body,
		.timeout_s = TIMEOUT_S},
	    &reply, NULL);
	if (code == CLI_DONE)
		tell_bad(im, value_get(reply, "bad"));
	(void)value_get_i64(reply, "added", &added);
	(void)value_get_i64(reply, "unchanged", &unchanged);
	(void)value_get_i64(reply, "over", &over);
	im->added += added;
	im->unchanged += unchanged;
	im->over += over;
	im->n = 0;
	arena_reset(im->arena);
	out_progress("%s: line %zu", im->path, im->line);
	value_free(&reply);
	value_free(&body);
	return code;
}

static int read_lines(struct import *im, struct str rest)
{
	bool heading = true;
	struct str line;
	int code = CLI_DONE;

	if (str_starts(rest, STR("\xef\xbb\xbf"))) /* a byte order mark */
		rest = str_from(rest, 3);
	while (code == CLI_DONE && str_next(&rest, '\n', &line)) {
		im->line++;
		line = str_trim(line);
		if (line.n == 0 || str_starts(line, STR("#")))
			continue;
		if (heading && read_heading(im, line)) {
			heading = false;
			continue;
		}
		heading = false;
		if (im->entries == NULL)
			im->entries = value_new_array();
		add_entry(im, line);
		if (im->n == CHUNK)
			code = send_chunk(im);
	}
	return code == CLI_DONE && im->n > 0 ? send_chunk(im) : code;
}

static int report(struct import *im)
{
	struct value *v;

	if (!im->c->json) {
		out_line("%lld added, %lld were suppressed like this already, "
			 "%lld not understood",
		    (long long)im->added, (long long)im->unchanged,
		    (long long)im->bad);
		if (im->over > 0)
			out_line("%lld passed over: they had ended",
			    (long long)im->over);
	} else {
		v = value_new_object();
		value_put_i64(v, "added", im->added);
		value_put_i64(v, "unchanged", im->unchanged);
		value_put_i64(v, "over", im->over);
		value_put_i64(v, "bad", im->bad);
		(void)cli_json(v);
		value_free(&v);
	}
	return im->bad > 0 ? CLI_NO : CLI_DONE;
}

int suppress_import(struct cli *c)
{
	struct import im = {.c = c, .path = c->operands[0]};
	struct str text;
	int code = cli_read(c, im.path, &text);

	if (code != CLI_DONE)
		return code;
	im.arena = arena_new(CLI_ARENA_MAX);
	if (im.arena == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	code = read_lines(&im, text);
	out_progress_end();
	value_free(&im.entries);
	arena_free(&im.arena);
	if (code != CLI_DONE)
		(void)cli_fail(code, "stopped before line %zu", im.line + 1);
	return code == CLI_DONE ? report(&im) : code;
}

/* --- export --- */

enum {
	N_COLUMNS = sizeof(columns) / sizeof(columns[0])
};

static void put_heading(void)
{
	for (size_t i = 0; i < N_COLUMNS; i++)
		(void)printf(
		    "%s%c", columns[i], i + 1 < N_COLUMNS ? ',' : '\n');
}

static int put_row(struct cli *c, const struct value *o)
{
	struct buf line;
	int code = CLI_DONE;

	if (c->json)
		return cli_json(o);
	buf_init(&line, LINE_MAX_OUT);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		csv_put(&line, value_get_str(o, columns[i]));
		buf_addc(&line, i + 1 < N_COLUMNS ? ',' : '\n');
	}
	if (buf_error(&line) != 0 ||
	    fwrite(line.p, 1, line.n, stdout) != line.n)
		code = cli_out_failed();
	buf_fini(&line);
	return code;
}

/* next: of the page before; overwritten, at most `cap` bytes. */
static int export_page(struct cli *c, char *next, size_t cap)
{
	const struct value *list;
	struct value *reply;
	struct buf path;
	int code;

	cli_path(&path, "/v1/suppressions?limit=5000");
	client_query(&path, "reason", cli_str(c, "reason"));
	client_query(&path, "segment", cli_str(c, "segment"));
	if (next[0] != '\0')
		client_query(&path, "after", str_of(next));
	cli_query_flag(c, &path, "redact");
	code = cli_get(c, &path, &reply);
	list = value_get(reply, "suppressions");
	for (size_t i = 0; code == CLI_DONE && i < value_count(list); i++)
		code = put_row(c, value_at(list, i));
	(void)snprintf(
	    next, cap, "%.*s", STR_ARG(value_get_str(reply, "next")));
	value_free(&reply);
	return code;
}

int suppress_export(struct cli *c)
{
	char next[1200] = "";
	int code;

	if (!c->json)
		put_heading();
	do
		code = export_page(c, next, sizeof(next));
	while (code == CLI_DONE && next[0] != '\0');
	return code;
}
