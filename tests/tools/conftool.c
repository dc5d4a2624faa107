/* conftool.c - reads a conf or policy file as the programs do, for tests from
 * outside.
 *
 *   conftool conf FILE       "ok", or the refusal and exit 1; warnings first
 *   conftool policy FILE     the same
 *   conftool print FILE      effective values of a conf
 *   conftool print-policy FILE
 *   conftool diff OLD NEW    what changed between two policies
 *   conftool match CONF POLICY   segments that CONF names and POLICY lacks
 *   conftool describe | describe-policy    option tables as mdoc */
#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "policy/conf/policy.h"

#include <stdio.h>
#include <string.h>

enum {
	MAX_TEXT = 8 << 20
};

static void tell(void *arg, const char *line)
{
	(void)arg;
	(void)puts(line);
}

static const struct conf *load_conf(const char *path)
{
	struct error err = {0};
	const struct conf *c;

	if (conf_load(&c, path, &err) != 0)
		(void)fprintf(stderr, "%s\n", err.text);
	return c;
}

static const struct policy *load_policy(const char *path)
{
	struct error err = {0};
	const struct policy *p = NULL;
	struct buf text;

	buf_init(&text, MAX_TEXT);
	if (file_read(path, &text, &err) != 0 ||
	    policy_parse(&p, path, buf_str(&text), 0, &err) != 0)
		(void)fprintf(stderr, "%s\n", err.text);
	buf_fini(&text);
	return p;
}

static int flush(struct buf *out)
{
	int rc = buf_error(out) != 0;

	(void)fwrite(buf_str(out).p, 1, out->n, stdout);
	buf_fini(out);
	return rc;
}

static int run_conf(const char *verb, const char *path)
{
	const struct conf *c = load_conf(path);
	struct buf out;

	if (c == NULL)
		return 1;
	buf_init(&out, MAX_TEXT);
	if (strcmp(verb, "print") == 0) {
		conf_print(c, &out);
	} else {
		conf_warnings(c, tell, NULL);
		buf_addz(&out, "ok\n");
	}
	conf_unref(&c);
	return flush(&out);
}

static int run_policy(const char *verb, const char *path)
{
	const struct policy *p = load_policy(path);
	struct buf out;

	if (p == NULL)
		return 1;
	buf_init(&out, MAX_TEXT);
	if (strcmp(verb, "print-policy") == 0) {
		policy_print(p, &out);
	} else {
		policy_warnings(p, clock_now_ms(), tell, NULL);
		buf_addz(&out, "ok\n");
	}
	policy_unref(&p);
	return flush(&out);
}

static int run_diff(const char *from, const char *to)
{
	const struct policy *a = load_policy(from), *b = load_policy(to);
	int rc = a == NULL || b == NULL;

	if (rc == 0)
		(void)policy_diff(a, b, tell, NULL);
	policy_unref(&a);
	policy_unref(&b);
	return rc;
}

static int run_match(const char *conf, const char *policy)
{
	const struct conf *c = load_conf(conf);
	const struct policy *p = load_policy(policy);
	int rc =
	    c == NULL || p == NULL || conf_check_policy(c, p, tell, NULL) > 0;

	conf_unref(&c);
	policy_unref(&p);
	return rc;
}

static int run_describe(const char *verb)
{
	struct buf out;

	buf_init(&out, MAX_TEXT);
	if (strcmp(verb, "describe") == 0)
		conf_describe(&out);
	else
		policy_describe(&out);
	return flush(&out);
}

static bool is(const char *verb, const char *a, const char *b)
{
	return strcmp(verb, a) == 0 || strcmp(verb, b) == 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc == 2 && is(verb, "describe", "describe-policy"))
		return run_describe(verb);
	if (argc == 3 && is(verb, "conf", "print"))
		return run_conf(verb, argv[2]);
	if (argc == 3 && is(verb, "policy", "print-policy"))
		return run_policy(verb, argv[2]);
	if (argc == 4 && strcmp(verb, "diff") == 0)
		return run_diff(argv[2], argv[3]);
	if (argc == 4 && strcmp(verb, "match") == 0)
		return run_match(argv[2], argv[3]);
	(void)fprintf(stderr, "see the head of conftool.c\n");
	return 2;
}
