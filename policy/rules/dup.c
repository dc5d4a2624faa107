/* dup.c - see dup.h. */
#include "policy/rules/dup.h"

static bool is_match(
    const struct dup_query *q, const struct slot_fact *s, int64_t now_ms)
{
	int64_t age = q->has_message_id ? DUP_AGE_MS : DUP_AGE_NO_MESSAGE_ID_MS;

	/* A clock that went back makes slots of the future: they match. */
	return s->key == q->key && s->state != SLOT_RELEASED &&
	       (s->at_ms > now_ms || now_ms - s->at_ms < age);
}

enum dup_answer dup_decide(const struct dup_query *q, const struct facts *f,
    int64_t now_ms, const struct slot_fact **match_out)
{
	const struct slot_fact *hit = NULL;

	for (size_t i = 0; i < f->n_slots; i++) {
		const struct slot_fact *s = &f->slots[i];
		if (!is_match(q, s, now_ms))
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
