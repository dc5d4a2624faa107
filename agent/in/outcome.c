/* outcome.c - see outcome.h. */
#include "agent/in/outcome.h"

#include "agent/in/handoff.h"
#include "agent/in/mtalog_id.h"
#include "agent/in/outcome_early.h"
#include "agent/in/outcome_more.h"
#include "agent/in/outcome_session.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A message has moved: what was said of `to` is to be said once the lines of
 * that delivery are over, since several recipients may go along. */
struct move {
	struct session_id from, to; /* n 0: none */
};

struct outcome_book {
	struct session_table *sessions;
	struct early_table *early;
	struct more_table *more;
	struct strs relays;
	outcome_known_fn *known;
	void *known_arg;
	struct move move;
	struct session_id requeued; /* cleanup has yet to write of it */
	int64_t last_ms;            /* time of the last line */
	int64_t gap_ms;   /* what it was at the last gap, the start too */
	uint64_t deleter; /* the postsuper whose lines are being read */
	uint32_t deleter_pid, deleted;
	struct outcome_stats stats;
};

enum {
	GAP_HERE = -1, /* gap_ms: a gap whose time the next line tells */
	HOPS_MAX = 8,
};

/* What one call works on. */
struct work {
	struct outcome_book *b;
	outcome_fn *fn;
	void *arg;
};

const char *outcome_name(enum outcome_kind kind)
{
	static const char *const name[] = {
	    [OUTCOME_QUEUED] = "queued",
	    [OUTCOME_HELD] = "held",
	    [OUTCOME_DELIVERED] = "delivered",
	    [OUTCOME_DEFERRED] = "deferred",
	    [OUTCOME_BOUNCED] = "bounced",
	    [OUTCOME_EXPIRED] = "expired",
	    [OUTCOME_DELETED] = "deleted",
	    [OUTCOME_REJECTED] = "rejected",
	    [OUTCOME_DISCARDED] = "discarded",
	    [OUTCOME_MOVED] = "moved",
	    [OUTCOME_REMOVED] = "removed",
	    [OUTCOME_BEGUN] = "begun",
	    [OUTCOME_SESSION_END] = "session-end",
	    [OUTCOME_UNNAMED] = "unnamed",
	    [OUTCOME_GAP] = "gap",
	};

	return (size_t)kind < sizeof(name) / sizeof(name[0]) ? name[kind]
							     : "unknown";
}

struct outcome_book *outcome_new(size_t max_sessions)
{
	struct outcome_book *b = fault_alloc() ? NULL : calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->gap_ms = GAP_HERE;
	b->sessions = session_table_new(max_sessions);
	b->early = early_new();
	b->more = more_new();
	if (b->sessions == NULL || b->early == NULL || b->more == NULL)
		outcome_free(&b);
	return b;
}

void outcome_free(struct outcome_book **b)
{
	if (*b == NULL)
		return;
	session_table_free(&(*b)->sessions);
	early_free(&(*b)->early);
	more_free(&(*b)->more);
	free(*b);
	*b = NULL;
}

void outcome_handoffs(struct outcome_book *b, struct strs relays,
    outcome_known_fn *known, void *arg)
{
	b->relays = relays;
	b->known = known;
	b->known_arg = arg;
}

/* --- what was said too early --- */

static void empty(struct outcome_book *b)
{
	session_table_clear(b->sessions);
	early_clear(b->early);
	more_clear(b->more);
	b->move.to.n = 0;
	b->requeued.n = 0;
}

static void set_id(struct session_id *to, struct str id)
{
	to->n = (unsigned char)(id.n < OUTCOME_ID_MAX ? id.n : OUTCOME_ID_MAX);
	if (to->n > 0)
		memcpy(to->p, id.p, to->n);
}

static struct str id_of(const struct session_id *id)
{
	return (struct str){id->p, id->n};
}

/* May a message that has yet to come there be decided by it? */
static bool decides(enum outcome_kind kind)
{
	switch (kind) {
	case OUTCOME_DELIVERED:
	case OUTCOME_BOUNCED:
	case OUTCOME_EXPIRED:
	case OUTCOME_DELETED:
	case OUTCOME_REJECTED:
	case OUTCOME_DISCARDED:
	case OUTCOME_MOVED:
	case OUTCOME_REMOVED:
		return true;
	case OUTCOME_QUEUED:
	case OUTCOME_HELD:
	case OUTCOME_DEFERRED:
	case OUTCOME_BEGUN:
	case OUTCOME_SESSION_END:
	case OUTCOME_UNNAMED:
	case OUTCOME_GAP:
		break;
	}
	return false;
}

static void say_early(const struct work *w, struct str id, int hops)
{
	struct outcome o;

	while (early_take(w->b->early, id, w->b->last_ms - EARLY_MS, &o)) {
		w->fn(w->arg, &o);
		if (o.kind == OUTCOME_MOVED && hops < HOPS_MAX)
			say_early(w, o.next_id, hops + 1);
	}
}

static void end_move(const struct work *w)
{
	struct move move = w->b->move;

	w->b->move.to.n = 0;
	if (move.to.n == 0)
		return;
	early_round(w->b->early);
	say_early(w, id_of(&move.to), 0);
}

static void begin_move(const struct work *w, const struct outcome *o)
{
	struct move *m = &w->b->move;

	if (m->to.n > 0 && !str_eq(id_of(&m->to), o->next_id))
		end_move(w);
	set_id(&m->from, o->queue_id);
	set_id(&m->to, o->next_id);
}

/* Each outcome of a queue id goes through here. */
static void tell(const struct work *w, const struct outcome *o)
{
	struct outcome_book *b = w->b;
	bool known;

	w->fn(w->arg, o);
	if (b->relays.n == 0 || !decides(o->kind))
		return;
	known = b->known != NULL && b->known(b->known_arg, o->queue_id);
	if (!known)
		early_put(b->early, o);
	if (o->kind == OUTCOME_MOVED && (known || b->known == NULL))
		begin_move(w, o);
}

/* --- what a line says --- */

static void say(const struct work *w, enum outcome_kind kind,
    const struct mtalog_line *line)
{
	struct outcome o = {.kind = kind,
	    .queue_id = line->queue_id,
	    .rcpt = line->rcpt,
	    .next_id = line->next_id,
	    .relay = line->relay,
	    .dsn = line->dsn,
	    .text = line->text,
	    .time_ms = line->time_ms,
	    .since_ms = w->b->gap_ms,
	    .count = line->count};

	if (line->orig_rcpt.n > 0) {
		o.rcpt = line->orig_rcpt;
		o.rewritten = line->rcpt;
	}
	if (kind == OUTCOME_DELIVERED &&
	    handoff_is_relay(w->b->relays, line->relay))
		o.kind = OUTCOME_MOVED;
	tell(w, &o);
}

/* The fate of a whole message, told by its own line. */
static void decide(const struct work *w, enum outcome_kind kind,
    const struct mtalog_line *line)
{
	session_decide(w->b->sessions, line->queue_id, line->kind);
	say(w, kind, line);
}

static void say_ended(const struct work *w, enum outcome_kind kind,
    struct str queue_id, bool refused)
{
	struct outcome o = {.kind = kind,
	    .queue_id = queue_id,
	    .time_ms = w->b->last_ms,
	    .refused = refused};

	tell(w, &o);
}

/* What smtpd's counts say of the n ids that have no fate yet. BDAT counts
 * chunks, so it tells something only when there was no success at all. */
static enum outcome_kind judge(
    const struct session *s, const struct mtalog_line *line, bool *refused_out)
{
	uint32_t ok = line->data.ok;

	*refused_out = false;
	if (line->kind != MTALOG_DISCONNECT || !line->has_counts || !s->counted)
		return OUTCOME_SESSION_END;
	if (line->bdat.ok > 0)
		return OUTCOME_SESSION_END;
	*refused_out = ok == s->accepted;
	return ok >= s->accepted && ok - s->accepted >= s->n
		   ? OUTCOME_QUEUED
		   : OUTCOME_SESSION_END;
}

static void end_session(
    const struct work *w, struct session *s, const struct mtalog_line *line)
{
	enum outcome_kind kind;
	bool refused;

	session_settle(w->b->sessions, s);
	kind = judge(s, line, &refused);
	for (size_t i = 0; i < s->n; i++)
		say_ended(w, kind, session_id(s, i), refused);
	session_remove(s);
}

/* The session of the line's writer; a new one where there is none. */
static struct session *session_of(
    const struct work *w, const struct mtalog_line *line)
{
	uint64_t owner = session_owner(line);
	struct session *s = session_find(w->b->sessions, owner, line->pid);

	if (s == NULL)
		s = session_add(
		    w->b->sessions, owner, line->pid, line->time_ms);
	s->last_ms = line->time_ms;
	return s;
}

/* A session of that process is over. */
static void on_end(const struct work *w, const struct mtalog_line *line)
{
	struct session *s =
	    session_find(w->b->sessions, session_owner(line), line->pid);

	if (s != NULL)
		end_session(w, s, line);
}

static void on_connect(const struct work *w, const struct mtalog_line *line)
{
	on_end(w, line);
	session_of(w, line)->counted = true;
}

static void on_start(const struct work *w, const struct mtalog_line *line)
{
	uint64_t owner = session_owner(line);
	struct session *s = NULL;

	while ((s = session_each(w->b->sessions, s)) != NULL)
		if (s->owner == owner)
			end_session(w, s, line);
}

static void on_client(const struct work *w, const struct mtalog_line *line)
{
	struct session *s = session_of(w, line);
	enum mtalog_kind pending = s->pending;

	s->pending = MTALOG_OTHER;
	if (pending != MTALOG_OTHER) {
		session_decide(w->b->sessions, line->queue_id, pending);
		say(w,
		    pending == MTALOG_HOLD ? OUTCOME_HELD : OUTCOME_DISCARDED,
		    line);
	}
	session_settle(w->b->sessions, s);
	if (s->n == OUTCOME_IDS) {
		/* its transaction ended when the next one began */
		say_ended(w, OUTCOME_SESSION_END, session_id(s, 0), false);
		memmove(s->id, s->id + 1, sizeof(s->id) - sizeof(s->id[0]));
		s->n--;
		s->counted = false;
	}
	session_push(s, line->queue_id);
}

/* HOLD and DISCARD of smtpd may come before the queue id is there. */
static void on_action(const struct work *w, enum outcome_kind kind,
    const struct mtalog_line *line)
{
	if (line->queue_id.n > 0)
		decide(w, kind, line);
	else
		session_of(w, line)->pending = line->kind;
}

static void on_recipient(const struct work *w, const struct mtalog_line *line)
{
	switch (line->status) {
	case MTALOG_SENT:
		say(w, OUTCOME_DELIVERED, line);
		break;
	case MTALOG_FORWARDED:
		say(w, OUTCOME_MOVED, line);
		break;
	case MTALOG_SUNK:
		say(w, OUTCOME_DISCARDED, line);
		break;
	case MTALOG_DEFERRED:
		say(w, OUTCOME_DEFERRED, line);
		break;
	case MTALOG_BOUNCED:
		say(w, OUTCOME_BOUNCED, line);
		break;
	case MTALOG_REFUSED:
		say(w, OUTCOME_REJECTED, line);
		break;
	case MTALOG_PROBED:
	case MTALOG_NO_STATUS:
		break;
	}
}

/* Before any of them, since what is told of the last ends the message's way. */
static void tell_more(const struct work *w, const struct mtalog_line *line)
{
	struct mtalog_line one = *line;
	struct outcome o = {.kind = OUTCOME_QUEUED,
	    .queue_id = line->queue_id,
	    .time_ms = line->time_ms,
	    .since_ms = w->b->gap_ms,
	    .late = true};

	do
		more_add(w->b->more, one.queue_id, one.rcpt);
	while (mtalog_next_rcpt(&one));
	o.count = more_take(w->b->more, line->queue_id);
	if (o.count > 0)
		tell(w, &o);
}

static void on_delivery(const struct work *w, const struct mtalog_line *line)
{
	struct mtalog_line one = *line;

	if (line->is_try)
		tell_more(w, line);
	do
		on_recipient(w, &one);
	while (mtalog_next_rcpt(&one));
}

static void on_pickup(const struct work *w, const struct mtalog_line *line)
{
	struct mtalog_line moved = *line;

	if (line->next_id.n == 0)
		return;
	/* before it comes there: cleanup's line will be its own */
	moved.next_id = STR("");
	say(w, OUTCOME_BEGUN, &moved);
	set_id(&w->b->requeued, line->queue_id);
	moved.queue_id = line->next_id;
	moved.next_id = line->queue_id;
	say(w, OUTCOME_MOVED, &moved);
}

/* cleanup writes one of each message. */
static void on_message_id(const struct work *w, const struct mtalog_line *line)
{
	struct session_id *requeued = &w->b->requeued;

	if (str_eq(line->queue_id, id_of(requeued)))
		requeued->n = 0;
	else
		say(w, OUTCOME_BEGUN, line);
}

/* postsuper names the messages it deletes one by one, but not for ALL; then
 * its sum is larger than what it named. */
static void on_deleted(const struct work *w, const struct mtalog_line *line)
{
	struct outcome_book *b = w->b;
	uint64_t owner = session_owner(line);
	struct mtalog_line rest = *line;

	if (b->deleter != owner || b->deleter_pid != line->pid) {
		b->deleter = owner;
		b->deleter_pid = line->pid;
		b->deleted = 0;
	}
	if (line->kind == MTALOG_DELETED) {
		b->deleted++;
		decide(w, OUTCOME_DELETED, line);
		return;
	}
	rest.count =
	    line->count - (line->count < b->deleted ? line->count : b->deleted);
	if (rest.count > 0)
		say(w, OUTCOME_UNNAMED, &rest);
	b->deleter = 0;
}

static void forget_all(const struct work *w)
{
	struct outcome o = {.kind = OUTCOME_GAP, .time_ms = w->b->last_ms};

	empty(w->b);
	w->b->deleter = 0;
	w->b->gap_ms = w->b->last_ms > 0 ? w->b->last_ms : GAP_HERE;
	w->fn(w->arg, &o);
}

void outcome_gap(struct outcome_book *b, outcome_fn *fn, void *arg)
{
	forget_all(&(struct work){b, fn, arg});
}

static void on_line(const struct work *w, const struct mtalog_line *line)
{
	switch (line->kind) {
	case MTALOG_CONNECT:
		on_connect(w, line);
		break;
	case MTALOG_DISCONNECT:
	case MTALOG_DIED:
		on_end(w, line);
		break;
	case MTALOG_STARTED:
		on_start(w, line);
		break;
	case MTALOG_CLIENT:
		on_client(w, line);
		break;
	case MTALOG_PICKUP:
		on_pickup(w, line);
		break;
	case MTALOG_ACTIVE:
		decide(w, OUTCOME_QUEUED, line);
		break;
	case MTALOG_DELIVERY:
		on_delivery(w, line);
		break;
	case MTALOG_EXPIRED:
		say(w, OUTCOME_EXPIRED, line);
		break;
	case MTALOG_REMOVED:
		say(w, OUTCOME_REMOVED, line);
		break;
	case MTALOG_DELETED:
	case MTALOG_DELETED_COUNT:
		on_deleted(w, line);
		break;
	case MTALOG_REJECT:
		decide(w, OUTCOME_REJECTED, line);
		break;
	case MTALOG_DISCARD:
		on_action(w, OUTCOME_DISCARDED, line);
		break;
	case MTALOG_HOLD:
		on_action(w, OUTCOME_HELD, line);
		break;
	case MTALOG_LOSS:
		forget_all(w);
		break;
	case MTALOG_MESSAGE_ID:
		on_message_id(w, line);
		break;
	case MTALOG_NOTICE:
	case MTALOG_OTHER:
	case MTALOG_UNKNOWN:
	case MTALOG_KINDS:
		break;
	}
}

void outcome_line(struct outcome_book *b, const struct mtalog_line *line,
    outcome_fn *fn, void *arg)
{
	struct work w = {b, fn, arg};

	b->stats.lines[line->kind]++;
	if (line->time_ms != 0)
		b->last_ms = line->time_ms;
	if (b->gap_ms == GAP_HERE && line->time_ms != 0)
		b->gap_ms = line->time_ms;
	if (line->kind != MTALOG_DELIVERY ||
	    !str_eq(line->queue_id, id_of(&b->move.from)))
		end_move(&w);
	on_line(&w, line);
}

void outcome_stats(const struct outcome_book *b, struct outcome_stats *out)
{
	*out = b->stats;
	out->forgotten = session_table_forgotten(b->sessions);
}

/* The stored form is text: "2 LAST_MS DELETER PID DELETED GAP_MS" (version 1
 * had no last one), then for each session a line "OWNER PID LAST_MS ACCEPTED PENDING COUNTED" and its ids, all
 * apart by single blanks; then "R ID" of a message
 * that was queued anew just now, the lines of more_export(), and, where relays
 * hand on, "P FROM TO" of a message
 * that has just moved, and the lines of early_export(). */
static void export_session(struct buf *out, const struct session *s)
{
	buf_printf(out, "%016" PRIx64 " %u %" PRId64 " %u %d %d", s->owner,
	    s->pid, s->last_ms, s->accepted, (int)s->pending, s->counted);
	for (size_t i = 0; i < s->n; i++) {
		buf_addc(out, ' ');
		buf_add(out, session_id(s, i));
	}
	buf_addc(out, '\n');
}

void outcome_export(struct outcome_book *b, struct buf *out)
{
	struct session *s = NULL;

	buf_printf(out, "2 %" PRId64 " %016" PRIx64 " %u %u %" PRId64 "\n",
	    b->last_ms, b->deleter, b->deleter_pid, b->deleted,
	    b->gap_ms == GAP_HERE ? INT64_MAX : b->gap_ms);
	while ((s = session_each(b->sessions, s)) != NULL) {
		session_settle(b->sessions, s);
		export_session(out, s);
	}
	if (b->requeued.n > 0)
		buf_printf(out, "R %.*s\n", STR_ARG(id_of(&b->requeued)));
	more_export(b->more, out);
	if (b->relays.n == 0)
		return;
	if (b->move.to.n > 0)
		buf_printf(out, "P %.*s %.*s\n", STR_ARG(id_of(&b->move.from)),
		    STR_ARG(id_of(&b->move.to)));
	early_export(b->early, b->last_ms - EARLY_MS, out);
}

static int take_number(struct str *s, uint64_t max, uint64_t *out)
{
	struct str word;

	if (!str_next(s, ' ', &word))
		return ERR_SYNTAX;
	return str_u64(word, max, out);
}

static int take_hash(struct str *s, uint64_t *out)
{
	unsigned char raw[8];
	struct str word;

	if (!str_next(s, ' ', &word) || codec_unhex(word, sizeof(raw), raw))
		return ERR_SYNTAX;
	*out = codec_get_u64(raw);
	return 0;
}

static int import_head(struct outcome_book *b, struct str line)
{
	uint64_t last, deleter, pid, n, gap = 0;
	struct str version;
	int rc;

	if (!str_next(&line, ' ', &version))
		return ERR_SYNTAX;
	if (!str_eq(version, STR("1")) && !str_eq(version, STR("2")))
		return ERR_VERSION;
	rc = take_number(&line, INT64_MAX, &last);
	if (rc == 0)
		rc = take_hash(&line, &deleter);
	if (rc == 0)
		rc = take_number(&line, UINT32_MAX, &pid);
	if (rc == 0)
		rc = take_number(&line, UINT32_MAX, &n);
	if (rc == 0 && str_eq(version, STR("2")))
		rc = take_number(&line, INT64_MAX, &gap);
	if (rc != 0)
		return rc;
	b->last_ms = (int64_t)last;
	b->gap_ms = gap == INT64_MAX ? GAP_HERE : (int64_t)gap;
	b->deleter = deleter;
	b->deleter_pid = (uint32_t)pid;
	b->deleted = (uint32_t)n;
	return 0;
}

static int import_session(struct outcome_book *b, struct str line)
{
	enum {
		PID,
		LAST,
		ACCEPTED,
		PENDING,
		COUNTED,
		NUMBERS
	};
	static const uint64_t max[NUMBERS] = {
	    UINT32_MAX, INT64_MAX, UINT32_MAX, MTALOG_KINDS - 1, 1};
	uint64_t owner, v[NUMBERS];
	struct session *s;
	struct str id;
	int rc = take_hash(&line, &owner);

	for (size_t i = 0; i < NUMBERS && rc == 0; i++)
		rc = take_number(&line, max[i], &v[i]);
	if (rc == 0 && (owner == 0 || (v[PENDING] != MTALOG_OTHER &&
					  v[PENDING] != MTALOG_HOLD &&
					  v[PENDING] != MTALOG_DISCARD)))
		rc = ERR_SYNTAX;
	if (rc != 0)
		return rc;
	s = session_add(b->sessions, owner, (uint32_t)v[PID], (int64_t)v[LAST]);
	s->accepted = (uint32_t)v[ACCEPTED];
	s->pending = (enum mtalog_kind)v[PENDING];
	s->counted = v[COUNTED] != 0;
	while (str_next(&line, ' ', &id)) {
		if (s->n == OUTCOME_IDS || !mtalog_id_is_any(id))
			return ERR_SYNTAX;
		session_push(s, id);
	}
	return 0;
}

static int import_move(struct outcome_book *b, struct str line)
{
	struct str from, to;

	if (!str_next(&line, ' ', &from) || !str_next(&line, ' ', &to) ||
	    !mtalog_id_is_any(from) || !mtalog_id_is_any(to) || line.n > 0)
		return ERR_SYNTAX;
	set_id(&b->move.from, from);
	set_id(&b->move.to, to);
	return 0;
}

static int import_requeued(struct outcome_book *b, struct str id)
{
	if (!mtalog_id_is_any(id))
		return ERR_SYNTAX;
	set_id(&b->requeued, id);
	return 0;
}

static int import_line(struct outcome_book *b, struct str line)
{
	if (str_starts(line, STR("E ")))
		return early_import(b->early, str_from(line, 2));
	if (str_starts(line, STR("M ")))
		return more_import(b->more, str_from(line, 2));
	if (str_starts(line, STR("R ")))
		return import_requeued(b, str_from(line, 2));
	if (str_starts(line, STR("P ")))
		return import_move(b, str_from(line, 2));
	return line.n > 0 ? import_session(b, line) : 0;
}

int outcome_import(struct outcome_book *b, struct str text)
{
	struct str line;
	int rc = ERR_SYNTAX;

	empty(b);
	b->deleter = 0;
	b->gap_ms = GAP_HERE;
	if (str_next(&text, '\n', &line))
		rc = import_head(b, line);
	while (rc == 0 && str_next(&text, '\n', &line))
		rc = import_line(b, line);
	if (rc != 0) {
		empty(b);
		b->gap_ms = GAP_HERE;
	}
	return rc;
}
