/* test_no_md5.c - where OpenSSL's configuration forbids MD5, as FIPS does:
 * decisions go on, suppressions by MD5 alone bind nobody.
 *
 * The provider of this process is the default one without MD5: its functions
 * and their context, of a library context of its own. */
#include "tests/unit/storetest.h"

#include "policy/base/digest.h"
#include "policy/base/log.h"
#include "policy/state/suppression.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <errno.h>

enum {
	DIGESTS_MAX = 64
};

/* Of hashed@example.com and of md5@example.com. */
#define SHA256_OF_HASHED                                                       \
	"a552f92cec517d42d66471e033158c672445d078d54a1d4211791471bcb2148f"
#define MD5_OF_MD5 "3f1ad7322fedc26ae1127d633b01a7b8"

static OSSL_PROVIDER *whole, *reduced;
static struct storetest T;

static const OSSL_ALGORITHM *without_md5(
    void *ctx, int operation, int *no_cache)
{
	static OSSL_ALGORITHM left[DIGESTS_MAX];
	const OSSL_ALGORITHM *all =
	    OSSL_PROVIDER_query_operation(whole, operation, no_cache);
	size_t n = 0;

	(void)ctx;
	if (operation != OSSL_OP_DIGEST)
		return all;
	for (; all->algorithm_names != NULL && n < DIGESTS_MAX - 1; all++)
		if (strncmp(all->algorithm_names, "MD5", 3) != 0)
			left[n++] = *all;
	return left;
}

static int begin(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **ctx)
{
	static const OSSL_DISPATCH functions[] = {
	    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))without_md5},
	    {0, NULL},
	};

	(void)handle;
	(void)in;
	*out = functions;
	*ctx = OSSL_PROVIDER_get0_provider_ctx(whole);
	return 1;
}

static bool forbid_md5(OSSL_LIB_CTX *own)
{
	whole = OSSL_PROVIDER_load(own, "default");
	if (whole == NULL ||
	    OSSL_PROVIDER_add_builtin(NULL, "no-md5", begin) != 1)
		return false;
	reduced = OSSL_PROVIDER_load(NULL, "no-md5");
	return reduced != NULL;
}

static int suppress(const char *target, struct error *err)
{
	struct ops_suppress in = {.reason = SUPPRESSION_IMPORTED,
	    .origin = STR("test"),
	    .author = STR("test")};
	bool changed;
	int rc = ops_target_parse(T.arena, str_of(target), &in.target, err);

	return rc != 0 ? rc : ops_suppress_add(T.store, &in, &changed, err);
}

/* As a host that has MD5 wrote it. */
static int emit_md5(struct door_ctx *ctx, void *arg)
{
	const struct ops_target *target = arg;
	struct event_suppressed e = {.kind = SUPPRESS_MD5,
	    .what = target->what,
	    .reason = SUPPRESSION_IMPORTED};

	return payload_emit(ctx, EV_SUPPRESSED, &suppression_added_payload, &e);
}

static void test_add(void)
{
	struct ops_target target;
	struct error err = {0};

	IS_INT(suppress("sha256:" SHA256_OF_HASHED, &err), 0, "SHA-256 added");
	IS_INT(suppress("md5:" MD5_OF_MD5, &err), -ENOTSUP, "MD5 refused");
	OK(strstr(err.text, "MD5 is forbidden") != NULL, "why: %s", err.text);
	IS_INT(ops_target_parse(T.arena, STR("md5:" MD5_OF_MD5), &target, &err),
	    0, "an entry");
	IS_INT(door_propose(T.store->door, emit_md5, &target, &err), 0,
	    "of another host");
}

static void test_decide(void)
{
	static const struct {
		const char *to;
		enum verdict_reason want;
	} cases[] = {
	    {"hashed@example.com", REASON_SUPPRESSED},
	    {"md5@example.com", REASON_ALLOWED},
	    {"nobody@example.com", REASON_ALLOWED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decide_in in = {.mode = DECIDE_SEND,
		    .recipient = storetest_address(&T, cases[i].to),
		    .segment = STR("demo"),
		    .stream = STR("apps")};
		struct decide_out out;
		struct error err = {0};

		IS_INT(decide_propose(T.store, &in, &out, &err), 0,
		    "%s is decided: %s", cases[i].to, err.text);
		IS_INT(out.verdict.reason, cases[i].want, "%s", cases[i].to);
		decide_fini(&out);
	}
}

static void apply_policy(void)
{
	IS_INT(storetest_policy(&T, "segment demo { purpose = demos "
				    "legal-basis = legitimate-interest }\n"),
	    0, "policy");
}

/* What opening the store writes to the log. */
static void test_warning(const char *want)
{
	char path[80], text[400] = "";
	struct error err = {0};
	FILE *log;
	int kept = dup(STDERR_FILENO);

	store_close(&T.store);
	(void)snprintf(path, sizeof(path), "%s/log", T.dir);
	log = fopen(path, "w+");
	if (kept < 0 || log == NULL || dup2(fileno(log), STDERR_FILENO) < 0) {
		OK(false, "a file in place of standard error");
		return;
	}
	IS_INT(store_open(&T.store, T.conf, STORE_CREATE, &err), 0, "open: %s",
	    err.text);
	(void)dup2(kept, STDERR_FILENO);
	(void)close(kept);
	rewind(log);
	(void)!fread(text, 1, sizeof(text) - 1, log);
	(void)fclose(log);
	OK(strstr(text, want) != NULL, "log: %s", text);
	OK(strchr(text, '\n') == strrchr(text, '\n'), "one line");
}

int main(void)
{
	OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
	unsigned char out[DIGEST_SHA256];

	if (own == NULL || !forbid_md5(own)) {
		printf("Bail out! provider\n");
		return 1;
	}
	IS_INT(digest_sha256(STR("abc"), out), 0, "SHA-256 is there");
	IS_INT(digest_md5(STR("abc"), out), -ENOTSUP, "MD5 is forbidden");
	storetest_open(&T);
	test_warning("event=hash.forbidden entries=none");
	apply_policy();
	test_add();
	test_decide();
	test_warning("event=hash.forbidden entries=some");
	storetest_close(&T);
	(void)OSSL_PROVIDER_unload(reduced);
	(void)OSSL_PROVIDER_unload(whole);
	OSSL_LIB_CTX_free(own);
	return tap_done();
}
