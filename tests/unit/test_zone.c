/* test_zone.c - offsets and instants against glibc, names of strangers, other
 * files, years beyond the table, lack of memory, many threads. */
#include "tests/unit/zonetest.h"

#include "policy/base/buf.h"
#include "policy/base/calendar.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/base/zonefile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

enum {
	RANDOM_INSTANTS = 20000,
	RANDOM_LOCALS = 400,
	DAMAGED = 2000,
};

static bool same_offset(const struct zone *z, int64_t s)
{
	int64_t want = zonetest_offset_s(s) * 1000, until;

	if (zone_offset_ms(z, s * 1000) == want &&
	    zone_offset_ms(z, s * 1000 + 999) == want &&
	    zone_offset_until_ms(z, s * 1000, &until) == want &&
	    until > s * 1000)
		return true;
	printf("# at %lld: %lld, not %lld\n", (long long)s,
	    (long long)zone_offset_ms(z, s * 1000), (long long)want);
	return false;
}

static bool same_instant(const struct zone *z, int64_t local_s)
{
	int64_t want = zonetest_instant_s(local_s) * 1000;
	int64_t got = zone_instant_ms(z, local_s * 1000);

	if (got == want)
		return true;
	printf("# local %lld: %lld, not %lld\n", (long long)local_s,
	    (long long)got, (long long)want);
	return false;
}

/* Every hour, and every second's neighbours, around a change of the clock. */
static bool around(const struct zone *z, int64_t change, bool instants)
{
	bool ok = true;

	for (int64_t h = -36; h <= 36 && ok; h++)
		for (int64_t d = -1; d <= 1 && ok; d++) {
			int64_t s = change + h * HOUR_S + d;
			ok = same_offset(z, s) &&
			     (!instants || same_instant(z,
					       s + zonetest_offset_s(change)));
		}
	return ok;
}

static void test_zone(struct zones *zs, const char *name)
{
	const struct zone *z = zonetest_find(zs, name);
	uint64_t seed = 88172645463325252;
	int64_t until, change = FROM_S, n = 0;
	bool ok = true;

	zonetest_use(name);
	IS_S(zone_name(z), str_of(name), "%s is found", name);
	for (int i = 0; i < RANDOM_INSTANTS && ok; i++)
		ok = same_offset(z, zonetest_between(&seed, FROM_S, UNTIL_S));
	OK(ok, "%s: offset at random instants", name);
	for (int i = 0; i < RANDOM_LOCALS && ok; i++)
		ok = same_instant(z, zonetest_between(&seed, FROM_S, UNTIL_S));
	OK(ok, "%s: instant of random local times", name);
	for (; (change = zonetest_change(change, UNTIL_S)) < UNTIL_S && ok; n++)
		ok = around(z, change, n % 8 == 0);
	OK(ok, "%s: around its %lld changes", name, (long long)n);
	for (change = FROM_S; ok && change < UNTIL_S;) {
		zone_offset_until_ms(z, change * 1000, &until);
		change = zonetest_change(change, UNTIL_S);
		ok = change < UNTIL_S ? until == change * 1000
				      : until >= change * 1000;
	}
	OK(ok, "%s: until when", name);
}

/* No change before it is said that there may be one. */
static bool stays(const struct zone *z, int64_t s)
{
	int64_t until, change = zonetest_change(s, s + 400 * DAY_S);

	zone_offset_until_ms(z, s * 1000, &until);
	if (until > s * 1000 &&
	    (until <= change * 1000 || change == s + 400 * DAY_S))
		return true;
	printf("# at %lld until %lld, not %lld\n", (long long)s,
	    (long long)until, (long long)change);
	return false;
}

/* glibc goes on for ever too, by the rule at the end of the file. */
static void test_far_zone(struct zones *zs, const char *name)
{
	static const int64_t far[] = {UNTIL_S, INT64_C(4102444800) /* 2100 */,
	    INT64_C(5017593600) /* 2129 */, INT64_C(13569465600) /* 2400 */,
	    INT64_C(32503680000) /* 3000 */, INT64_C(253402300800)};
	const struct zone *z = zonetest_find(zs, name);
	uint64_t seed = 42;
	bool ok = true;

	zonetest_use(name);
	for (size_t f = 0; f + 1 < sizeof(far) / sizeof(far[0]); f++)
		for (int n = 0; n < 3000 && ok; n++)
			ok = same_offset(
			    z, zonetest_between(&seed, far[f], far[f + 1]));
	for (int n = 0; n < 300 && ok; n++)
		ok = same_instant(z, zonetest_between(&seed, far[0], far[5]));
	for (int n = 0; n < 100 && ok; n++)
		ok = stays(z, zonetest_between(&seed, far[0], far[5]));
	for (int year = 2090; year < 2210 && ok; year++)
		ok = stays(z, calendar_days(year, 1, 1) * DAY_S) &&
		     stays(z, calendar_days(year, 12, 1) * DAY_S);
	OK(ok, "%s: until when, far on", name);
	for (int64_t s = far[2] - 800 * DAY_S;
	     ok && s < far[2] + 3000 * DAY_S;) {
		s = zonetest_change(s, s + 900 * DAY_S);
		ok = around(z, s, true);
	}
	OK(ok, "%s until the year 9999", name);
}

/* From 1970 on; real zones have changes by the second there. */
static void test_early(struct zones *zs, const char *name)
{
	const struct zone *z = zonetest_find(zs, name);
	uint64_t seed = 1970;
	bool ok = true;

	for (int n = 0; n < 3000 && ok; n++)
		ok = same_offset(z, zonetest_between(&seed, 0, FROM_S));
	OK(ok && same_offset(z, 0), "%s from 1970 on", name);
}

/* By name, nothing else. */
static void test_names(struct zones *zs)
{
	static const char *const refused[] = {"", "U", "Z", "utc", "Nowhere",
	    "Europe", "Europe/", "/Europe/Berlin", "Europe//Berlin",
	    "../Europe/Berlin", "Europe/../Europe/Berlin", "Europe/Berlin ",
	    "Europe/berlin", "europe/Berlin", ":Europe/Berlin", "AAA5", "CET-1",
	    "CET-1CEST", "CET-1CEST,M3.5.0,M10.5.0/3", "UTC+3", "EST5EDT4",
	    "+01", "+01:00", "-0300", "localtime", "posixrules",
	    "posix/Europe/Berlin", "right/Europe/Berlin", "tzdata.zi",
	    "zone.tab", "Europe/Berlin\n", "Europe/%s", "Europe\\Berlin",
	    "America/Argentina", "\"Europe/Berlin\"", "Europe/B\xc3\xa9rlin",
	    "America/Indiana/Indianapolis/Indianapolis",
	    "Ab/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1"};
	char big[1000];
	const struct zone *z, *again;
	int rc;

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]);
		     i++)
			IS_INT(zones_find(zs, str_of(refused[i]), &z),
			    ERR_NOT_FOUND, "no zone: name %zu", i);
	IS_INT(zones_find(zs, STR("Europe/Berlin\0x"), &z), ERR_NOT_FOUND,
	    "NUL in a name");
	IS_INT(zones_find(zs, STR_NULL, &z), ERR_NOT_FOUND, "no name");
	memset(big, 'A', sizeof(big));
	for (size_t n = 1; n <= sizeof(big); n += n < 70 ? 1 : 93)
		if (zones_find(zs, (struct str){big, n}, &z) != ERR_NOT_FOUND)
			OK(false, "a name of %zu bytes", n);
	rc = zones_find(zs, STR("Europe/Berlin"), &z);
	OK(rc == 0 && zones_find(zs, STR("Europe/Berlin"), &again) == 0 &&
		z == again,
	    "found once");
}

/* What a mistyped name may have meant. */
static void test_like(struct zones *zs)
{
	static const char *const names[][2] = {
	    {"europe/berlin", "Europe/Berlin"},
	    {"EUROPE/BERLIN", "Europe/Berlin"}, {"utc", "UTC"},
	    {"America/New York", "America/New_York"},
	    {"america/new-york", "America/New_York"},
	    {"america/argentina/salta", "America/Argentina/Salta"},
	    {"etc/gmt+3", "Etc/GMT+3"}, {"Europe/Berlin", "Europe/Berlin"},
	    {"", NULL}, {"Nowhere/Town", NULL}, {"Europe", NULL},
	    {"europe/", NULL}, {"/europe/berlin", NULL},
	    {"europe//berlin", NULL}, {"../zoneinfo/europe/berlin", NULL},
	    {"europe/../europe/berlin", NULL}, {"./europe/berlin", NULL},
	    {"Posix/Europe/Berlin", NULL}, {"zone.TAB", NULL},
	    {"europe/berlin/x", NULL}, {"europe/berli", NULL},
	    {"europe/berlinn", NULL}};
	char big[1000];
	struct buf b;

	buf_init(&b, 200);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool found;

		buf_reset(&b);
		found = zones_like(zs, str_of(names[i][0]), &b);
		IS_INT(found, names[i][1] != NULL, "\"%s\" is like one?",
		    names[i][0]);
		if (names[i][1] != NULL)
			IS_S(buf_str(&b), str_of(names[i][1]), "which");
	}
	memset(big, 'e', sizeof(big));
	buf_reset(&b);
	OK(!zones_like(zs, (struct str){big, sizeof(big)}, &b), "a long name");
	OK(!zones_like(zs, STR("europe/berlin\0x"), &b), "NUL in a name");
	buf_fini(&b);
	buf_init(&b, 5);
	OK(!zones_like(zs, STR("europe/berlin"), &b), "no room");
	buf_fini(&b);
	setenv("TZDIR", "test_zone.none", 1);
	buf_init(&b, 200);
	OK(!zones_like(zs, STR("europe/rome"), &b), "no zones on this host");
	buf_fini(&b);
	unsetenv("TZDIR");
}

/* --- a folder of zones of our own --- */

static const char folder[] = "test_zone.zoneinfo";

static bool put(const char *name, struct str bytes)
{
	char path[100];
	int fd;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ok = fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n;
	(void)close(fd);
	return ok;
}

static void drop(const char *name)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)unlink(path);
}

static void test_no_zones(void)
{
	static const struct {
		const char *name, *bytes;
		int rc;
	} files[] = {{"Empty", "", ERR_NOT_FOUND},
	    {"Text", "no zone", ERR_NOT_FOUND}, {"AAA5", "AAA5", ERR_NOT_FOUND},
	    {"Head", "TZif", ERR_CORRUPT}};
	struct zones *zs = NULL;
	const struct zone *z;
	struct buf big;

	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		OK(put(files[i].name, str_of(files[i].bytes)), "a file");
		IS_INT(zones_find(zs, str_of(files[i].name), &z), files[i].rc,
		    "file \"%s\" is no zone", files[i].name);
		drop(files[i].name);
	}
	buf_init(&big, ZONEFILE_MAX + 1);
	(void)buf_extend(&big, ZONEFILE_MAX + 1);
	OK(put("Big", buf_str(&big)), "a big file");
	IS_INT(zones_find(zs, STR("Big"), &z), ERR_CORRUPT, "is no zone");
	drop("Big");
	buf_fini(&big);
	IS_INT(zones_find(zs, STR("UTC"), &z), 0, "UTC needs no file");
	OK(z == zone_utc(), "nor memory");
	zones_close(&zs);
	OK(zs == NULL, "closed");
	zones_close(&zs);
}

/* A file as `zic -b slim` makes it: what the rule says is not spelled out. */
struct made {
	const char *name, *rule;
	int64_t at[6]; /* the offsets take turns, the second one first */
	size_t n;
	int32_t offset[2];
};

static struct str make(struct buf *b, const struct made *m)
{
	char head[44] = "TZif2", types[12] = {0}, at[8];

	buf_reset(b);
	codec_put_u32(head + 36, 1);
	codec_put_u32(head + 40, 4);
	buf_add(b, (struct str){head, sizeof(head)});
	buf_add(b, STR("\0\0\0\0\0\0AAA"));
	buf_addc(b, 0);
	codec_put_u32(head + 32, (uint32_t)m->n);
	codec_put_u32(head + 36, 2);
	buf_add(b, (struct str){head, sizeof(head)});
	for (size_t i = 0; i < m->n; i++) {
		codec_put_u64(at, (uint64_t)m->at[i]);
		buf_add(b, (struct str){at, sizeof(at)});
	}
	for (size_t i = 0; i < m->n; i++)
		buf_addc(b, i % 2 == 0);
	codec_put_u32(types, (uint32_t)m->offset[0]);
	codec_put_u32(types + 6, (uint32_t)m->offset[1]);
	buf_add(b, (struct str){types, sizeof(types)});
	buf_add(b, STR("AAA"));
	buf_addc(b, 0);
	buf_printf(b, "\n%s\n", m->rule);
	return buf_str(b);
}

static const struct zone *put_made(struct zones *zs, const struct made *m)
{
	const struct zone *z = NULL;
	struct buf b;

	buf_init(&b, 1000);
	OK(put(m->name, make(&b, m)) &&
		zones_find(zs, str_of(m->name), &z) == 0,
	    "zone %s of our own", m->name);
	buf_fini(&b);
	drop(m->name);
	return z;
}

static void test_slim(void)
{
	static const struct made t[] = {
	    {"Dublin", "IST-1GMT0,M10.5.0,M3.5.0/1", {657770400}, 1, {3600, 0}},
	    {"Eire", "IST-1GMT0,M10.5.0,M3.5.0/1", {-86400}, 1, {3600, 0}},
	    {"Santiago", "<-04>4<-03>,M9.1.6/24,M4.1.6/24", {-86400}, 1,
		{-14400, -10800}},
	    {"Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", {678326400},
		1, {39600, 37800}},
	    {"Gaza", "EET-2EEST,M3.4.4/50,M10.4.4/50", {-86400}, 1,
		{3600, 7200}},
	    {"Constant", "<+0545>-5:45", {657770400}, 1, {19800, 20700}},
	    {"No_rule", "", {657770400}, 1, {3600, 7200}},
	};
	struct zones *zs = NULL;
	struct buf b;

	buf_init(&b, 1000);
	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	/* All at once: glibc takes a new file for the old one if it has the
	 * same inode and second. */
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		OK(put(t[i].name, make(&b, &t[i])), "file %s", t[i].name);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		test_zone(zs, t[i].name);
		test_far_zone(zs, t[i].name);
		test_early(zs, t[i].name);
	}
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		drop(t[i].name);
	zones_close(&zs);
	buf_fini(&b);
}

/* Where glibc is no oracle. */
static void test_made(void)
{
	/* RFC 8536, 3.3.1, names it: daylight saving all the year. glibc has
	 * three hours without, each New Year. */
	static const struct made always = {
	    "Always", "XXX3EDT4,0/0,J365/23", {678326400}, 1, {-10800, -14400}};
	/* glibc does not read the rule where there is no change before it. */
	static const struct made bare = {
	    "Bare", "IST-1GMT0,M10.5.0,M3.5.0/1", {0}, 0, {7200, 7200}};
	static const struct made late = {"Late", "<+05>-5",
	    {1000000000, 7258118400 /* 2200 */}, 2, {18000, 21600}};
	struct zones *zs = NULL;
	const struct zone *z;
	int64_t until = 0;

	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	z = put_made(zs, &always);
	IS_INT(zone_offset_until_ms(z, 1000000000000, &until), -14400000,
	    "always an hour ahead");
	IS_INT(until, INT64_MAX, "and never changes");
	z = put_made(zs, &bare);
	IS_INT(zone_offset_ms(z, 0), 0, "winter of 1970");
	IS_INT(zone_offset_ms(z, 15552000000), 3600000, "its summer");
	IS_INT(zone_offset_ms(z, 31535999999), 0, "its end");
	z = put_made(zs, &late);
	IS_INT(zone_offset_ms(z, 999999999999), 18000000, "before");
	IS_INT(zone_offset_ms(z, 1000000000000), 21600000, "then");
	IS_INT(zone_offset_ms(z, INT64_C(5000000000000)), 21600000,
	    "until the end of the table");
	zones_close(&zs);
}

/* Cut at the front as by `zic -r`. RFC 8536, 3.2: type 0 is what was before;
 * glibc takes the first type that is not daylight saving. */
static void test_cut(void)
{
	static const struct made m = {
	    "Cut", "CET-1CEST,M3.5.0,M10.5.0/3", {1000000000}, 1, {7200, 3600}};
	struct zones *zs = NULL;
	const struct zone *z;
	int64_t until = 0;
	struct str s;
	struct buf b;

	buf_init(&b, 1000);
	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	s = make(&b, &m);
	b.p[2 * 44 + 6 + 4 + 9 + 4] = 1; /* behind two heads and a change */
	OK(put("Cut", s), "type 0 is daylight saving");
	IS_INT(zones_find(zs, STR("Cut"), &z), 0, "a zone");
	IS_INT(zone_offset_until_ms(z, INT64_MIN, &until), 7200000, "type 0");
	IS_INT(until, 1000000000000, "until the first change");
	IS_INT(zone_offset_ms(z, until), 3600000, "and then type 1");
	drop("Cut");
	zones_close(&zs);
	buf_fini(&b);
}

/* Changes that follow each other faster than what they change: the first span
 * that has a local time is looked for, not any. */
static void test_quick(void)
{
	static const struct made m = {"Quick", "<+00>0",
	    {1000000000, 1000003600, 1000007200, 1000010800, 1000014400,
		1000018000},
	    6, {18000, 0}};
	const struct zone *z;
	struct zones *zs = NULL;
	bool ok = true;

	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	z = put_made(zs, &m);
	for (int64_t local = 999990000; local < 1000040000 && ok; local += 60) {
		int64_t t = local - 24 * HOUR_S;
		while (t + zone_offset_ms(z, t * 1000) / 1000 < local)
			t += 1;
		ok = zone_instant_ms(z, local * 1000) == t * 1000;
		if (!ok)
			printf("# %lld: %lld, not %lld\n", (long long)local,
			    (long long)zone_instant_ms(z, local * 1000),
			    (long long)t * 1000);
	}
	OK(ok, "instants in quick changes");
	zones_close(&zs);
}

/* A new tzdata: seen at a reload; who has a zone keeps what he has. */
static void test_reload(void)
{
	static const struct made five = {"Five", "<+05>-5", {0}, 0, {18000, 0}};
	static const struct made six = {"Five", "<+06>-6", {0}, 0, {21600, 0}};
	struct zones *zs = NULL;
	const struct zone *old, *now, *other;
	struct buf b;

	buf_init(&b, 1000);
	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	OK(put("Five", make(&b, &five)) && put("Same", make(&b, &five)),
	    "two zones");
	IS_INT(zones_find(zs, STR("Five"), &old), 0, "one is found");
	IS_INT(zones_find(zs, STR("Same"), &other), 0, "so is the other");
	IS_INT(zones_find(zs, STR("Late"), &now), ERR_NOT_FOUND, "no third");
	IS_INT(zones_reload(zs), 0, "nothing has changed");
	IS_INT(zones_find(zs, STR("Five"), &now), 0, "found again");
	OK(now == old, "the same one");
	OK(put("Five", make(&b, &six)) && put("Late", make(&b, &six)),
	    "a new tzdata");
	IS_INT(zones_find(zs, STR("Five"), &now), 0, "found again");
	OK(now == old, "not seen yet");
	IS_INT(zones_reload(zs), 1, "one says something else");
	IS_INT(zones_find(zs, STR("Five"), &now), 0, "found");
	IS_INT(zone_offset_ms(now, 0), 21600000, "as it is now");
	IS_INT(zone_offset_ms(old, 0), 18000000, "the old one is still there");
	IS_INT(zones_find(zs, STR("Same"), &now), 0, "found");
	OK(now == other, "the other is the same");
	IS_INT(zones_find(zs, STR("Late"), &now), 0, "the third is there now");
	drop("Five");
	OK(put("Same", STR("no zone")), "one breaks");
	IS_INT(zones_reload(zs), 0, "nothing to go by");
	IS_INT(zones_find(zs, STR("Five"), &now), 0, "found");
	IS_INT(zone_offset_ms(now, 0), 21600000, "as before");
	IS_INT(zones_find(zs, STR("Same"), &now), 0, "that too");
	fault_alloc_at(1);
	IS_INT(zones_reload(zs), 0, "no memory: as before");
	fault_alloc_at(0);
	drop("Same");
	drop("Late");
	zones_close(&zs);
	buf_fini(&b);
}

/* Names as long as they may be, as many as there may be, known once. */
static void test_bounds(void)
{
	static const struct made m = {"One", "<+05>-5", {0}, 0, {18000, 0}};
	struct zones *zs = NULL;
	const struct zone *z;
	char name[ZONE_NAME_MAX + 2];
	struct buf b;
	int rc = 0;

	buf_init(&b, 1000);
	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	memset(name, 'A', sizeof(name));
	name[ZONE_NAME_MAX + 1] = '\0';
	OK(put(name, make(&b, &m)), "a name that is too long");
	IS_INT(zones_find(zs, str_of(name), &z), ERR_NOT_FOUND, "not found");
	drop(name);
	name[ZONE_NAME_MAX] = '\0';
	IS_INT(zones_find(zs, str_of(name), &z), ERR_NOT_FOUND, "no file yet");
	OK(put(name, make(&b, &m)), "one that just fits");
	IS_INT(zones_find(zs, str_of(name), &z), ERR_NOT_FOUND,
	    "not asked for twice");
	zones_close(&zs);
	if (!OK(zones_open(&zs) == 0, "open again"))
		return;
	IS_INT(zones_find(zs, str_of(name), &z), 0, "found now");
	drop(name);
	OK(put("One", make(&b, &m)), "a zone with many names");
	for (int i = 1; i <= ZONES_MAX && rc == 0; i++) {
		char path[100];

		(void)snprintf(name, sizeof(name), "L%d", i);
		(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
		if (symlink("One", path) == 0)
			rc = zones_find(zs, str_of(name), &z);
		drop(name);
		if (rc != 0)
			IS_INT(i, ZONES_MAX, "room for so many");
	}
	IS_INT(rc, ERR_LIMIT, "and no more");
	IS_INT(zones_find(zs, STR("L7"), &z), 0, "those there are stay");
	drop("One");
	zones_close(&zs);
	buf_fini(&b);
}

/* What passes zonefile.h is a zone: each offset holds until a later instant. */
static bool is_whole(const struct zone *z)
{
	const int64_t day_ms = DAY_S * 1000, end_ms = 160 * 366 * day_ms;
	int64_t t = INT64_MIN, until;
	size_t n = 0;

	for (; t < end_ms && n < 1000; n++, t = until) {
		int64_t offset = zone_offset_until_ms(z, t, &until);

		if (until <= t || offset != zone_offset_ms(z, t) ||
		    offset < -26 * HOUR_S * 1000 || offset > 26 * HOUR_S * 1000)
			return false;
	}
	return t >= end_ms;
}

static void test_damaged(void)
{
	static const struct made m = {"Damaged", "CET-1CEST,M3.5.0,M10.5.0/3",
	    {657770400, 667770400}, 2, {3600, 7200}};
	const struct zone *z;
	uint64_t seed = 5;
	size_t found = 0;
	bool whole = true;
	struct buf b;

	buf_init(&b, 1000);
	for (int i = 0; i < DAMAGED; i++) {
		struct zones *zs = NULL;
		struct str s = make(&b, &m);

		for (int k = 0; k < 2; k++)
			b.p[zonetest_random(&seed) % s.n] =
			    (char)zonetest_random(&seed);
		if (!put("Damaged", s) || zones_open(&zs) != 0)
			break;
		if (zones_find(zs, STR("Damaged"), &z) == 0) {
			found++;
			whole = whole && is_whole(z);
		}
		zones_close(&zs);
	}
	OK(found > 0 && found < DAMAGED, "%zu of %d are still zones", found,
	    DAMAGED);
	OK(whole, "and each is a whole one");
	drop("Damaged");
	buf_fini(&b);
}

static void test_own_folder(void)
{
	(void)mkdir(folder, 0755);
	setenv("TZDIR", folder, 1);
	test_no_zones();
	test_slim();
	test_made();
	test_cut();
	test_quick();
	test_reload();
	test_bounds();
	test_damaged();
	unsetenv("TZDIR");
	(void)rmdir(folder);
}

static void test_utc(void)
{
	static const int64_t t[] = {
	    INT64_MIN, -1, 0, 1, INT64_C(1795305600000), INT64_MAX};
	const struct zone *z = zone_utc();
	int64_t until;

	IS_S(zone_name(z), STR("UTC"), "its name");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		IS_INT(zone_offset_ms(z, t[i]), 0, "offset");
		IS_INT(zone_instant_ms(z, t[i]), t[i], "instant");
		IS_INT(zone_offset_until_ms(z, t[i], &until), 0, "offset");
		IS_INT(until, INT64_MAX, "never changes");
	}
}

/* Any number is taken; UBSan sees an overflow. */
static void test_extremes(struct zones *zs)
{
	static const char *const names[] = {
	    "Europe/Berlin", "Etc/GMT+12", "Etc/GMT-14", "America/Santiago"};
	static const int64_t t[] = {INT64_MIN, INT64_MIN + 1,
	    INT64_MIN + 86400000, INT64_MAX - 86400000, INT64_MAX - 1,
	    INT64_MAX};
	int64_t until;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct zone *z = zonetest_find(zs, names[i]);
		bool ok = true;

		for (size_t k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
			int64_t offset = zone_offset_until_ms(z, t[k], &until);
			int64_t at = zone_instant_ms(z, t[k]);
			ok = ok && offset == zone_offset_ms(z, t[k]) &&
			     (until > t[k] || until == INT64_MAX) &&
			     (t[k] < 0 ? at < INT64_MIN + 2 * 86400000
				       : at > INT64_MAX - 3 * 86400000);
		}
		OK(ok, "%s at the ends of time", names[i]);
	}
}

static void test_no_memory(void)
{
	struct zones *zs = NULL;
	const struct zone *z = NULL;
	int rc = -ENOMEM;
	long n;

	fault_alloc_at(1);
	IS_INT(zones_open(&zs), -ENOMEM, "no memory to open");
	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	for (n = 1; rc == -ENOMEM && n < 20; n++) {
		fault_alloc_at(n);
		rc = zones_find(zs, STR("Europe/Rome"), &z);
	}
	fault_alloc_at(0);
	OK(rc == 0 && n > 4, "found after %ld failures", n - 2);
	IS_INT(zone_offset_ms(z, 0), 3600000, "and whole");
	zones_close(&zs);
}

struct finder {
	struct zones *zs;
	const struct zone *found[ZONETEST_NAMES];
	size_t start;
	pthread_t thread;
};

static void *find_all(void *arg)
{
	struct finder *f = arg;

	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < ZONETEST_NAMES; i++) {
			size_t at = (i + f->start) % ZONETEST_NAMES;
			if (zones_find(f->zs, str_of(zonetest_names[at]),
				&f->found[at]) != 0)
				f->found[at] = NULL;
		}
	return NULL;
}

static void test_threads(void)
{
	enum {
		THREADS = 4
	};
	static struct finder f[THREADS];
	struct zones *zs = NULL;
	bool ok = true;

	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	for (size_t i = 0; i < THREADS; i++) {
		f[i].zs = zs;
		f[i].start = i * 7;
		pthread_create(&f[i].thread, NULL, find_all, &f[i]);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(f[i].thread, NULL);
	for (size_t i = 0; i < ZONETEST_NAMES; i++)
		ok = ok && f[0].found[i] != NULL &&
		     f[0].found[i] == f[1].found[i] &&
		     f[0].found[i] == f[3].found[i];
	OK(ok, "threads find the same zones");
	zones_close(&zs);
}

int main(void)
{
	struct zones *zs = NULL;

	test_own_folder();
	test_no_memory();
	test_threads();
	if (!OK(zones_open(&zs) == 0, "open"))
		return 1;
	test_names(zs);
	test_like(zs);
	test_utc();
	for (size_t i = 0; i < ZONETEST_NAMES; i++)
		test_zone(zs, zonetest_names[i]);
	for (size_t i = 0; i < ZONETEST_NAMES; i += 3)
		test_far_zone(zs, zonetest_names[i]);
	test_extremes(zs);
	zones_close(&zs);
	return tap_done();
}
