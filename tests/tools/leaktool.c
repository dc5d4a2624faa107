/* leaktool.c - leaks on purpose. For tests/corpora/check_preview.py, which has
 * to show that it would notice. */
#include <stdint.h>
#include <stdlib.h>

int main(void)
{
	volatile char *p = NULL;
	volatile uintptr_t gone = 0;

	for (size_t i = 0; i < 100; i++) {
		p = malloc(1000 + i);
		if (p == NULL)
			return 1;
		p[0] = 'x';
		gone += (uintptr_t)p & 1;
	}
	p = NULL;
	return (int)gone;
}
