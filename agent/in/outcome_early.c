/* outcome_early.c - see outcome_early.h. A ring, the oldest gives way. */
#include "agent/in/outcome_early.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIELDS = 7,
	TEXT_MAX = 640 /* all strings of one */
};

struct early {
	enum outcome_kind kind;
	int64_t time_ms, since_ms;
	uint32_t round;
	uint16_t n[FIELDS]; /* n[0], the queue id, is 0: free */
	char p[TEXT_MAX];
};

struct early_table {
	size_t next; /* where the next one goes: the oldest */
	uint32_t round;
	struct early v[EARLY_MAX];
};

struct early_table *early_new(void)
{
	return fault_alloc() ? NULL : calloc(1, sizeof(struct early_table));
}

void early_free(struct early_table **t)
{
	free(*t);
	*t = NULL;
}

void early_clear(struct early_table *t)
{
	memset(t, 0, sizeof(*t));
}

/* The server's words last, they may be cut. */
static void fields_of(struct outcome *o, struct str *out[FIELDS])
{
	out[0] = &o->queue_id;
	out[1] = &o->rcpt;
	out[2] = &o->rewritten;
	out[3] = &o->next_id;
	out[4] = &o->relay;
	out[5] = &o->dsn;
	out[6] = &o->text;
}

void early_put(struct early_table *t, const struct outcome *o)
{
	struct early *e = &t->v[t->next];
	struct outcome copy = *o;
	struct str *field[FIELDS];
	size_t at = 0;

	fields_of(&copy, field);
	for (size_t i = 0; i < FIELDS - 1; i++)
		at += field[i]->n;
	if (at > TEXT_MAX || o->queue_id.n == 0)
		return;
	copy.text = str_cut(copy.text, 0, TEXT_MAX - at);
	*e = (struct early){.kind = o->kind,
	    .time_ms = o->time_ms,
	    .since_ms = o->since_ms,
	    .round = t->round};
	at = 0;
	for (size_t i = 0; i < FIELDS; i++) {
		e->n[i] = (uint16_t)field[i]->n;
		if (field[i]->n > 0)
			memcpy(e->p + at, field[i]->p, field[i]->n);
		at += field[i]->n;
	}
	t->next = (t->next + 1) % EARLY_MAX;
}

static void read_one(const struct early *e, struct outcome *out)
{
	struct str *field[FIELDS];
	size_t at = 0;

	*out = (struct outcome){
	    .kind = e->kind, .time_ms = e->time_ms, .since_ms = e->since_ms};
	fields_of(out, field);
	for (size_t i = 0; i < FIELDS; i++) {
		*field[i] = (struct str){e->p + at, e->n[i]};
		at += e->n[i];
	}
}

void early_round(struct early_table *t)
{
	t->round++;
}

bool early_take(struct early_table *t, struct str queue_id, int64_t since_ms,
    struct outcome *out)
{
	for (size_t i = 0; i < EARLY_MAX; i++) {
		struct early *e = &t->v[(t->next + i) % EARLY_MAX];

		if (e->n[0] == 0 || e->round == t->round ||
		    e->time_ms < since_ms ||
		    !str_eq((struct str){e->p, e->n[0]}, queue_id))
			continue;
		e->round = t->round;
		read_one(e, out);
		return true;
	}
	return false;
}

static void export_one(const struct early *e, struct buf *out)
{
	struct str *field[FIELDS];
	char hex[2 * TEXT_MAX + 1];
	struct outcome o;

	read_one(e, &o);
	fields_of(&o, field);
	buf_printf(out, "E %d %" PRId64 " %" PRId64, (int)e->kind, e->time_ms,
	    e->since_ms);
	for (size_t i = 0; i < FIELDS; i++) {
		codec_hex(field[i]->p, field[i]->n, hex);
		buf_addc(out, ' ');
		buf_add(out, field[i]->n > 0
				 ? (struct str){hex, 2 * field[i]->n}
				 : STR("-"));
	}
	buf_addc(out, '\n');
}

void early_export(
    const struct early_table *t, int64_t since_ms, struct buf *out)
{
	for (size_t i = 0; i < EARLY_MAX; i++) {
		const struct early *e = &t->v[(t->next + i) % EARLY_MAX];

		if (e->n[0] > 0 && e->time_ms >= since_ms)
			export_one(e, out);
	}
}

static int import_fields(struct str line, struct outcome *o, char *text)
{
	struct str *field[FIELDS], word;
	size_t at = 0;

	fields_of(o, field);
	for (size_t i = 0; i < FIELDS; i++) {
		size_t n;

		if (!str_next(&line, ' ', &word) || word.n == 0)
			return ERR_SYNTAX;
		n = str_eq(word, STR("-")) ? 0 : word.n / 2;
		if (n > TEXT_MAX - at)
			return ERR_LIMIT;
		if (n > 0 && codec_unhex(word, n, text + at) != 0)
			return ERR_SYNTAX;
		*field[i] = (struct str){text + at, n};
		at += n;
	}
	return line.n == 0 && o->queue_id.n > 0 ? 0 : ERR_SYNTAX;
}

int early_import(struct early_table *t, struct str line)
{
	static const uint64_t max[] = {OUTCOME_GAP - 1, INT64_MAX, INT64_MAX};
	char text[TEXT_MAX];
	struct outcome o = {0};
	uint64_t v[3];
	struct str word;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 3; i++)
		rc = str_next(&line, ' ', &word) ? str_u64(word, max[i], &v[i])
						 : ERR_SYNTAX;
	if (rc == 0)
		rc = import_fields(line, &o, text);
	if (rc != 0)
		return rc;
	o.kind = (enum outcome_kind)v[0];
	o.time_ms = (int64_t)v[1];
	o.since_ms = (int64_t)v[2];
	early_put(t, &o);
	return 0;
}
