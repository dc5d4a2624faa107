/* leads_order.c - see leads_order.h. */
#include "agent/cli/leads_order.h"

#include "agent/cli/client.h"
#include "agent/cli/out.h"
#include "policy/base/codec.h"

#include <stdlib.h>

enum {
	AT_ONCE = 50000, /* addresses of one call */
	BODY_MAX = 15 << 20,
	DIGITS = 8,
	TIMEOUT_S = 600
};

static int take_ranks(struct leads_row *v, size_t n, struct str ranks)
{
	if (ranks.n != n * DIGITS)
		return cli_fail(CLI_AGAIN, "the agent's answer is too short");
	for (size_t i = 0; i < n; i++) {
		unsigned char b[DIGITS / 2];

		if (codec_unhex(
			str_cut(ranks, i * DIGITS, DIGITS), sizeof(b), b) != 0)
			return cli_fail(
			    CLI_AGAIN, "the agent's answer is none");
		v[i].rank = codec_get_u32(b);
	}
	return CLI_DONE;
}

/* Of as many rows as fit; *n_out: how many. */
static int ask(struct cli *c, struct leads_row *v, size_t n, struct buf *body,
    size_t *n_out)
{
	struct cli_request rq = {.method = "POST",
	    .path = "/v1/leads/rank",
	    .raw_type = "text/plain",
	    .timeout_s = TIMEOUT_S};
	struct value *reply = NULL;
	size_t k = 0;
	int code;

	buf_reset(body);
	while (k < n && k < AT_ONCE && body->n < BODY_MAX / 2) {
		struct str s = v[k++].address;

		if (s.n < 1000 && str_find(s, 0, '\n') == s.n)
			buf_add(body, s);
		buf_addc(body, '\n');
	}
	/* the last line end would be one line more */
	rq.raw = str_cut(buf_str(body), 0, body->n - 1);
	if (rq.raw.n == 0)
		rq.raw = STR(" ");
	code = cli_call(c, &rq, &reply, NULL);
	if (code == CLI_DONE)
		code = take_ranks(v, k, value_get_str(reply, "ranks"));
	value_free(&reply);
	*n_out = k;
	return code;
}

static int by_rank(const void *a, const void *b)
{
	const struct leads_row *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

int leads_order(struct cli *c, struct leads_row *v, size_t n)
{
	struct buf body;
	size_t at = 0, k;
	int code = CLI_DONE;

	buf_init(&body, BODY_MAX);
	while (at < n && code == CLI_DONE) {
		code = ask(c, v + at, n - at, &body, &k);
		at += k;
		out_progress("looking where %zu rows belong: %zu", n, at);
	}
	buf_fini(&body);
	if (code == CLI_DONE)
		qsort(v, n, sizeof(*v), by_rank);
	return code;
}
