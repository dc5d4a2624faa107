/* leads_export.c - tendril lead export: page by page, so that the list may be of
 * any length. Its columns are those that import reads, and two that import
 * passes over: what binds a person is nothing that a list may change. */
#include "agent/cli/client.h"
#include "agent/cli/csv.h"
#include "agent/cli/leads_file.h"

enum {
	CELL_MAX = 8192,
	TIMEOUT_S = 600
};

struct list {
	struct cli *c;
	bool json;
	struct strs names; /* of the columns, from the first page */
};

static int put(struct list *l, struct buf *line)
{
	int code = CLI_DONE;

	buf_addc(line, '\n');
	if (buf_error(line) != 0 ||
	    fwrite(line->p, 1, line->n, stdout) != line->n)
		code = cli_out_failed();
	(void)l;
	buf_fini(line);
	return code;
}

static int put_heading(struct list *l)
{
	struct buf line;

	buf_init(&line, 1 << 20);
	buf_addz(&line, "address");
	for (size_t i = 0; i < l->names.n; i++) {
		buf_addc(&line, ',');
		csv_put(&line, l->names.v[i]);
	}
	buf_addz(&line, ",suppressed,consents");
	return put(l, &line);
}

static void put_cell(struct buf *line, const struct value *v)
{
	struct str text = value_as_str(v);
	int64_t number;
	bool flag;

	buf_addc(line, ',');
	if (text.n > 0)
		csv_put(line, text);
	else if (value_as_bool(v, &flag))
		buf_addz(line, flag ? "yes" : "no");
	else if (value_as_i64(v, &number))
		buf_printf(line, "%lld", (long long)number);
}

/* "newsletter=granted demo=withdrawn" */
static int add_consent(void *arg, struct str purpose, const struct value *v)
{
	struct buf *cell = arg;
	struct str state = value_as_str(v);

	buf_printf(cell, "%s%.*s=%.*s", cell->n > 0 ? " " : "",
	    STR_ARG(purpose), STR_ARG(state));
	return 0;
}

static int put_row(struct list *l, const struct value *o)
{
	const struct value *attributes = value_get(o, "attributes");
	struct str address = value_get_str(o, "address");
	struct buf line, cell;

	if (l->json)
		return cli_json(o);
	buf_init(&line, 1 << 20);
	buf_init(&cell, CELL_MAX);
	if (address.n > 0)
		csv_put(&line, address);
	else
		buf_printf(
		    &line, "lead:%.*s", STR_ARG(value_get_str(o, "lead")));
	for (size_t i = 0; i < l->names.n; i++)
		put_cell(&line, value_get(attributes, l->names.v[i].p));
	buf_addc(&line, ',');
	csv_put(&line, value_get_str(o, "suppressed"));
	buf_addc(&line, ',');
	(void)value_each(value_get(o, "consents"), add_consent, &cell);
	csv_put(&line, buf_str(&cell));
	buf_fini(&cell);
	return put(l, &line);
}

static int keep_names(struct list *l, const struct value *reply)
{
	const struct value *names = value_get(reply, "names");
	size_t n = value_count(names);
	struct str *v = arena_array(l->c->arena, n + 1, sizeof(*v));

	if (v == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	for (size_t i = 0; i < n; i++)
		v[i] = arena_str(l->c->arena, value_as_str(value_at(names, i)));
	l->names = (struct strs){v, n};
	return l->json ? CLI_DONE : put_heading(l);
}

/* next: of the page before; overwritten, at most `cap` bytes. */
static int export_page(struct list *l, char *next, size_t cap)
{
	bool first = next[0] == '\0';
	const struct value *rows;
	struct value *reply;
	struct buf path;
	int code;

	cli_path(&path, "/v1/leads/list?limit=5000");
	client_query(&path, "audience", cli_str(l->c, "audience"));
	if (!first)
		client_query(&path, "after", str_of(next));
	cli_query_flag(l->c, &path, "redact");
	code = cli_get(l->c, &path, &reply);
	if (code == CLI_DONE && first)
		code = keep_names(l, reply);
	rows = value_get(reply, "leads");
	for (size_t i = 0; code == CLI_DONE && i < value_count(rows); i++)
		code = put_row(l, value_at(rows, i));
	(void)snprintf(
	    next, cap, "%.*s", STR_ARG(value_get_str(reply, "next")));
	value_free(&reply);
	return code;
}

int leads_export(struct cli *c)
{
	struct str format = cli_str(c, "format");
	struct list l = {.c = c, .json = c->json};
	char next[64] = "";
	int code;

	if (str_eq(format, STR("json")))
		l.json = true;
	else if (format.p != NULL && !str_eq(format, STR("csv")))
		return cli_fail(CLI_USAGE, "--format: expected csv or json");
	do
		code = export_page(&l, next, sizeof(next));
	while (code == CLI_DONE && next[0] != '\0');
	return code;
}
