/* test_value.c - JSON in and out. */
#include "tests/unit/tap.h"

#include "agent/value.h"

#include <errno.h>

static void test_bad(void)
{
	static const struct {
		struct str text;
		const char *name;
	} cases[] = {
	    {STR(""), "nothing"},
	    {STR("{"), "cut off"},
	    {STR("{\"a\":1,\"a\":2}"), "a key twice"},
	    {STR("{} x"), "something behind"},
	    {STR("{\"a\":\"\xff\"}"), "not UTF-8"},
	    {STR("{\"a\":\"\\u0000\"}"), "NUL escaped"},
	    {STR("{\"a\":\"\0\"}"), "NUL"},
	    {STR("{'a':1}"), "single quotes"},
	    {STR("{\"a\":01}"), "a leading zero"},
	    {STR("nul"), "a word cut off"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value *v = NULL;
		struct error err = {0};

		IS_INT(value_parse(cases[i].text, &v, &err), ERR_SYNTAX, "%s",
		    cases[i].name);
		OK(v == NULL && err.text[0] != '\0', "%s: told", cases[i].name);
		value_free(&v);
	}
}

static void test_deep(void)
{
	struct buf b;
	struct value *v = NULL;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, '[');
	OK(value_parse(buf_str(&b), &v, NULL) != 0 && v == NULL,
	    "100000 arrays in each other");
	buf_fini(&b);
}

static void test_read(void)
{
	static const char text[] =
	    "{\"s\":\"a\\u00e9\",\"n\":-7,\"y\":true,"
	    "\"z\":null,\"l\":[\"p\",\"q\",3],\"f\":1.5}";
	struct value *v = NULL;
	int64_t i;
	bool yes;

	IS_INT(value_parse(str_of(text), &v, NULL), 0, "an object");
	OK(value_is_object(v), "is one");
	IS_S(value_get_str(v, "s"), STR("a\xc3\xa9"), "a string");
	OK(value_get_i64(v, "n", &i) && i == -7, "a number");
	OK(value_get_bool(v, "y", &yes) && yes, "a truth");
	OK(value_get_str(v, "n").p == NULL, "a number is no string");
	OK(value_get_str(v, "none").p == NULL, "an absent one is none");
	OK(!value_get_i64(v, "s", &i), "a string is no number");
	OK(!value_get_i64(v, "f", &i), "a fraction is no whole number");
	OK(!value_get_bool(v, "n", &yes), "a number is no truth");
	OK(value_get(v, "z") != NULL && value_get(v, "none") == NULL,
	    "null is there, absent is not");
	IS_INT(value_count(value_get(v, "l")), 3, "an array");
	IS_S(value_as_str(value_at(value_get(v, "l"), 1)), STR("q"), "item");
	OK(value_at(value_get(v, "l"), 3) == NULL, "no fourth item");
	IS_INT(value_count(value_get(v, "s")), 0, "a string has no items");
	value_free(&v);
	OK(!value_is_object(NULL) && value_get(NULL, "x") == NULL &&
		value_count(NULL) == 0 && value_get_str(NULL, "x").p == NULL,
	    "nothing has no members");
}

static void test_write(void)
{
	struct value *v = value_new_object(), *list = value_new_array();
	struct buf b;

	buf_init(&b, 1000);
	value_put_str(v, "b", STR("x\"y"));
	value_put_i64(v, "a", INT64_MIN);
	value_put_bool(v, "t", false);
	value_put_null(v, "z");
	value_put_time(v, "when", INT64_C(1795341932000));
	value_put_time(v, "never", 0);
	value_add_str(list, STR("\xff\xc3\xa9\0end"));
	value_add_str(list, STR("\xed\xa0\x80"));
	value_put(v, "l", list);
	IS_INT(value_dump(v, &b), 0, "dump");
	IS_S(buf_str(&b),
	    STR("{\"b\":\"x\\\"y\",\"a\":-9223372036854775808,\"t\":false,"
		"\"z\":null,\"when\":\"2026-11-22T10:05:32Z\",\"never\":null,"
		"\"l\":[\"\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd"
		"end\",\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]}\n"),
	    "in order, valid, one line");
	value_free(&v);
	OK(v == NULL, "freed");
	value_free(&v);
	buf_fini(&b);
}

/* What could not be built is never sent as if it were whole. */
static void test_incomplete(void)
{
	struct value *v = value_new_object();
	struct buf b;

	buf_init(&b, 1000);
	value_put(v, "x", NULL);
	OK(value_dump(v, &b) != 0, "a child that could not be made is told");
	OK(value_dump(NULL, &b) != 0, "nothing at all is told");
	value_free(&v);
	v = value_new_object();
	value_put_str(
	    v, "long", STR("0123456789012345678901234567890123456789"));
	buf_fini(&b);
	buf_init(&b, 20);
	OK(value_dump(v, &b) != 0, "a full buffer is told");
	value_free(&v);
	buf_fini(&b);
}

int main(void)
{
	test_bad();
	test_deep();
	test_read();
	test_write();
	test_incomplete();
	return tap_done();
}
