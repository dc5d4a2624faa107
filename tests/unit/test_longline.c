/* test_longline.c - lines that the way out may split. */
#include "tests/unit/tap.h"

#include "policy/base/arena.h"
#include "policy/mail/longline.h"

enum {
	LIMIT = 998, /* RFC 5321 section 4.5.3.1.6 */
	MAX = 5000
};

/* Lines of x of these lengths, 0 ends; each with its end. */
static struct str lines(char *p, const size_t *lengths, const char *end)
{
	size_t n = 0, m = strlen(end);

	for (; *lengths > 0; lengths++) {
		memset(p + n, 'x', *lengths);
		memcpy(p + n + *lengths, end, m);
		n += *lengths + m;
	}
	return (struct str){p, n};
}

static bool found_in(struct str text, size_t step)
{
	struct longline l = {0};

	for (size_t at = 0; at < text.n; at += step)
		longline_update(&l,
		    str_cut(text, at, text.n - at < step ? text.n - at : step));
	return l.found;
}

static void test_body(void)
{
	static const struct {
		const char *name, *end;
		size_t lengths[5];
		bool found;
	} cases[] = {
	    {"no line", "\r\n", {0}, false},
	    {"short lines", "\r\n", {70, 1, 80, 2}, false},
	    {"as long as may be", "\r\n", {LIMIT, LIMIT, 1}, false},
	    {"one more", "\r\n", {LIMIT + 1}, true},
	    {"after others", "\r\n", {3, LIMIT, LIMIT + 1}, true},
	    {"before others", "\r\n", {LIMIT + 1, 3}, true},
	    {"between them", "\r\n", {900, 1200, 3}, true},
	    {"bare LF, short", "\n", {LIMIT, 3, LIMIT}, false},
	    {"bare LF, long", "\n", {LIMIT + 2}, true},
	    {"CR ends nothing", "\r", {600, 600}, true},
	    {"no end", "", {LIMIT}, false},
	    {"no end, long", "", {LIMIT + 2}, true},
	};
	static const size_t steps[] = {1, 2, 7, 997, 998, 999, 1000, 1001, MAX};
	static char text[MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str s = lines(text, cases[i].lengths, cases[i].end);
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++)
			IS_INT(found_in(s, steps[j]), cases[i].found,
			    "%s, in chunks of %zu", cases[i].name, steps[j]);
	}
}

static void test_headers(void)
{
	static char value[MAX];
	struct arena *a = arena_new(1 << 16);
	struct header_list l = {0};

	if (a == NULL)
		exit(1);
	memset(value, 'x', sizeof(value));
	OK(!longline_in_headers(&l), "no header");
	IS_INT(header_add(&l, a, STR("Subject"), (struct str){value, 990}), 0,
	    "added");
	OK(!longline_in_headers(&l), "998 with name and colon");
	value[600] = '\n';
	IS_INT(header_add(&l, a, STR("X-Folded"), (struct str){value, 1500}), 0,
	    "added");
	OK(!longline_in_headers(&l), "long, but folded");
	value[600] = 'x';
	l.v[0].value.n++;
	l.n = 1;
	OK(longline_in_headers(&l), "999");
	l.v[0].value.n--;
	OK(!longline_in_headers(&l), "998 again");
	arena_free(&a);
}

int main(void)
{
	test_body();
	test_headers();
	return tap_done();
}
