/* dup.c - see dup.h. */
#include "policy/rules/dup.h"

enum {
	KEYS_MAX = 2 * DUP_MINUTES + 1
};

/* What a slot of the same message may be known by. */
struct keys {
	uint64_t v[KEYS_MAX];
	size_t n;
};

static void keys_of(const struct samekey *k, struct keys *out)
{
	out->v[0] = k->key;
	out->n = 1;
	for (int64_t i = 1; !k->has_message_id && i <= DUP_MINUTES; i++) {
		out->v[out->n++] = samekey_after(k, i);
		out->v[out->n++] = samekey_after(k, -i);
	}
}

static bool is_match(
    const struct keys *keys, const struct slot_fact *s, int64_t now_ms)
{
	/* A clock that went back makes slots of the future: they match. */
	if (s->state == SLOT_RELEASED ||
	    (s->at_ms <= now_ms && now_ms - s->at_ms >= DUP_AGE_MS))
		return false;
	for (size_t i = 0; i < keys->n; i++)
		if (s->key == keys->v[i])
			return true;
	return false;
}

enum dup_answer dup_decide(const struct dup_query *q, const struct facts *f,
    int64_t now_ms, const struct slot_fact **match_out)
{
	const struct slot_fact *hit = NULL;
	struct keys keys;

	keys_of(&q->same, &keys);
	for (size_t i = 0; i < f->n_slots; i++) {
		const struct slot_fact *s = &f->slots[i];
		if (!is_match(&keys, s, now_ms))
			continue;
		if (hit == NULL || s->state > hit->state)
			hit = s;
	}
	if (match_out != NULL)
		*match_out = hit;
	if (hit == NULL || !q->log_followed)
		return DUP_NEW;
	return hit->state == SLOT_PROPOSED ? DUP_IN_FLIGHT : DUP_SAME;
}
