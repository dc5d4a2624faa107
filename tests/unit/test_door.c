/* test_door.c - the door: batches, failures that stay with the guilty, full
 * maps, failing disks, kill -9, two processes. */
#include "tests/unit/tap.h"
#include "tests/unit/toy_ledger.h"

#include "policy/base/fault.h"

#include <pthread.h>

enum {
	THREADS = 16,
	EACH = 200
};

static char name_of(long i)
{
	return (char)('a' + i % 7);
}

static void *propose_many(void *arg)
{
	struct door *d = arg;
	long failed = 0;

	for (int i = 0; i < EACH; i++) {
		char name[2] = {name_of(i), '\0'};

		failed += door_propose(d, toy_add_fn, name, NULL) != 0;
	}
	return (void *)failed;
}

static void test_threads(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = toy_door(l);
	pthread_t t[THREADS];
	struct door_stats st;
	uint64_t sum = 0;
	long failed = 0;
	void *got;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, propose_many, d) != 0)
			bug("pthread_create");
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(t[i], &got);
		failed += (long)got;
	}
	IS_INT(failed, 0, "every proposal is accepted");
	for (int i = 0; i < 7; i++)
		sum += toy_read(l, (char[2]){name_of(i), '\0'});
	IS_INT(sum, THREADS * EACH, "every one counted once");
	IS_INT(toy_last_seq(l), THREADS * EACH, "one event each");
	OK(toy_gap_free(l), "gap-free");
	door_stats(d, &st);
	IS_INT(st.events, THREADS * EACH, "events in the statistics");
	IS_INT(st.proposals, THREADS * EACH, "proposals in the statistics");
	OK(st.commits < THREADS * EACH / 2, "one commit serves several: %llu",
	    (unsigned long long)st.commits);
	OK(st.batch_p50_us > 0 && st.batch_p50_us <= st.batch_p99_us &&
		st.batch_p99_us <= st.batch_max_us,
	    "batch times %lld %lld %lld us", (long long)st.batch_p50_us,
	    (long long)st.batch_p99_us, (long long)st.batch_max_us);
	door_close(&d);
	ledger_close(&l);
	OK(d == NULL && l == NULL, "closed");
}

int main(void)
{
	char room[200], dir[300], *base = toy_dir(room, sizeof(room));

	(void)snprintf(dir, sizeof(dir), "%s/threads", base);
	test_threads(dir);
	toy_remove(base);
	return tap_done();
}
