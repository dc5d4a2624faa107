/* claims.c - see claims.h. */
#include "agent/out/claims.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct claims {
	pthread_mutex_t lock;
	pthread_cond_t given;
	uint64_t id[CLAIMS_MAX];
	size_t n;
};

int claims_open(struct claims **out)
{
	struct claims *c = fault_alloc() ? NULL : calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->given, NULL);
	return 0;
}

void claims_close(struct claims **c)
{
	if (*c == NULL)
		return;
	pthread_cond_destroy(&(*c)->given);
	pthread_mutex_destroy(&(*c)->lock);
	free(*c);
	*c = NULL;
}

static size_t find(const struct claims *c, uint64_t id)
{
	size_t i = 0;

	while (i < c->n && c->id[i] != id)
		i++;
	return i;
}

static bool is_free(const struct claims *c, uint64_t id)
{
	return find(c, id) == c->n && c->n < CLAIMS_MAX;
}

int claims_take(struct claims *c, uint64_t id, int64_t patience_ms)
{
	struct timespec until;
	int rc = 0;

	if (c == NULL)
		return 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += patience_ms / 1000;
	until.tv_nsec += patience_ms % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&c->lock);
	while (!is_free(c, id) && rc == 0)
		rc = pthread_cond_clockwait(
		    &c->given, &c->lock, CLOCK_MONOTONIC, &until);
	if (is_free(c, id)) {
		c->id[c->n++] = id;
		rc = 0;
	}
	pthread_mutex_unlock(&c->lock);
	return rc == 0 ? 0 : ERR_BUSY;
}

void claims_give(struct claims *c, uint64_t id)
{
	size_t at;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	at = find(c, id);
	if (at < c->n)
		c->id[at] = c->id[--c->n];
	pthread_cond_broadcast(&c->given);
	pthread_mutex_unlock(&c->lock);
}
