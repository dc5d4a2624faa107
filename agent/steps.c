/* steps.c - see steps.h. */
#include "agent/steps.h"

#include "policy/base/fault.h"
#include "policy/base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	SLICE_MS = 100
};

struct step {
	struct app *app;
	const char *name;
	step_fn *fn;
	void *arg;
	int fd;
	pthread_t thread;
};

struct steps {
	struct app *app;
	struct step v[STEPS_MAX];
	size_t n;
};

int steps_open(struct steps **out, struct app *app, struct error *err)
{
	struct steps *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));

	*out = s;
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	s->app = app;
	return 0;
}

/* In slices, so that a stop is seen soon. fd -1 is none for poll(2) too. */
static void wait_for(const struct app *app, int fd, int64_t ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (ms > 0 && !atomic_load(&app->stopping)) {
		int64_t slice = ms < SLICE_MS ? ms : SLICE_MS;
		if (poll(&p, 1, (int)slice) > 0)
			return;
		ms -= slice;
	}
}

static void *run(void *arg)
{
	struct step *s = arg;

	while (!atomic_load(&s->app->stopping)) {
		struct error err = {0};
		int64_t wait_ms = 0;
		bool failed = s->fn(s->arg, &wait_ms, &err) != 0;

		if (failed) {
			LOG_EV_LIMITED(
			    LOG_LEVEL_ERR, s->name, KV_Z("error", err.text));
			if (wait_ms < STEPS_FAILED_WAIT_MS)
				wait_ms = STEPS_FAILED_WAIT_MS;
		}
		wait_for(s->app, failed ? -1 : s->fd, wait_ms);
	}
	return NULL;
}

int steps_add(struct steps *s, const char *name, step_fn *fn, void *arg, int fd,
    struct error *err)
{
	struct step *at = &s->v[s->n];
	int rc;

	if (s->n == STEPS_MAX)
		return error_set(err, ERR_LIMIT, "too many steps");
	*at = (struct step){s->app, name, fn, arg, fd, 0};
	rc = pthread_create(&at->thread, NULL, run, at);
	if (rc != 0)
		return error_of(err, -rc, "thread");
	s->n++;
	return 0;
}

void steps_close(struct steps **s)
{
	if (*s == NULL)
		return;
	for (size_t i = 0; i < (*s)->n; i++)
		(void)pthread_join((*s)->v[i].thread, NULL);
	free(*s);
	*s = NULL;
}
