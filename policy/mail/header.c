/* header.c - see header.h. */
#include "policy/mail/header.h"

#include <stdint.h>
#include <string.h>

enum {
	FIRST_FIELDS = 32
};

int header_add(
    struct header_list *l, struct arena *a, struct str name, struct str value)
{
	struct header *v =
	    arena_room(a, l->v, l->n, &l->cap, FIRST_FIELDS, sizeof(*v));

	if (v == NULL)
		return ERR_LIMIT;
	l->v = v;
	l->v[l->n++] = (struct header){name, value};
	return 0;
}

const struct header *header_find(
    const struct header_list *l, struct str name, size_t nth)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_ieq(l->v[i].name, name) && nth-- == 0)
			return &l->v[i];
	return NULL;
}

const struct header *header_next(
    const struct header_list *l, struct str name, size_t *at)
{
	while (*at < l->n) {
		const struct header *h = &l->v[(*at)++];

		if (str_ieq(h->name, name))
			return h;
	}
	return NULL;
}

size_t header_count(const struct header_list *l, struct str name)
{
	size_t count = 0;

	for (size_t i = 0; i < l->n; i++)
		count += str_ieq(l->v[i].name, name);
	return count;
}

struct str header_text(struct arena *a, const struct header *h)
{
	struct str s = arena_str(a, h->value);
	char *to;
	size_t n = 0;

	if (s.p == NULL)
		return s;
	to = (char *)(uintptr_t)s.p;
	for (size_t i = 0; i < h->value.n; i++)
		if (h->value.p[i] != '\r' && h->value.p[i] != '\n')
			to[n++] = h->value.p[i];
	return str_trim((struct str){to, n});
}
