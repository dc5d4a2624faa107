/* test_policy.c - the marketer's rules. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/file.h"
#include "policy/base/when.h"
#include "policy/conf/policy.h"

static const struct policy *load_example(const char *name)
{
	const char *dir = getenv("TENDRIL_SRCDIR");
	const struct policy *p = NULL;
	struct error err = {0};
	struct buf text;
	char path[500];

	(void)snprintf(path, sizeof(path), "%s/contrib/policies/%s",
	    dir != NULL ? dir : ".", name);
	buf_init(&text, 1 << 20);
	IS_INT(file_read(path, &text, &err), 0, "%s is there", name);
	IS_INT(policy_parse(&p, name, buf_str(&text), 7, &err), 0, "%s parses",
	    name);
	IS_STR(err.text, "", "without a complaint");
	buf_fini(&text);
	return p;
}

static void test_examples(void)
{
	const struct policy *p = load_example("b2b-newsletter.policy");
	const struct policy_segment *s;

	if (p == NULL)
		return;
	IS_INT(p->version, 7, "version");
	IS_S(p->segments[1].name, STR("webinar"), "by order");
	s = policy_segment_find(p, STR("newsletter"));
	OK(s != NULL && s->caps.n == 1 &&
		s->caps.windows[0].span_ms == WHEN_WEEK_MS,
	    "cap of the newsletter");
	policy_unref(&p);
	p = load_example("minimal.policy");
	policy_unref(&p);
}

int main(void)
{
	test_examples();
	return tap_done();
}
