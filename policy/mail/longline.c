/* longline.c - see longline.h. */
#include "policy/mail/longline.h"

#include <string.h>

/* Before the LF: a CR does not count as a byte of the line, and here it is
 * allowed for. A line of 999 bytes that ends in a bare LF is taken for one of
 * 998 with its CR; Postfix makes CRLF of all ends before it asks us. */
enum {
	BEFORE_LF = LONGLINE_MAX + 1
};

void longline_update(struct longline *l, struct str chunk)
{
	while (!l->found && chunk.n > 0) {
		/* Where the LF is due at the latest. */
		size_t due = BEFORE_LF - l->run;
		size_t n = chunk.n <= due ? chunk.n : due + 1;
		const char *lf = memrchr(chunk.p, '\n', n);

		if (lf != NULL) {
			l->run = 0;
			n = (size_t)(lf - chunk.p) + 1;
		} else {
			l->run += n;
			l->found = l->run > BEFORE_LF;
		}
		chunk = str_from(chunk, n);
	}
}

bool longline_in_headers(const struct header_list *headers)
{
	bool found = false;

	for (size_t i = 0; !found && i < headers->n; i++) {
		const struct header *h = &headers->v[i];
		struct longline l = {0};

		if (h->name.n + h->value.n <= LONGLINE_MAX - 1)
			continue;
		longline_update(&l, h->name);
		longline_update(&l, STR(":"));
		longline_update(&l, h->value);
		longline_update(&l, STR("\r\n"));
		found = l.found;
	}
	return found;
}
