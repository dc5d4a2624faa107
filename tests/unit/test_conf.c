/* test_conf.c - the admin's file. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/conf/conf.h"

static const char *example(char path[500])
{
	const char *dir = getenv("TENDRIL_SRCDIR");

	(void)snprintf(path, 500, "%s/contrib/examples/tendril.conf",
	    dir != NULL ? dir : ".");
	return path;
}

static void test_example(void)
{
	struct error err = {0};
	const struct conf *c = NULL;
	char path[500];

	IS_INT(conf_load(&c, example(path), &err), 0, "the example loads");
	IS_STR(err.text, "", "without a complaint");
	if (c == NULL)
		return;
	IS_INT(c->n_streams, 6, "streams");
	IS_INT(c->streams[3].class, CONF_CLASS_NURTURE, "class");
	OK(conf_domain_find(c, STR("EXAMPLE.com")) != NULL, "domain");
	conf_unref(&c);
}

int main(void)
{
	test_example();
	return tap_done();
}
