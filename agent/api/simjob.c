/* simjob.c - see simjob.h. */
#include "agent/api/simjob.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	REPORT_MAX = 64 << 20,
};

enum state {
	IDLE,
	RUNNING,
	DONE,
	FAILED,
	STOPPED
};

struct simjob {
	struct app *app;
	pthread_mutex_t lock; /* all below */
	pthread_t thread;
	bool joinable;
	uint64_t id;
	enum state state;
	bool stop;
	double share;
	struct error err;
	/* The thread's while it runs. */
	struct simulate_query q;
	struct simulate_report report;
	struct arena *arena;
};

static bool on_progress(void *arg, double share)
{
	struct simjob *j = arg;
	bool go_on;

	(void)pthread_mutex_lock(&j->lock);
	j->share = share;
	go_on = !j->stop && !atomic_load(&j->app->stopping);
	(void)pthread_mutex_unlock(&j->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct simjob *j = arg;
	struct error err = {0};
	int rc = simulate_run(j->app->store, &j->q, j->arena, &j->report, &err);

	(void)pthread_mutex_lock(&j->lock);
	j->err = err;
	j->state = rc == 0 ? DONE : rc == ERR_STOPPING ? STOPPED : FAILED;
	(void)pthread_mutex_unlock(&j->lock);
	LOG_EV(
	    rc == 0 || rc == ERR_STOPPING ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
	    "simulate.end", KV_Z("state", rc == 0 ? "done" : error_text(rc)),
	    KV_I64("decisions", (int64_t)j->report.decisions));
	return NULL;
}

static void let_go(struct simulate_query *q)
{
	policy_unref(&q->policy);
	policy_unref(&q->other);
}

int simjob_open(struct simjob **out, struct app *app)
{
	struct simjob *j = fault_alloc() ? NULL : calloc(1, sizeof(*j));

	*out = j;
	if (j == NULL)
		return -ENOMEM;
	j->app = app;
	/* An id that was given before a restart is none of ours. */
	j->id = (uint64_t)clock_now_ms();
	if (pthread_mutex_init(&j->lock, NULL) == 0)
		return 0;
	free(j);
	*out = NULL;
	return -ENOMEM;
}

static void join(struct simjob *j)
{
	if (j->joinable)
		(void)pthread_join(j->thread, NULL);
	j->joinable = false;
}

void simjob_close(struct simjob **j)
{
	if (*j == NULL)
		return;
	(void)pthread_mutex_lock(&(*j)->lock);
	(*j)->stop = true;
	(void)pthread_mutex_unlock(&(*j)->lock);
	join(*j);
	let_go(&(*j)->q);
	arena_free(&(*j)->arena);
	(void)pthread_mutex_destroy(&(*j)->lock);
	free(*j);
	*j = NULL;
}

/* Takes q over. Under the lock, with no thread at work: the one of before has
 * ended. */
static int start(struct simjob *j, struct simulate_query *q)
{
	struct arena *a = arena_new(REPORT_MAX);
	int rc;

	if (a == NULL) {
		let_go(q);
		return -ENOMEM;
	}
	join(j);
	let_go(&j->q);
	arena_free(&j->arena);
	j->arena = a;
	j->q = *q;
	j->q.progress = on_progress;
	j->q.arg = j;
	j->report = (struct simulate_report){0};
	j->err = (struct error){0};
	j->stop = false;
	j->share = 0;
	j->state = RUNNING;
	j->id++;
	rc = pthread_create(&j->thread, NULL, run, j) == 0 ? 0 : -EAGAIN;
	j->joinable = rc == 0;
	if (rc != 0)
		j->state = FAILED;
	return rc;
}

int simjob_start(struct simjob *j, struct simulate_query *q, uint64_t *id_out,
    struct error *err)
{
	int rc = ERR_EXISTS;
	double share;

	(void)pthread_mutex_lock(&j->lock);
	if (j->state != RUNNING)
		rc = start(j, q);
	else
		let_go(q);
	*id_out = j->id;
	share = j->share;
	(void)pthread_mutex_unlock(&j->lock);
	return rc == ERR_EXISTS
		   ? error_set(err, rc,
			 "another simulation is running, %d %% of it are done; "
			 "one at a time",
			 (int)(share * 100))
		   : error_of(err, rc, "simulation");
}

int simjob_stop(struct simjob *j, uint64_t id)
{
	int rc;

	(void)pthread_mutex_lock(&j->lock);
	rc = id == j->id && j->state != IDLE ? 0 : ERR_NOT_FOUND;
	if (rc == 0)
		j->stop = true;
	(void)pthread_mutex_unlock(&j->lock);
	return rc;
}

int simjob_show(struct simjob *j, uint64_t id, struct value *o)
{
	static const char *const names[] = {
	    [IDLE] = "none",
	    [RUNNING] = "running",
	    [DONE] = "done",
	    [FAILED] = "failed",
	    [STOPPED] = "stopped",
	};
	int rc;

	(void)pthread_mutex_lock(&j->lock);
	rc = id == j->id && j->state != IDLE ? 0 : ERR_NOT_FOUND;
	if (rc == 0) {
		value_put_i64(o, "id", (int64_t)id);
		value_put_str(o, "state", str_of(names[j->state]));
		value_put_i64(o, "share", (int64_t)(j->share * 100));
		if (j->state == FAILED)
			value_put_str(o, "error", str_of(j->err.text));
		if (j->state == DONE)
			simulate_json(&j->q, &j->report, o);
	}
	(void)pthread_mutex_unlock(&j->lock);
	return rc;
}
