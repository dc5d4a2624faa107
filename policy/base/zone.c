/* zone.c - see zone.h.
 *
 * A zone's file (zonefile.h) is read while the zone is loaded and never after:
 * it becomes a table of spans, each with one offset, so that a lookup is one
 * binary search. A simulation asks millions of times a second.
 *
 * The C library knows zones too, but only one at a time for the whole process
 * (TZ), under a lock. GLib knows many, but aborts the process when memory is
 * short, trusts the files, takes Dublin's "IST-1GMT0" for two hours and keeps
 * what it read for ever in a cache of its own.
 *
 * Beyond the table: the calendar has 14 kinds of year (weekday of 1 January,
 * leap or not), and 2101 to 2128 has them all, so a later year borrows the
 * offsets of one of its kind there. By then no zone of tzdata has more than a
 * yearly rule, and no rule changes the clock within a day of New Year. */
#include "policy/base/zone.h"

#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/base/zonefile.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S INT64_C(86400)
#define DAY_MS (DAY_S * 1000)
#define DAYS_400_YEARS INT64_C(146097)
#define LOAD_UNTIL_S INT64_C(5049129600) /* 2130-01-01 */

enum {
	CYCLE_FROM = 2101, /* first of the 28 years that later ones borrow */
	CYCLE_END = 2129,
	LAST_YEAR = 2129, /* with changes of its own in the table */
	SPANS_MAX = 1024, /* no zone has 500 */
	SLOTS = 1024,     /* a power of two above ZONES_MAX */
	MISSING_SLOTS = 64,
};

/* Span i is [from[i], from[i + 1]); from[0] is the beginning of time. */
struct zone {
	size_t n;
	const int64_t *from;    /* instants, rising */
	const int64_t *reached; /* largest local time before the end of i */
	const int32_t *offset;
	struct zone *next; /* of those that were replaced */
	size_t name_n;
	char name[ZONE_NAME_MAX];
};

struct missing {
	size_t n;
	char name[ZONE_NAME_MAX];
};

/* An open table whose slots are taken for good, though a zone in one may be
 * replaced: readers need no lock. */
struct zones {
	_Atomic(struct zone *) slot[SLOTS];
	pthread_mutex_t lock; /* of what follows, and of writing a slot */
	size_t n;
	struct zone *replaced;                 /* somebody may hold them */
	struct missing missing[MISSING_SLOTS]; /* asked for lately */
	size_t n_spans; /* of the zone that is being loaded */
	int64_t from[SPANS_MAX];
	int32_t offset[SPANS_MAX];
};

static const int64_t utc_from[] = {INT64_MIN}, utc_reached[] = {INT64_MAX};
static const int32_t utc_offset[] = {0};
static const struct zone utc = {
    .n = 1,
    .from = utc_from,
    .reached = utc_reached,
    .offset = utc_offset,
    .name_n = 3,
    .name = "UTC",
};

const struct zone *zone_utc(void)
{
	return &utc;
}

struct str zone_name(const struct zone *z)
{
	return (struct str){z->name, z->name_n};
}

/* --- the table --- */

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/* The last i with at[i] <= t; at[0] <= t. No branch that could be foretold
 * wrongly. */
static size_t last_not_after(const int64_t *at, size_t n, int64_t t)
{
	const int64_t *base = at;

	while (n > 1) {
		size_t half = n / 2;
		base = base[half] <= t ? base + half : base;
		n -= half;
	}
	return (size_t)(base - at);
}

static int64_t year_start_ms(int64_t year)
{
	int64_t y = year - 1;

	return (365 * y + y / 4 - y / 100 + y / 400 - 719162) * DAY_MS;
}

static bool is_leap(int64_t y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* A year of 2101..2128 with the calendar of year. */
static int64_t year_alike(int64_t year)
{
	int64_t y = CYCLE_FROM;

	while (is_leap(y) != is_leap(year) ||
	       (year_start_ms(year) - year_start_ms(y)) % (7 * DAY_MS) != 0)
		y++;
	return y;
}

/* How far t, at or after the cycle, is from the same place in the year that
 * it borrows; *end_out: where that year ends. */
static int64_t borrowed(int64_t t, int64_t *end_out)
{
	const int64_t start = year_start_ms(CYCLE_END);
	int64_t folded = start + (t - start) % (DAYS_400_YEARS * DAY_MS);
	int64_t year = CYCLE_END + (folded - start) / (366 * DAY_MS), alike;

	while (year_start_ms(year + 1) <= folded)
		year++;
	alike = year_alike(year);
	*end_out = year_start_ms(alike + 1);
	return t - folded + year_start_ms(year) - year_start_ms(alike);
}

static int64_t lookup(const struct zone *z, int64_t t, int64_t *until_out)
{
	size_t i = last_not_after(z->from, z->n, t);

	*until_out = i + 1 < z->n ? z->from[i + 1] : INT64_MAX;
	return z->offset[i];
}

int64_t zone_offset_until_ms(
    const struct zone *z, int64_t utc_ms, int64_t *until_out)
{
	int64_t shift, end, offset;

	if (z->n == 1 || utc_ms < year_start_ms(CYCLE_END))
		return lookup(z, utc_ms, until_out);
	shift = borrowed(utc_ms, &end);
	offset = lookup(z, utc_ms - shift, until_out);
	*until_out = add(*until_out < end ? *until_out : end, shift);
	return offset;
}

int64_t zone_offset_ms(const struct zone *z, int64_t utc_ms)
{
	int64_t end;

	if (z->n > 1 && utc_ms >= year_start_ms(CYCLE_END))
		utc_ms -= borrowed(utc_ms, &end);
	return z->offset[last_not_after(z->from, z->n, utc_ms)];
}

/* The first span that still has local_ms or later; its start if it has not
 * local_ms itself, which then lies in the gap before it. */
int64_t zone_instant_ms(const struct zone *z, int64_t local_ms)
{
	int64_t shift = 0, end, t;
	size_t i;

	if (z->n > 1 && local_ms >= year_start_ms(CYCLE_END))
		shift = borrowed(local_ms, &end);
	local_ms -= shift;
	if (z->n == 1 || local_ms < z->reached[0])
		i = 0;
	else /* the last span has all that is left */
		i = last_not_after(z->reached, z->n - 1, local_ms) + 1;
	t = add(local_ms, -(int64_t)z->offset[i]);
	return add(t > z->from[i] ? t : z->from[i], shift);
}

/* --- loading --- */

/* In the order of time. A change at the instant of the last one takes its
 * place: where a rule's year ends when its next one begins. */
static int add_span(struct zones *zs, int64_t s, int32_t offset_s)
{
	int64_t from_ms = s <= 0 ? INT64_MIN : s * 1000;

	if (zs->n_spans > 0 && zs->from[zs->n_spans - 1] >= from_ms)
		zs->n_spans--;
	if (zs->n_spans > 0 && zs->offset[zs->n_spans - 1] == offset_s * 1000)
		return 0; /* only the name of the time changed */
	if (zs->n_spans == SPANS_MAX)
		return ERR_CORRUPT;
	zs->from[zs->n_spans] = from_ms;
	zs->offset[zs->n_spans++] = offset_s * 1000;
	return 0;
}

/* Those of the file. What is before 1970 leaves the offset 1970 began with. */
static int add_changes(struct zones *zs, const struct zonefile *f)
{
	int rc = add_span(zs, 0, f->first_s);

	for (size_t i = 0; i < f->n_changes && rc == 0; i++) {
		struct zonerule_change c = zonefile_change(f, i);
		if (c.at_s < LOAD_UNTIL_S)
			rc = add_span(zs, c.at_s, c.offset_s);
	}
	return rc;
}

/* After the last change that the file has, or from 1970. The rule's changes of
 * 1969 say which of its two offsets 1970 began with. */
static int add_rules(struct zones *zs, const struct zonefile *f)
{
	const int64_t after = zs->n_spans > 0 ? f->last_s : INT64_MIN;
	struct zonerule_change c[2];
	int rc = 0;

	if (zs->n_spans == 0)
		rc = add_span(zs, 0, f->rule.std_s);
	for (int year = 1969; f->rule.has_dst && year <= LAST_YEAR; year++) {
		zonerule_changes(&f->rule, year, c);
		for (size_t i = 0; i < 2 && rc == 0; i++)
			if (c[i].at_s > after && c[i].at_s < LOAD_UNTIL_S)
				rc = add_span(zs, c[i].at_s, c[i].offset_s);
	}
	return rc;
}

/* Where the rule alone says what is from 1970 on, it does so before too. */
static int read_spans(struct zones *zs, const struct zonefile *f)
{
	int rc = 0;

	zs->n_spans = 0;
	if (!f->has_rule || (f->n_changes > 0 && f->last_s >= 0))
		rc = add_changes(zs, f);
	if (rc == 0 && f->has_rule)
		rc = add_rules(zs, f);
	return rc;
}

/* One piece of memory: the zone, then its three arrays. */
static struct zone *new_zone(const struct zones *zs, struct str name)
{
	const size_t n = zs->n_spans;
	int64_t *from, *reached, most = INT64_MIN;
	int32_t *offset;
	struct zone *z = fault_alloc()
			     ? NULL
			     : calloc(1, sizeof(*z) + n * (2 * sizeof(*from) +
							      sizeof(*offset)));

	if (z == NULL)
		return NULL;
	from = (int64_t *)(z + 1);
	reached = from + n;
	offset = (int32_t *)(reached + n);
	memcpy(from, zs->from, n * sizeof(*from));
	memcpy(offset, zs->offset, n * sizeof(*offset));
	for (size_t i = 0; i < n; i++) {
		int64_t end =
		    i + 1 < n ? add(from[i + 1], offset[i]) : INT64_MAX;
		most = end > most ? end : most;
		reached[i] = most;
	}
	z->n = n;
	z->from = from;
	z->reached = reached;
	z->offset = offset;
	z->name_n = name.n;
	memcpy(z->name, name.p, name.n);
	return z;
}

static const char *zones_folder(void)
{
	const char *folder = getenv("TZDIR");

	return folder != NULL ? folder : "/usr/share/zoneinfo";
}

static int read_file(struct str name, struct buf *out)
{
	struct buf path;
	int rc;

	buf_init(&path, PATH_MAX);
	buf_printf(&path, "%s/%.*s", zones_folder(), STR_ARG(name));
	rc = buf_error(&path);
	if (rc == 0)
		rc = file_read(path.p, out, NULL);
	if (rc == ERR_LIMIT)
		rc = ERR_CORRUPT;
	if (rc == -ENOENT || rc == -ENOTDIR || rc == -EISDIR)
		rc = ERR_NOT_FOUND;
	buf_fini(&path);
	return rc;
}

static int load(struct zones *zs, struct str name, struct zone **out)
{
	struct zonefile file;
	struct buf bytes;
	int rc;

	buf_init(&bytes, ZONEFILE_MAX);
	rc = read_file(name, &bytes);
	if (rc == 0)
		rc = zonefile_parse(buf_str(&bytes), &file);
	if (rc == 0)
		rc = read_spans(zs, &file);
	if (rc == 0) {
		*out = new_zone(zs, name);
		rc = *out != NULL ? 0 : -ENOMEM;
	}
	buf_fini(&bytes);
	return rc;
}

/* --- by name --- */

static bool is_name(struct str name)
{
	if (name.n == 0 || name.n > ZONE_NAME_MAX || name.p[0] < 'A' ||
	    name.p[0] > 'Z')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!ascii_is_alnum(c) && c != '_' && c != '+' && c != '-' &&
		    c != '/')
			return false;
		if (c == '/' && (i + 1 == name.n || name.p[i + 1] == '/'))
			return false;
	}
	return true;
}

static uint32_t hash(struct str name)
{
	uint32_t h = 2166136261;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619;
	return h;
}

/* The zone, or NULL and the free slot where it would be. */
static struct zone *find(struct zones *zs, struct str name, size_t *slot_out)
{
	struct zone *z;
	size_t i = hash(name) % SLOTS;

	while ((z = atomic_load_explicit(&zs->slot[i], memory_order_acquire)) !=
		   NULL &&
	       !str_eq(zone_name(z), name))
		i = (i + 1) % SLOTS;
	*slot_out = i;
	return z;
}

/* Under the lock; the name may have come while we waited for it. */
static int find_or_load(
    struct zones *zs, struct str name, const struct zone **out)
{
	struct missing *m = &zs->missing[hash(name) % MISSING_SLOTS];
	size_t slot;
	struct zone *z = find(zs, name, &slot);
	int rc = 0;

	if (z == NULL) {
		if (str_eq((struct str){m->name, m->n}, name))
			return ERR_NOT_FOUND;
		if (zs->n == ZONES_MAX)
			return ERR_LIMIT;
		rc = load(zs, name, &z);
	}
	if (rc == ERR_NOT_FOUND) {
		m->n = name.n;
		memcpy(m->name, name.p, name.n);
	}
	if (rc != 0)
		return rc;
	if (atomic_load_explicit(&zs->slot[slot], memory_order_relaxed) ==
	    NULL) {
		atomic_store_explicit(&zs->slot[slot], z, memory_order_release);
		zs->n++;
	}
	*out = z;
	return 0;
}

int zones_find(struct zones *zs, struct str name, const struct zone **out)
{
	size_t slot;
	int rc;

	if (!is_name(name))
		return ERR_NOT_FOUND;
	if (str_eq(name, zone_name(&utc))) { /* on any machine */
		*out = &utc;
		return 0;
	}
	*out = find(zs, name, &slot);
	if (*out != NULL)
		return 0;
	pthread_mutex_lock(&zs->lock);
	rc = find_or_load(zs, name, out);
	pthread_mutex_unlock(&zs->lock);
	return rc;
}

/* --- a mistyped name --- */

static char plain(char c)
{
	return c == ' ' || c == '-' ? '_' : ascii_lower(c);
}

static bool is_like(const char *file, struct str part)
{
	size_t i = 0;

	if (file[0] == '.')
		return false;
	while (
	    i < part.n && file[i] != '\0' && plain(file[i]) == plain(part.p[i]))
		i++;
	return i == part.n && file[i] == '\0';
}

/* Adds the file of a folder that is like a part of a name. */
static bool add_like(struct buf *path, struct str part)
{
	DIR *d = opendir(path->p);
	const struct dirent *e = NULL;

	while (
	    d != NULL && (e = readdir(d)) != NULL && !is_like(e->d_name, part))
		;
	if (e != NULL)
		buf_printf(path, "/%s", e->d_name);
	if (d != NULL)
		(void)closedir(d);
	return e != NULL && buf_error(path) == 0;
}

bool zones_like(struct zones *zs, struct str name, struct buf *out)
{
	struct str rest = name, part, found = STR("");
	const struct zone *z;
	struct buf path;
	size_t folder_n;
	bool ok = name.n <= ZONE_NAME_MAX;

	buf_init(&path, PATH_MAX);
	buf_addz(&path, zones_folder());
	folder_n = path.n;
	ok = ok && buf_error(&path) == 0;
	while (ok && str_next(&rest, '/', &part))
		ok = add_like(&path, part);
	if (ok)
		found = str_from(buf_str(&path), folder_n + 1);
	ok = ok && zones_find(zs, found, &z) == 0;
	if (ok)
		buf_add(out, found);
	buf_fini(&path);
	return ok && buf_error(out) == 0;
}

/* --- a new tzdata --- */

static bool same_spans(const struct zone *a, const struct zone *b)
{
	return a->n == b->n &&
	       memcmp(a->from, b->from, a->n * sizeof(*a->from)) == 0 &&
	       memcmp(a->offset, b->offset, a->n * sizeof(*a->offset)) == 0;
}

/* In the place of the one that is there. */
static bool read_again(struct zones *zs, size_t slot)
{
	struct zone *old =
	    atomic_load_explicit(&zs->slot[slot], memory_order_relaxed);
	struct zone *fresh;

	if (old == NULL || load(zs, zone_name(old), &fresh) != 0)
		return false;
	if (same_spans(old, fresh)) {
		free(fresh);
		return false;
	}
	atomic_store_explicit(&zs->slot[slot], fresh, memory_order_release);
	old->next = zs->replaced;
	zs->replaced = old;
	return true;
}

size_t zones_reload(struct zones *zs)
{
	size_t n = 0;

	pthread_mutex_lock(&zs->lock);
	memset(zs->missing, 0, sizeof(zs->missing));
	for (size_t i = 0; i < SLOTS; i++)
		n += read_again(zs, i);
	pthread_mutex_unlock(&zs->lock);
	return n;
}

int zones_open(struct zones **out)
{
	struct zones *zs = fault_alloc() ? NULL : calloc(1, sizeof(*zs));

	if (zs == NULL)
		return -ENOMEM;
	pthread_mutex_init(&zs->lock, NULL);
	*out = zs;
	return 0;
}

void zones_close(struct zones **zs)
{
	struct zone *next;

	if (*zs == NULL)
		return;
	for (struct zone *z = (*zs)->replaced; z != NULL; z = next) {
		next = z->next;
		free(z);
	}
	for (size_t i = 0; i < SLOTS; i++)
		free(atomic_load_explicit(
		    &(*zs)->slot[i], memory_order_relaxed));
	pthread_mutex_destroy(&(*zs)->lock);
	free(*zs);
	*zs = NULL;
}
