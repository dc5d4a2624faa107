/* crowd.c - see crowd.h. The door answers on its own thread, in any order. */
#include "policy/state/crowd.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct crowd {
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t waiting;
};

struct ticket {
	struct crowd *crowd;
	struct crowd_member *member;
};

static void leave(struct crowd *c)
{
	pthread_mutex_lock(&c->lock);
	c->waiting--;
	pthread_cond_signal(&c->done);
	pthread_mutex_unlock(&c->lock);
}

static void member_done(void *arg, int rc, const struct error *err)
{
	struct ticket *t = arg;

	(void)err;
	t->member->rc = rc;
	leave(t->crowd);
}

static void wait_below(struct crowd *c, size_t most)
{
	pthread_mutex_lock(&c->lock);
	while (c->waiting >= most)
		pthread_cond_wait(&c->done, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

static void enter(
    struct crowd *c, struct door *d, door_fn *fn, struct ticket *t)
{
	int rc;

	pthread_mutex_lock(&c->lock);
	c->waiting++;
	pthread_mutex_unlock(&c->lock);
	rc = door_submit(d, fn, t->member->arg, member_done, t);
	if (rc == 0)
		return;
	t->member->rc = rc;
	leave(c);
}

int crowd_propose(struct door *d, door_fn *fn, struct crowd_member *v, size_t n,
    size_t at_once)
{
	struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .done = PTHREAD_COND_INITIALIZER};
	struct ticket *tickets =
	    fault_alloc() ? NULL : calloc(n > 0 ? n : 1, sizeof(*tickets));

	if (tickets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		tickets[i] = (struct ticket){&crowd, &v[i]};
		wait_below(&crowd, at_once);
		enter(&crowd, d, fn, &tickets[i]);
	}
	wait_below(&crowd, 1);
	free(tickets);
	return 0;
}
