/* test_giveup.c - which failures end in a suppression. */
#include "tests/unit/tap.h"

#include "policy/rules/giveup.h"

#define DAY INT64_C(86400000)
#define T0 INT64_C(1795342800000)

static const struct giveup_limits usual = GIVEUP_USUAL;

static struct giveup_failure failure(
    enum bounce_class class, enum bounce_reason reason, bool names_lead)
{
	return (struct giveup_failure){
	    .reason = reason, .class = class, .names_lead = names_lead};
}

static void test_ranks(void)
{
	static const struct {
		const char *name;
		enum bounce_class class;
		enum bounce_reason reason;
		bool names_lead;
		enum giveup_rank rank;
		int suppression;
	} cases[] = {
	    {"user unknown", BOUNCE_CLASS_PERSON, BOUNCE_USER_UNKNOWN, true,
		GIVEUP_PERSON, SUPPRESSION_USER_UNKNOWN},
	    {"of another person", BOUNCE_CLASS_PERSON, BOUNCE_USER_UNKNOWN,
		false, GIVEUP_OTHER_PERSON, 0},
	    {"mailbox disabled", BOUNCE_CLASS_PERSON, BOUNCE_MAILBOX_DISABLED,
		true, GIVEUP_PERSON, SUPPRESSION_MAILBOX_DISABLED},
	    {"mailbox moved", BOUNCE_CLASS_PERSON, BOUNCE_MAILBOX_MOVED, true,
		GIVEUP_PERSON, SUPPRESSION_MAILBOX_MOVED},
	    {"host unknown, once", BOUNCE_CLASS_PERSON, BOUNCE_HOST_UNKNOWN,
		true, GIVEUP_HOST, 0},
	    {"another class", BOUNCE_CLASS_MESSAGE, BOUNCE_USER_UNKNOWN, true,
		GIVEUP_FAILED, 0},
	};
	struct giveup_row once = {.count = 1, .first_ms = T0 - 9 * DAY};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct giveup_failure f = failure(
		    cases[i].class, cases[i].reason, cases[i].names_lead);
		IS_INT(
		    giveup_rank(&f), cases[i].rank, "%s: rank", cases[i].name);
		IS_INT(giveup_suppression(&f, &once, &usual, T0),
		    cases[i].suppression, "%s: suppression", cases[i].name);
	}
}

/* Of a limit of some failures over more than 14 days: both conditions, each at
 * its edge. */
static const struct {
	uint32_t limit, count;
	int64_t age_ms;
	bool ends;
} edges[] = {
    {5, 5, 14 * DAY + 1, true}, {5, 5, 14 * DAY, false},
    {5, 4, 14 * DAY + 1, false}, {5, 4, 90 * DAY, false},
    {5, 6, 90 * DAY, true}, {5, 1, 90 * DAY, false},
    {0, 5000, 900 * DAY, false}, /* never */
};

static struct giveup_row row_of(size_t i)
{
	return (struct giveup_row){
	    .count = edges[i].count, .first_ms = T0 - edges[i].age_ms};
}

static void test_hosts(void)
{
	struct giveup_failure f =
	    failure(BOUNCE_CLASS_PERSON, BOUNCE_HOST_UNKNOWN, true);
	struct giveup_row three = {.count = 3, .first_ms = T0 - 3 * DAY - 1};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct giveup_limits l = {
		    .no_host = {edges[i].limit, 14 * DAY}, .full = {1, 0}};
		struct giveup_row r = row_of(i);
		IS_INT(giveup_suppression(&f, &r, &l, T0),
		    edges[i].ends ? SUPPRESSION_HOST_UNKNOWN : 0,
		    "no host %u times in %lld ms", edges[i].count,
		    (long long)edges[i].age_ms);
	}
	IS_INT(giveup_suppression(&f, &three, &usual, T0),
	    SUPPRESSION_HOST_UNKNOWN, "of no segment: three in three days");
	three.first_ms++;
	IS_INT(giveup_suppression(&f, &three, &usual, T0), 0, "and not before");
}

static void test_row(void)
{
	struct giveup_row h = {0};

	giveup_failed(&h, 0, T0);
	giveup_failed(&h, T0 - DAY, T0 + DAY);
	OK(h.count == 2 && h.first_ms == T0, "an older delivery ends no row");
	giveup_failed(&h, T0 + 2 * DAY, T0 + 3 * DAY);
	OK(h.count == 1 && h.first_ms == T0 + 3 * DAY,
	    "a delivery in between does");
}

static void test_full(void)
{
	struct giveup_failure f =
	    failure(BOUNCE_CLASS_MAILBOX, BOUNCE_MAILBOX_FULL, true);

	IS_INT(giveup_rank(&f), GIVEUP_FAILED, "a full mailbox: rank");
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct giveup_limits l = {
		    .full = {edges[i].limit, 14 * DAY}, .no_host = {1, 0}};
		struct giveup_row r = row_of(i);
		IS_INT(giveup_suppression(&f, &r, &l, T0),
		    edges[i].ends ? SUPPRESSION_MAILBOX_FULL : 0,
		    "full %u times in %lld ms", edges[i].count,
		    (long long)edges[i].age_ms);
	}
	f.names_lead = false;
	OK(!giveup_counts(&f, &usual), "of another person it does not count");
}

/* Every reason that has a limit obeys its own, and no other's. */
static void test_each_limit(void)
{
	static const struct {
		enum bounce_reason reason;
		int suppression;
		struct giveup_limits own; /* three over two days */
	} cases[] = {
	    {BOUNCE_USER_UNKNOWN, SUPPRESSION_USER_UNKNOWN,
		{.unknown = {3, 2 * DAY}}},
	    {BOUNCE_MAILBOX_DISABLED, SUPPRESSION_MAILBOX_DISABLED,
		{.disabled = {3, 2 * DAY}}},
	    {BOUNCE_MAILBOX_MOVED, SUPPRESSION_MAILBOX_MOVED,
		{.moved = {3, 2 * DAY}}},
	    {BOUNCE_HOST_UNKNOWN, SUPPRESSION_HOST_UNKNOWN,
		{.no_host = {3, 2 * DAY}}},
	    {BOUNCE_MAILBOX_FULL, SUPPRESSION_MAILBOX_FULL,
		{.full = {3, 2 * DAY}}},
	};
	static const struct giveup_limits never = {0};
	static const struct giveup_limits at_once = {
	    {1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}};
	const struct giveup_row none = {0};
	const struct giveup_row many = {900, T0 - 900 * DAY};
	const struct giveup_row three = {3, T0 - 2 * DAY - 1};
	const struct giveup_row two = {2, T0 - 9 * DAY};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = bounce_reason_name(cases[i].reason);
		struct giveup_failure f = failure(
		    bounce_class_of(cases[i].reason), cases[i].reason, true);
		OK(giveup_has_limit(&f) && giveup_counts(&f, &never) &&
			giveup_counts(&f, &cases[i].own),
		    "%s counts in a row", name);
		IS_INT(giveup_suppression(&f, &many, &never, T0), 0,
		    "%s: never", name);
		IS_INT(giveup_suppression(&f, &three, &cases[i].own, T0),
		    cases[i].suppression, "%s: by its own limit", name);
		IS_INT(giveup_suppression(&f, &two, &cases[i].own, T0), 0,
		    "%s: not before", name);
		OK(!giveup_counts(&f, &at_once), "%s: at once, uncounted",
		    name);
		IS_INT(giveup_suppression(&f, &none, &at_once, T0),
		    cases[i].suppression, "%s: at once", name);
		for (size_t j = 0; j < sizeof(cases) / sizeof(cases[0]); j++)
			if (j != i)
				IS_INT(giveup_suppression(
					   &f, &many, &cases[j].own, T0),
				    0, "%s: not by another's", name);
		f.names_lead = false;
		OK(!giveup_has_limit(&f) &&
			giveup_suppression(&f, &none, &at_once, T0) == 0,
		    "%s of another person: nothing", name);
	}
}

/* "1 over 2d" is no "at once": one alone is never longer ago than itself. */
static void test_one_over(void)
{
	struct giveup_failure f =
	    failure(BOUNCE_CLASS_PERSON, BOUNCE_USER_UNKNOWN, true);
	struct giveup_limits l = {.unknown = {1, 2 * DAY}};
	struct giveup_row row = {0};

	giveup_failed(&row, 0, T0);
	OK(giveup_counts(&f, &l) && giveup_suppression(&f, &row, &l, T0) == 0,
	    "the first is not the end");
	giveup_failed(&row, 0, T0 + 2 * DAY + 1);
	IS_INT(giveup_suppression(&f, &row, &l, T0 + 2 * DAY + 1),
	    SUPPRESSION_USER_UNKNOWN, "one that comes after that long is");
}

/* What is nobody's fault there never ends in anything. */
static void test_nobodys_fault(void)
{
	static const enum bounce_reason reasons[] = {BOUNCE_TOO_BIG,
	    BOUNCE_CONTENT, BOUNCE_SPAM_CONTENT, BOUNCE_POLICY,
	    BOUNCE_REPUTATION, BOUNCE_AUTH_FAILURE, BOUNCE_THROTTLED,
	    BOUNCE_RELAY_DENIED, BOUNCE_NETWORK, BOUNCE_EXPIRED, BOUNCE_SYSTEM,
	    BOUNCE_PROTOCOL, BOUNCE_OTHER};
	const struct giveup_row row = {.count = 1000};
	const struct giveup_limits one = {
	    {1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		struct giveup_failure f =
		    failure(bounce_class_of(reasons[i]), reasons[i], true);
		OK(!giveup_has_limit(&f) && !giveup_counts(&f, &one) &&
			giveup_suppression(&f, &row, &one, T0) == 0,
		    "%s is not held against a person",
		    bounce_reason_name(reasons[i]));
	}
}

static bool replaces(enum suppression_reason now, int64_t until_ms,
    enum suppression_reason next, int64_t next_until_ms)
{
	struct suppression_fact a = {.reason = now, .until_ms = until_ms};
	struct suppression_fact b = {.reason = next, .until_ms = next_until_ms};

	return giveup_replaces(&a, &b, T0);
}

static void test_replaces(void)
{
	OK(!replaces(SUPPRESSION_OPT_OUT, 0, SUPPRESSION_USER_UNKNOWN, 0),
	    "a bounce does not hide an objection");
	OK(replaces(SUPPRESSION_USER_UNKNOWN, 0, SUPPRESSION_OPT_OUT, 0),
	    "an objection takes the place of a bounce");
	OK(!replaces(SUPPRESSION_MANUAL, 0, SUPPRESSION_MANUAL, 0),
	    "the first one of a kind stays");
	OK(replaces(SUPPRESSION_OPT_OUT, T0 + DAY, SUPPRESSION_USER_UNKNOWN, 0),
	    "one that ends is replaced by one without end");
	OK(!replaces(
	       SUPPRESSION_USER_UNKNOWN, 0, SUPPRESSION_OPT_OUT, T0 + DAY),
	    "one without end is not shortened");
	OK(!replaces(
	       SUPPRESSION_MANUAL, T0 + 2 * DAY, SUPPRESSION_MANUAL, T0 + DAY),
	    "nor is one that ends");
	OK(replaces(
	       SUPPRESSION_MANUAL, T0 + DAY, SUPPRESSION_MANUAL, T0 + 2 * DAY),
	    "but made longer");
	OK(replaces(SUPPRESSION_COMPLAINT, T0, SUPPRESSION_MANUAL, T0 + DAY),
	    "one that is over is replaced by any");
}

int main(void)
{
	test_ranks();
	test_hosts();
	test_row();
	test_full();
	test_each_limit();
	test_one_over();
	test_nobodys_fault();
	test_replaces();
	return tap_done();
}
