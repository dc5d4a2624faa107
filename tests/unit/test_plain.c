/* test_plain.c - agent/cli/plain.h: what may reach a terminal. */
#include "agent/cli/plain.h"
#include "agent/value.h"
#include "tests/unit/tap.h"

enum {
	ROOM = 256
};

static void check(struct str in, const char *want, const char *name)
{
	char p[ROOM];
	size_t n;

	memcpy(p, in.p, in.n);
	n = plain_text(p, in.n);
	OK(n <= in.n && str_eq((struct str){p, n}, str_of(want)), "%s", name);
}

static void test_text(void)
{
	check(STR(""), "", "nothing");
	check(STR("a b"), "a b", "ASCII");
	check(STR("M\xc3\xbcller \xe2\x82\xac \xe6\xbc\xa2 \xf0\x9f\x98\x80"),
	    "M\xc3\xbcller \xe2\x82\xac \xe6\xbc\xa2 \xf0\x9f\x98\x80",
	    "letters of 2, 3 and 4 bytes");
	check(STR("\xd7\xa9\xd7\x9c"), "\xd7\xa9\xd7\x9c", "Hebrew stays");
	check(STR("a\xe2\x80\x8d"
		  "b"),
	    "a\xe2\x80\x8d"
	    "b",
	    "a joiner stays");
	check(STR("a\0b\x1b[2J\r\n\t\x7f."), "a b [2J    .", "C0 and DEL");
	check(STR("a\xc2\x80"
		  "b\xc2\x9b"
		  "c\xc2\xa0"
		  "d"),
	    "a b c\xc2\xa0"
	    "d",
	    "C1, to its last but not behind");
	check(STR("a\xe2\x80\xa8"
		  "b\xe2\x80\xa9"
		  "c"),
	    "a b c", "ends of lines");
	check(STR("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f."), "   .", "marks");
	check(STR("\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae"
		  "\xe2\x80\xaf"),
	    "     \xe2\x80\xaf", "embeddings and overrides");
	check(
	    STR("\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9"),
	    "\xe2\x81\xa5    ", "isolates");
	check(STR("\xef\xbb\xbf."), " .", "a byte order mark");
}

static void test_invalid(void)
{
	check(STR("\xff\xfe."), "??.", "bytes that begin nothing");
	check(STR("\x9b"
		  "31m"),
	    "?31m", "C1 as a byte");
	check(STR("a\xc3"), "a?", "cut");
	check(STR("\xe2\x80"), "??", "cut in its third");
	check(STR("\xe2\x80"
		  "a"),
	    "??a", "broken off");
	check(STR("\xc0\x9b\xc1\x81"), "????", "overlong, of 2");
	check(STR("\xe0\x82\x9b"), "???", "overlong, of 3");
	check(STR("\xf0\x80\x82\x9b"), "????", "overlong, of 4");
	check(STR("\xed\xa0\x80"), "???", "a surrogate");
	check(STR("\xf4\x90\x80\x80"), "????", "behind the last");
	check(STR("\xf8\x88\x80\x80\x80"), "?????", "of 5");
}

static void test_lines(void)
{
	char p[] = "a\nb\r\xe2\x80\xa8\n";
	size_t n = plain_lines(p, sizeof(p) - 1);

	OK(str_eq((struct str){p, n}, STR("a\nb  \n")), "newlines stay");
}

/* The bytes are harmless, and a reader of JSON gets the very same text. */
static void test_json(void)
{
	static const char text[] = "\"\\ \xc2\x9b \x7f \xe2\x80\xa8 "
				   "\xe2\x80\xae \xef\xbb\xbf \xc3\xbc";
	struct value *o = value_new_object(), *back = NULL;
	struct error err = {0};
	struct buf json, out;
	size_t n;

	buf_init(&json, 4096);
	buf_init(&out, 4096);
	value_put_str(o, "k", str_of(text));
	IS_INT(value_dump(o, &json), 0, "dumped");
	plain_json(buf_str(&json), &out);
	IS_INT(buf_error(&out), 0, "escaped");
	OK(str_contains(buf_str(&out), STR("\\u2028 \\u202e \\ufeff \xc3\xbc")),
	    "by number, and letters as they are");
	IS_INT(value_parse(buf_str(&out), &back, &err), 0, "still JSON");
	OK(str_eq(value_get_str(back, "k"), str_of(text)), "of the same text");
	n = out.n;
	OK(plain_lines(out.p, out.n) == n && out.p[n - 1] == '\n' &&
		!str_contains((struct str){out.p, n}, STR("  ")),
	    "and nothing is left");
	value_free(&back);
	value_free(&o);
	buf_fini(&json);
	buf_fini(&out);
}

int main(void)
{
	test_text();
	test_invalid();
	test_lines();
	test_json();
	return tap_done();
}
