#include "policy/base/array.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 16

int array_room(void *at, size_t *cap, size_t n, size_t size)
{
	const size_t most = PTRDIFF_MAX / size;
	size_t more = *cap <= most / 2 ? 2 * *cap : most;
	void *v;

	if (n <= *cap)
		return 0;
	more = more > n ? more : n;
	more = more > FIRST ? more : FIRST;
	if (more > most)
		return -ENOMEM;
	memcpy(&v, at, sizeof(v)); /* of any type */
	v = fault_alloc() ? NULL : realloc(v, more * size);
	if (v == NULL)
		return -ENOMEM;
	memcpy(at, &v, sizeof(v));
	*cap = more;
	return 0;
}
