/* test_lint.c - each trap of libconfuse is refused with its line, and what is
 * left has the right lines. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/conf/lint.h"
#include "policy/conf/read.h"

enum {
	ARENA = 32 << 20
};

/* The refusal of text, "" if it is accepted. */
static struct error lint(struct str text)
{
	struct arena *a = arena_new(ARENA);
	struct lint_outline *o = NULL;
	struct error err = {0};
	int rc = lint_check(a, "f", text, &o, &err);

	OK((rc == 0) == (o != NULL), "an outline or a refusal");
	OK(rc == err.code, "the code is in the error");
	arena_free(&a);
	return err;
}

static const struct {
	const char *name, *text, *why;
} traps[] = {
    {"empty file", "", ""},
    {"blank file", " \t\r\n\n", ""},
    {"option", "a = b\n", ""},
    {"several on a line", "a=b c = \"d e\"\tg = {h, \"i\",j}\n", ""},
    {"final comma", "a = {b, c,}\n", ""},
    {"list over lines", "a = {\n b,\n # c\n d\n}\n", ""},
    {"sections", "a { b = c }\nd e { }\nd f { }\n", ""},
    {"section with quoted name", "a \"b.c\" { }\n", ""},
    {"comments", "# a\n// b\n/* c\n ** / */ a = b # c\nd/**/=/* */e //f\n", ""},
    {"comment without line end", "a = b # c", ""},
    {"quotes in comments", "# it's \"\n/* \" ' */ a = b\n", ""},
    {"comment marks in a string", "a = \"# // /* \"\n", ""},
    {"line ends of Windows", "a = b\r\nc = d\r\n", ""},
    {"UTF-8 in a string", "a = \"B\xc3\xbc\xf0\x9f\x90\x9d\"\n", ""},
    {"zero alone", "a = 0\n", ""},
    {"zeros in quotes", "a = \"0660\"\n", ""},

    {"missing last brace", "a = b\nc d {\n e = f\n\n",
	"f:2: section \"c\" begins here and its closing brace is missing"},
    {"missing brace before the next section",
	"seg a {\n b = c\n\nseg d {\n e = f\n}\n",
	"f:4: \"seg d\" inside section \"seg\" of line 1: its closing brace "
	"or a \"=\" is missing"},
    {"missing brace before a nameless section", "a {\n b = c\nd {\n}\n}\n",
	"f:3: section \"d\" inside section \"a\" of line 1; is its closing "
	"brace missing?"},
    {"brace too many", "a { b = c }\n}\n",
	"f:2: closing brace without an opening one"},
    {"missing list brace", "a = {b, c\nd = e\n",
	"f:2: expected \",\" or \"}\" in the list of \"a\", found d"},
    {"missing list brace at the end", "a = {b, c,\n",
	"f:2: expected a value in the list of \"a\", found the end of the "
	"file (a closing brace missing?)"},
    {"empty list", "\na = {\n}\n",
	"f:2: list of \"a\" is empty; leave the option out"},
    {"list in list", "a = {b, {c}}\n",
	"f:1: expected a value in the list of \"a\", found { (a closing "
	"brace missing?)"},
    {"missing comma", "a = {\"b\" \"c\"}\n",
	"f:1: expected \",\" or \"}\" in the list of \"a\", found \"c\""},

    {"missing quote", "a = b\nc = \"d\ne = \"f\"\n",
	"f:2: string begins here and has no closing quote on its line"},
    {"missing quote at the end", "a = \"b",
	"f:1: string begins here and has no closing quote on its line"},
    {"backslash in a string", "\n\na = \"b\\n\"\n",
	"f:3: backslash in a string; there are no escapes here"},
    {"escaped quote", "a = \"b\\\"c\"\n",
	"f:1: backslash in a string; there are no escapes here"},
    {"continued string", "a = \"b\\\nc\"\n",
	"f:1: backslash in a string; there are no escapes here"},
    {"backslash outside", "a = b\\\n",
	"f:1: backslash; there are no escapes here"},
    {"tab in a string", "a = \"b\tc\"\n", "f:1: tab in a string"},
    {"single quotes", "a = 'b'\n",
	"f:1: single quote; strings stand in double quotes"},
    {"environment in a string", "a = b\nc = \"x${HOME}\"\n",
	"f:2: ${...} would be taken from the environment; write the value "
	"itself"},
    {"environment outside", "a = ${HOME}\n",
	"f:1: ${...} would be taken from the environment; write the value "
	"itself"},
    {"dollar alone in a string", "a = \"5 $ {x}\"\n", ""},

    {"octal", "a = 1\nb = 010\n",
	"f:2: 010 could mean an octal number; write it without the leading "
	"zero, or in double quotes where zeros belong to it"},
    {"octal in a list", "a = {1, 007}\n",
	"f:1: 007 could mean an octal number; write it without the leading "
	"zero, or in double quotes where zeros belong to it"},
    {"option twice", "a = b\nc = d\n\na = b\n",
	"f:4: option \"a\" is given twice (first at line 1)"},
    {"option twice in a section", "s {\n a = b\n a = c\n}\n",
	"f:3: option \"a\" is given twice (first at line 2)"},
    {"section twice", "s t { }\ns u { }\ns t { }\n",
	"f:3: section \"s t\" is given twice (first at line 1)"},
    {"section twice, once quoted", "s t { }\ns \"t\" { }\n",
	"f:2: section \"s t\" is given twice (first at line 1)"},
    {"nameless section twice", "s { }\n\ns { }\n",
	"f:3: section \"s\" is given twice (first at line 1)"},
    {"append", "a = {b}\na += {c}\n",
	"f:2: \"+=\" is not supported; write the whole list"},
    {"include", "include(\"/etc/passwd\")\n",
	"f:1: \"(\": include() and other functions are not supported"},
    {"semicolon", "a = b;\n",
	"f:1: \";\" is not needed: a line needs no end mark"},

    {"several words", "a = b c, d\n",
	"f:1: unexpected \"c\"; a value of several words stands in double "
	"quotes"},
    {"two words", "a = b c\nd = e\n",
	"f:1: unexpected \"c\"; a value of several words stands in double "
	"quotes"},
    {"two words in a section", "s {\n a = hold 5d\n}\n",
	"f:2: unexpected \"5d\"; a value of several words stands in double "
	"quotes"},
    {"no value", "a =\n}\n", "f:2: expected a value after \"a =\", found }"},
    {"no value at the end", "a = ",
	"f:1: expected a value after \"a =\", found the end of the file"},
    {"no equals sign", "a\nb\n", "f:1: expected \"=\" or \"{\" after \"a\""},
    {"no equals sign at the end", "a\n",
	"f:1: expected \"=\" or \"{\" after \"a\", found the end of the "
	"file"},
    {"no brace", "s t\n = b\n", "f:1: expected \"=\" or \"{\" after \"s\""},
    {"quoted option name", "\"a\" = b\n",
	"f:1: expected the name of an option or section, found \"a\""},
    {"quoted option name in a section", "s { \"a\" = b }\n",
	"f:1: expected an option's name, found \"a\""},
    {"slash", "a = /b\n",
	"f:1: unexpected \"/\"; put the value in double quotes"},
    {"at sign", "a = b@c\n",
	"f:1: unexpected \"@\"; put the value in double quotes"},
    {"UTF-8 outside", "a = B\xc3\xbc\n",
	"f:1: letter outside ASCII; put the value in double quotes"},
    {"comment without end", "a = b\n/* c\n\nd = e\n",
	"f:2: comment begins with /* here and never ends"},
    {"half an end of comment", "/*/\n",
	"f:1: comment begins with /* here and never ends"},
    {"cut off within a word", "a = enforc",
	"f:1: the file ends within \"enforc\" and without a line end; is it "
	"cut off?"},

    {"invalid UTF-8", "a = b\n# \xff\n", "f:2: not valid UTF-8"},
    {"half a character", "a = \"\xc3\"\n", "f:1: not valid UTF-8"},
    {"byte order mark",
	"\xef\xbb\xbf"
	"a = b\n",
	"f:1: starts with a byte order mark; save the file as UTF-8 without "
	"it"},
    {"control byte", "a = b\n\nc = \"\x1b[31m\"\n", "f:3: control byte 0x1b"},
    {"DEL in a comment", "# \x7f\n", "f:1: control byte 0x7f"},
    {"CR alone", "a = b\rc = d\n", "f:1: control byte 0x0d"},
    {"CR at the end", "a = b\r", "f:1: control byte 0x0d"},
};

static void test_traps(void)
{
	for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
		struct error err = lint(str_of(traps[i].text));
		IS_STR(err.text, traps[i].why, "%s", traps[i].name);
	}
	IS_STR(lint(STR("a = \"b\0c\"\n")).text, "f:1: control byte 0x00",
	    "NUL in a string");
	IS_STR(lint(STR("a = b\n\0")).text, "f:2: control byte 0x00",
	    "NUL at the end");
}

static struct str repeat(struct buf *b, const char *head, const char *format,
    int n, const char *tail)
{
	buf_init(b, 4 << 20);
	buf_addz(b, head);
	for (int i = 0; i < n; i++) {
		buf_addz(b, format);
		buf_printf(b, "%d ", i);
	}
	buf_addz(b, tail);
	return buf_str(b);
}

/* a = "xxx..." */
static struct str fill(struct buf *b, size_t n)
{
	char *p;

	buf_init(b, 1 << 20);
	buf_addz(b, "a = \"");
	p = buf_extend(b, n);
	if (p != NULL)
		memset(p, 'x', n);
	buf_addz(b, "\"\n");
	return buf_str(b);
}

/* A comment of n bytes, in the second line. */
static struct str line_of(struct buf *b, size_t n)
{
	char *p;

	buf_init(b, 1 << 20);
	buf_addz(b, "a = 1\n");
	p = buf_extend(b, n);
	if (p != NULL)
		memset(p, '#', n);
	return buf_str(b);
}

static void test_limits(void)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	while (b.n < LINT_MAX_BYTES)
		buf_addz(&b, "# 16 bytes here\n");
	IS_STR(lint(buf_str(&b)).text, "", "as many bytes as may be");
	buf_addc(&b, '\n');
	IS_STR(lint(buf_str(&b)).text,
	    "f:65537: the file is larger than 1048576 bytes", "one more");
	buf_fini(&b);
	IS_STR(lint(line_of(&b, LINT_MAX_LINE)).text, "", "a long line");
	buf_fini(&b);
	IS_STR(lint(line_of(&b, LINT_MAX_LINE + 1)).text,
	    "f:2: more than 16384 bytes in a line", "one byte more");
	buf_fini(&b);
	IS_STR(lint(fill(&b, LINT_MAX_STRING)).text, "", "a long string");
	buf_fini(&b);
	IS_STR(lint(fill(&b, LINT_MAX_STRING + 1)).text,
	    "f:1: more than 4096 bytes in a string", "one byte more");
	buf_fini(&b);
	fill(&b, LINT_MAX_WORD + 1);
	b.p[4] = b.p[b.n - 2] = ' ';
	IS_STR(lint(buf_str(&b)).text, "f:1: more than 256 bytes in a word",
	    "a long word");
	b.p[5] = ' ';
	IS_STR(lint(buf_str(&b)).text, "", "one byte less");
	buf_fini(&b);
	IS_STR(lint(repeat(&b, "a={1", ",", LINT_MAX_VALUES - 1, "}")).text, "",
	    "as many values as may be");
	buf_fini(&b);
	IS_STR(lint(repeat(&b, "s { a", "=1 b", LINT_MAX_OPTIONS, "=1}")).text,
	    "f:1: more than 64 options in one section", "options");
	buf_fini(&b);
	IS_STR(lint(repeat(&b, "s t", "{}\ns t", LINT_MAX_SECTIONS, "{}")).text,
	    "f:2049: more than 2048 sections", "sections");
	buf_fini(&b);
}

static void test_excerpt(void)
{
	IS_INT(lint_excerpt(STR("0123456789012345678901234567890123456789"
				"0123456789012345678\xc3\xbc!"))
		   .n,
	    59, "an excerpt ends between characters");
	IS_INT(lint_excerpt(STR("abc")).n, 3, "a short one is whole");
}

static void test_blank(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"a # b\nc", "a    \nc"},
	    {"a//b", "a   "},
	    {"a/*\n*/b", "a  \n  b"},
	    {"\"#\"#\"", "\"#\"  "},
	    {"/**/#", "     "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[32];
		size_t n = strlen(cases[i].text);

		memcpy(text, cases[i].text, n + 1);
		lint_blank_comments(text, n);
		IS_STR(text, cases[i].want, "comments to blanks, case %zu", i);
	}
}

/* Lines stay right behind comments of all kinds, where libconfuse's drift. */
static void test_lines(void)
{
	static const char text[] = "/* one */ /* two */\n" /* 1 */
				   "// three\n"
				   "a = \"x\"\n"
				   "/* four\n"
				   " */ b = {\n"
				   "  u, # five\n" /* 6 */
				   "  v\n"
				   "}\n"
				   "s t /* six\n*/ {\n"
				   "  c = 1 }\n"; /* 11 */
	struct arena *a = arena_new(ARENA);
	const struct read_tree *t = NULL;
	struct error err = {0};
	const struct read_option *b;

	IS_INT(read_text(a, "f", str_of(text), &t, &err), 0, "read");
	IS_STR(err.text, "", "no complaint");
	if (t == NULL)
		return;
	IS_INT(t->top.n_options, 2, "options at the top");
	IS_INT(t->top.options[0].line, 3, "line of a");
	b = read_find(&t->top, STR("b"));
	OK(b != NULL && b->line == 5 && b->braces && b->n == 2, "b");
	IS_INT(b != NULL ? b->values[0].line : 0, 6, "line of u");
	IS_INT(b != NULL ? b->values[1].line : 0, 7, "line of v");
	IS_S(t->top.options[0].values[0].token, STR("\"x\""), "as written");
	IS_S(t->top.options[0].values[0].text, STR("x"), "its text");
	OK(t->n_sections == 1 && t->sections[0].line == 9 &&
		t->sections[0].titled,
	    "section");
	IS_INT(t->sections[0].options[0].line, 11, "line of c");
	OK(read_find(&t->top, STR("c")) == NULL, "c is not at the top");
	arena_free(&a);
}

/* What lint lets pass but the two readers could see differently. */
static void test_reader(void)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"s { a = b }\ns t { }\n",
		"f:2: section \"s\" is given with and without a name"},
	    {"a = b\na { }\n", "f: \"a\" is both an option and a section"},
	    {"", ""},
	    {"include = x\n", ""},
	    {"__unknown = x\n", ""},
	    {"a \"\" { }\n", ""},
	};
	struct arena *a = arena_new(ARENA);
	const struct read_tree *t;
	struct buf b;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		int rc = read_text(a, "f", str_of(cases[i].text), &t, &err);
		OK((rc == 0) == (cases[i].why[0] == '\0'), "reader case %zu",
		    i);
		IS_STR(err.text, cases[i].why, "its text");
	}
	repeat(&b, "x", " { a = 1 } x", 63, " { }\n");
	IS_INT(read_text(a, "f", buf_str(&b), &t, NULL), ERR_LIMIT,
	    "too many kinds");
	buf_fini(&b);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 65; i++)
		buf_printf(&b, "s t%d { o%d = 1 }\n", i, i);
	IS_INT(read_text(a, "f", buf_str(&b), &t, NULL), ERR_LIMIT,
	    "too many different options");
	buf_fini(&b);
	arena_free(&a);
}

static void test_faults(void)
{
	static const char text[] = "a = {b, c}\ns t { d = \"e\" }\ns u { }\n";
	long n = 0;
	int rc;

	do {
		struct arena *a = arena_new(ARENA);
		const struct read_tree *t = NULL;
		struct error err = {0};

		fault_alloc_at(++n);
		rc = read_text(a, "f", str_of(text), &t, &err);
		fault_alloc_at(0);
		if (rc != 0)
			IS_STR(err.text, "f: out of memory",
			    "allocation %ld fails", n);
		arena_free(&a);
	} while (rc != 0 && n < 1000);
	OK(rc == 0 && n > 4, "and in the end it succeeds (%ld)", n);
	for (size_t max = 0; max < 600; max += 16) {
		struct arena *a = arena_new(max);
		const struct read_tree *t = NULL;

		rc = read_text(a, "f", str_of(text), &t, NULL);
		OK(rc == 0 ? t != NULL : rc == ERR_LIMIT,
		    "an arena of %zu bytes", max);
		arena_free(&a);
	}
}

int main(void)
{
	test_traps();
	test_limits();
	test_excerpt();
	test_blank();
	test_lines();
	test_reader();
	test_faults();
	return tap_done();
}
