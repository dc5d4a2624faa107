/* fuzz_verify_wire.c - any bytes as what the agent and tendril-verify say to
 * each other: what is read is what would have been written. */
#include "tests/fuzz/fuzz.h"

#include "agent/in/verify_wire.h"

static void check_mail(struct str in, struct buf *b)
{
	struct verify_mail m;

	if (verify_wire_get_mail(in, &m) != 0)
		return;
	verify_wire_put_mail(b, &m);
	FUZZ_CHECK(buf_error(b) == 0);
	FUZZ_CHECK(b->n + m.message.n == in.n);
	FUZZ_CHECK(str_eq(buf_str(b), str_cut(in, 0, b->n)));
}

static void check_ask(struct str in, struct buf *b)
{
	struct verify_ask q;

	if (verify_wire_get_ask(in, &q) != 0)
		return;
	verify_wire_put_ask(b, &q);
	FUZZ_CHECK(str_eq(buf_str(b), in));
}

static void check_answer(struct str in, struct buf *b)
{
	struct str v[RESOLVER_RECORDS_MAX];
	struct resolver_answer a;

	if (verify_wire_get_answer(in, v, &a) != 0)
		return;
	FUZZ_CHECK(a.n <= RESOLVER_RECORDS_MAX);
	verify_wire_put_answer(b, &a);
	FUZZ_CHECK(buf_error(b) != 0 || str_eq(buf_str(b), in));
}

static void check_result(struct str in, struct buf *b)
{
	struct authentic r;

	if (verify_wire_get_result(in, &r) != 0)
		return;
	FUZZ_CHECK(r.n <= AUTHENTIC_SIGNATURES_MAX);
	for (size_t i = 0; i < r.n; i++)
		FUZZ_CHECK(authentic_name(r.v[i].result) != NULL);
	verify_wire_put_result(b, &r);
	FUZZ_CHECK(str_eq(buf_str(b), in));
}

static void check_head(struct str in)
{
	unsigned char head[VERIFY_HEAD];
	enum verify_frame type;
	size_t n;

	if (in.n < VERIFY_HEAD ||
	    verify_wire_read_head((const unsigned char *)in.p, &type, &n) != 0)
		return;
	verify_wire_head(type, n, head);
	FUZZ_CHECK(str_eq((struct str){(const char *)head, VERIFY_HEAD},
	    str_cut(in, 0, VERIFY_HEAD)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	void (*const checks[])(struct str, struct buf *) = {
	    check_mail, check_ask, check_answer, check_result};
	struct buf b;

	check_head(in);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		buf_init(&b, VERIFY_MAIL_MAX);
		checks[i](in, &b);
		buf_fini(&b);
	}
	return 0;
}
