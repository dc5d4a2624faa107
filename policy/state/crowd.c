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
	int row; /* the door's */
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

static struct crowd *new_crowd(struct crowd_member *v, size_t n)
{
	struct crowd *c =
	    fault_alloc() ? NULL
			  : calloc(1, sizeof(*c) + n * sizeof(c->tickets[0]));

	if (c == NULL)
		return NULL;
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->done, NULL);
	c->waiting = n;
	for (size_t i = 0; i < n; i++)
		c->tickets[i] = (struct ticket){c, &v[i]};
	return c;
}

int crowd_begin(struct crowd **out, struct door *d, door_fn *fn,
    struct crowd_member *v, size_t n)
{
	struct crowd *c = *out = new_crowd(v, n);

	for (size_t i = 0; c != NULL && i < n; i++) {
		int rc =
		    door_submit(d, fn, v[i].arg, member_done, &c->tickets[i]);

		if (rc != 0) /* else the answer may be there by now */
			member_done(&c->tickets[i], rc, NULL);
	}
	return c != NULL ? 0 : -ENOMEM;
}

int crowd_begin_row(struct crowd **out, struct door *d, door_fn *fn,
    struct crowd_member *v, size_t n)
{
	struct crowd *c = *out = new_crowd(v, n);
	int rc = 0;

	for (size_t i = 0; c != NULL && i < n; i++) {
		if (rc == 0)
			rc = door_submit_in_row(d, &c->row, fn, v[i].arg,
			    member_done, &c->tickets[i]);
		if (rc != 0)
			member_done(&c->tickets[i], rc, NULL);
	}
	return c != NULL ? 0 : -ENOMEM;
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
