/* test_load.c - tests/bench: the figures of milterload and its messages. */
#include "tests/bench/load_msg.h"
#include "tests/bench/load_stat.h"
#include "tests/unit/tap.h"

static void test_hist(void)
{
	struct load_hist *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return;
	OK(load_hist_ms(h, 0.5) == 0, "nothing yet");
	for (uint64_t us = 1; us <= 100000; us++)
		load_hist_add(h, us);
	for (int percent = 1; percent <= 100; percent++) {
		double want = percent, got = load_hist_ms(h, percent / 100.0);
		if (got < want || got > want * (1 + 1.0 / 64))
			OK(false, "p%d is %f ms", percent, got);
	}
	OK(load_hist_ms(h, 0.00001) == 0.001, "the smallest is exact");
	OK(load_hist_ms(h, 1) == 100, "the largest is exact");
	load_hist_add(h, UINT64_MAX / 4);
	OK(h->max_us == UINT64_MAX / 4 && h->n == 100001,
	    "what no bucket is for still counts");
	free(h);
}

static void test_median(void)
{
	uint64_t v[] = {9, 1, 5}, one[] = {7};

	IS_INT(load_median(v, 3), 5, "median");
	IS_INT(v[0], 1, "it sorts");
	IS_INT(load_median(one, 1), 7, "of one");
	IS_INT(load_median(one, 0), 0, "of none");
}

static void test_proc(void)
{
	struct load_proc p;
	struct error err = {0, ""};

	IS_INT(load_proc_read(getpid(), &p, &err), 0, "this process");
	OK(p.rss_kb > 100 && p.peak_kb >= p.rss_kb && p.threads == 1,
	    "%llu KB, peak %llu KB", (unsigned long long)p.rss_kb,
	    (unsigned long long)p.peak_kb);
	IS_INT(
	    load_proc_read(0x7ffffffe, &p, &err), ERR_NOT_FOUND, "no process");
}

static struct load_shape shape(uint64_t first, uint64_t count, size_t rcpts)
{
	return (struct load_shape){
	    .daemon_name = STR("apps"),
	    .client = STR("192.0.2.1"),
	    .from_domain = STR("example.com"),
	    .rcpt_domain = STR("example.org"),
	    .rcpt_first = first,
	    .rcpt_count = count,
	    .rcpts = rcpts,
	    .headers = 9,
	    .body_bytes = 4096,
	};
}

/* The number in "R<leadN@example.org>" of an encoded RCPT event, which follows
 * its macros; -1 when there is none. */
static int64_t lead_of(struct str bytes)
{
	struct mta_packet p;
	uint64_t n;

	while (mta_next(&bytes, &p) == 1) {
		struct str s = p.data;
		if (p.code != MTA_C_RCPT || !str_starts(s, STR("<lead")))
			continue;
		s = str_cut(s, 5, str_find(s, 0, '@') - 5);
		return str_u64(s, INT32_MAX, &n) == 0 ? (int64_t)n : -1;
	}
	return -1;
}

/* Every recipient of the range once before any comes twice. */
static void test_recipients(void)
{
	static const struct {
		uint64_t first, count;
		size_t rcpts;
	} cases[] = {{1, 1, 1}, {1, 2, 1}, {5, 10, 1}, {1, 1000, 1},
	    {7, 997, 1}, {100, 1024, 4}, {0, 618, 3}};
	struct buf out;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct load_shape s =
		    shape(cases[i].first, cases[i].count, cases[i].rcpts);
		bool seen[1024] = {false};
		uint64_t n = cases[i].count / cases[i].rcpts, bad = 0;

		IS_INT(load_msg_init(&s, NULL), 0, "init %zu", i);
		for (uint64_t k = 0; k < n * s.rcpts; k++) {
			int64_t lead;

			buf_reset(&out);
			load_msg_put(&s, 0, k / s.rcpts, 1 + k % s.rcpts, &out);
			lead = lead_of(buf_str(&out)) - (int64_t)s.rcpt_first;
			if (lead < 0 || lead >= (int64_t)s.rcpt_count ||
			    seen[lead])
				bad++;
			else
				seen[lead] = true;
		}
		IS_INT(bad, 0, "recipients %zu", i);
		load_msg_fini(&s);
	}
	buf_fini(&out);
}

/* The row of events, and that each is what load_msg_command() says. */
static void test_events(void)
{
	const struct str extra = STR("X-Tendril-Segment: news");
	struct load_shape s = shape(1, 10, 2);
	char row[64];
	size_t body = 0, n;
	struct buf out;

	s.extra = &extra;
	s.n_extra = 1;
	s.body_bytes = 70000;
	buf_init(&out, 1 << 20);
	IS_INT(load_msg_init(&s, NULL), 0, "init");
	n = load_msg_events(&s);
	for (size_t i = 0; i < n && i < sizeof(row) - 1; i++) {
		struct str rest;
		struct mta_packet p = {'\0', STR_NULL};

		buf_reset(&out);
		load_msg_put(&s, MTA_HDR_LEADSPC, 3, i, &out);
		rest = buf_str(&out);
		while (mta_next(&rest, &p) == 1)
			row[i] = p.code;
		row[i + 1] = '\0';
		if (p.code == MTA_C_BODY)
			body += p.data.n;
		if (p.code != (char)load_msg_command(&s, i) || rest.n != 0)
			OK(false, "event %zu", i);
	}
	IS_STR(row, "MRRTLLLLLLLLLLNBBE", "events in the order of the wire");
	IS_INT(body, 70000, "body has the size asked for");
	buf_reset(&out);
	load_msg_put(&s, MTA_HDR_LEADSPC, 3, 13, &out);
	OK(str_ends(buf_str(&out), STR("X-Tendril-Segment\0 news\0")),
	    "more header, exact");
	buf_reset(&out);
	load_msg_put(&s, 0, 3, 13, &out);
	OK(str_ends(buf_str(&out), STR("X-Tendril-Segment\0news\0")),
	    "more header, a blank eaten");
	load_msg_fini(&s);
	buf_fini(&out);
}

static void test_limits(void)
{
	struct load_shape s = shape(1, 0, 1);

	IS_INT(load_msg_init(&s, NULL), ERR_LIMIT, "no recipients");
	load_msg_fini(&s);
	s = shape(1, 1, 1);
	s.headers = 2;
	IS_INT(load_msg_init(&s, NULL), ERR_LIMIT, "too few headers");
	load_msg_fini(&s);
	s = shape(1, 1, 1);
	s.body_bytes = (size_t)1 << 30;
	IS_INT(load_msg_init(&s, NULL), ERR_LIMIT, "body too large");
	load_msg_fini(&s);
}

int main(void)
{
	test_hist();
	test_median();
	test_proc();
	test_recipients();
	test_events();
	test_limits();
	return tap_done();
}
