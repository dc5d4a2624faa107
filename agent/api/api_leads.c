/* api_leads.c - POST /v1/leads: what is known of people, for many at once; and
 * /v1/leads/move. What is wrong with one row is told of it and stops no other.
 *
 * A body of text/plain is comma-separated values whose heading names attributes
 * and "address": one parse of JSON less, for lists of millions. There an empty
 * cell changes nothing; in JSON null or "" takes an attribute away. */
#include "agent/api/routes.h"
#include "agent/csvrow.h"

#include "policy/state/ops_leads.h"
#include "policy/state/ops_move.h"

#include <errno.h>

enum {
	ARENA_MAX = 256 << 20, /* 16 MB of text, and a struct for each value */
	PLACE_NONE = -1,
	RANK_DIGITS = 8,
	RANK_ARENA_MAX = 65536,
	RANKS_MAX = 8 << 20,
	LIKES_MAX =
	    50 /* mistyped zones of a call for which a better is sought */
};

struct batch {
	struct api_call *c;
	struct arena *arena;
	const struct policy *policy; /* or NULL */
	const struct attribute *attributes;
	size_t n_attributes;
	bool ignore; /* columns that are no attribute */
	uint32_t zone_label;
	size_t n_likes;
	struct ops_leads_row *rows;
	size_t n, cap;
	size_t *places; /* of the row among the entries */
	size_t entries;
	char *told; /* a letter for each entry */
	struct value *bad;
};

static void refuse(
    struct batch *b, size_t place, struct str address, const char *why)
{
	struct value *o = value_new_object();

	value_put_i64(o, "entry", (int64_t)place);
	value_put_str(o, "address", address);
	value_put_str(o, "error", str_of(why));
	value_add(b->bad, o);
	b->told[place] = '!';
}

/* Room for one more entry. */
static int begin_entry(struct batch *b, size_t *place_out)
{
	if (b->entries == OPS_LEADS_MAX)
		return error_set(&b->c->err, ERR_LIMIT,
		    "more than %d leads in one call", OPS_LEADS_MAX);
	*place_out = b->entries++;
	return 0;
}

/* The row is there when 0; ERR_SYNTAX: the entry was refused. */
static int begin_row(struct batch *b, size_t place, struct str address,
    size_t n_values, struct attribute_value **values_out)
{
	struct ops_leads_row *row = &b->rows[b->n];
	struct error why = {0};
	int rc;

	*row = (struct ops_leads_row){0};
	if (address.n == 0)
		rc = error_set(&why, ERR_SYNTAX, "no address");
	else
		rc = address_parse(b->arena, address, &row->address, &why);
	if (rc == ERR_SYNTAX)
		refuse(b, place, address, why.text);
	if (rc != 0)
		return rc;
	*values_out = arena_array(b->arena, n_values + 1, sizeof(**values_out));
	row->values = *values_out;
	return *values_out != NULL ? 0 : ERR_LIMIT;
}

static void end_row(struct batch *b, size_t place, size_t n_values)
{
	b->rows[b->n].n = n_values;
	b->places[b->n] = place;
	b->n++;
}

/* A person whose zone is none would be counted by another one's days and hours,
 * and nobody would know. */
static int check_zone(struct batch *b, struct str name, struct error *why)
{
	const struct zone *z;
	struct zones *zones = b->c->app->store->zones;
	int rc = zones_find(zones, name, &z);
	struct buf like;

	if (rc == 0)
		return 0;
	if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE)
		return error_of(&b->c->err, rc, "time zones");
	if (rc != ERR_NOT_FOUND)
		return error_set(why, ERR_SYNTAX, "the zone of this host: %s",
		    error_text(rc));
	buf_init(&like, ZONE_NAME_MAX);
	if (b->n_likes++ < LIKES_MAX && zones_like(zones, name, &like))
		(void)error_set(why, ERR_SYNTAX,
		    "this host knows no such zone; did you mean \"%.*s\"?",
		    STR_ARG(buf_str(&like)));
	else
		(void)error_set(
		    why, ERR_SYNTAX, "this host knows no such zone");
	buf_fini(&like);
	return ERR_SYNTAX;
}

static int parse_value(struct batch *b, const struct attribute *a,
    struct str text, struct attribute_value *out, struct error *why)
{
	int rc = attribute_parse(a->type, text, b->arena, out, why);

	out->label = a->label;
	if (rc == 0 && a->label == b->zone_label)
		rc = check_zone(b, out->text, why);
	if (rc != 0)
		error_prefix(why, "%.*s = \"%.*s\"", STR_ARG(a->name),
		    STR_ARG(str_cut(text, 0, 60)));
	return rc;
}

static int no_attribute(
    const struct batch *b, struct str name, struct error *err)
{
	const struct attribute *near =
	    attribute_nearest(b->attributes, b->n_attributes, name);

	return error_set(err, ERR_SYNTAX,
	    "there is no attribute \"%.*s\"%s%.*s%s",
	    STR_ARG(str_cut(name, 0, 60)),
	    near != NULL ? "; did you mean \"" : "",
	    STR_ARG(near != NULL ? near->name : STR("")),
	    near != NULL ? "\"?" : "");
}

/* --- comma-separated values --- */

struct columns {
	const struct attribute *of[CSVROW_COLUMNS_MAX]; /* NULL: passed over */
	size_t n;
	int address; /* which one */
};

/* Columns that export writes and no list may change. */
static bool is_export_column(struct str name)
{
	return str_eq(name, STR("suppressed")) || str_eq(name, STR("consents"));
}

static int read_heading(struct batch *b, struct str row, struct columns *out)
{
	struct str cells[CSVROW_COLUMNS_MAX];
	int rc = csvrow_cells(
	    row, ',', b->arena, cells, CSVROW_COLUMNS_MAX, &out->n);

	out->address = PLACE_NONE;
	if (rc != 0)
		return error_set(
		    &b->c->err, rc, "the heading is not well-formed");
	for (size_t i = 0; i < out->n; i++) {
		out->of[i] =
		    attribute_find(b->attributes, b->n_attributes, cells[i]);
		if (str_eq(cells[i], STR("address")) &&
		    out->address != PLACE_NONE)
			return error_set(&b->c->err, ERR_SYNTAX,
			    "two columns are \"address\"");
		if (str_eq(cells[i], STR("address")))
			out->address = (int)i;
		else if (out->of[i] == NULL && !b->ignore &&
			 !is_export_column(cells[i]))
			return no_attribute(b, cells[i], &b->c->err);
		for (size_t k = 0; k < i && out->of[i] != NULL; k++)
			if (out->of[k] == out->of[i])
				return error_set(&b->c->err, ERR_SYNTAX,
				    "two columns are \"%.*s\"",
				    STR_ARG(cells[i]));
	}
	if (out->address == PLACE_NONE)
		return error_set(
		    &b->c->err, ERR_SYNTAX, "no column is \"address\"");
	return 0;
}

/* The values of a row. ERR_SYNTAX: refused. */
static int read_cells(struct batch *b, size_t place,
    const struct columns *columns, const struct str *cells)
{
	struct str address = cells[columns->address];
	struct attribute_value *values;
	struct error why = {0};
	size_t n = 0;
	int rc = begin_row(b, place, address, columns->n, &values);

	for (size_t i = 0; i < columns->n && rc == 0; i++) {
		if (columns->of[i] == NULL || cells[i].n == 0)
			continue;
		rc = parse_value(
		    b, columns->of[i], cells[i], &values[n++], &why);
		if (rc == ERR_SYNTAX)
			refuse(b, place, address, why.text);
	}
	if (rc == 0)
		end_row(b, place, n);
	return rc;
}

static int read_row(
    struct batch *b, const struct columns *columns, struct str row)
{
	struct str cells[CSVROW_COLUMNS_MAX];
	size_t n, place;
	int rc = begin_entry(b, &place);

	if (rc != 0)
		return rc;
	rc = csvrow_cells(row, ',', b->arena, cells, CSVROW_COLUMNS_MAX, &n);
	if (rc == 0 && n == columns->n) {
		rc = read_cells(b, place, columns, cells);
		return rc == ERR_SYNTAX ? 0 : rc;
	}
	if (rc == -ENOMEM)
		return rc;
	refuse(b, place,
	    n > (size_t)columns->address ? cells[columns->address] : STR(""),
	    rc == ERR_SYNTAX ? "the row is not well-formed"
			     : "the row has another number of cells than the "
			       "heading");
	return 0;
}

static int read_csv(struct batch *b, struct str text)
{
	struct columns columns;
	bool heading = true;
	int rc = 0;

	while (rc == 0 && text.n > 0) {
		size_t lines, n = csvrow_length(text, &lines);
		struct str row = str_cut(text, 0, n > 0 ? n : text.n);

		text = str_from(text, row.n);
		row = str_trim(row);
		if (row.n == 0)
			continue;
		rc = heading ? read_heading(b, row, &columns)
			     : read_row(b, &columns, row);
		heading = false;
	}
	return rc;
}

/* --- JSON --- */

/* A member as text; false: neither text, number, truth nor null. */
static bool text_of(
    struct batch *b, const struct value *v, struct str *out, int *rc)
{
	struct str s = value_as_str(v);
	int64_t number;
	bool flag;

	*out = s;
	if (s.p != NULL)
		return true;
	if (value_is_null(v)) {
		*out = STR("");
		return true;
	}
	if (value_as_bool(v, &flag)) {
		*out = flag ? STR("yes") : STR("no");
		return true;
	}
	if (!value_as_i64(v, &number))
		return false;
	*out = str_of(arena_printf(b->arena, "%lld", (long long)number));
	if (out->p == NULL)
		*rc = ERR_LIMIT;
	return true;
}

static int read_member(struct batch *b, struct str name, const struct value *v,
    struct attribute_value *out, struct error *why)
{
	const struct attribute *a =
	    attribute_find(b->attributes, b->n_attributes, name);
	struct str text;
	int rc = 0;

	*out = (struct attribute_value){.label = a != NULL ? a->label : 0};
	if (a == NULL)
		return no_attribute(b, name, why);
	if (!text_of(b, v, &text, &rc))
		return error_set(why, ERR_SYNTAX,
		    "%.*s: neither text, number, true, false nor null",
		    STR_ARG(name));
	if (rc != 0 || text.n == 0)
		return rc; /* type 0: taken away */
	return parse_value(b, a, text, out, why);
}

/* One entry's members while they are read. */
struct members {
	struct batch *b;
	struct attribute_value *values;
	size_t n;
	struct error why;
};

static int add_member(void *arg, struct str name, const struct value *v)
{
	struct members *m = arg;

	if (m->b->ignore &&
	    attribute_find(m->b->attributes, m->b->n_attributes, name) == NULL)
		return 0;
	return read_member(m->b, name, v, &m->values[m->n++], &m->why);
}

static int read_members(
    struct batch *b, size_t place, struct str address, const struct value *list)
{
	struct members m = {.b = b};
	int rc =
	    begin_row(b, place, address, value_count_members(list), &m.values);

	if (rc != 0)
		return rc;
	rc = value_each(list, add_member, &m);
	if (rc == ERR_SYNTAX)
		refuse(b, place, address, m.why.text);
	if (rc == 0)
		end_row(b, place, m.n);
	return rc;
}

static int read_json(struct batch *b, const struct value *list)
{
	int rc = 0;

	for (size_t i = 0; i < value_count(list) && rc == 0; i++) {
		const struct value *o = value_at(list, i);
		size_t place;

		rc = begin_entry(b, &place);
		if (rc == 0)
			rc = read_members(b, place, value_get_str(o, "address"),
			    value_get(o, "attributes"));
		if (rc == ERR_SYNTAX) /* told */
			rc = 0;
	}
	return rc;
}

/* --- what came of it --- */

static const char letters[] = {
    [0] = '!',
    [OPS_LEADS_NEW] = 'n',
    [OPS_LEADS_CHANGED] = 'c',
    [OPS_LEADS_UNCHANGED] = 'u',
    [OPS_LEADS_TOO_MANY] = '!',
};

static void tell(struct batch *b)
{
	int64_t counts[OPS_LEADS_TOO_MANY + 1] = {0};

	for (size_t i = 0; i < b->n; i++) {
		const struct ops_leads_row *row = &b->rows[i];

		counts[row->outcome]++;
		b->told[b->places[i]] = letters[row->outcome];
		if (row->outcome == OPS_LEADS_TOO_MANY)
			refuse(b, b->places[i], row->address.text,
			    "too many attributes, or too long together");
	}
	value_put_i64(b->c->reply, "new", counts[OPS_LEADS_NEW]);
	value_put_i64(b->c->reply, "changed", counts[OPS_LEADS_CHANGED]);
	value_put_i64(b->c->reply, "unchanged", counts[OPS_LEADS_UNCHANGED]);
	value_put_i64(b->c->reply, "refused", (int64_t)value_count(b->bad));
	value_put_str(b->c->reply, "rows", (struct str){b->told, b->entries});
}

static int set_rows(struct batch *b)
{
	struct str origin = api_arg(b->c, "origin");
	struct ops_leads in = {.rows = b->rows,
	    .n = b->n,
	    .origin = origin.n > 0 ? str_cut(origin, 0, 200) : STR("api"),
	    .author = b->c->user,
	    .dry_run = api_flag(b->c, "dry_run")};
	const struct value *list = value_get(b->c->body, "leads");
	int rc;

	b->ignore = api_flag(b->c, "ignore");
	if (b->c->rq->body.n == 0)
		rc = error_set(&b->c->err, ERR_SYNTAX, "the body is empty");
	else if (b->c->body == NULL)
		rc = read_csv(b, b->c->rq->body);
	else if (!value_is_array(list))
		rc = error_set(&b->c->err, ERR_SYNTAX,
		    "\"leads\" is missing, or no array");
	else
		rc = read_json(b, list);
	in.n = b->n;
	if (rc == 0)
		rc = ops_leads_set(b->c->app->store, &in, &b->c->err);
	if (rc == 0)
		tell(b);
	return rc;
}

static int with_policy(struct batch *b)
{
	int rc = policyver_cache_get(
	    b->c->app->store->policies, &b->policy, &b->c->err);

	b->attributes = attribute_reserved();
	b->n_attributes = ATTRIBUTE_RESERVED;
	if (b->policy != NULL) {
		b->attributes = b->policy->attributes;
		b->n_attributes = b->policy->n_attributes;
	}
	if (rc == 0)
		rc = set_rows(b);
	policy_unref(&b->policy);
	return rc;
}

int api_leads_set(struct api_call *c)
{
	struct batch b = {.c = c,
	    .bad = value_new_array(),
	    .zone_label = policy_label(STR("time-zone"))};
	int rc = -ENOMEM;

	b.arena = arena_new(ARENA_MAX);
	if (b.arena != NULL) {
		b.rows = arena_array(b.arena, OPS_LEADS_MAX, sizeof(*b.rows));
		b.places =
		    arena_array(b.arena, OPS_LEADS_MAX, sizeof(*b.places));
		b.told = arena_alloc(b.arena, OPS_LEADS_MAX);
	}
	if (b.rows != NULL && b.places != NULL && b.told != NULL)
		rc = with_policy(&b);
	arena_free(&b.arena);
	value_put(c->reply, "bad", b.bad);
	return rc;
}

int api_leads_move(struct api_call *c)
{
	struct ops_move m = {.merge = api_flag(c, "merge"), .author = c->user};
	int rc = api_address(c, "from", &m.from);

	if (rc == 0)
		rc = api_address(c, "to", &m.to);
	return rc != 0 ? rc : ops_move(c->app->store, &m, &c->err);
}

/* Where the ledger keeps them: the first digits of their ids. A list in that
 * order touches each page once; in any other nearly each row touches a page of
 * its own. */
int api_leads_rank(struct api_call *c)
{
	struct arena *a = arena_new(RANK_ARENA_MAX);
	struct str rest = c->rq->body, line;
	struct buf ranks;
	int rc = a != NULL ? 0 : -ENOMEM;

	buf_init(&ranks, RANKS_MAX);
	while (rc == 0 && str_next(&rest, '\n', &line)) {
		char hex[LEAD_ID_TEXT] = "00000000";
		struct address address;
		struct lead_id id;

		if (address_parse(a, line, &address, NULL) == 0 &&
		    lead_id_of(c->app->store->lead_key, &address, &id) == 0)
			lead_id_text(&id, hex);
		buf_add(&ranks, (struct str){hex, RANK_DIGITS});
		arena_reset(a);
		rc = buf_error(&ranks);
	}
	value_put_str(c->reply, "ranks", buf_str(&ranks));
	buf_fini(&ranks);
	arena_free(&a);
	return rc;
}
