/* fuzz_audience.c - any bytes as a condition over attributes: what is accepted
 * prints as what reads back to the same text and the same people. */
#include "tests/fuzz/fuzz.h"

#include "policy/conf/audience.h"

static const struct attribute attributes[] = {
    {{"role", 4}, 1, ATTRIBUTE_TEXT},
    {{"employees", 9}, 2, ATTRIBUTE_NUMBER},
    {{"customer", 8}, 3, ATTRIBUTE_FLAG},
    {{"renewal", 7}, 4, ATTRIBUTE_DATE},
};

static const struct attribute_value person[] = {
    {1, ATTRIBUTE_TEXT, {"CTO", 3}, 0},
    {2, ATTRIBUTE_NUMBER, {NULL, 0}, 200},
    {3, ATTRIBUTE_FLAG, {NULL, 0}, 1},
    {4, ATTRIBUTE_DATE, {NULL, 0}, 20000},
};

static void check_same(const struct audience *x, const struct audience *y)
{
	for (size_t n = 0; n <= 4; n++)
		FUZZ_CHECK(audience_contains(x, person, n, 19990) ==
			   audience_contains(y, person, n, 19990));
}

static void check_audience(struct arena *a, const struct audience *x)
{
	const struct audience *again;
	struct buf text, twice;

	buf_init(&text, 1 << 20);
	buf_init(&twice, 1 << 20);
	audience_print(x, &text);
	FUZZ_CHECK(buf_error(&text) == 0);
	if (text.n <= AUDIENCE_MAX_BYTES) {
		FUZZ_CHECK(audience_parse(a, attributes, 4, buf_str(&text),
			       &again, NULL) == 0);
		audience_print(again, &twice);
		FUZZ_CHECK(str_eq(buf_str(&text), buf_str(&twice)));
		check_same(x, again);
	}
	buf_fini(&text);
	buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(4 << 20);
	struct str text = {(const char *)data, n};
	struct error err = {0};
	const struct audience *x;

	if (a == NULL)
		return 0;
	if (audience_parse(a, attributes, 4, text, &x, &err) == 0)
		check_audience(a, x);
	else
		FUZZ_CHECK(x == NULL && err.text[0] != '\0');
	arena_free(&a);
	return 0;
}
