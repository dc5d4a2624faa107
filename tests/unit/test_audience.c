/* test_audience.c - values of attributes, and conditions over them: what is
 * accepted, refused with its column, who belongs; random conditions against a
 * second evaluator that walks a tree of its own. */
#include "tests/unit/tap.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/conf/audience.h"
#include "policy/conf/policy.h"

static const struct attribute attributes[] = {
    {{"role", 4}, 11, ATTRIBUTE_TEXT},
    {{"employees", 9}, 12, ATTRIBUTE_NUMBER},
    {{"customer", 8}, 13, ATTRIBUTE_FLAG},
    {{"renewal", 7}, 14, ATTRIBUTE_DATE},
    {{"a", 1}, 15, ATTRIBUTE_FLAG},
    {{"b", 1}, 16, ATTRIBUTE_FLAG},
    {{"c", 1}, 17, ATTRIBUTE_FLAG},
};

enum {
	N_ATTRIBUTES = sizeof(attributes) / sizeof(attributes[0]),
	TODAY = 20000 /* 2024-10-04 */
};

/* --- values --- */

static const struct {
	enum attribute_type type;
	const char *text;
	int rc;
	int64_t number;
	const char *printed; /* NULL: as text */
} values[] = {
    {ATTRIBUTE_NUMBER, "0", 0, 0, NULL},
    {ATTRIBUTE_NUMBER, "-0", 0, 0, "0"},
    {ATTRIBUTE_NUMBER, " 200 ", 0, 200, "200"},
    {ATTRIBUTE_NUMBER, "9223372036854775807", 0, INT64_MAX, NULL},
    {ATTRIBUTE_NUMBER, "-9223372036854775808", 0, INT64_MIN, NULL},
    {ATTRIBUTE_NUMBER, "9223372036854775808", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_NUMBER, "-9223372036854775809", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_NUMBER, "-", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_NUMBER, "1.5", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_NUMBER, "--1", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_NUMBER, "", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_FLAG, "yes", 0, 1, NULL},
    {ATTRIBUTE_FLAG, "No", 0, 0, "no"},
    {ATTRIBUTE_FLAG, "TRUE", 0, 1, "yes"},
    {ATTRIBUTE_FLAG, "0", 0, 0, "no"},
    {ATTRIBUTE_FLAG, "2", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_DATE, "1970-01-01", 0, 0, NULL},
    {ATTRIBUTE_DATE, "1969-12-31", 0, -1, NULL},
    {ATTRIBUTE_DATE, "2000-02-29", 0, 11016, NULL},
    {ATTRIBUTE_DATE, "2024-10-04", 0, TODAY, NULL},
    {ATTRIBUTE_DATE, "0001-01-01", 0, -719162, NULL},
    {ATTRIBUTE_DATE, "9999-12-31", 0, 2932896, NULL},
    {ATTRIBUTE_DATE, "1900-02-29", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_DATE, "2027-02-30", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_DATE, "2027-13-01", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_DATE, "2027-00-01", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_DATE, "0000-01-01", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_DATE, "27-01-01", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_TEXT, "two words", 0, 0, NULL},
    {ATTRIBUTE_TEXT, "  trimmed\t", 0, 0, "trimmed"},
    {ATTRIBUTE_TEXT, "u\xcc\x88", 0, 0, "\xc3\xbc"},
    {ATTRIBUTE_TEXT, "two\nlines", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_TEXT, "\x1b[31m", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_TEXT, "\xc2\x85", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_TEXT, "\xff", ERR_SYNTAX, 0, NULL},
    {ATTRIBUTE_TEXT, " ", ERR_SYNTAX, 0, NULL},
    {0, "x", ERR_SYNTAX, 0, NULL},
};

static void test_values(struct arena *a)
{
	char longer[ATTRIBUTE_TEXT_MAX + 1];
	struct attribute_value v;
	struct error err;
	struct buf out;

	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const char *want = values[i].printed != NULL ? values[i].printed
							     : values[i].text;
		int rc = attribute_parse(
		    values[i].type, str_of(values[i].text), a, &v, &err);

		IS_INT(rc, values[i].rc, "%s", values[i].text);
		if (rc != 0)
			continue;
		IS_INT(v.number, values[i].number, "its number");
		buf_reset(&out);
		attribute_print(&v, &out);
		IS_S(buf_str(&out), str_of(want), "printed");
	}
	memset(longer, 'x', sizeof(longer));
	IS_INT(attribute_parse(ATTRIBUTE_TEXT,
		   (struct str){longer, sizeof(longer) - 1}, a, &v, &err),
	    0, "the longest text");
	IS_INT(attribute_parse(ATTRIBUTE_TEXT,
		   (struct str){longer, sizeof(longer)}, a, &v, &err),
	    ERR_SYNTAX, "one byte more");
	buf_fini(&out);
}

static void test_days(struct arena *a)
{
	struct attribute_value v = {.type = ATTRIBUTE_DATE}, back;
	struct buf out;
	size_t wrong = 0;

	buf_init(&out, 100);
	for (v.number = -719162; v.number <= 2932896; v.number += 13) {
		buf_reset(&out);
		attribute_print(&v, &out);
		wrong += attribute_parse(ATTRIBUTE_DATE, buf_str(&out), a,
			     &back, NULL) != 0 ||
			 back.number != v.number;
	}
	IS_INT(wrong, 0, "each day prints as what reads back");
	IS_INT(attribute_day_of(-1), -1, "an instant before 1970");
	IS_INT(attribute_day_of(86400000), 1, "the second day begins");
	IS_INT(attribute_day_of(86399999), 0, "the first day ends");
	buf_fini(&out);
}

static void test_names(void)
{
	const struct attribute *r = attribute_reserved();

	for (size_t i = 0; i < ATTRIBUTE_RESERVED; i++)
		IS_INT(r[i].label, policy_label(r[i].name), "label of %.*s",
		    STR_ARG(r[i].name));
	for (int t = ATTRIBUTE_TEXT; t <= ATTRIBUTE_DATE; t++)
		IS_INT(attribute_type_of(
			   str_of(attribute_type_name((enum attribute_type)t))),
		    t, "a type and its name");
	IS_INT(attribute_type_of(STR("float")), 0, "no such type");
	OK(attribute_nearest(attributes, N_ATTRIBUTES, STR("emploees")) ==
		&attributes[1],
	    "the nearest name");
	OK(attribute_nearest(attributes, N_ATTRIBUTES, STR("xyz")) == NULL,
	    "none is near");
}

/* --- conditions --- */

static const struct attribute_value cto[] = {
    {11, ATTRIBUTE_TEXT, {"CTO", 3}, 0},
    {12, ATTRIBUTE_NUMBER, {NULL, 0}, 200},
    {13, ATTRIBUTE_FLAG, {NULL, 0}, 1},
    {14, ATTRIBUTE_DATE, {NULL, 0}, TODAY + 30},
    {15, ATTRIBUTE_FLAG, {NULL, 0}, 1},
    {16, ATTRIBUTE_FLAG, {NULL, 0}, 0},
};

enum {
	N_CTO = sizeof(cto) / sizeof(cto[0])
};

/* nobody: a person of whom nothing is known. */
static const struct {
	const char *text, *printed;
	bool cto, nobody;
} conditions[] = {
    {"role in {cto, it} and employees >= 200", NULL, true, false},
    {"role=cto", "role = cto", true, false},
    {"role = Cto", NULL, true, false},
    {"role != cto", NULL, false, false},
    {"role != it", NULL, true, false},
    {"not role = it", NULL, true, true},
    {"not (role = cto)", "not role = cto", false, true},
    {"role is missing", NULL, false, true},
    {"role IS Known", "role is known", true, false},
    {"customer", NULL, true, false},
    {"not customer", NULL, false, true},
    {"customer = no", NULL, false, false},
    {"customer = TRUE", "customer = yes", true, false},
    {"customer != no", NULL, true, false},
    {"employees < 200", NULL, false, false},
    {"employees <= 200", NULL, true, false},
    {"employees > 199", NULL, true, false},
    {"employees > -5", NULL, true, false},
    {"employees in {1,200}", "employees in {1, 200}", true, false},
    {"renewal = 2024-11-03", NULL, true, false},
    {"renewal < 2024-11-03", NULL, false, false},
    {"renewal within 30d", NULL, true, false},
    {"renewal within 29d", NULL, false, false},
    {"renewal within 5w", "renewal within 35d", true, false},
    {"renewal within last 90d", NULL, false, false},
    {"a or b and c", NULL, true, false},
    {"(a or b) and c", NULL, false, false},
    {"(a and b) or c", "a and b or c", false, false},
    {"a and (b and c)", "a and b and c", false, false},
    {"not a or not b", NULL, true, true},
    {"not (a or b)", NULL, false, true},
    {"not not a", NULL, true, false},
    {"b or c or a", NULL, true, false},
    {"c is missing and (b or not (a and b))", NULL, true, true},
    {"role = 'two words' or role = \"cto\"", "role = 'two words' or role = cto",
	true, false},
    {"role = 'it''s'", NULL, false, false},
    {"role = \"it's\"", "role = 'it''s'", false, false},
    {"role = \"say \"\"x\"\"\"", "role = 'say \"x\"'", false, false},
    {"role in {'(', ')'}", NULL, false, false},
    {"role = and or role = or", NULL, false, false},
    {"role = ct/", NULL, false, false},
    {"role = 'CT\xc2\xa7'", "role = CT\xc2\xa7", false, false},
    {"role != 'c4o'", "role != c4o", true, false},
    {"role = u\xcc\x88", "role = \xc3\xbc", false, false},
    {" \t a \n", "a", true, false},
};

static void is_condition(struct arena *a, size_t i)
{
	const char *text = conditions[i].text;
	const char *printed =
	    conditions[i].printed != NULL ? conditions[i].printed : text;
	struct error err = {0};
	const struct audience *x;
	struct buf out;

	IS_INT(
	    audience_parse(a, attributes, N_ATTRIBUTES, str_of(text), &x, &err),
	    0, "%s: %s", text, err.text);
	if (x == NULL)
		return;
	buf_init(&out, 1000);
	audience_print(x, &out);
	IS_S(buf_str(&out), str_of(printed), "printed");
	OK(audience_contains(x, cto, N_CTO, TODAY) == conditions[i].cto,
	    "the officer");
	OK(audience_contains(x, NULL, 0, TODAY) == conditions[i].nobody,
	    "a person of whom nothing is known");
	buf_fini(&out);
}

static const struct {
	const char *text, *why;
} refusals[] = {
    {"", "column 1: the condition ends where an attribute is expected"},
    {"rol = cto",
	"column 1: there is no attribute \"rol\"; did you mean \"role\"?"},
    {"employees > 3 and rol",
	"column 19: there is no attribute \"rol\"; did you mean \"role\"?"},
    {"role = \xc3\xbc\xc3\xbc and xyzzy",
	"column 15: there is no attribute \"xyzzy\""},
    {"Role = cto",
	"column 1: there is no attribute \"Role\"; did you mean \"role\"?"},
    {"role", "column 5: the condition ends where a comparison (= != < <= > "
	     ">= in is within) is expected"},
    {"role cto", "column 6: \"cto\" where a comparison (= != < <= > >= in is "
		 "within) is expected"},
    {"role < cto", "column 6: role is text and has no order; use =, != or in"},
    {"customer >= yes",
	"column 10: customer is a flag and has no order; use =, != or in"},
    {"employees = many", "column 13: employees is a number, and \"many\" is "
			 "not a whole number such as 200"},
    {"renewal < 2027-02-30", "column 11: renewal is a date, and "
			     "\"2027-02-30\" is not a date such as 2027-01-31"},
    {"customer = maybe",
	"column 12: customer is a flag, and \"maybe\" is not yes or no"},
    {"role = ''", "column 8: role is text, and \"\" is an empty value"},
    {"role within 30d",
	"column 13: role is text; only a date is within some days"},
    {"renewal within 5h",
	"column 16: \"5h\" where a number of days such as 30d is expected"},
    {"renewal within last",
	"column 20: the condition ends where a number of days such as 30d is "
	"expected"},
    {"role in cto", "column 9: \"cto\" where \"{\" is expected"},
    {"role in {}", "column 10: \"}\" where a value is expected"},
    {"role in {a b}", "column 12: \"b\" where \",\" or \"}\" is expected"},
    {"role in {a,", "column 12: the condition ends where a value is expected"},
    {"role is gone",
	"column 9: \"gone\" where \"missing\" or \"known\" is expected"},
    {"a b", "column 3: \"b\" where \"and\" or \"or\" is expected"},
    {"(a", "column 3: the condition ends where \"and\", \"or\" or \")\" is "
	   "expected"},
    {"a)", "column 2: \")\" where \"and\" or \"or\" is expected"},
    {"a and", "column 6: the condition ends where an attribute is expected"},
    {"not", "column 4: the condition ends where an attribute is expected"},
    {"or a", "column 1: \"or\" where an attribute is expected"},
    {"'role' = a", "column 1: \"role\" where an attribute is expected"},
    {"role = 'x", "column 8: a quote begins here and never ends"},
    {"role = = x", "column 8: \"=\" where a value is expected"},
    {"a \x01", "column 3: a control character"},
    {"\xff", "not UTF-8"},
};

static void test_refusals(struct arena *a)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct error err = {0};
		const struct audience *x;
		int rc = audience_parse(a, attributes, N_ATTRIBUTES,
		    str_of(refusals[i].text), &x, &err);

		OK(rc == ERR_SYNTAX && x == NULL, "refused: %s",
		    refusals[i].text);
		IS_STR(err.text, refusals[i].why, "why");
	}
}

/* --- bounds --- */

static int parse_repeated(struct arena *a, const char *head, const char *one,
    size_t n, const char *tail)
{
	const struct audience *x;
	struct buf text;
	int rc;

	buf_init(&text, 1 << 20);
	buf_addz(&text, head);
	while (n-- > 0)
		buf_addz(&text, one);
	buf_addz(&text, tail);
	rc = audience_parse(
	    a, attributes, N_ATTRIBUTES, buf_str(&text), &x, NULL);
	buf_fini(&text);
	return rc;
}

static void test_bounds(struct arena *a)
{
	IS_INT(parse_repeated(a, "a", " or a", AUDIENCE_MAX_TERMS - 1, ""), 0,
	    "as many comparisons as there may be");
	IS_INT(parse_repeated(a, "a", " or a", AUDIENCE_MAX_TERMS, ""),
	    ERR_LIMIT, "one more");
	IS_INT(
	    parse_repeated(a, "role in {x", ",x", AUDIENCE_MAX_TERMS - 2, "}"),
	    0, "values of a set count");
	IS_INT(
	    parse_repeated(a, "role in {x", ",x", AUDIENCE_MAX_TERMS - 1, "}"),
	    ERR_LIMIT, "one value more");
	IS_INT(parse_repeated(a, "", "not ", AUDIENCE_MAX_DEPTH, "a"), 0,
	    "as deep as may be");
	IS_INT(parse_repeated(a, "", "not ", AUDIENCE_MAX_DEPTH + 1, "a"),
	    ERR_LIMIT, "one level deeper");
	IS_INT(parse_repeated(a, "", "(", 4000, ""), ERR_LIMIT,
	    "many parentheses");
	IS_INT(parse_repeated(a, "a", " ", AUDIENCE_MAX_BYTES, ""), ERR_LIMIT,
	    "too long");
}

static void test_faults(void)
{
	struct str text = STR("role in {a, b, c, d, e, f} and (a or not b) or "
			      "renewal within 3d or role = 'x y'");
	long n = 0;
	int rc;

	do {
		const struct audience *x;
		struct arena *a;

		fault_alloc_at(++n);
		a = arena_new(3000);
		rc = a != NULL ? audience_parse(a, attributes, N_ATTRIBUTES,
				     text, &x, NULL)
			       : ERR_LIMIT;
		fault_alloc_at(0);
		arena_free(&a);
	} while (rc != 0 && n < 100);
	OK(rc == 0 && n > 1, "each of %ld allocations may fail", n - 1);
	for (size_t size = 0; size < 2500; size += 40) {
		struct arena *a = arena_new(size);
		const struct audience *x;

		rc =
		    audience_parse(a, attributes, N_ATTRIBUTES, text, &x, NULL);
		if (rc != 0 && rc != ERR_LIMIT)
			OK(false, "a full arena of %zu: %d", size, rc);
		arena_free(&a);
	}
}

/* --- random conditions --- */

/* A tree of its own: made at random, written as text with all its parentheses,
 * and walked. */
struct tree {
	char kind; /* '&' '|' '!', or a comparison: see write_leaf() */
	struct tree *left, *right;
	size_t attribute;
	int64_t number;
};

static uint64_t seed;

static uint64_t pick(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static struct tree *grow(struct arena *a, unsigned depth)
{
	static const char kinds[] = "=n<>mk&|!&|!";
	struct tree *t = arena_alloc(a, sizeof(*t));

	if (t == NULL)
		bug("out of memory");
	t->kind = kinds[pick(depth > 0 ? 12 : 6)];
	t->attribute = pick(N_ATTRIBUTES);
	t->number = (int64_t)pick(4);
	if (strchr("<>", t->kind) != NULL)
		t->attribute = 1; /* numbers have an order */
	if (strchr("&|!", t->kind) != NULL)
		t->left = grow(a, depth - 1);
	if (strchr("&|", t->kind) != NULL)
		t->right = grow(a, depth - 1);
	return t;
}

/* Values 0..3 of each type. */
static void write_value(enum attribute_type type, int64_t n, struct buf *out)
{
	struct attribute_value v = {.type = type, .number = n};

	if (type == ATTRIBUTE_TEXT)
		buf_printf(out, "t%lld", (long long)n);
	else if (type == ATTRIBUTE_FLAG)
		buf_addz(out, n % 2 ? "yes" : "no");
	else
		attribute_print(&v, out);
}

static void write_leaf(const struct tree *t, struct buf *out)
{
	const struct attribute *a = &attributes[t->attribute];

	buf_add(out, a->name);
	if (t->kind == 'm' || t->kind == 'k') {
		buf_addz(out, t->kind == 'm' ? " is missing" : " is known");
		return;
	}
	buf_addz(out, t->kind == 'n'   ? " != "
		      : t->kind == '=' ? " in {"
		      : t->kind == '<' ? "<"
				       : ">");
	write_value(a->type, t->number, out);
	if (t->kind == '=')
		buf_addc(out, '}');
}

static void write_tree(const struct tree *t, struct buf *out)
{
	if (strchr("&|!", t->kind) == NULL) {
		write_leaf(t, out);
		return;
	}
	buf_addz(out, t->kind == '!' ? "not (" : "(");
	write_tree(t->left, out);
	if (t->right != NULL) {
		buf_addz(out, t->kind == '&' ? " and " : " or ");
		write_tree(t->right, out);
	}
	buf_addc(out, ')');
}

static bool walk_leaf(const struct tree *t, const int64_t *known)
{
	int64_t have = known[t->attribute], want = t->number;

	if (attributes[t->attribute].type == ATTRIBUTE_FLAG) {
		have = have < 0 ? have : have % 2;
		want %= 2;
	}
	switch (t->kind) {
	case 'm':
		return have < 0;
	case 'k':
		return have >= 0;
	case 'n':
		return have >= 0 && have != want;
	case '<':
		return have >= 0 && have < want;
	case '>':
		return have >= 0 && have > want;
	default:
		return have >= 0 && have == want;
	}
}

/* known: -1 for an attribute that the person lacks. */
static bool walk(const struct tree *t, const int64_t *known)
{
	switch (t->kind) {
	case '!':
		return !walk(t->left, known);
	case '&':
		return walk(t->left, known) && walk(t->right, known);
	case '|':
		return walk(t->left, known) || walk(t->right, known);
	default:
		return walk_leaf(t, known);
	}
}

static size_t make_person(
    const int64_t *known, char texts[][3], struct attribute_value *out)
{
	size_t n = 0;

	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		struct attribute_value v = {attributes[i].label,
		    attributes[i].type, STR_NULL, known[i]};

		if (known[i] < 0)
			continue;
		(void)snprintf(texts[i], 3, "T%d", (int)known[i]);
		if (v.type == ATTRIBUTE_TEXT)
			v.text = str_of(texts[i]);
		if (v.type == ATTRIBUTE_FLAG)
			v.number %= 2;
		out[n++] = v;
	}
	return n;
}

/* How many of some random people a condition and its tree disagree on; also of
 * the condition as printed. */
static size_t disagree(
    struct arena *a, const struct tree *t, const struct audience *x)
{
	const struct audience *again = NULL;
	size_t wrong = 0;
	struct buf text;

	buf_init(&text, 1 << 16);
	audience_print(x, &text);
	wrong += audience_parse(a, attributes, N_ATTRIBUTES, buf_str(&text),
		     &again, NULL) != 0;
	for (int i = 0; i < 20 && again != NULL; i++) {
		struct attribute_value v[N_ATTRIBUTES];
		int64_t known[N_ATTRIBUTES];
		char texts[N_ATTRIBUTES][3];
		size_t n;

		for (size_t k = 0; k < N_ATTRIBUTES; k++)
			known[k] = (int64_t)pick(5) - 1;
		n = make_person(known, texts, v);
		wrong += audience_contains(x, v, n, TODAY) != walk(t, known);
		wrong +=
		    audience_contains(again, v, n, TODAY) != walk(t, known);
	}
	buf_fini(&text);
	return wrong;
}

static void test_random(void)
{
	struct arena *a = arena_new(8 << 20);
	size_t wrong = 0, refused = 0;
	struct buf text;

	buf_init(&text, 1 << 16);
	seed = (uint64_t)clock_now_ms() * 2654435761U + 1;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 5000; i++) {
		const struct audience *x;
		const struct tree *t;

		arena_reset(a);
		buf_reset(&text);
		t = grow(a, 1 + (unsigned)pick(5));
		write_tree(t, &text);
		if (audience_parse(a, attributes, N_ATTRIBUTES, buf_str(&text),
			&x, NULL) != 0)
			refused++;
		else
			wrong += disagree(a, t, x);
	}
	IS_INT(refused, 0, "all random conditions are accepted");
	IS_INT(wrong, 0, "and mean what their trees mean");
	buf_fini(&text);
	arena_free(&a);
}

/* Two texts of one byte are the same where str_ieq() says so. */
static void test_capitals(struct arena *a)
{
	size_t wrong = 0;

	for (int c = 0x21; c < 0x7f; c++)
		for (int d = 0x21; d < 0x7f; d++) {
			char x = (char)c, y = (char)d, text[16];
			struct attribute_value v = {
			    11, ATTRIBUTE_TEXT, {&y, 1}, 0};
			const struct audience *in;

			(void)snprintf(text, sizeof(text),
			    x == '\'' ? "role=\"%c\"" : "role='%c'", x);
			if (audience_parse(a, attributes, N_ATTRIBUTES,
				str_of(text), &in, NULL) != 0)
				wrong++;
			else
				wrong += audience_contains(in, &v, 1, TODAY) !=
					 str_ieq((struct str){&x, 1}, v.text);
		}
	IS_INT(wrong, 0, "capitals from A to Z do not count, all else does");
}

static void test_types_change(struct arena *a)
{
	struct attribute_value v = {12, ATTRIBUTE_TEXT, {"200", 3}, 0};
	const struct audience *x;

	IS_INT(audience_parse(a, attributes, N_ATTRIBUTES,
		   STR("employees = 200 or employees is known"), &x, NULL),
	    0, "a condition");
	OK(!audience_contains(x, &v, 1, TODAY),
	    "a value of another type than the policy says is none");
}

int main(void)
{
	struct arena *a = arena_new(8 << 20);

	test_values(a);
	test_days(a);
	test_names();
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		is_condition(a, i);
	test_refusals(a);
	test_types_change(a);
	test_capitals(a);
	arena_reset(a);
	test_bounds(a);
	test_faults();
	test_random();
	arena_free(&a);
	return tap_done();
}
