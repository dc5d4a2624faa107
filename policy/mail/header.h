/* header.h - a message's header fields, as they came.
 *
 * The value is the bytes after the colon exactly as on the wire, its leading
 * blank included (milters: SMFIP_HDR_LEADSPC negotiated), folded lines joined
 * by CRLF or bare LF as the source had them, without the final line end. Both
 * strs are borrowed (from the message arena). Threads: one owner. */
#ifndef POLICY_MAIL_HEADER_H
#define POLICY_MAIL_HEADER_H

#include "policy/base/arena.h"
#include "policy/base/str.h"

struct header {
	struct str name;
	struct str value;
};

struct header_list {
	struct header *v;
	size_t n, cap;
};

/* Grows in the arena. ERR_LIMIT when the arena is full. Copies nothing. */
int header_add(struct header_list *l, struct arena *a, struct str name,
    struct str value) MUST_CHECK;

/* The nth field (0 = first from the top) of that name, without regard to
 * case; NULL when there are fewer. */
const struct header *header_find(
    const struct header_list *l, struct str name, size_t nth);
/* The next field of that name at or below *at (0 at first), which moves past
 * it; NULL when there is none. All of a name in one pass. */
const struct header *header_next(
    const struct header_list *l, struct str name, size_t *at);
size_t header_count(const struct header_list *l, struct str name);

/* The value unfolded (CRLF/LF before blanks removed) and trimmed, in the
 * arena; p == NULL when the arena is full. */
struct str header_text(struct arena *a, const struct header *h);

#endif
