/* fuzz_mime.c - any bytes as a message: its parts, their bodies, parameters
 * and encoded words. */
#include "tests/fuzz/fuzz.h"

#include "policy/mail/encword.h"
#include "policy/mail/headblock.h"
#include "policy/mail/mime.h"
#include "policy/mail/mimeparam.h"

enum {
	ARENA = 16 << 20,
	BODY = 1 << 20
};

static bool is_inside(struct str outer, struct str inner)
{
	return inner.n == 0 ||
	       (inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n);
}

static void check_part(const struct mime *m, size_t i, struct arena *a)
{
	const struct mime_part *p = &m->part[i], *up = &m->part[p->parent];
	struct str body = STR_NULL;

	FUZZ_CHECK(p->depth < MIME_MAX_DEPTH);
	FUZZ_CHECK(is_inside(m->message, p->head));
	FUZZ_CHECK(is_inside(m->message, p->body));
	FUZZ_CHECK(p->head.n == 0 || p->head.p + p->head.n <= p->body.p);
	if (i > 0) {
		FUZZ_CHECK(p->parent < i && p->depth == up->depth + 1);
		FUZZ_CHECK(up->kind != MIME_LEAF);
		FUZZ_CHECK(is_inside(up->body, p->head));
		FUZZ_CHECK(is_inside(up->body, p->body));
	}
	if (mime_body(p, BODY, a, &body) == 0)
		FUZZ_CHECK(body.n <= p->body.n);
}

/* Where no field is malformed, name, colon and value are the whole block. */
static void check_fields(const struct mime *m, struct arena *a)
{
	for (size_t i = 0; i < m->head.n; i++) {
		const struct header *h = &m->head.v[i];
		struct str out;

		FUZZ_CHECK(h->name.n > 0);
		FUZZ_CHECK(is_inside(m->message, h->name));
		FUZZ_CHECK(is_inside(m->message, h->value));
		if (encword_decode(h->value, a, &out) == 0)
			FUZZ_CHECK(out.n <= h->value.n);
		if (mimeparam_get(h->value, STR("name"), a, &out) == 0)
			FUZZ_CHECK(out.n <= h->value.n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct arena *a = arena_new(ARENA);
	struct mime m;

	if (a == NULL)
		return 0;
	if (mime_scan(in, a, &m) == 0) {
		FUZZ_CHECK(m.n >= 1 && m.n <= MIME_MAX_PARTS);
		for (size_t i = 0; i < m.n; i++)
			check_part(&m, i, a);
		check_fields(&m, a);
	}
	arena_free(&a);
	return 0;
}
