/* test_removed.c - which version of the policy took a segment away, and that
 * versions are read once, whatever names are asked for. */
#include "tests/unit/storetest.h"

#include "policy/base/fault.h"

#include <errno.h>

static struct storetest T;
static uint32_t newest;

static void apply(const char *const *names, enum policyver_orphans orphans)
{
	char text[64 * 80] = "";
	struct ops_policy in = {.path = STR("p"),
	    .author = STR("a"),
	    .reason = STR("r"),
	    .orphans = orphans};
	struct error err = {0};
	size_t n = 0;

	for (; *names != NULL; names++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "segment %s { purpose = p%u legal-basis = "
		    "legitimate-interest }\n",
		    *names, newest);
	in.text = str_of(text);
	IS_INT(ops_policy_apply(T.store, &in, &newest, &err), 0, "apply: %s",
	    err.text);
}

static struct removal find(const char *name)
{
	struct removal r = {0};
	struct error err = {0};
	int rc = removed_find(
	    T.store->removed, newest, policy_label(str_of(name)), &r, &err);

	if (rc != 0)
		OK(false, "%s: %s", name, err.text);
	return r;
}

static int64_t applied_ms(uint32_t version)
{
	struct policyver_record r = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    policyver_read(t, version, &r) != 0)
		exit(1);
	ledger_read_end(&t);
	return r.applied_ms;
}

static void test_versions(void)
{
	static const char *const both[] = {"news", "demo", NULL};
	static const char *const news[] = {"news", NULL};
	static const char *const other[] = {"other", NULL};
	struct removal r;

	apply(both, POLICYVER_ORPHANS_NONE);
	IS_INT((int)find("demo").applied_ms, 0, "one version: nothing went");
	apply(news, POLICYVER_ORPHANS_BOUNCE);
	r = find("demo");
	OK(r.applied_ms == applied_ms(2) &&
		r.orphans == POLICYVER_ORPHANS_BOUNCE,
	    "the second took it away");
	apply(other, POLICYVER_ORPHANS_HOLD);
	r = find("demo");
	OK(r.applied_ms == applied_ms(2) &&
		r.orphans == POLICYVER_ORPHANS_BOUNCE,
	    "and not the third");
	r = find("news");
	OK(r.applied_ms == applied_ms(3) && r.orphans == POLICYVER_ORPHANS_HOLD,
	    "that took another");
	apply(both, POLICYVER_ORPHANS_HOLD);
	apply(other, POLICYVER_ORPHANS_HOLD);
	OK(find("demo").applied_ms == applied_ms(5),
	    "back, and gone again: the newest counts");
	IS_INT((int)find("none").applied_ms, 0, "a name that never was");
}

/* An allocation is needed to read a version: none is, for other names. */
static void test_once(void)
{
	struct error err = {0};
	struct removal r;
	char name[16];
	int rc = 0;

	fault_alloc_at(1);
	for (int i = 0; rc == 0 && i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		rc = removed_find(T.store->removed, newest,
		    policy_label(str_of(name)), &r, &err);
	}
	fault_alloc_at(0);
	IS_INT(rc, 0, "a thousand names, and nothing is read again");
}

static void test_no_memory(void)
{
	struct removed *r = NULL;
	struct error err;
	struct removal out;
	int rc = -1;
	long n;

	fault_alloc_at(1);
	IS_INT(removed_open(&r, T.store->ledger), -ENOMEM, "not opened");
	fault_alloc_at(0);
	removed_close(&r);
	IS_INT(removed_open(&r, T.store->ledger), 0, "opened");
	for (n = 1; rc != 0 && n < 1000; n++) {
		fault_alloc_at(n);
		rc = removed_find(
		    r, newest, policy_label(STR("news")), &out, &err);
		fault_alloc_at(0);
	}
	OK(rc == 0 && n > 5 && out.applied_ms == applied_ms(5),
	    "%ld allocations failed, then it is found", n - 2);
	removed_close(&r);
}

/* Segments without end: memory has one. */
static void test_bound(void)
{
	struct removed *r = NULL;
	const char *names[65] = {NULL};
	char text[64][16];
	struct error err;
	struct removal out;
	unsigned serial = 0;

	for (unsigned v = 0; v < REMOVED_MAX / 64 + 2; v++) {
		for (unsigned i = 0; i < 64; i++) {
			(void)snprintf(
			    text[i], sizeof(text[i]), "s%u", serial++);
			names[i] = text[i];
		}
		apply(names, POLICYVER_ORPHANS_HOLD);
	}
	IS_INT(removed_open(&r, T.store->ledger), 0, "opened");
	IS_INT(removed_find(r, newest, policy_label(STR("news")), &out, &err),
	    0, "asked");
	IS_INT((int)out.applied_ms, 0, "the first are forgotten");
	(void)snprintf(text[0], sizeof(text[0]), "s%u", serial - 65);
	IS_INT(
	    removed_find(r, newest, policy_label(str_of(text[0])), &out, &err),
	    0, "asked");
	OK(out.applied_ms == applied_ms(newest), "the last are known");
	removed_close(&r);
}

int main(void)
{
	storetest_open(&T);
	test_versions();
	test_once();
	test_no_memory();
	test_bound();
	storetest_close(&T);
	return tap_done();
}
