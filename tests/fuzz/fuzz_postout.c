/* fuzz_postout.c - any bytes as what postcat(1) and postqueue(1) print, and as
 * what a stranger had a part in: his message must not become a local one. */
#include "tests/fuzz/fuzz.h"

#include "agent/cli/postout.h"

enum {
	ARENA = 16 << 20
};

#define ID "4jXQLJ4D3qz1bXx0"

static bool is_inside(struct str outer, struct str inner)
{
	return inner.n == 0 ||
	       (inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n);
}

static void check_envelope(struct arena *a, struct str in)
{
	struct postfix_message m = {0};

	if (postout_envelope(a, in, &m) != 0)
		return;
	FUZZ_CHECK(m.queue.n > 0 && str_find(m.queue, 0, '/') == m.queue.n);
	FUZZ_CHECK(m.arrived_ms >= 0 && m.arrived_ms % 1000 == 0);
	FUZZ_CHECK(m.sender.n <= 2 * in.n + 2);
	for (size_t i = 0; i < m.rcpts.n; i++) {
		FUZZ_CHECK(str_find(m.rcpts.v[i], 0, '\n') == m.rcpts.v[i].n);
		FUZZ_CHECK(i == 0 || !str_eq(m.rcpts.v[i], m.rcpts.v[i - 1]));
	}
	if (m.local)
		FUZZ_CHECK(!str_contains(in, STR("\nnamed_attribute: "
						 "client_address=")));
}

/* By SMTP, with these bytes as sender and as recipient. */
static void check_stranger(struct arena *a, struct str in)
{
	const char *text = arena_printf(a,
	    "*** ENVELOPE RECORDS hold/" ID " ***\n"
	    "message_arrival_time: Sun Nov 22 10:05:32 2026\n"
	    "sender: %.*s\n"
	    "named_attribute: log_client_address=192.0.2.1\n"
	    "original_recipient: %.*s\nrecipient: a@b.example\n"
	    "*** MESSAGE FILE END hold/" ID " ***\n",
	    STR_ARG(in), STR_ARG(in));
	struct postfix_message m = {0};

	if (text == NULL || postout_envelope(a, str_of(text), &m) != 0)
		return;
	FUZZ_CHECK(!m.local && str_eq(m.queue, STR("hold")));
}

/* What SMTP's quotes hold is what the queue file had. */
static void check_quotes(struct arena *a, struct str in)
{
	struct postfix_message m = {0};
	const char *text = arena_printf(a,
	    "*** ENVELOPE RECORDS hold/" ID " ***\nsender: %.*s@a.example\n",
	    STR_ARG(in));
	struct str whole, line, got;
	size_t n = 0;

	if (text == NULL)
		return;
	whole = str_of(text);
	if (!str_next(&whole, '\n', &line) || !str_next(&whole, '\n', &line) ||
	    !str_ends(line, STR("@a.example")) ||
	    postout_envelope(a, str_of(text), &m) != 0)
		return;
	line = str_from(line, sizeof("sender: ") - 1);
	got = str_cut(m.sender, 0, m.sender.n - (sizeof("@a.example") - 1));
	line = str_cut(line, 0, line.n - (sizeof("@a.example") - 1));
	if (got.n == 0 || got.p[0] != '"') {
		FUZZ_CHECK(str_eq(got, line));
		return;
	}
	for (size_t i = 1; i + 1 < got.n; i++, n++) {
		i += got.p[i] == '\\';
		FUZZ_CHECK(n < line.n && got.p[i] == line.p[n]);
	}
	FUZZ_CHECK(n == line.n && got.p[got.n - 1] == '"');
}

static void check_text(struct arena *a, struct str in)
{
	struct postfix_message m = {0};
	struct str body;

	buf_init(&m.raw, in.n + 1);
	buf_init(&m.body, 2 * in.n + 2);
	buf_add(&m.raw, in);
	if (postout_text(a, STR(ID), &m) == 0) {
		body = buf_str(&m.body);
		FUZZ_CHECK(body.n == 0 || str_ends(body, STR("\r\n")));
		for (size_t i = 0; i < body.n; i++)
			FUZZ_CHECK(body.p[i] != '\n' ||
				   (i > 0 && body.p[i - 1] == '\r'));
		for (size_t i = 0; i < m.headers.n; i++) {
			FUZZ_CHECK(
			    is_inside(buf_str(&m.raw), m.headers.v[i].name));
			FUZZ_CHECK(
			    is_inside(buf_str(&m.raw), m.headers.v[i].value));
		}
	}
	buf_fini(&m.raw);
	buf_fini(&m.body);
}

static void check_list(struct arena *a, struct str in)
{
	struct strs ids;

	if (postout_held(a, in, &ids) != 0)
		return;
	for (size_t i = 0; i < ids.n; i++)
		FUZZ_CHECK(ids.v[i].n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const checks[])(struct arena *, struct str) = {
	    check_envelope, check_stranger, check_quotes, check_text,
	    check_list};
	struct str in = {(const char *)data, n};
	struct arena *a = arena_new(ARENA);

	if (a == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		checks[i](a, in);
		arena_reset(a);
	}
	arena_free(&a);
	return 0;
}
