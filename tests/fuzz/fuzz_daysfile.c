/* fuzz_daysfile.c - any bytes as a file of holidays, by lines or as a calendar:
 * what is taken are days that there are, each once, and goes into a policy that
 * has just those days. */
#include "tests/fuzz/fuzz.h"

#include "policy/conf/daysfile.h"
#include "policy/conf/policy.h"

#define POLICY                                                                 \
	"holidays h { days-file = \"f\" }\n"                                   \
	"segment s {\n"                                                        \
	"  purpose = s\n"                                                      \
	"  send-on = \"mon-fri\"\n"                                            \
	"  holidays = h\n"                                                     \
	"}\n"

static bool same_day(
    const struct hours_holiday *a, const struct hours_holiday *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day;
}

static void check_day(const struct daysfile *f, size_t i)
{
	const struct daysfile_day *d = &f->days[i];
	struct hours_holiday again;
	struct buf text;

	FUZZ_CHECK(d->name.n <= DAYSFILE_NAME_MAX);
	for (size_t k = 0; k < d->name.n; k++)
		FUZZ_CHECK(
		    (unsigned char)d->name.p[k] >= ' ' && d->name.p[k] != '"');
	for (size_t k = 0; k < i; k++)
		FUZZ_CHECK(!same_day(&d->day, &f->days[k].day));
	buf_init(&text, 100);
	hours_print_holiday(&text, &d->day);
	FUZZ_CHECK(hours_parse_holiday(buf_str(&text), &again, NULL) == 0);
	FUZZ_CHECK(same_day(&d->day, &again));
	buf_fini(&text);
}

static int open_file(
    void *arg, struct str name, struct str *text_out, struct error *err)
{
	const struct str *file = arg;

	(void)err;
	FUZZ_CHECK(str_eq(name, STR("f")));
	*text_out = *file;
	return 0;
}

static void check_policy(
    struct arena *a, struct str file, const struct daysfile *f)
{
	const struct policy *p;
	struct error err = {0};
	struct str text;

	FUZZ_CHECK(daysfile_expand(a, "p", STR(POLICY), open_file, &file, &text,
		       &err) == 0);
	if (policy_parse(&p, "p", text, 1, &err) != 0)
		bug("%s", err.text);
	FUZZ_CHECK(p->n_holidays == 1 && p->holidays[0].n == f->n);
	for (size_t i = 0; i < f->n; i++)
		FUZZ_CHECK(same_day(&p->holidays[0].days[i], &f->days[i].day));
	policy_unref(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(8 << 20);
	struct str file = {(const char *)data, n};
	struct error err = {0};
	struct daysfile f;
	int rc;

	if (a == NULL)
		return 0;
	rc = daysfile_read(a, "f", file, &f, &err);
	if (rc != 0) {
		FUZZ_CHECK(rc == ERR_SYNTAX || rc == ERR_LIMIT);
		FUZZ_CHECK(f.n == 0 && str_starts(str_of(err.text), STR("f:")));
	} else {
		FUZZ_CHECK(f.n >= 1 && f.n <= DAYSFILE_MAX_DAYS);
		for (size_t i = 0; i < f.n; i++)
			check_day(&f, i);
		check_policy(a, file, &f);
	}
	arena_free(&a);
	return 0;
}
