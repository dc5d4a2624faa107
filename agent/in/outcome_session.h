/* outcome_session.h - the open SMTP sessions of outcome.c: which queue ids
 * each has begun and what is known of them. Bounded. Pure. Threads: one
 * owner. */
#ifndef AGENT_IN_OUTCOME_SESSION_H
#define AGENT_IN_OUTCOME_SESSION_H

#include "agent/in/outcome.h"

enum {
	OUTCOME_ID_MAX = 31
};

struct session_id {
	unsigned char n;
	char p[OUTCOME_ID_MAX];
};

struct session {
	uint64_t owner; /* session_owner(); 0: free */
	uint32_t pid;
	uint32_t accepted; /* ids answered 250 that are no longer in id[] */
	int64_t last_ms;
	enum mtalog_kind pending; /* fate of the next id, or MTALOG_OTHER */
	bool counted; /* every id since its connect is accounted for */
	unsigned char n;
	struct session_id id[OUTCOME_IDS];
};

struct session_table;

struct session_table *session_table_new(size_t max) MUST_CHECK;
void session_table_free(struct session_table **t);
void session_table_clear(struct session_table *t);
uint64_t session_table_forgotten(const struct session_table *t);

/* Identifies the instance (and host) a line comes from; never 0. */
uint64_t session_owner(const struct mtalog_line *line);

/* NULL: none. */
struct session *session_find(
    struct session_table *t, uint64_t owner, uint32_t pid);
/* An empty one; where there is no room the one silent longest gives way. */
struct session *session_add(
    struct session_table *t, uint64_t owner, uint32_t pid, int64_t now_ms);
void session_remove(struct session *s);
/* Each in turn, from NULL on; NULL at the end. The current one may be
 * removed. */
struct session *session_each(struct session_table *t, struct session *after);

/* Remembers the fate of a queue id for as long as there is room: ACTIVE,
 * HOLD, DISCARD (all answered 250) or REJECT. */
void session_decide(
    struct session_table *t, struct str queue_id, enum mtalog_kind fate);
/* Takes the decided ids out of id[] and counts the accepted ones. */
void session_settle(struct session_table *t, struct session *s);

void session_push(struct session *s, struct str queue_id);
struct str session_id(const struct session *s, size_t at);

#endif
