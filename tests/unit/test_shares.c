/* test_shares.c - agent/in/shares: what is left to a domain, and when it has the
 * next. */
#include "tests/unit/tap.h"

#include "agent/in/shares.h"
#include "policy/base/fault.h"
#include "policy/base/when.h"

#include <errno.h>

enum {
	T = 1000000
};

static struct shares *new_shares(void)
{
	struct shares *s;

	if (shares_new(&s) != 0)
		bug("memory");
	return s;
}

static void use_up(struct shares *s, struct str domain, int64_t now_ms)
{
	*shares_of(s, domain, now_ms) -= SHARES_MS + 100;
	shares_settle(s, now_ms);
}

static void test_share(void)
{
	struct shares *s = new_shares();
	int64_t *left = shares_of(s, STR("a.example"), T);

	IS_INT(*left, SHARES_MS, "a share");
	*left -= 1000;
	OK(shares_of(s, STR("mail.b.a.example"), T + 1) == left,
	    "of all names below it");
	OK(shares_of(s, STR("b.example"), T + 1) != left, "of no other");
	OK(shares_of(s, STR("mail.a.co.uk"), T) !=
		shares_of(s, STR("b.co.uk"), T),
	    "a public suffix is nobody's");
	IS_INT(*shares_of(s, STR("a.example"), T + WHEN_MINUTE_MS - 1),
	    SHARES_MS - 1000, "for a minute");
	IS_INT(*shares_of(s, STR("a.example"), T + WHEN_MINUTE_MS), SHARES_MS,
	    "then there is another");
	shares_free(&s);
	OK(s == NULL, "gone");
	fault_alloc_at(1);
	IS_INT(shares_new(&s), -ENOMEM, "no memory");
	fault_alloc_at(0);
	shares_free(&s);
}

/* One who is slow each time is asked about less and less often. */
static void test_used_up(void)
{
	static const int minutes[] = {1, 2, 4, 8, 16, 16};
	struct shares *s = new_shares();
	const struct str d = STR("slow.example");
	int64_t now = T;

	for (size_t i = 0; i < sizeof(minutes) / sizeof(*minutes); i++) {
		use_up(s, d, now);
		shares_settle(s, now + 1000);
		now += minutes[i] * WHEN_MINUTE_MS;
		OK(*shares_of(s, d, now - 1) <= 0, "not before %d minutes",
		    minutes[i]);
		OK(*shares_of(s, d, now) > 0, "after %d", minutes[i]);
	}
	now += WHEN_MINUTE_MS;
	OK(*shares_of(s, d, now) > 0, "a share that lasted");
	use_up(s, d, now);
	OK(*shares_of(s, d, now + WHEN_MINUTE_MS) > 0,
	    "what was before is forgotten");
	shares_free(&s);
}

static void test_many(void)
{
	struct shares *s = new_shares();
	char name[40];

	use_up(s, STR("slow.example"), T);
	for (int i = 0; i < 100 * SHARES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%d.example", i);
		if (*shares_of(s, str_of(name), T) != SHARES_MS)
			bug("a share of %s", name);
		if (i % 100 == 0 && *shares_of(s, STR("slow.example"), T) > 0)
			bug("forgotten at %d", i);
	}
	OK(true, "who is asked for is not forgotten for others");
	for (int i = 0; i < SHARES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "m%d.example", i);
		(void)shares_of(s, str_of(name), T);
	}
	IS_INT(*shares_of(s, STR("slow.example"), T), SHARES_MS,
	    "there is room for so many");
	shares_free(&s);
}

int main(void)
{
	test_share();
	test_used_up();
	test_many();
	return tap_done();
}
