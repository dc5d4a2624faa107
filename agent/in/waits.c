/* waits.c - see waits.h. A plain array: sessions that end in doubt are rare. */
#include "agent/in/waits.h"

#include "policy/base/fault.h"
#include "policy/state/wire.h"

#include <stdlib.h>
#include <string.h>

enum {
	WAITS_MAX = 2000,
	QUEUE_ID_MAX = 40,
	FORM_VERSION = 1
};

struct waits {
	size_t n;
	struct wait {
		int64_t until_ms;
		size_t n;
		char id[QUEUE_ID_MAX];
	} v[WAITS_MAX];
};

struct waits *waits_new(void)
{
	return fault_alloc() ? NULL : calloc(1, sizeof(struct waits));
}

void waits_free(struct waits **w)
{
	free(*w);
	*w = NULL;
}

static struct str id_of(const struct wait *w)
{
	return (struct str){w->id, w->n};
}

void waits_add(struct waits *w, struct str queue_id, int64_t until_ms)
{
	struct wait *at;

	if (queue_id.n == 0 || queue_id.n > QUEUE_ID_MAX)
		return;
	waits_remove(w, queue_id);
	if (w->n == WAITS_MAX) {
		memmove(w->v, w->v + 1, (WAITS_MAX - 1) * sizeof(w->v[0]));
		w->n--;
	}
	at = &w->v[w->n++];
	at->until_ms = until_ms;
	at->n = queue_id.n;
	memcpy(at->id, queue_id.p, queue_id.n);
}

void waits_remove(struct waits *w, struct str queue_id)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!str_eq(id_of(&w->v[i]), queue_id))
			continue;
		w->n--; /* those behind it stay in order */
		memmove(&w->v[i], &w->v[i + 1], (w->n - i) * sizeof(w->v[0]));
		return;
	}
}

void waits_clear(struct waits *w)
{
	w->n = 0;
}

size_t waits_count(const struct waits *w)
{
	return w->n;
}

void waits_take(struct waits *w, int64_t now_ms,
    bool (*fn)(void *arg, struct str queue_id, int64_t until_ms), void *arg)
{
	size_t kept = 0;
	bool more = true;

	for (size_t i = 0; i < w->n; i++) {
		const struct wait *at = &w->v[i];

		if (more && now_ms >= at->until_ms)
			more = fn(arg, id_of(at), at->until_ms);
		if (!more || now_ms < at->until_ms)
			w->v[kept++] = *at;
	}
	w->n = kept;
}

void waits_export(const struct waits *w, struct buf *out)
{
	wire_put_u8(out, FORM_VERSION);
	wire_put_u16(out, (uint16_t)w->n);
	for (size_t i = 0; i < w->n; i++) {
		wire_put_i64(out, w->v[i].until_ms);
		wire_put_bytes(out, id_of(&w->v[i]));
	}
}

int waits_import(struct waits *w, struct str text)
{
	struct wire in = wire_open(text);
	size_t n;

	w->n = 0;
	if (wire_u8(&in) != FORM_VERSION)
		return ERR_CORRUPT;
	n = wire_u16(&in);
	for (size_t i = 0; i < n && !in.bad; i++) {
		int64_t until_ms = wire_i64(&in);
		waits_add(w, wire_bytes(&in), until_ms);
	}
	if (wire_done(&in) == 0)
		return 0;
	w->n = 0;
	return ERR_CORRUPT;
}
