/* outcome_session.c - see outcome_session.h. Both tables are caches of sets:
 * a key's hash picks the set, within it the oldest entry gives way. A fate
 * that was forgotten costs nothing but a second outcome for the same id. */
#include "agent/in/outcome_session.h"

#include "policy/base/fault.h"

#include <stdlib.h>
#include <string.h>

enum {
	WAYS = 8,
	FATE_SETS = 4096,
	FATE_WAYS = 4
};

struct fate {
	uint64_t key;
	enum mtalog_kind kind; /* MTALOG_OTHER: free */
};

struct session_table {
	size_t sets; /* a power of two */
	uint64_t forgotten;
	struct fate fate[FATE_SETS][FATE_WAYS]; /* newest first */
	struct session slot[];
};

static uint64_t mix(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
	return h;
}

static uint64_t hash_id(struct str id)
{
	uint64_t h = mix(14695981039346656037u, id);

	return h ^ h >> 29;
}

struct session_table *session_table_new(size_t max)
{
	struct session_table *t;
	size_t sets = 1;

	while (sets * WAYS < max &&
	       sets < SIZE_MAX / WAYS / 2 / sizeof(t->slot[0]))
		sets *= 2;
	t = fault_alloc()
		? NULL
		: calloc(1, sizeof(*t) + sets * WAYS * sizeof(t->slot[0]));
	if (t != NULL)
		t->sets = sets;
	return t;
}

void session_table_free(struct session_table **t)
{
	free(*t);
	*t = NULL;
}

void session_table_clear(struct session_table *t)
{
	memset(t->fate, 0, sizeof(t->fate));
	memset(t->slot, 0, t->sets * WAYS * sizeof(t->slot[0]));
}

uint64_t session_table_forgotten(const struct session_table *t)
{
	return t->forgotten;
}

uint64_t session_owner(const struct mtalog_line *line)
{
	uint64_t h = mix(14695981039346656037u, line->host);

	h = mix(mix(h, STR("/")), line->instance);
	return h != 0 ? h : 1;
}

static struct session *set_of(
    struct session_table *t, uint64_t owner, uint32_t pid)
{
	uint64_t h = (owner ^ pid) * 0x9e3779b97f4a7c15u;

	return &t->slot[(h >> 32 & (t->sets - 1)) * WAYS];
}

struct session *session_find(
    struct session_table *t, uint64_t owner, uint32_t pid)
{
	struct session *set = set_of(t, owner, pid);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].owner == owner && set[i].pid == pid)
			return &set[i];
	return NULL;
}

struct session *session_add(
    struct session_table *t, uint64_t owner, uint32_t pid, int64_t now_ms)
{
	struct session *set = set_of(t, owner, pid), *s = set;

	for (size_t i = 0; i < WAYS && s->owner != 0; i++)
		if (set[i].owner == 0 || set[i].last_ms < s->last_ms)
			s = &set[i];
	t->forgotten += s->owner != 0;
	memset(s, 0, sizeof(*s));
	s->owner = owner;
	s->pid = pid;
	s->last_ms = now_ms;
	s->pending = MTALOG_OTHER;
	return s;
}

void session_remove(struct session *s)
{
	s->owner = 0;
}

struct session *session_each(struct session_table *t, struct session *after)
{
	size_t at = after != NULL ? (size_t)(after - t->slot) + 1 : 0;

	for (; at < t->sets * WAYS; at++)
		if (t->slot[at].owner != 0)
			return &t->slot[at];
	return NULL;
}

void session_decide(
    struct session_table *t, struct str queue_id, enum mtalog_kind fate)
{
	uint64_t key = hash_id(queue_id);
	struct fate *set = t->fate[key % FATE_SETS];

	if (set[0].key != key)
		memmove(set + 1, set, (FATE_WAYS - 1) * sizeof(set[0]));
	set[0] = (struct fate){key, fate};
}

static enum mtalog_kind fate_of(
    const struct session_table *t, struct str queue_id)
{
	uint64_t key = hash_id(queue_id);
	const struct fate *set = t->fate[key % FATE_SETS];

	for (size_t i = 0; i < FATE_WAYS; i++)
		if (set[i].key == key)
			return set[i].kind;
	return MTALOG_OTHER;
}

void session_settle(struct session_table *t, struct session *s)
{
	unsigned char kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		enum mtalog_kind fate = fate_of(t, session_id(s, i));
		if (fate == MTALOG_OTHER)
			s->id[kept++] = s->id[i];
		else if (fate != MTALOG_REJECT)
			s->accepted++;
	}
	s->n = kept;
}

void session_push(struct session *s, struct str queue_id)
{
	struct session_id *id = &s->id[s->n++];

	id->n = (unsigned char)(queue_id.n < OUTCOME_ID_MAX ? queue_id.n
							    : OUTCOME_ID_MAX);
	memcpy(id->p, queue_id.p, id->n);
}

struct str session_id(const struct session *s, size_t at)
{
	return (struct str){s->id[at].p, s->id[at].n};
}
