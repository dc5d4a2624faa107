/* test_stage.c - a message on its way from the MTA's hold queue into the
 * spool: each step leaves what the next process needs. */
#include "tests/unit/tap.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/spool/stage.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>

#define NOW INT64_C(1795342800000)

static char dir[64];
static struct spool *spool;

static int remove_one(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static struct stage *opened(void)
{
	struct error err = {0};
	struct stage *st;

	if (stage_open(&st, spool, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return st;
}

static int add(struct stage *st, const char *queue_id, struct error *err)
{
	static const struct envelope_rcpt rcpt = {{"ann@b.example", 13}, {0}};
	struct envelope e = {.kind = COPY_UNDECIDED,
	    .local = true,
	    .arrived_ms = NOW,
	    .sender = STR("app@example.com"),
	    .rcpts = &rcpt,
	    .n_rcpts = 1,
	    .stream = STR("cron"),
	    .queue_id = str_of(queue_id)};
	struct header_list none = {0};

	return stage_add(st, str_of(queue_id), &e,
	    &(struct spool_message){&none, STR("body\r\n")}, err);
}

static int count_one(void *arg, uint64_t id, int64_t changed_ms)
{
	(void)id;
	(void)changed_ms;
	++*(int *)arg;
	return 0;
}

static int undecided(void)
{
	struct error err = {0};
	int n = 0;

	IS_INT(spool_each(spool, SPOOL_UNDECIDED, count_one, &n, &err), 0,
	    "undecided: %s", err.text);
	return n;
}

static int count_id(void *arg, struct str queue_id)
{
	(void)queue_id;
	++*(int *)arg;
	return 0;
}

static int staged(struct stage *st)
{
	struct error err = {0};
	int n = 0;

	IS_INT(stage_each(st, count_id, &n, &err), 0, "each: %s", err.text);
	return n;
}

static void test_steps(void)
{
	struct stage *st = opened();
	struct spool_copy *copy = NULL;
	struct error err = {0};
	uint64_t id = 0, other = 0;
	int64_t added, begin = clock_now_ms();

	IS_INT(stage_has(st, STR("4abcQ1"), &added, &err), 0, "nothing yet");
	IS_INT(add(st, "4abcQ1", &err), 0, "added: %s", err.text);
	IS_INT(add(st, "4abcQ1", &err), ERR_EXISTS, "once");
	IS_INT(add(st, "4abcQ2", &err), 0, "another");
	IS_INT(undecided(), 0, "nobody sends it yet");
	stage_close(&st);
	st = opened();
	IS_INT(stage_has(st, STR("4abcQ1"), &added, &err), 1,
	    "survives its process");
	OK(added > begin - 1000 && added <= clock_now_ms() + 1000,
	    "and since when");
	IS_INT(staged(st), 2, "both are listed");
	IS_INT(stage_commit(st, STR("4abcQ1"), NOW, &id, &err), 0, "commit: %s",
	    err.text);
	IS_INT(stage_commit(st, STR("4abcQ1"), NOW, &other, &err),
	    ERR_NOT_FOUND, "once");
	IS_INT(stage_has(st, STR("4abcQ1"), &added, &err), 0, "left");
	IS_INT(undecided(), 1, "one copy, undecided");
	IS_INT(spool_read(spool, id, &copy, &err), 0, "read: %s", err.text);
	if (copy != NULL) {
		IS_S(spool_copy_envelope(copy)->queue_id, STR("4abcQ1"), "id");
		IS_S(spool_copy_message(copy), STR("\r\nbody\r\n"), "bytes");
	}
	spool_copy_free(&copy);
	IS_INT(stage_remove(st, STR("4abcQ2"), &err), 0, "given back");
	IS_INT(stage_remove(st, STR("4abcQ2"), &err), 0, "twice");
	IS_INT(staged(st), 0, "none");
	IS_INT(undecided(), 1, "that one was never ours");
	IS_INT(spool_remove(spool, id, &err), 0, "-");
	stage_close(&st);
}

static void test_lock(void)
{
	struct stage *st = opened(), *second;
	struct error err = {0};

	IS_INT(stage_open(&second, spool, &err), ERR_UNAVAILABLE, "one: %s",
	    err.text);
	OK(second == NULL, "and nothing to close");
	stage_close(&st);
	st = opened();
	stage_close(&st);
	stage_close(&st);
}

static void test_names(void)
{
	static const char *const bad[] = {
	    "", "../x", "a b", "-d", "4abc/Q1", "4abc.", "ALL*"};
	struct stage *st = opened();
	struct error err = {0};
	uint64_t id;
	int64_t added;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		IS_INT(add(st, bad[i], &err), ERR_SYNTAX, "add \"%s\"", bad[i]);
		IS_INT(stage_has(st, str_of(bad[i]), &added, &err), ERR_SYNTAX,
		    "has");
		IS_INT(stage_remove(st, str_of(bad[i]), &err), ERR_SYNTAX,
		    "remove");
		IS_INT(stage_commit(st, str_of(bad[i]), NOW, &id, &err),
		    ERR_SYNTAX, "commit");
	}
	IS_INT(staged(st), 0, "nothing was written");
	stage_close(&st);
}

static void test_trouble(void)
{
	struct stage *st = opened();
	struct error err = {0};
	int rc;

	fault_write_at(1);
	rc = add(st, "4abcQ3", &err);
	fault_write_at(0);
	IS_INT(rc, ERR_FULL, "no space: %s", err.text);
	IS_INT(staged(st), 0, "nothing is left behind");
	stage_close(&st);
	fault_alloc_at(1);
	rc = stage_open(&st, spool, &err);
	fault_alloc_at(0);
	IS_INT(rc, -ENOMEM, "no memory");
}

int main(void)
{
	struct error err = {0};

	(void)snprintf(dir, sizeof(dir), "/tmp/tendril-stage.XXXXXX");
	if (mkdtemp(dir) == NULL ||
	    spool_open(&spool, str_of(dir), &err) != 0) {
		printf("Bail out! no folder\n");
		return 1;
	}
	test_steps();
	test_lock();
	test_names();
	test_trouble();
	spool_close(&spool);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
