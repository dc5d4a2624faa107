/* no_thread.c - LD_PRELOAD for tests/e2e/test_trouble.py: while the file that
 * $TENDRIL_TEST_NO_THREAD names is there, no detached thread can be made, as
 * when the system has no more. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

typedef int create_fn(
    pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
	create_fn *real = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
	const char *file = getenv("TENDRIL_TEST_NO_THREAD");
	int state = PTHREAD_CREATE_JOINABLE;

	if (attr != NULL)
		(void)pthread_attr_getdetachstate(attr, &state);
	if (state == PTHREAD_CREATE_DETACHED && file != NULL &&
	    access(file, F_OK) == 0)
		return EAGAIN;
	return real(thread, attr, run, arg);
}
