/* outcome_more.c - see outcome_more.h. A ring, the oldest gives way; addresses by
 * hash, since two that have the same one cost no more than a warning. */
#include "agent/in/outcome_more.h"

#include "agent/in/mtalog_id.h"
#include "agent/in/outcome_session.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct message {
	struct session_id id; /* n 0: free */
	bool told;
	uint32_t n;
	uint64_t rcpt[MORE_RCPTS];
};

struct more_table {
	size_t next; /* where the next one goes: the oldest */
	struct message v[MORE_MESSAGES];
};

struct more_table *more_new(void)
{
	return fault_alloc() ? NULL : calloc(1, sizeof(struct more_table));
}

void more_free(struct more_table **t)
{
	free(*t);
	*t = NULL;
}

void more_clear(struct more_table *t)
{
	memset(t, 0, sizeof(*t));
}

static uint64_t hash_of(struct str s)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)ascii_lower(s.p[i])) * 1099511628211u;
	return h;
}

static struct message *find(struct more_table *t, struct str queue_id)
{
	for (size_t i = 0; i < MORE_MESSAGES; i++)
		if (str_eq((struct str){t->v[i].id.p, t->v[i].id.n}, queue_id))
			return &t->v[i];
	return NULL;
}

static struct message *put(struct more_table *t, struct str queue_id)
{
	struct message *m = &t->v[t->next];

	t->next = (t->next + 1) % MORE_MESSAGES;
	*m = (struct message){.id.n = (unsigned char)queue_id.n};
	memcpy(m->id.p, queue_id.p, queue_id.n);
	return m;
}

void more_add(struct more_table *t, struct str queue_id, struct str rcpt)
{
	struct message *m = find(t, queue_id);
	uint64_t hash = hash_of(rcpt);

	if (queue_id.n == 0 || queue_id.n > OUTCOME_ID_MAX)
		return;
	if (m == NULL)
		m = put(t, queue_id);
	for (uint32_t i = 0; i < m->n; i++)
		if (m->rcpt[i] == hash)
			return;
	if (m->n < MORE_RCPTS)
		m->rcpt[m->n++] = hash;
}

uint32_t more_take(struct more_table *t, struct str queue_id)
{
	struct message *m = find(t, queue_id);

	if (m == NULL || m->told || m->n < 2)
		return 0;
	m->told = true;
	return m->n;
}

void more_export(const struct more_table *t, struct buf *out)
{
	for (size_t i = 0; i < MORE_MESSAGES; i++) {
		const struct message *m = &t->v[(t->next + i) % MORE_MESSAGES];

		if (m->id.n == 0)
			continue;
		buf_printf(out, "M %.*s %d", m->id.n, m->id.p, m->told);
		for (uint32_t k = 0; k < m->n; k++)
			buf_printf(out, " %016" PRIx64, m->rcpt[k]);
		buf_addc(out, '\n');
	}
}

int more_import(struct more_table *t, struct str line)
{
	struct str id, word;
	unsigned char raw[8];
	struct message *m;

	if (!str_next(&line, ' ', &id) || !mtalog_id_is_any(id) ||
	    !str_next(&line, ' ', &word))
		return ERR_SYNTAX;
	m = put(t, id);
	m->told = str_eq(word, STR("1"));
	while (str_next(&line, ' ', &word)) {
		if (m->n == MORE_RCPTS ||
		    codec_unhex(word, sizeof(raw), raw) != 0)
			return ERR_SYNTAX;
		m->rcpt[m->n++] = codec_get_u64(raw);
	}
	return 0;
}
