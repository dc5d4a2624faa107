/* test_api_leads.c - the private API of what is known of people, and the rows of
 * comma-separated values that it takes. */
#include "tests/unit/apitest.h"

#include "agent/csvrow.h"
#include "policy/state/ops_leads.h"

#define POLICY                                                                 \
	"attribute role { type = text }\\n"                                    \
	"attribute size { type = number }\\n"                                  \
	"attribute customer { type = flag }\\n"                                \
	"attribute renewal { type = date }\\n"                                 \
	"audience big { condition = \\\"size >= 200\\\" }\\n"                  \
	"segment news { purpose = news }\\n"

/* --- rows --- */

static const struct {
	const char *text;
	size_t length, lines;
} lengths[] = {
    {"", 0, 0},
    {"a", 0, 1},
    {"a\n", 2, 1},
    {"a,b\r\nc\n", 5, 1},
    {"\n\n", 1, 1},
    {"\"a\nb\",c\nd\n", 8, 2},
    {"\"a\"\"\nb\"\n", 8, 2},
    {"\"a\nb\n", 0, 2},
    {"\"\"\n", 3, 1},
};

static const struct {
	const char *row;
	char separator;
	int rc;
	size_t n;
	const char *cells; /* with | behind each */
} rows[] = {
    {"a,b", ',', 0, 2, "a|b|"},
    {"", ',', 0, 1, "|"},
    {",", ',', 0, 2, "||"},
    {" a , b ", ',', 0, 2, "a|b|"},
    {"a;b,c", ';', 0, 2, "a|b,c|"},
    {"a\tb", '\t', 0, 2, "a|b|"},
    {"\"a,b\",c", ',', 0, 2, "a,b|c|"},
    {"\"a\nb\"", ',', 0, 1, "a\nb|"},
    {"\"say \"\"x\"\"\",", ',', 0, 2, "say \"x\"||"},
    {"\" a \" ,b", ',', 0, 2, " a |b|"},
    {"a\"b,c", ',', 0, 2, "a\"b|c|"},
    {"\"a", ',', ERR_SYNTAX, 0, NULL},
    {"\"a\"b,c", ',', ERR_SYNTAX, 0, NULL},
    {"\"a\"\"", ',', ERR_SYNTAX, 0, NULL},
    {"a,\"b\"c", ',', ERR_SYNTAX, 1, NULL},
    {"a,b,c,d,e", ',', ERR_LIMIT, 4, NULL},
};

static void test_rows(struct arena *a)
{
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t lines = 0;

		IS_INT(csvrow_length(str_of(lengths[i].text), &lines),
		    lengths[i].length, "length %zu", i);
		IS_INT(lines, lengths[i].lines, "lines %zu", i);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str cells[4];
		struct buf all;
		size_t n = 0;

		IS_INT(csvrow_cells(str_of(rows[i].row), rows[i].separator, a,
			   cells, 4, &n),
		    rows[i].rc, "row %zu", i);
		IS_INT(n, rows[i].n, "cells of row %zu", i);
		buf_init(&all, 1000);
		for (size_t k = 0; rows[i].rc == 0 && k < n; k++)
			buf_printf(&all, "%.*s|", STR_ARG(cells[k]));
		if (rows[i].cells != NULL)
			IS_S(buf_str(&all), str_of(rows[i].cells), "its cells");
		buf_fini(&all);
	}
	IS_INT(csvrow_separator(STR("a;b;c,d")), ';', "semicolons");
	IS_INT(csvrow_separator(STR("a\tb")), '\t', "tabs");
	IS_INT(csvrow_separator(STR("\"a;b;c\",d")), ',', "not in quotes");
	IS_INT(csvrow_separator(STR("a")), ',', "none");
}

/* --- setting --- */

static int csv(struct apitest *a, const char *query, const char *text)
{
	char target[200];

	(void)snprintf(target, sizeof(target), "/v1/leads%s", query);
	return apitest_send(a, SERVER_POST, target, "text/plain", text);
}

static void counts_are(
    struct apitest *a, int new, int changed, int unchanged, const char *letters)
{
	IS_INT(apitest_i64(a, "new"), new, "new");
	IS_INT(apitest_i64(a, "changed"), changed, "changed");
	IS_INT(apitest_i64(a, "unchanged"), unchanged, "unchanged");
	IS_S(apitest_str(a, "rows"), str_of(letters), "row by row");
}

static void test_csv(struct apitest *a)
{
	static const char people[] = "role,address,size\n"
				     "cto,a@x.example,200\n"
				     "\n"
				     "\"it, eu\",b@x.example,\n"
				     ",b@x.example,7\n"
				     "x,nobody,1\n"
				     "x,c@x.example,many\n"
				     "x,c@x.example\n"
				     "\"x,c@x.example,1";

	IS_INT(csv(a, "?dry_run=1", people), 200, "tried");
	counts_are(a, 2, 1, 0, "nnc!!!!");
	IS_INT(csv(a, "?origin=list", people), 200, "set");
	counts_are(a, 2, 1, 0, "nnc!!!!");
	IS_INT(apitest_i64(a, "refused"), 4, "refused");
	IS_INT(apitest_i64(a, "bad.0.entry"), 3, "which");
	IS_S(apitest_str(a, "bad.1.error"),
	    STR("size = \"many\": not a whole number such as 200"), "why");
	IS_S(apitest_str(a, "bad.2.error"),
	    STR("the row has another number of cells than the heading"),
	    "too short");
	IS_INT(csv(a, "", people), 200, "again");
	counts_are(a, 0, 0, 3, "uuu!!!!");
	IS_INT(csv(a, "", "role\ncto\n"), 400, "no address");
	IS_INT(csv(a, "", "address,rol\na@x.example,cto\n"), 400, "a typo");
	IS_S(apitest_str(a, "error"),
	    STR("there is no attribute \"rol\"; did you mean \"role\"?"),
	    "why");
	IS_INT(csv(a, "?ignore=1", "address,rol\na@x.example,cto\n"), 200,
	    "passed over");
	counts_are(a, 0, 0, 1, "u");
	IS_INT(
	    csv(a, "", "address,role,role\na@x.example,1,2\n"), 400, "twice");
	IS_INT(csv(a, "", "address,address\na@x.example,b@x.example\n"), 400,
	    "two addresses");
	IS_S(apitest_str(a, "error"), STR("two columns are \"address\""),
	    "whose would the row be");
	IS_INT(csv(a, "", "\"address\n"), 400, "a heading without end");
	IS_INT(csv(a, "", ""), 400, "nothing");
	IS_INT(apitest_post(a, "/v1/leads",
		   "{\"leads\": {\"address\": \"a@x.example\"}}"),
	    400, "one alone is no list");
}

static void test_json(struct apitest *a)
{
	IS_INT(
	    apitest_post(a, "/v1/leads",
		"{\"leads\": [{\"address\": \"a@x.example\", \"attributes\": "
		"{\"role\": \"cio\", \"size\": 300, \"customer\": true, "
		"\"renewal\": \"2027-01-31\"}}, "
		"{\"address\": \"b@x.example\", \"attributes\": "
		"{\"role\": null, \"size\": \"\"}}, "
		"{\"address\": \"b@x.example\", \"attributes\": "
		"{\"size\": 1.5}}, {\"attributes\": {}}, 7, "
		"{\"address\": \"n@x.example\"}]}"),
	    200, "set");
	counts_are(a, 1, 2, 0, "cc!!!n");
	IS_INT(apitest_get(a, "/v1/leads?address=a@x.example"), 200, "shown");
	IS_INT(value_count(apitest_at(a, "attributes")), 4, "four");
	IS_INT(apitest_get(a, "/v1/leads?address=b@x.example"), 200, "shown");
	IS_INT(value_count(apitest_at(a, "attributes")), 0, "none left");
	IS_INT(apitest_post(a, "/v1/leads", "{}"), 400, "no leads");
}

/* One row with more cells than any heading may have stops no other. */
static void test_long_row(struct apitest *a)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_addz(&text, "role,address\ncto,l1@x.example\nit,l2@x.example");
	for (int i = 0; i < 2 * CSVROW_COLUMNS_MAX; i++)
		buf_addz(&text, ",\"x\"");
	buf_addz(&text, "\nit,l3@x.example\n\"it\"x,l4@x.example\n");
	IS_INT(csv(a, "", text.p), 200, "set");
	counts_are(a, 2, 0, 0, "n!n!");
	IS_INT(apitest_i64(a, "bad.0.entry"), 1, "which");
	IS_S(apitest_str(a, "bad.0.address"), STR("l2@x.example"), "whose");
	IS_S(apitest_str(a, "bad.1.address"), STR(""), "nobody's");
	buf_fini(&text);
}

/* A zone that this host does not know would count by another one's days. */
static void test_zones(struct apitest *a)
{
	IS_INT(csv(a, "",
		   "address,time-zone\n"
		   "z1@x.example,Europe/Lisbon\n"
		   "z2@x.example,Nowhere/Town\n"
		   "z3@x.example,europe/berlin\n"
		   "z4@x.example, UTC \n"
		   "z5@x.example,\n"),
	    200, "zones in a list");
	counts_are(a, 3, 0, 0, "n!!nn");
	IS_INT(apitest_i64(a, "bad.0.entry"), 1, "which");
	IS_S(apitest_str(a, "bad.0.error"),
	    STR("time-zone = \"Nowhere/Town\": this host knows no such zone"),
	    "why");
	IS_S(apitest_str(a, "bad.1.error"),
	    STR("time-zone = \"europe/berlin\": this host knows no such zone; "
		"did you mean \"Europe/Berlin\"?"),
	    "what was meant");
	IS_INT(apitest_post(a, "/v1/leads",
		   "{\"leads\": [{\"address\": \"z1@x.example\", "
		   "\"attributes\": {\"time-zone\": \"Mars/Base\"}}, "
		   "{\"address\": \"z4@x.example\", "
		   "\"attributes\": {\"time-zone\": null}}]}"),
	    200, "set");
	counts_are(a, 0, 1, 0, "!c");
	IS_INT(apitest_get(a, "/v1/leads?address=z1@x.example"), 200, "shown");
	IS_S(apitest_str(a, "attributes.0.value"), STR("Europe/Lisbon"),
	    "as it was");
	IS_INT(apitest_bool(a, "attributes.0.unknown_zone"), -1, "known");
	IS_INT(apitest_get(a, "/v1/leads?address=z4@x.example"), 200, "shown");
	IS_INT(value_count(apitest_at(a, "attributes")), 0, "taken away");
}

/* One that was set before, or where this host had more zones. */
static void test_lost_zone(struct apitest *a)
{
	struct attribute_value v = {.label = policy_label(STR("time-zone")),
	    .type = ATTRIBUTE_TEXT,
	    .text = STR("Nowhere/Town")};
	struct ops_leads_row row = {.values = &v, .n = 1};
	struct ops_leads in = {
	    .rows = &row, .n = 1, .origin = STR("list"), .author = STR("otto")};

	IS_INT(address_parse(
		   a->st.arena, STR("lost@x.example"), &row.address, NULL),
	    0, "an address");
	IS_INT(ops_leads_set(a->st.store, &in, NULL), 0, "set in the ledger");
	IS_INT(
	    apitest_get(a, "/v1/leads?address=lost@x.example"), 200, "shown");
	IS_S(apitest_str(a, "attributes.0.value"), STR("Nowhere/Town"),
	    "what is on record");
	IS_INT(apitest_bool(a, "attributes.0.unknown_zone"), 1, "is marked");
}

/* The names of zones are looked for in folders; not for each of many rows. */
static void test_many_lost_zones(struct apitest *a)
{
	struct str meant = STR("did you mean");
	struct str first, last;
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_addz(&text, "address,time-zone\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "l%d@x.example,europe/paris\n", i);
	IS_INT(csv(a, "", text.p), 200, "all refused");
	IS_INT(apitest_i64(a, "refused"), 1000, "each");
	first = apitest_str(a, "bad.0.error");
	last = apitest_str(a, "bad.999.error");
	OK(str_contains(first, meant), "the first is told what was meant");
	OK(last.n > 0 && !str_contains(last, meant), "the last is not");
	buf_fini(&text);
}

static void test_many(struct apitest *a)
{
	struct buf text;

	buf_init(&text, 4 << 20);
	buf_addz(&text, "address\n");
	for (int i = 0; i <= 20000; i++)
		buf_printf(&text, "m%d@m.example\n", i);
	IS_INT(csv(a, "?dry_run=1", text.p), 400, "too many");
	buf_fini(&text);
}

/* --- listing --- */

static void test_list(struct apitest *a)
{
	char target[200];

	IS_INT(apitest_get(a, "/v1/leads/list"), 200, "all");
	IS_INT(value_count(apitest_at(a, "leads")), 3, "three");
	OK(value_is_null(apitest_at(a, "next")), "no more");
	IS_INT(value_count(apitest_at(a, "names")), 8, "eight attributes");
	IS_INT(apitest_get(a, "/v1/leads/list?audience=big"), 200, "by name");
	IS_INT(value_count(apitest_at(a, "leads")), 1, "one");
	IS_S(apitest_str(a, "leads.0.address"), STR("a@x.example"), "who");
	IS_INT(apitest_get(a, "/v1/leads/list?audience=size < 5"), 200,
	    "by condition");
	IS_INT(value_count(apitest_at(a, "leads")), 0, "nobody");
	IS_INT(
	    apitest_get(a, "/v1/leads/list?audience=siz < 5"), 400, "a typo");
	IS_INT(apitest_get(a, "/v1/leads/list?after=x"), 400, "no place");
	for (int i = 0; i < 3; i++) {
		(void)snprintf(target, sizeof(target),
		    "/v1/leads/list?limit=1&after=%.*s",
		    STR_ARG(i == 0 ? STR("") : apitest_str(a, "next")));
		IS_INT(apitest_get(a, target), 200, "page %d", i);
		IS_INT(value_count(apitest_at(a, "leads")), 1, "one a page");
	}
	OK(value_is_null(apitest_at(a, "next")), "and no more");
}

static void test_move(struct apitest *a)
{
	IS_INT(apitest_post(a, "/v1/leads/move",
		   "{\"from\": \"a@x.example\", \"to\": \"z@x.example\"}"),
	    200, "re-addressed");
	IS_INT(apitest_get(a, "/v1/leads?address=a@x.example"), 200, "shown");
	IS_S(apitest_str(a, "moved_to"), STR("z@x.example"), "where to");
	IS_INT(apitest_post(a, "/v1/leads/move",
		   "{\"from\": \"a@x.example\", \"to\": \"y@x.example\"}"),
	    409, "not twice");
	IS_INT(apitest_post(a, "/v1/leads/move",
		   "{\"from\": \"b@x.example\", \"to\": \"y@x.example\", "
		   "\"merge\": true}"),
	    404, "into nobody");
	IS_INT(apitest_post(a, "/v1/leads/move",
		   "{\"from\": \"b@x.example\", \"to\": \"b@x.example\"}"),
	    400, "to itself");
	IS_INT(apitest_post(a, "/v1/leads/move",
		   "{\"from\": \"b@x.example\", \"to\": \"n@x.example\", "
		   "\"merge\": true}"),
	    200, "merged");
}

int main(void)
{
	struct apitest a;

	apitest_open(&a);
	test_rows(a.st.arena);
	IS_INT(csv(&a, "", "address,name\nq@x.example,Q\n"), 200,
	    "without a policy there are the reserved ones");
	IS_INT(csv(&a, "", "address,role\nq@x.example,Q\n"), 400, "alone");
	IS_INT(apitest_post(&a, "/v1/leads/move",
		   "{\"from\": \"q@x.example\", \"to\": \"r@x.example\"}"),
	    200, "moved");
	apitest_close(&a);
	apitest_open(&a);
	IS_INT(apitest_post(&a, "/v1/policy",
		   "{\"text\": \"" POLICY "\", \"reason\": \"r\"}"),
	    200, "a policy");
	test_csv(&a);
	test_json(&a);
	test_many(&a);
	test_list(&a);
	test_move(&a);
	test_zones(&a);
	test_lost_zone(&a);
	test_many_lost_zones(&a);
	test_long_row(&a);
	a.uid = 12345;
	IS_INT(csv(&a, "", "address\nq@x.example\n"), 403, "nobody may");
	apitest_close(&a);
	return tap_done();
}
