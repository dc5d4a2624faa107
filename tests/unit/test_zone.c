/* test_zone.c - offsets and instants against glibc, names of strangers, years
 * beyond the table, lack of memory, many threads. */
#include "tests/unit/zonetest.h"

#include "policy/base/calendar.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

enum {
	RANDOM_INSTANTS = 20000,
	RANDOM_LOCALS = 400,
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

/* A folder of zones that has other things in it. */
static void test_no_zones(void)
{
	static const char folder[] = "test_zone.zoneinfo";
	static const struct {
		const char *name, *bytes;
	} files[] = {{"Empty", ""}, {"Text", "no zone"}, {"AAA5", "AAA5"}};
	struct zones *zs = NULL;
	const struct zone *z;

	(void)mkdir(folder, 0755);
	setenv("TZDIR", folder, 1);
	if (!OK(zones_open(&zs) == 0, "open"))
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[100];
		int fd;

		(void)snprintf(
		    path, sizeof(path), "%s/%s", folder, files[i].name);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		OK(fd >= 0 &&
			write(fd, files[i].bytes, strlen(files[i].bytes)) ==
			    (ssize_t)strlen(files[i].bytes),
		    "a file %s", files[i].name);
		(void)close(fd);
		IS_INT(zones_find(zs, str_of(files[i].name), &z), ERR_NOT_FOUND,
		    "file \"%s\" is no zone", files[i].name);
		(void)unlink(path);
	}
	zones_close(&zs);
	OK(zs == NULL, "closed");
	zones_close(&zs);
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

/* glibc goes on for ever too, by the rule at the end of the file. */
static void test_far(struct zones *zs)
{
	static const char *const names[] = {"Europe/Berlin", "America/New_York",
	    "Australia/Lord_Howe", "America/Santiago", "Pacific/Chatham",
	    "Africa/Casablanca", "Asia/Tokyo", "America/Nuuk", "Asia/Beirut",
	    "Africa/Cairo"};
	const int64_t far[] = {UNTIL_S, INT64_C(4102444800) /* 2100 */,
	    INT64_C(5017593600) /* 2129 */, INT64_C(13569465600) /* 2400 */,
	    INT64_C(32503680000) /* 3000 */, INT64_C(253402300800)};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct zone *z = zonetest_find(zs, names[i]);
		uint64_t seed = 42;
		bool ok = true;

		zonetest_use(names[i]);
		for (size_t f = 0; f + 1 < sizeof(far) / sizeof(far[0]); f++)
			for (int n = 0; n < 3000 && ok; n++)
				ok = same_offset(z, zonetest_between(&seed,
							far[f], far[f + 1]));
		for (int n = 0; n < 300 && ok; n++) {
			int64_t s = zonetest_between(&seed, far[0], far[5]);
			ok = same_instant(z, s);
		}
		for (int64_t s = far[2] - 800 * DAY_S;
		     ok && s < far[2] + 3000 * DAY_S;) {
			s = zonetest_change(s, s + 900 * DAY_S);
			ok = around(z, s, true);
		}
		OK(ok, "%s until the year 9999", names[i]);
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

	fault_alloc_at(1);
	IS_INT(zones_open(&zs), -ENOMEM, "no memory to open");
	OK(zones_open(&zs) == 0, "open");
	fault_alloc_at(1);
	IS_INT(zones_find(zs, STR("Europe/Rome"), &z), -ENOMEM,
	    "no memory for a zone");
	IS_INT(zones_find(zs, STR("Europe/Rome"), &z), 0, "memory again");
	fault_alloc_at(0);
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

	test_no_zones();
	test_no_memory();
	test_threads();
	if (!OK(zones_open(&zs) == 0, "open"))
		return 1;
	test_names(zs);
	test_utc();
	for (size_t i = 0; i < ZONETEST_NAMES; i++)
		test_zone(zs, zonetest_names[i]);
	test_far(zs);
	test_extremes(zs);
	zones_close(&zs);
	return tap_done();
}
