/* nullmilter.c - libmilter's floor: takes all of a message, adds one header. */
#include "tests/bench/benchmilter.h"

/* The message itself is nothing, but not NULL. */
static char nothing;

static void *begin(void)
{
	return &nothing;
}

static void body(void *message, struct str chunk)
{
	(void)message, (void)chunk;
}

static int end(void *message, struct buf *values, size_t *n_out)
{
	(void)message;
	buf_addz(&values[0], " nothing was done");
	*n_out = 1;
	return buf_error(&values[0]);
}

static void drop(void *message)
{
	(void)message;
}

int main(int argc, char **argv)
{
	static const struct bench_hooks hooks = {
	    .begin = begin,
	    .body = body,
	    .end = end,
	    .drop = drop,
	    .header = "X-Null-Milter",
	};

	return benchmilter_main(argc, argv, &hooks);
}
