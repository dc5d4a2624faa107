/* part.c - see part.h. */
#include "agent/part.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
	WAIT_MAX_MS = 3600000
};

struct part {
	part_step *fn;
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* locked */
};

/* True when the part is to stop. */
static bool wait_for(struct part *p, int64_t ms)
{
	struct timespec until;
	bool stop;
	int rc = 0;

	if (ms > WAIT_MAX_MS)
		ms = WAIT_MAX_MS;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_mutex_lock(&p->lock);
	while (!p->stop && ms > 0 && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&p->wake, &p->lock, &until);
	stop = p->stop;
	(void)pthread_mutex_unlock(&p->lock);
	return stop;
}

static void *run(void *arg)
{
	struct part *p = arg;

	while (!wait_for(p, p->fn(p->arg)))
		continue;
	return NULL;
}

static int init(struct part *p)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc != 0)
		return rc;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(&p->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (rc == 0 && (rc = pthread_mutex_init(&p->lock, NULL)) != 0)
		(void)pthread_cond_destroy(&p->wake);
	return rc;
}

static void destroy(struct part *p)
{
	(void)pthread_cond_destroy(&p->wake);
	(void)pthread_mutex_destroy(&p->lock);
}

int part_start(struct part **out, const char *name, part_step *fn, void *arg,
    struct error *err)
{
	struct part *p = fault_alloc() ? NULL : calloc(1, sizeof(*p));
	int rc;

	*out = NULL;
	if (p == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	p->fn = fn;
	p->arg = arg;
	rc = init(p);
	if (rc == 0 && (rc = pthread_create(&p->thread, NULL, run, p)) != 0)
		destroy(p);
	if (rc != 0) {
		free(p);
		return error_set(err, -rc, "%s: no thread", name);
	}
	(void)pthread_setname_np(p->thread, name);
	*out = p;
	return 0;
}

void part_stop(struct part **p)
{
	if (*p == NULL)
		return;
	(void)pthread_mutex_lock(&(*p)->lock);
	(*p)->stop = true;
	(void)pthread_cond_signal(&(*p)->wake);
	(void)pthread_mutex_unlock(&(*p)->lock);
	(void)pthread_join((*p)->thread, NULL);
	destroy(*p);
	free(*p);
	*p = NULL;
}
