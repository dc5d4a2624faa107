/* test_zonefile.c - rules against glibc's reading of the same text, and files
 * of tzdata: made ones, damaged ones. */
#include "tests/unit/zonetest.h"

#include "policy/base/buf.h"
#include "policy/base/calendar.h"
#include "policy/base/codec.h"
#include "policy/base/file.h"
#include "policy/base/zonefile.h"

enum {
	RULES = 300,
	INSTANTS = 300,
	DAMAGED = 20000,
};

static void test_text(void)
{
	static const struct {
		const char *text;
		int32_t std_s, dst_s;
		bool ok, has_dst;
	} t[] = {
	    {"UTC0", 0, 0, true, false},
	    {"<+0545>-5:45", 20700, 0, true, false},
	    {"<-00>0", 0, 0, true, false},
	    {"EST5", -18000, 0, true, false},
	    {"LMT0:44:30", -2670, 0, true, false},
	    {"CET-1CEST,M3.5.0,M10.5.0/3", 3600, 7200, true, true},
	    {"IST-1GMT0,M10.5.0,M3.5.0/1", 3600, 0, true, true},
	    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37800, 39600, true, true},
	    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7200, -3600, true, true},
	    {"EET-2EEST,M4.5.5/0,M10.5.4/24", 7200, 10800, true, true},
	    {"IST-2IDT,M3.4.4/26,M10.5.0", 7200, 10800, true, true},
	    {"XXX3EDT4,0/0,J365/23", -10800, -14400, true, true},
	    {"", 0, 0, false, false},
	    {"CET", 0, 0, false, false},
	    {"CE1", 0, 0, false, false},
	    {"CET25", 0, 0, false, false},
	    {"CET-1:60", 0, 0, false, false},
	    {"CET-1CEST", 0, 0, false, false},
	    {"CET-1CEST,", 0, 0, false, false},
	    {"CET-1CEST,M3.5.0", 0, 0, false, false},
	    {"CET-1CEST,M3.5.0,", 0, 0, false, false},
	    {"CET-1CEST,M0.5.0,M10.5.0", 0, 0, false, false},
	    {"CET-1CEST,M13.5.0,M10.5.0", 0, 0, false, false},
	    {"CET-1CEST,M3.0.0,M10.5.0", 0, 0, false, false},
	    {"CET-1CEST,M3.6.0,M10.5.0", 0, 0, false, false},
	    {"CET-1CEST,M3.5.7,M10.5.0", 0, 0, false, false},
	    {"CET-1CEST,M3.5,M10.5.0", 0, 0, false, false},
	    {"CET-1CEST,J0,J10", 0, 0, false, false},
	    {"CET-1CEST,J366,J10", 0, 0, false, false},
	    {"CET-1CEST,366,10", 0, 0, false, false},
	    {"CET-1CEST,M3.5.0/168,M10.5.0", 0, 0, false, false},
	    {"CET-1CEST,M3.5.0/,M10.5.0", 0, 0, false, false},
	    {"CET-1CEST,M3.5.0,M10.5.0/3 ", 0, 0, false, false},
	    {"<CET-1", 0, 0, false, false},
	    {"<>-1", 0, 0, false, false},
	    {"<+ 3>-3", 0, 0, false, false},
	    {"<+0\xb3>-3", 0, 0, false, false},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct zonerule r;
		int rc = zonerule_parse(str_of(t[i].text), &r);

		IS_INT(rc, t[i].ok ? 0 : ERR_SYNTAX, "\"%s\"", t[i].text);
		if (rc != 0)
			continue;
		IS_INT(r.std_s, t[i].std_s, "its offset");
		IS_INT(r.dst_s, t[i].dst_s, "its other one");
		OK(r.has_dst == t[i].has_dst, "has it one");
	}
}

/* The offset at s. */
static int64_t by_rule(const struct zonerule *r, int64_t s)
{
	const int year = (int)(1970 + s / (365 * DAY_S + DAY_S / 4));
	int64_t offset = r->std_s;

	for (int y = year - 2; y <= year + 1; y++) {
		struct zonerule_change c[2];
		zonerule_changes(r, y, c);
		for (size_t i = 0; i < 2; i++)
			if (c[i].at_s <= s)
				offset = c[i].offset_s;
	}
	return offset;
}

/* A date from 10 January to 20 June or half a year later. */
static void random_date(uint64_t *seed, bool late, char *out, size_t n)
{
	int64_t k = zonetest_between(seed, 0, 3);
	int64_t hour = zonetest_between(seed, -3, 27);
	int64_t day = zonetest_between(seed, 10, 170) + (late ? 185 : 0);

	if (k == 0)
		(void)snprintf(out, n, "M%d.%d.%d/%d:30",
		    (int)zonetest_between(seed, 2, 6) + (late ? 6 : 0),
		    (int)zonetest_between(seed, 1, 6),
		    (int)zonetest_between(seed, 0, 7), (int)hour);
	else
		(void)snprintf(
		    out, n, "%s%d/%d", k == 1 ? "J" : "", (int)day, (int)hour);
}

/* As glibc reads the same text, until the year 2400. */
static bool same_rule(const char *text, uint64_t *seed)
{
	struct zonerule r;

	zonetest_use(text);
	if (zonerule_parse(str_of(text), &r) != 0)
		return false;
	for (int k = 0; k < INSTANTS; k++) {
		int64_t s = zonetest_between(seed, 0, INT64_C(13569465600));
		if (by_rule(&r, s) == zonetest_offset_s(s))
			continue;
		printf("# %s at %lld: %lld, not %lld\n", text, (long long)s,
		    (long long)by_rule(&r, s), (long long)zonetest_offset_s(s));
		return false;
	}
	return true;
}

static void test_rules(void)
{
	static const char *const edges[] = {"AAA0BBB,J59,J300",
	    "AAA0BBB,J60,J300", "AAA0BBB,59,J300", "AAA0BBB,60,M11.5.0",
	    "AAA0BBB,M2.5.0,J60/3", "AAA0BBB,M2.5.1/5,M12.1.0",
	    "AAA0BBB,J59/24,J60/24"};
	uint64_t seed = 3;
	bool ok = true;

	for (int i = 0; i < RULES && ok; i++) {
		bool swap = zonetest_random(&seed) % 2 == 0;
		char text[100], from[30], to[30];

		random_date(&seed, swap, from, sizeof(from));
		random_date(&seed, !swap, to, sizeof(to));
		(void)snprintf(text, sizeof(text), "AAA%d:%02dBBB%d,%s,%s",
		    (int)zonetest_between(&seed, -14, 13),
		    (int)zonetest_between(&seed, 0, 60),
		    (int)zonetest_between(&seed, -14, 13), from, to);
		ok = same_rule(text, &seed);
	}
	OK(ok, "%d rules as glibc has them", RULES);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (int k = 0; k < 20 && ok; k++)
			ok = same_rule(edges[i], &seed);
	OK(ok, "around the 29th of February");
}

/* --- files --- */

static void add_block(struct buf *out, char version, size_t instant,
    const int64_t *times, uint32_t n)
{
	static const char names[] = "AAA\0BBB";
	char head[44] = "TZif", bytes[8], type[6] = {0};

	head[4] = version;
	codec_put_u32(head + 32, n);
	codec_put_u32(head + 36, 2);
	codec_put_u32(head + 40, sizeof(names));
	buf_add(out, (struct str){head, sizeof(head)});
	for (uint32_t i = 0; i < n; i++) {
		codec_put_u64(bytes, (uint64_t)times[i]);
		buf_add(out, (struct str){bytes + 8 - instant, instant});
	}
	for (uint32_t i = 0; i < n; i++)
		buf_addc(out, i % 2 == 0 ? 1 : 0);
	for (uint32_t i = 0; i < 2; i++) {
		codec_put_u32(type, i * 3600);
		type[4] = (char)i;
		type[5] = (char)(4 * i);
		buf_add(out, (struct str){type, sizeof(type)});
	}
	buf_add(out, (struct str){names, sizeof(names)});
}

static void is_change(
    const struct zonefile *f, size_t i, int64_t at_s, int32_t offset_s)
{
	struct zonerule_change c = zonefile_change(f, i);

	IS_INT(c.at_s, at_s, "change %zu", i);
	IS_INT(c.offset_s, offset_s, "its offset");
}

/* Before the first change it is type 0, be it called standard time or not; what
 * stands behind it does not matter to the changes. */
static void test_changes(void)
{
	static const int64_t times[] = {INT32_MIN, 5, INT32_MAX};
	static const int64_t far[] = {INT64_MIN, -1, INT64_C(1) << 40};
	struct zonefile f;
	struct buf b;
	size_t first, types;

	buf_init(&b, 1000);
	add_block(&b, 0, 4, times, 3);
	IS_INT(zonefile_parse(buf_str(&b), &f), 0, "first version");
	IS_INT(f.first_s, 0, "before the first change");
	is_change(&f, 0, INT32_MIN, 3600);
	is_change(&f, 1, 5, 0);
	is_change(&f, 2, INT32_MAX, 3600);
	codec_put_u32(b.p + 28, 1); /* leap seconds */
	IS_INT(zonefile_parse(buf_str(&b), &f), ERR_CORRUPT, "one is missing");
	buf_add(&b, STR("\0\0\0\1\0\0\0\1"));
	IS_INT(zonefile_parse(buf_str(&b), &f), 0, "one is there");
	is_change(&f, 1, 5, 0);
	buf_reset(&b);
	add_block(&b, '2', 4, times, 3);
	first = b.n;
	add_block(&b, '2', 8, far, 3);
	buf_addz(&b, "\n\n");
	types = first + 44 + sizeof(far) + 3;
	codec_put_u32(b.p + types, (uint32_t)-7200);
	b.p[types + 4] = 1;
	IS_INT(zonefile_parse(buf_str(&b), &f), 0, "second version");
	IS_INT(f.first_s, -7200, "before the first change, daylight saving");
	IS_INT(f.n_changes, 3, "those of 64 bits");
	is_change(&f, 0, INT64_MIN, 3600);
	is_change(&f, 1, -1, -7200);
	is_change(&f, 2, INT64_C(1) << 40, 3600);
	codec_put_u32(b.p + types, (uint32_t)(26 * 3600 + 1));
	IS_INT(
	    zonefile_parse(buf_str(&b), &f), ERR_CORRUPT, "too far from UTC");
	buf_fini(&b);
}

static void test_made(void)
{
	static const int64_t times[] = {-1000, 5, 2000000000};
	struct zonefile f;
	struct buf b;

	buf_init(&b, 1000);
	add_block(&b, 0, 4, times, 3);
	IS_INT(zonefile_parse(buf_str(&b), &f), 0, "first version");
	OK(f.n_changes == 3 && f.last_s == 2000000000 && !f.has_rule,
	    "its changes");
	buf_reset(&b);
	add_block(&b, '2', 4, NULL, 0);
	add_block(&b, '2', 8, times, 2);
	IS_INT(zonefile_parse(buf_str(&b), &f), ERR_CORRUPT, "no foot");
	buf_addz(&b, "\n\n");
	IS_INT(zonefile_parse(buf_str(&b), &f), 0, "second version");
	OK(f.n_changes == 2 && f.last_s == 5 && !f.has_rule, "its changes");
	buf_truncate(&b, b.n - 1);
	buf_addz(&b, "AAA0BBB,M3.5.0,M10.5.0\n");
	IS_INT(zonefile_parse(buf_str(&b), &f), 0, "with a rule");
	OK(f.has_rule && f.rule.dst_s == 3600, "its rule");
	buf_truncate(&b, b.n - 2);
	buf_addz(&b, "x\n");
	IS_INT(zonefile_parse(buf_str(&b), &f), ERR_CORRUPT, "with no rule");
	buf_reset(&b);
	add_block(&b, '3', 4, times, 0);
	add_block(&b, '3', 8, (const int64_t[]){7, 7}, 2);
	buf_addz(&b, "\n\n");
	IS_INT(zonefile_parse(buf_str(&b), &f), ERR_CORRUPT, "out of order");
	buf_reset(&b);
	add_block(&b, 0, 4, times, 3);
	IS_INT(zonefile_parse(str_cut(buf_str(&b), 0, b.n - 1), &f),
	    ERR_CORRUPT, "a byte short");
	b.p[44 + 12] = 2; /* types are 0 and 1 */
	IS_INT(zonefile_parse(buf_str(&b), &f), ERR_CORRUPT, "no such type");
	IS_INT(zonefile_parse(STR("TZi"), &f), ERR_NOT_FOUND, "no file");
	IS_INT(zonefile_parse(STR("not a zone"), &f), ERR_NOT_FOUND, "other");
	buf_fini(&b);
}

static bool read_berlin(struct buf *b)
{
	const char *folder = getenv("TZDIR");
	char path[1000];

	(void)snprintf(path, sizeof(path), "%s/Europe/Berlin",
	    folder != NULL ? folder : "/usr/share/zoneinfo");
	return file_read(path, b, NULL) == 0;
}

/* A copy of its own for each length, so that ASan sees its end. */
static int parse_copy(struct str s, struct zonefile *f)
{
	char *p = malloc(s.n + 1);
	int rc;

	if (p == NULL)
		return -1;
	memcpy(p, s.p, s.n);
	rc = zonefile_parse((struct str){p, s.n}, f);
	free(p);
	return rc;
}

static void test_damaged(void)
{
	uint64_t seed = 17;
	struct zonefile f;
	struct buf b, d;
	size_t whole = 0, refused = 0;

	buf_init(&b, ZONEFILE_MAX);
	buf_init(&d, ZONEFILE_MAX);
	if (!OK(read_berlin(&b), "a file of tzdata"))
		return;
	IS_INT(zonefile_parse(buf_str(&b), &f), 0, "is whole");
	OK(f.has_rule && f.rule.std_s == 3600, "and has a rule");
	for (size_t n = 0; n < b.n; n++)
		whole += parse_copy((struct str){b.p, n}, &f) == 0;
	IS_INT(whole, 0, "no part of it is");
	for (int i = 0; i < DAMAGED; i++) {
		buf_reset(&d);
		buf_add(&d, buf_str(&b));
		for (int k = 0; k < 3; k++)
			d.p[zonetest_random(&seed) % (i % 2 == 0 ? 100 : d.n)] =
			    (char)zonetest_random(&seed);
		refused += parse_copy(buf_str(&d), &f) != 0;
	}
	OK(refused > DAMAGED / 4, "%zu of %d damaged ones are refused", refused,
	    DAMAGED);
	buf_fini(&d);
	buf_fini(&b);
}

int main(void)
{
	test_text();
	test_rules();
	test_made();
	test_changes();
	test_damaged();
	return tap_done();
}
