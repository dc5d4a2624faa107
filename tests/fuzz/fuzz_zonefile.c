/* fuzz_zonefile.c - any bytes as a file of tzdata: of what is taken the changes
 * rise, all offsets are near UTC, and the rule has two changes each year. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/zonefile.h"

enum {
	MOST_S = 26 * 3600,
};

static bool is_offset(int32_t s)
{
	return s >= -MOST_S && s <= MOST_S;
}

static void check_rule(const struct zonerule *r)
{
	struct zonerule_change c[2];

	FUZZ_CHECK(is_offset(r->std_s) && is_offset(r->dst_s));
	for (int year = 1969; r->has_dst && year < 2130; year++) {
		zonerule_changes(r, year, c);
		FUZZ_CHECK(c[0].at_s <= c[1].at_s);
		FUZZ_CHECK(
		    is_offset(c[0].offset_s) && is_offset(c[1].offset_s));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct zonerule_change c = {0};
	struct zonefile f;
	int64_t last_s = 0;
	int rc = zonefile_parse((struct str){(const char *)data, n}, &f);

	if (rc != 0) {
		FUZZ_CHECK(rc == ERR_NOT_FOUND || rc == ERR_CORRUPT);
		return 0;
	}
	FUZZ_CHECK(is_offset(f.first_s) && f.n_changes < n);
	for (size_t i = 0; i < f.n_changes; i++, last_s = c.at_s) {
		c = zonefile_change(&f, i);
		FUZZ_CHECK(i == 0 || c.at_s > last_s);
		FUZZ_CHECK(is_offset(c.offset_s));
	}
	FUZZ_CHECK(last_s == f.last_s);
	if (f.has_rule)
		check_rule(&f.rule);
	return 0;
}
