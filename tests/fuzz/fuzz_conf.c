/* fuzz_conf.c - any bytes as the admin's file. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/buf.h"
#include "policy/conf/conf.h"

static void count(void *arg, const char *line)
{
	size_t *n = arg;

	FUZZ_CHECK(str_starts(str_of(line), STR("f:")));
	(*n)++;
}

/* What was accepted prints as a file that reads to the same. */
static void check_conf(const struct conf *c)
{
	const struct conf *again;
	struct buf one, two;
	size_t n = 0;

	buf_init(&one, 32 << 20);
	buf_init(&two, 32 << 20);
	conf_print(c, &one);
	FUZZ_CHECK(conf_parse(&again, "f", buf_str(&one), NULL) == 0);
	conf_print(again, &two);
	FUZZ_CHECK(str_eq(buf_str(&one), buf_str(&two)));
	conf_warnings(c, count, &n);
	conf_unref(&again);
	buf_fini(&one);
	buf_fini(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	struct error err = {0};
	const struct conf *c;

	if (conf_parse(&c, "f", text, &err) == 0) {
		check_conf(c);
		conf_unref(&c);
	} else {
		FUZZ_CHECK(str_starts(str_of(err.text), STR("f:")));
		FUZZ_CHECK(!fuzz_disagree(&err));
	}
	return 0;
}
