/* test_reference.c - Message-IDs of what went out: each is found, wherever its
 * row is by now, and old ones go. */
#define STORETEST_MAP "1G"
#include "tests/unit/storetest.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/mail/msgid.h"
#include "policy/state/lead.h"
#include "policy/state/reference.h"
#include "policy/state/reference_row.h"
#include "policy/state/tables.h"

enum {
	RUN = REFERENCE_RUN,
	FAN = 1 << REFERENCE_FAN_BITS,
};

#define BEGAN INT64_C(1790000000000)

static struct storetest T;
static struct ledger_txn *t;
static const struct lead_id lead = {{'l', 'e', 'a', 'd'}};

/* Spread as digests are, each number's another. */
static void digest_of(uint64_t n, unsigned char *out)
{
	codec_put_u64(out, n * 0x9e3779b97f4a7c15);
}

static uint64_t id_of(uint64_t n, int64_t gap_ms)
{
	return msgid_make(BEGAN + (int64_t)n * gap_ms, (uint32_t)n);
}

static int find(uint64_t digest, const struct lead_id *from, int64_t now_ms,
    uint64_t *id_out)
{
	struct reference_list l = {.n = 1};

	*id_out = 0;
	digest_of(digest, l.v[0].digest);
	return reference_find(t, &l, from, now_ms, id_out);
}

/* Puts the messages from..to-1, the digest of each is the number's; how many
 * could not be put. */
static size_t put(uint64_t from, uint64_t to, int64_t gap_ms)
{
	unsigned char digest[REFERENCE_DIGEST];
	size_t failed = 0;

	for (uint64_t n = from; n < to; n++) {
		digest_of(n, digest);
		failed += reference_put(t, digest, id_of(n, gap_ms)) != 0;
	}
	return failed;
}

/* Of from..to-1, each step-th: how many are not found, or not as they were. */
static size_t lost(uint64_t from, uint64_t to, uint64_t step, int64_t gap_ms)
{
	int64_t now = BEGAN + (int64_t)to * gap_ms;
	size_t n_lost = 0;
	uint64_t id;

	for (uint64_t n = from; n < to; n += step)
		n_lost += find(n, NULL, now, &id) != 0 || id != id_of(n, gap_ms);
	return n_lost;
}

static uint64_t rows(void)
{
	struct ledger_table_stat s = {0};

	if (ledger_table_stat(t, TABLE_REFERENCE, &s) != 0)
		return 0;
	return s.rows;
}

static unsigned runs(unsigned level)
{
	uint32_t run = 0;
	unsigned n = 0;

	while (reference_next_run(t, level, run, &run) == 0) {
		n++;
		run++;
	}
	return n;
}

/* A transaction that is not committed, with one person in it. */
static void begin(void)
{
	struct event_lead_created e = {
	    .epoch = 1, .wrapped = STR("wrapped"), .address = STR("sealed")};
	struct event ev = {.time_ms = BEGAN};
	struct error err = {0};
	struct buf b;

	memcpy(e.lead, lead.b, sizeof(e.lead));
	buf_init(&b, 4096);
	if (ledger_write_begin(T.store->ledger, &t) != 0 ||
	    payload_encode(&lead_created_payload, &e, &b) != 0)
		exit(1);
	ev.payload = buf_str(&b);
	IS_INT(lead_reduce_created(t, &ev, &err), 0, "a person");
	buf_fini(&b);
}

/* --- tests --- */

/* At each message around those that make a run. */
static void test_first(void)
{
	size_t n_lost = 0;

	begin();
	OK(put(0, RUN - 2, 1) == 0, "put");
	IS_INT(runs(1), 0, "no run yet");
	for (uint64_t n = RUN - 2; n < RUN + 3; n++) {
		OK(put(n, n + 1, 1) == 0, "put %d", (int)n);
		n_lost += lost(0, n + 1, 1, 1) + (rows() != n + 1);
	}
	IS_INT((long long)n_lost, 0, "all are there, at any moment");
	IS_INT(runs(1), 1, "one run");
	ledger_abort(&t);
}

/* A level full and the next begun: as many rows as were put, and each found,
 * whichever step of it was the last. */
static void test_merges(void)
{
	const uint64_t whole = (uint64_t)FAN * RUN, n = 2 * whole + RUN + 5;
	size_t n_failed = 0, n_lost = 0;

	begin();
	for (uint64_t at = 0; at < n; at += RUN / 4) {
		uint64_t end = at + RUN / 4 < n ? at + RUN / 4 : n;

		n_failed += put(at, end, 1);
		n_lost += lost(0, end, end / 128 + 1, 1) + (rows() != end);
	}
	IS_INT((long long)n_failed, 0, "put");
	IS_INT((long long)n_lost, 0, "none lost, none twice, at any moment");
	IS_INT((long long)lost(0, n, 7, 1), 0, "nor at the end");
	IS_INT(runs(2), 2, "two of the second level");
	OK(runs(1) <= FAN + 1, "few of the first: %u", runs(1));
	IS_INT(runs(3), 0, "none of the third");
	ledger_abort(&t);
}

static void test_third_level(void)
{
	const uint64_t whole = (uint64_t)FAN * FAN * RUN;
	/* Its first slices, and half of what has to come from level 1. */
	const uint64_t n = whole + whole / FAN * 2;

	begin();
	OK(put(0, n, 1) == 0, "put %d", (int)n);
	IS_INT((long long)rows(), (long long)n, "as many rows");
	IS_INT(runs(3), 1, "one of the third level");
	OK(runs(2) <= FAN + 2 && runs(1) <= 2 * FAN, "not many others: %u, %u",
	    runs(2), runs(1));
	IS_INT((long long)lost(0, n, 997, 1), 0, "each found");
	ledger_abort(&t);
}

/* One Message-ID for all: nobody can tell whose, but by who writes. */
static void test_one_for_many(void)
{
	const uint64_t whole = (uint64_t)FAN * RUN, n = 2 * whole;
	struct slot_fact mine = {.message_id = id_of(n / 3, 1)};
	unsigned char digest[REFERENCE_DIGEST];
	size_t n_failed = 0;
	uint64_t id;

	begin();
	digest_of(1, digest);
	for (uint64_t i = 0; i < n; i++)
		n_failed += reference_put(t, digest, id_of(i, 1)) != 0;
	IS_INT((long long)n_failed, 0, "put");
	IS_INT((long long)rows(), (long long)n, "a row for each");
	IS_INT(find(1, NULL, BEGAN, &id), ERR_NOT_FOUND, "nobody's");
	IS_INT(find(1, &lead, BEGAN, &id), ERR_NOT_FOUND, "a stranger's");
	IS_INT(lead_slot_put(t, &lead, &mine, 0), 0, "was sent one of them");
	IS_INT(find(1, &lead, BEGAN, &id), 0, "who was sent it");
	OK(id == mine.message_id, "that one");
	OK(runs(2) > 0 && runs(1) < 2 * FAN, "and order is kept: %u, %u",
	    runs(2), runs(1));
	ledger_abort(&t);
}

/* The newest of what a person was sent. */
static void test_newest(void)
{
	struct slot_fact a = {.message_id = id_of(3, 1)},
			 b = {.message_id = id_of(RUN + 1, 1)};
	unsigned char digest[REFERENCE_DIGEST];
	uint64_t id;

	begin();
	OK(put(0, RUN + 1, 1) == 0, "put");
	digest_of(3, digest);
	IS_INT(reference_put(t, digest, b.message_id), 0, "again");
	OK(put(RUN + 2, 2 * RUN + 2, 1) == 0 && runs(1) == 2, "in two runs");
	IS_INT(find(3, &lead, BEGAN, &id), ERR_NOT_FOUND, "sent neither");
	OK(lead_slot_put(t, &lead, &b, 0) == 0 &&
		lead_slot_put(t, &lead, &a, 0) == 0,
	    "sent both");
	OK(find(3, &lead, BEGAN, &id) == 0 && id == b.message_id, "the newer");
	IS_INT(find(4, &lead, BEGAN, &id), 0, "another's, that is alone");
	ledger_abort(&t);
}

/* A message in ten minutes: 26 weeks are 26,208 of them. */
static void test_old(void)
{
	const int64_t gap_ms = 600000, week = 7 * WHEN_DAY_MS;
	const uint64_t kept = REFERENCE_KEEP_WEEKS * week / gap_ms;
	uint64_t n = 0, id, most = 0;
	size_t n_failed = 0, n_lost = 0;

	begin();
	for (; n < 3 * kept; n += RUN) {
		uint64_t young = n > kept ? n - kept : 0;

		n_failed += put(n, n + RUN, gap_ms);
		n_lost += lost(young + RUN, n + RUN, 101, gap_ms);
		most = rows() > most ? rows() : most;
	}
	IS_INT((long long)n_failed, 0, "put");
	IS_INT((long long)n_lost, 0, "the young are there at any moment");
	IS_INT(find(n - kept - 2, NULL, BEGAN + (int64_t)n * gap_ms, &id),
	    ERR_NOT_FOUND, "one a little too old");
	OK(rows() >= kept && most <= kept + 2 * (uint64_t)FAN * RUN,
	    "the old are gone: %d rows at most, %d are young", (int)most,
	    (int)kept);
	ledger_abort(&t);
}

int main(void)
{
	storetest_open(&T);
	test_first();
	test_merges();
	test_third_level();
	test_one_for_many();
	test_newest();
	test_old();
	storetest_close(&T);
	return tap_done();
}
