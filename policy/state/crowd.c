/* crowd.c - see crowd.h. The door answers on its own thread, in any order. */
#include "policy/state/crowd.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct ticket {
	struct crowd *crowd;
	struct crowd_member *member;
};

struct crowd {
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t waiting;
	struct ticket tickets[];
};

static void leave(struct crowd *c)
{
	pthread_mutex_lock(&c->lock);
	if (--c->waiting == 0)
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

int crowd_begin(struct crowd **out, struct door *d, door_fn *fn,
    struct crowd_member *v, size_t n)
{
	struct crowd *c =
	    fault_alloc() ? NULL
			  : calloc(1, sizeof(*c) + n * sizeof(c->tickets[0]));

	*out = c;
	if (c == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->done, NULL);
	c->waiting = n;
	for (size_t i = 0; i < n; i++) {
		int rc;

		c->tickets[i] = (struct ticket){c, &v[i]};
		rc = door_submit(d, fn, v[i].arg, member_done, &c->tickets[i]);
		if (rc != 0) /* else the answer may be there by now */
			member_done(&c->tickets[i], rc, NULL);
	}
	return 0;
}

void crowd_end(struct crowd **out)
{
	struct crowd *c = *out;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	while (c->waiting > 0)
		pthread_cond_wait(&c->done, &c->lock);
	pthread_mutex_unlock(&c->lock);
	(void)pthread_cond_destroy(&c->done);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
	*out = NULL;
}
