/* leads_import.c - tendril lead import.
 *
 * The file is read through a window and sent in chunks; its rows are not taken
 * apart here but where their values are checked, in the agent, unless their
 * cells are parted by something else than a comma. JSON lines become the body
 * of a call each, as they are but for the names of their members.
 *
 * All that is long is sent in the ledger's order (leads_order.h), as much of it
 * at once as memory may hold: a large file is mapped, which is a window over all
 * of it, and only where its rows are is remembered; the rows of what comes
 * through a pipe, and objects, are copied. */
#include "agent/cli/client.h"
#include "agent/cli/csv.h"
#include "agent/cli/leads_file.h"
#include "agent/cli/leads_order.h"
#include "agent/cli/out.h"
#include "agent/csvrow.h"

#include "policy/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WINDOW = 4 << 20,
	ROW_MAX = WINDOW / 2,
	CHUNK = 10000, /* entries of one call */
	CHUNK_BYTES = 6 << 20,
	SHOWN = 20,      /* rows of each kind */
	LARGE = 1 << 20, /* bytes for which order is worth while */
	/* What is put in order at once. */
	ROWS_MAX = 2000000,
	TEXTS_MAX = 64 << 20,
	TIMEOUT_S = 600
};

struct shown {
	size_t line;
	struct str address, what;
};

struct import {
	struct cli *c;
	const char *path;
	int fd;
	char *window;
	size_t at, end; /* what is left of it */
	bool eof, mapped;
	bool json, dry_run;
	char separator;
	size_t stopped;     /* first line that was not taken; 0: none */
	size_t line;        /* of the row that comes next, from 1 */
	struct str heading; /* as it is sent */
	size_t address_column, n_columns;
	struct buf chunk;
	size_t n; /* entries in it */
	size_t lines[CHUNK], offsets[CHUNK + 1];
	int64_t counts[3], refused; /* new, changed, unchanged */
	struct shown shown[3][SHOWN];
	size_t n_shown[3], n_told;
	int64_t began_ms;
	struct arena *scratch;  /* of a row */
	struct leads_row *rows; /* read and not yet sent */
	size_t n_rows, cap_rows;
	char *texts;  /* TEXTS_MAX: of those that are no part of the mapping */
	size_t bytes; /* of all rows */
	bool ordered;
};

static const char kinds[] = "ncu";
static const char *const kind_names[] = {"new", "changed", "unchanged"};

/* --- reading --- */

/* Moves what is left to the window's beginning and fills it up. */
static int fill(struct import *im)
{
	memmove(im->window, im->window + im->at, im->end - im->at);
	im->end -= im->at;
	im->at = 0;
	while (!im->eof && im->end < WINDOW) {
		ssize_t n =
		    read(im->fd, im->window + im->end, WINDOW - im->end);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cli_fail(
			    CLI_AGAIN, "%s: %s", im->path, error_text(-errno));
		im->eof = n == 0;
		im->end += (size_t)n;
	}
	return CLI_DONE;
}

static struct str rest_of(const struct import *im)
{
	return (struct str){im->window + im->at, im->end - im->at};
}

/* The next row with its line end; empty at the end of the file. */
static int next_row(struct import *im, struct str *out, size_t *lines_out)
{
	size_t n = csvrow_length(rest_of(im), lines_out);

	if (n == 0 && !im->eof) {
		int code = fill(im);
		if (code != CLI_DONE)
			return code;
		n = csvrow_length(rest_of(im), lines_out);
	}
	if (n == 0 && !im->eof)
		return cli_fail(
		    CLI_NO, "%s:%zu: a row without end", im->path, im->line);
	*out = n > 0 ? str_cut(rest_of(im), 0, n) : rest_of(im);
	im->at += out->n;
	return CLI_DONE;
}

/* JSON has quotes of its own rules: a line is a line. */
static int next_line(struct import *im, struct str *out, size_t *lines_out)
{
	struct str rest = rest_of(im);
	size_t n = str_find(rest, 0, '\n');

	if (n == rest.n && !im->eof) {
		int code = fill(im);
		if (code != CLI_DONE)
			return code;
		rest = rest_of(im);
		n = str_find(rest, 0, '\n');
	}
	if (n == rest.n && !im->eof)
		return cli_fail(
		    CLI_NO, "%s:%zu: a line without end", im->path, im->line);
	*out = str_cut(rest, 0, n + 1);
	*lines_out = 1;
	im->at += out->n;
	return CLI_DONE;
}

/* --- names --- */

static bool is_heading_of_address(struct str s)
{
	static const char *const known[] = {"address", "email", "e-mail",
	    "email address", "email_address", "mail", "recipient"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_ieq(s, str_of(known[i])))
			return true;
	return false;
}

/* What --map says: "Job title=role,E-Mail=address". */
static bool is_mapped(struct import *im, struct str name, struct str *out)
{
	struct str rest = cli_str(im->c, "map"), one;

	while (str_next(&rest, ',', &one)) {
		size_t equals = str_rfind(one, '=');

		if (!str_eq(str_trim(str_cut(one, 0, equals)), name))
			continue;
		*out = str_trim(str_from(one, equals + 1));
		return true;
	}
	return false;
}

/* "Job title" is "job-title" where --map does not say otherwise. */
static struct str name_of(struct import *im, struct str name)
{
	struct str mapped = name;
	char *p;

	if (is_mapped(im, name, &mapped))
		return mapped;
	if (is_heading_of_address(name))
		return STR("address");
	p = arena_alloc(im->scratch, name.n + 1);
	if (p == NULL)
		return name;
	for (size_t i = 0; i < name.n; i++)
		p[i] = name.p[i] == ' ' ? '-' : ascii_lower(name.p[i]);
	return (struct str){p, name.n};
}

static int check_map(struct import *im)
{
	struct str rest = cli_str(im->c, "map"), one;

	while (str_next(&rest, ',', &one))
		if (str_rfind(one, '=') == one.n)
			return cli_fail(CLI_USAGE,
			    "--map: expected \"COLUMN=ATTRIBUTE\", and several "
			    "with commas between");
	return CLI_DONE;
}

/* --- telling --- */

static struct str address_of(struct import *im, size_t entry)
{
	struct str row = {im->chunk.p + im->offsets[entry],
	    im->offsets[entry + 1] - im->offsets[entry]};
	struct str cells[CSVROW_COLUMNS_MAX];
	size_t n = 0;

	if (im->json || csvrow_cells(str_trim(row), ',', im->scratch, cells,
			    CSVROW_COLUMNS_MAX, &n) != 0)
		return STR("");
	return im->address_column < n
		   ? arena_str(im->c->arena, cells[im->address_column])
		   : STR("");
}

static void show_rows(struct import *im, struct str rows)
{
	for (size_t i = 0; i < rows.n && i < im->n; i++)
		for (size_t k = 0; k < 3; k++) {
			if (rows.p[i] != kinds[k] || im->n_shown[k] == SHOWN)
				continue;
			im->shown[k][im->n_shown[k]++] =
			    (struct shown){im->lines[i], address_of(im, i),
				str_of(kind_names[k])};
		}
}

static void tell_refused(
    struct import *im, size_t line, struct str address, struct str why)
{
	im->refused++;
	if (im->n_told++ >= SHOWN)
		return;
	(void)cli_fail(CLI_NO, "%s:%zu: %.*s%s%.*s", im->path, line,
	    STR_ARG(out_clean(im->c, address)), address.n > 0 ? ": " : "",
	    STR_ARG(out_clean(im->c, why)));
}

static void tell_bad(struct import *im, const struct value *bad)
{
	for (size_t i = 0; i < value_count(bad); i++) {
		const struct value *o = value_at(bad, i);
		int64_t at = -1;

		(void)value_get_i64(o, "entry", &at);
		if (at >= 0 && (size_t)at < im->n)
			tell_refused(im, im->lines[at],
			    value_get_str(o, "address"),
			    value_get_str(o, "error"));
	}
}

static void count(struct import *im, const struct value *reply)
{
	for (size_t k = 0; k < 3; k++) {
		int64_t n = 0;

		(void)value_get_i64(reply, kind_names[k], &n);
		im->counts[k] += n;
	}
	tell_bad(im, value_get(reply, "bad"));
	if (im->dry_run)
		show_rows(im, value_get_str(reply, "rows"));
}

static void tell_progress(struct import *im)
{
	int64_t ms = clock_mono_ms() - im->began_ms;
	int64_t n = im->counts[0] + im->counts[1] + im->counts[2] + im->refused;

	out_progress("%s: line %zu, %lld rows a second", im->path, im->line,
	    (long long)(n * 1000 / (ms > 0 ? ms : 1)));
}

/* --- sending --- */

static void begin_chunk(struct import *im)
{
	buf_reset(&im->chunk);
	im->n = 0;
	buf_add(&im->chunk, im->json ? STR("{\"leads\":[") : im->heading);
	im->offsets[0] = im->chunk.n;
}

static void query(struct import *im, struct buf *path)
{
	const char *name = strrchr(im->path, '/');
	char origin[160];

	(void)snprintf(origin, sizeof(origin), "import %s",
	    name != NULL ? name + 1 : im->path);
	cli_path(path, "/v1/leads");
	client_query(path, "origin", str_of(origin));
	if (im->dry_run)
		client_query(path, "dry_run", STR("1"));
	cli_query_flag(im->c, path, "ignore");
}

static int send_chunk(struct import *im)
{
	struct cli_request rq = {.method = "POST", .timeout_s = TIMEOUT_S};
	struct value *reply = NULL;
	struct buf path;
	int code;

	if (im->json)
		buf_addz(&im->chunk, "]}");
	query(im, &path);
	rq.path = path.p;
	rq.raw = buf_str(&im->chunk);
	rq.raw_type = im->json ? "application/json" : "text/plain";
	if (buf_error(&path) != 0 || buf_error(&im->chunk) != 0)
		code = cli_fail(CLI_AGAIN, "out of memory");
	else
		code = cli_call(im->c, &rq, &reply, NULL);
	im->stopped = code == CLI_DONE ? 0 : im->lines[0];
	if (code == CLI_DONE)
		count(im, reply);
	value_free(&reply);
	buf_fini(&path);
	tell_progress(im);
	begin_chunk(im);
	return code;
}

static int end_entry(struct import *im, size_t line)
{
	im->lines[im->n++] = line;
	im->offsets[im->n] = im->chunk.n;
	return im->n == CHUNK || im->chunk.n > CHUNK_BYTES ? send_chunk(im)
							   : CLI_DONE;
}

/* --- comma-separated values --- */

static int cells_of(
    struct import *im, struct str row, struct str *cells, size_t *n)
{
	arena_reset(im->scratch);
	return csvrow_cells(str_trim(row), im->separator, im->scratch, cells,
	    CSVROW_COLUMNS_MAX, n);
}

static void put_cells(struct buf *out, const struct str *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		csv_put(out, cells[i]);
	}
	buf_addc(out, '\n');
}

/* --- in the ledger's order --- */

static int add_csv(struct import *im, struct str row)
{
	struct str cells[CSVROW_COLUMNS_MAX];
	size_t n;

	if (im->separator == ',') {
		buf_add(&im->chunk, row);
		if (row.p[row.n - 1] != '\n')
			buf_addc(&im->chunk, '\n');
	} else if (cells_of(im, row, cells, &n) == 0) {
		put_cells(&im->chunk, cells, n);
	} else {
		tell_refused(
		    im, im->line, STR(""), STR("the row is not well-formed"));
		return CLI_DONE;
	}
	return end_entry(im, im->line);
}

static int add_json(struct import *im, struct str object)
{
	if (im->n > 0)
		buf_addc(&im->chunk, ',');
	buf_add(&im->chunk, object);
	return end_entry(im, im->line);
}

/* What is kept; a short list stays as it is. */
static int send_rows(struct import *im)
{
	const size_t line = im->line;
	int code = CLI_DONE;

	if (im->bytes >= LARGE) {
		im->ordered = true;
		code = leads_order(im->c, im->rows, im->n_rows);
	}
	for (size_t i = 0; code == CLI_DONE && i < im->n_rows; i++) {
		im->line = im->rows[i].line;
		code = im->json ? add_json(im, im->rows[i].text)
				: add_csv(im, im->rows[i].text);
	}
	im->line = line;
	im->n_rows = im->bytes = 0;
	return code;
}

/* Room for one more row; grows by half. */
static int grow_rows(struct import *im)
{
	size_t more = im->cap_rows + im->cap_rows / 2 + 1024;
	struct leads_row *next;

	if (im->n_rows < im->cap_rows)
		return CLI_DONE;
	next = realloc(im->rows, more * sizeof(*next));
	if (next == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	im->rows = next;
	im->cap_rows = more;
	return CLI_DONE;
}

static struct str copy_text(struct import *im, struct str s)
{
	char *p = im->texts + im->bytes;

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	im->bytes += s.n;
	return (struct str){p, s.n};
}

/* One that lies in the mapped file stays there, others are copied; what came
 * before is sent when there is no room. */
static int keep_row(struct import *im, struct str text, struct str address)
{
	const bool stays = im->mapped && !im->json;
	int code = CLI_DONE;

	if (im->n_rows == ROWS_MAX ||
	    (!stays && im->bytes + text.n + address.n > TEXTS_MAX))
		code = send_rows(im);
	if (code == CLI_DONE)
		code = grow_rows(im);
	if (code == CLI_DONE && !stays && im->texts == NULL) {
		im->texts = malloc(TEXTS_MAX);
		if (im->texts == NULL)
			code = cli_fail(CLI_AGAIN, "out of memory");
	}
	if (code != CLI_DONE)
		return code;
	if (stays) {
		im->bytes += text.n;
	} else {
		address = copy_text(im, address);
		text = copy_text(im, text);
	}
	im->rows[im->n_rows++] = (struct leads_row){
	    .line = im->line, .text = text, .address = address};
	return CLI_DONE;
}

/* --- rows of it --- */

/* All that --map names must be there: a name that is not quite the heading's
 * would lose its column without a word, by --ignore. */
static int find_mapped(struct import *im, const struct str *cells, size_t n)
{
	struct str rest = cli_str(im->c, "map"), one;

	while (str_next(&rest, ',', &one)) {
		struct str name =
		    str_trim(str_cut(one, 0, str_rfind(one, '=')));
		size_t i = 0;

		while (i < n && !str_eq(cells[i], name))
			i++;
		if (i == n)
			return cli_fail(CLI_USAGE,
			    "%s:%zu: --map: no column is called \"%.*s\"",
			    im->path, im->line,
			    STR_ARG(out_clean(im->c, name)));
	}
	return CLI_DONE;
}

static int find_address(struct import *im, const struct str *cells, size_t n)
{
	im->address_column = n;
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(cells[i], STR("address")))
			continue;
		if (im->address_column < n)
			return cli_fail(CLI_NO,
			    "%s:%zu: columns %zu and %zu are both the address; "
			    "--map \"COLUMN=name\" can call one otherwise",
			    im->path, im->line, im->address_column + 1, i + 1);
		im->address_column = i;
	}
	if (im->address_column == n)
		return cli_fail(CLI_NO,
		    "%s:%zu: no column is the address; --map "
		    "\"COLUMN=address\" says which",
		    im->path, im->line);
	return CLI_DONE;
}

static int read_heading(struct import *im, struct str row)
{
	struct str cells[CSVROW_COLUMNS_MAX];
	struct buf b;
	size_t n;
	int code;

	im->separator = csvrow_separator(row);
	if (cells_of(im, row, cells, &n) != 0)
		return cli_fail(CLI_NO,
		    "%s:%zu: the heading is not well-formed", im->path,
		    im->line);
	im->n_columns = n;
	code = find_mapped(im, cells, n);
	for (size_t i = 0; i < n; i++)
		cells[i] = name_of(im, cells[i]);
	if (code == CLI_DONE)
		code = find_address(im, cells, n);
	if (code != CLI_DONE)
		return code;
	buf_init(&b, 1 << 20);
	put_cells(&b, cells, n);
	im->heading = arena_str(im->c->arena, buf_str(&b));
	buf_fini(&b);
	if (im->heading.p == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	begin_chunk(im);
	return CLI_DONE;
}

/* The column of the address, where it needs no quotes undone: only that is
 * looked for in the ledger, and a row without it comes first. */
static struct str address_in(
    const struct import *im, struct str row, const struct str *cells, size_t n)
{
	struct str s =
	    n > im->address_column ? cells[im->address_column] : STR("");

	return s.n > 0 && s.p >= row.p && s.p < row.p + row.n ? s : STR("");
}

static int keep_csv(struct import *im, struct str row)
{
	struct str cells[CSVROW_COLUMNS_MAX];
	size_t n = 0;
	int rc;

	if (row.n > ROW_MAX) {
		tell_refused(im, im->line, STR(""),
		    STR("the row is too long: is there a quote without end?"));
		return CLI_DONE;
	}
	rc = cells_of(im, row, cells, &n);
	return keep_row(im, row, address_in(im, row, cells, rc == 0 ? n : 0));
}

static int read_csv(struct import *im)
{
	bool heading = true;
	size_t lines = 0;
	struct str row;
	int code;

	for (;;) {
		code = next_row(im, &row, &lines);
		if (code != CLI_DONE || row.n == 0)
			return code;
		if (str_trim(row).n > 0)
			code =
			    heading ? read_heading(im, row) : keep_csv(im, row);
		if (code != CLI_DONE)
			return code;
		heading = heading && str_trim(row).n == 0;
		im->line += lines;
	}
}

/* --- JSON lines --- */

struct object {
	struct import *im;
	struct buf members;
	struct str address;
	bool bad;
};

static int put_member(void *arg, struct str key, const struct value *v)
{
	struct object *o = arg;
	struct str name = name_of(o->im, key);

	if (str_eq(name, STR("address"))) {
		o->address = value_as_str(v);
		return 0;
	}
	for (size_t i = 0; i < name.n; i++)
		o->bad |= (unsigned char)name.p[i] < ' ' || name.p[i] == '"' ||
			  name.p[i] == '\\';
	buf_printf(&o->members, "%s\"%.*s\":", o->members.n > 0 ? "," : "",
	    STR_ARG(name));
	return value_dump(v, &o->members);
}

static int put_object(struct import *im, const struct value *v, struct buf *out,
    struct str *address_out)
{
	struct object o = {.im = im};
	struct value *address;
	int rc;

	buf_init(&o.members, WINDOW);
	rc = value_each(v, put_member, &o);
	address = value_new_string(o.address);
	if (rc == 0 && (o.bad || buf_error(&o.members) != 0))
		rc = ERR_SYNTAX;
	if (rc == 0) {
		buf_addz(out, "{\"address\":");
		rc = value_dump(address, out);
		buf_addz(out, ",\"attributes\":{");
		buf_add(out, buf_str(&o.members));
		buf_addz(out, "}}");
	}
	if (rc == 0)
		rc = buf_error(out);
	*address_out = o.address;
	value_free(&address);
	buf_fini(&o.members);
	return rc;
}

static int keep_line(struct import *im, struct str line)
{
	struct error err = {0};
	struct value *v = NULL;
	struct str address = STR("");
	int code, rc = value_parse(line, &v, &err);
	struct buf object;

	buf_init(&object, 2 * WINDOW);
	arena_reset(im->scratch);
	if (rc == 0 && !value_is_object(v))
		rc = error_set(&err, ERR_SYNTAX, "wanted a JSON object");
	if (rc == 0) {
		rc = put_object(im, v, &object, &address);
		(void)error_of(&err, rc, "members");
	}
	code = rc == 0 ? keep_row(im, buf_str(&object), address) : CLI_DONE;
	if (rc != 0)
		tell_refused(im, im->line, STR(""), str_of(err.text));
	buf_fini(&object);
	value_free(&v);
	return code;
}

static int read_json(struct import *im)
{
	size_t lines = 0;
	struct str line;
	int code;

	begin_chunk(im);
	for (;;) {
		code = next_line(im, &line, &lines);
		if (code != CLI_DONE || line.n == 0)
			return code;
		if (str_trim(line).n > 0)
			code = keep_line(im, str_trim(line));
		if (code != CLI_DONE)
			return code;
		im->line += lines;
	}
}

/* --- the whole --- */

static void report_rows(const struct import *im)
{
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < im->n_shown[k]; i++) {
			const struct shown *s = &im->shown[k][i];

			out_line("%s:%zu: %.*s%s%.*s", im->path, s->line,
			    STR_ARG(out_clean(im->c, s->address)),
			    s->address.n > 0 ? ": " : "", STR_ARG(s->what));
		}
}

static void report_json(const struct import *im)
{
	struct value *v = value_new_object(), *list = value_new_array();

	for (size_t k = 0; k < 3; k++)
		value_put_i64(v, kind_names[k], im->counts[k]);
	value_put_i64(v, "refused", im->refused);
	value_put_bool(v, "dry_run", im->dry_run);
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < im->n_shown[k]; i++) {
			struct value *o = value_new_object();

			value_put_i64(o, "line", (int64_t)im->shown[k][i].line);
			value_put_str(o, "address", im->shown[k][i].address);
			value_put_str(o, "outcome", im->shown[k][i].what);
			value_add(list, o);
		}
	if (im->dry_run)
		value_put(v, "first", list);
	else
		value_free(&list);
	(void)cli_json(v);
	value_free(&v);
}

static int report(const struct import *im)
{
	if (im->refused > SHOWN)
		(void)cli_fail(CLI_NO, "%s: %lld more refused", im->path,
		    (long long)im->refused - SHOWN);
	if (im->c->json) {
		report_json(im);
	} else {
		report_rows(im);
		out_line("%s%lld new, %lld changed, %lld unchanged, %lld "
			 "refused",
		    im->dry_run ? "would be: " : "", (long long)im->counts[0],
		    (long long)im->counts[1], (long long)im->counts[2],
		    (long long)im->refused);
	}
	return im->refused > 0 ? CLI_NO : CLI_DONE;
}

static int read_all(struct import *im)
{
	struct str rest;
	int code = im->mapped ? CLI_DONE : fill(im);

	if (code != CLI_DONE)
		return code;
	if (str_starts(rest_of(im), STR("\xef\xbb\xbf"))) /* byte order mark */
		im->at += 3;
	rest = str_trim(str_cut(rest_of(im), 0, 4096));
	im->json = str_starts(rest, STR("{"));
	code = im->json ? read_json(im) : read_csv(im);
	if (code == CLI_DONE)
		code = send_rows(im);
	if (code == CLI_DONE && im->n > 0)
		code = send_chunk(im);
	return code;
}

/* A whole file is a window that need not be filled. What is no large file, or
 * cannot be mapped, is read. */
static void map_file(struct import *im)
{
	struct stat st;
	void *p;

	if (fstat(im->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < LARGE)
		return;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, im->fd, 0);
	if (p == MAP_FAILED)
		return;
	im->window = p;
	im->end = (size_t)st.st_size;
	im->eof = im->mapped = true;
}

static int open_file(struct import *im)
{
	im->fd = strcmp(im->path, "-") == 0
		     ? STDIN_FILENO
		     : open(im->path, O_RDONLY | O_CLOEXEC);
	if (im->fd < 0)
		return cli_fail(
		    CLI_USAGE, "%s: %s", im->path, error_text(-errno));
	map_file(im);
	if (!im->mapped)
		im->window = arena_alloc(im->c->arena, WINDOW);
	im->scratch = arena_new(WINDOW);
	buf_init(&im->chunk, 2 * WINDOW + CHUNK_BYTES);
	return im->window != NULL && im->scratch != NULL
		   ? CLI_DONE
		   : cli_fail(CLI_AGAIN, "out of memory");
}

int leads_import(struct cli *c)
{
	struct import *im = arena_alloc(c->arena, sizeof(*im));
	int code;

	if (im == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	*im = (struct import){.c = c,
	    .path = c->operands[0],
	    .fd = -1,
	    .line = 1,
	    .dry_run = cli_opt(c, "dry-run") != NULL,
	    .began_ms = clock_mono_ms()};
	code = check_map(im);
	if (code == CLI_DONE)
		code = open_file(im);
	if (code == CLI_DONE)
		code = read_all(im);
	out_progress_end();
	if (im->mapped)
		(void)munmap(im->window, im->end);
	if (im->fd > STDIN_FILENO)
		(void)close(im->fd);
	buf_fini(&im->chunk);
	arena_free(&im->scratch);
	free(im->rows);
	free(im->texts);
	if (code != CLI_DONE && im->stopped > 0 && im->ordered)
		return cli_fail(code,
		    "%s: stopped; %lld rows are imported, in another order "
		    "than the list's: import the whole list again",
		    im->path,
		    (long long)(im->counts[0] + im->counts[1] + im->counts[2]));
	if (code != CLI_DONE && im->stopped > 0)
		return cli_fail(code,
		    "%s: stopped; from line %zu on nothing is imported",
		    im->path, im->stopped);
	if (code != CLI_DONE)
		return code;
	return report(im);
}
